/**
 * What one route says against another, or one part of a route against another part: names, places in the way of each other,
 * and what templates refer to. Looks at routes that are valid by themselves.
 */
import { isOwnPath } from '../api/addresses.js';
import { placeholders } from '../lib/template.js';
import { validator } from '../lib/validators.js';
import type { Path } from './problem.js';
import type { WrittenRoute } from './route-schema.js';
import { suggestion } from './suggest.js';

interface Finding {
  readonly path: Path;
  readonly part: 'value';
  readonly message: string;
}

const list = <T>(value: T | readonly T[] | undefined): readonly T[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value as T];

export const paramsOf = (path: string): string[] =>
  path
    .split('/')
    .filter((part) => part.startsWith(':'))
    .map((part) => part.slice(1));

/** Roots that templates know besides the parameters of the path. */
export const roots = ['header', 'query', 'cookie', 'consumer', 'claims', 'request', 'client'] as const;
const plainRoots = ['path', 'query', 'host'];

export function checkClassicRoutes(routes: readonly WrittenRoute[]): Finding[] {
  const findings: Finding[] = [];
  const report = (path: Path, message: string) => void findings.push({ path, part: 'value', message });
  const names = new Map<string, number>();
  const places = new Map<string, string>();
  for (const [i, route] of routes.entries()) {
    const at: Path = ['routes', i];
    const before = names.get(route.name);
    if (before !== undefined) report([...at, 'name'], `there is a route "${route.name}" already (routes[${before}])`);
    names.set(route.name, i);
    checkMatch(route, at, places, report);
    if (route.compose) checkCompose(route, at, report);
    checkTemplates(route, at, report);
    checkSchemas(route, at, report);
    checkConsumers(route, at, report);
    if (route.compose && (route.breaker || route.cache))
      report([...at, route.breaker ? 'breaker' : 'cache'], `a composed route has none; its parts may have a breaker`);
    if (!route.upstream && route.mirror) report([...at, 'mirror'], 'needs an `upstream`');
  }
  return findings;
}

type Report = (path: Path, message: string) => void;

function checkMatch(route: WrittenRoute, at: Path, places: Map<string, string>, report: Report): void {
  const { path, host, methods, headers } = route.match;
  for (const pattern of list(path)) {
    if (host === undefined && isOwnPath(pattern))
      report(
        [...at, 'match', 'path'],
        `${pattern} is a path of the gateway itself; give the route a \`host\` of its own`,
      );
    for (const name of host === undefined ? ['*'] : list(host)) {
      for (const verb of methods ?? ['*']) {
        const conditions = JSON.stringify(Object.entries(headers ?? {}).sort());
        const place = `${name} ${pattern.replace(/:\w+/g, ':')} ${verb} ${conditions}`;
        const other = places.get(place);
        if (other !== undefined && other !== route.name)
          report([...at, 'match'], `the route "${other}" has the same host, path and method already`);
        places.set(place, route.name);
      }
    }
  }
}

/** What counts or keeps by consumer needs to know one caller from another. */
function checkConsumers({ auth, limits, upstream, cache }: WrittenRoute, at: Path, report: Report): void {
  const { forward } = auth ?? {};
  const unnamed = forward?.consumer_header === undefined && Object.keys(forward?.response_headers ?? {}).length === 0;
  const blind = forward !== undefined && unnamed;
  if (!blind && !auth?.none) return;
  const why = blind
    ? '`auth.forward` tells no caller from another; name its `consumer_header` or `response_headers`'
    : '`auth.none` knows no consumer';
  for (const [i, { by }] of (limits ?? []).entries())
    if (by === 'consumer' || (by === undefined && blind))
      report([...at, 'limits', i, ...(by ? ['by'] : [])], `${why}, or count by \`ip\`, \`route\` or \`header:name\``);
  if (typeof upstream?.balance === 'object' && upstream.balance.hash === 'consumer')
    report([...at, 'upstream', 'balance', 'hash'], `${why}, or hash by something else`);
  if (cache && !cache.shared && blind)
    report([...at, 'cache'], `${why}, or let all callers share answers (\`shared\`)`);
}

function checkSchemas({ validate }: WrittenRoute, at: Path, report: Report): void {
  for (const [place, schema] of Object.entries(validate ?? {})) {
    try {
      validator(schema);
    } catch (error) {
      report([...at, 'validate', place], `is not a JSON Schema: ${(error as Error).message.slice(0, 200)}`);
    }
  }
}

/** The parameters that every path of a route has. */
function commonParams(route: WrittenRoute): string[] {
  const [first = [], ...rest] = list(route.match.path).map(paramsOf);
  return first.filter((name) => rest.every((names) => names.includes(name)));
}

function checkCompose(route: WrittenRoute, at: Path, report: Report): void {
  const params = commonParams(route);
  const parts = route.compose ?? [];
  const nameOf = (i: number) => parts[i]!.name ?? parts[i]!.group;
  const seen = new Map<string, number>();
  for (const [i] of parts.entries()) {
    const name = nameOf(i);
    if (name === undefined) continue;
    if (seen.has(name)) report([...at, 'compose', i], `there is a part "${name}" already; give it a \`name\``);
    seen.set(name, i);
  }
  for (const [i, part] of parts.entries()) {
    for (const [n, name] of (part.after ?? []).entries()) {
      const other = seen.get(name);
      const path = [...at, 'compose', i, 'after', n];
      if (other === undefined) report(path, `there is no part "${name}"${suggestion(name, [...seen.keys()])}`);
      else if (other >= i) report(path, `"${name}" must stand before the part that comes after it`);
    }
    for (const used of placeholders(part.url)) {
      const [root = '', ...fields] = used.split('.');
      const path = [...at, 'compose', i, 'url'];
      if (fields.length === 0) {
        if (!params.includes(root)) report(path, `the path has no parameter "${root}"${suggestion(root, params)}`);
        continue;
      }
      if ((roots as readonly string[]).includes(root)) continue;
      const other = seen.get(root);
      if (other === undefined) report(path, `there is no part "${root}"${suggestion(root, [...seen.keys()])}`);
      else if (other >= i) report(path, `"${root}" must stand before the part that uses it`);
    }
  }
}

function checkTemplates(route: WrittenRoute, at: Path, report: Report): void {
  const params = commonParams(route);
  const check = (text: unknown, path: Path): void => {
    if (typeof text === 'object' && text !== null) {
      for (const [key, inner] of Object.entries(text)) check(inner, [...path, Array.isArray(text) ? Number(key) : key]);
      return;
    }
    if (typeof text !== 'string') return;
    for (const used of placeholders(text)) {
      const [root = '', ...fields] = used.split('.');
      const known = fields.length === 0 ? [...params, ...plainRoots] : [...roots];
      if (!known.includes(root)) report(path, `{${used}} stands for nothing${suggestion(root, known)}`);
    }
  };
  const { request, response, respond, redirect } = route;
  for (const [side, changes] of [['request', request?.headers] as const, ['response', response?.headers] as const]) {
    check(changes?.set, [...at, side, 'headers', 'set']);
    check(changes?.add, [...at, side, 'headers', 'add']);
  }
  check(request?.query?.set, [...at, 'request', 'query', 'set']);
  check(request?.query?.add, [...at, 'request', 'query', 'add']);
  check(request?.path?.set, [...at, 'request', 'path', 'set']);
  check(request?.body?.set, [...at, 'request', 'body', 'set']);
  check(response?.body?.set, [...at, 'response', 'body', 'set']);
  for (const [i, { headers, body }] of (response?.when ?? []).entries()) {
    const place = [...at, 'response', 'when', i];
    check(headers?.set, [...place, 'headers', 'set']);
    check(headers?.add, [...place, 'headers', 'add']);
    check(body?.set, [...place, 'body', 'set']);
  }
  for (const [status, { body }] of Object.entries(response?.errors ?? {}))
    check(body, [...at, 'response', 'errors', status, 'body']);
  check(respond?.headers, [...at, 'respond', 'headers']);
  check(redirect?.to, [...at, 'redirect', 'to']);
}
