/**
 * Look-ups in the table of own addresses: whether a path is the gateway's own, where a nearly right one was meant to lead, what
 * a path allows, and how errors are written there. All but `isOwnPath` are for requests that found no handler at once. Time
 * grows with the length of the target, which HTTP bounds, and no faster.
 */
import { lacking, namespaces, type OwnPath } from './namespaces.js';
import { type Dialect, dataRows, type Row, rows } from './table.js';

const VERSION = '/v1';
const withoutVersion = (path: string): string | undefined =>
  path.startsWith(`${VERSION}/`) ? path.slice(VERSION.length) : undefined;
/** What stands in a row's path before its first parameter. */
const fixedBeginning = (path: string): string => path.split('/{', 1)[0]!;

const firstSegment = (path: string): string => path.split('/', 2)[1] ?? '';

interface OwnBeginning extends OwnPath {
  /** Of an endpoint that this version lacks. */
  readonly lacking: boolean;
}

/** First segment -> the beginnings of own paths with it, the longest first. Data-plane paths stand also without their `/v1`. */
const own: ReadonlyMap<string, readonly OwnBeginning[]> = (() => {
  const found = new Map<string, OwnBeginning[]>();
  const add = (one: OwnBeginning): void => {
    const first = firstSegment(one.path);
    found.set(
      first,
      [...(found.get(first) ?? []), one].sort((a, b) => b.path.length - a.path.length),
    );
  };
  for (const one of [...rows, ...namespaces, ...lacking]) {
    const beginning = { path: fixedBeginning(one.path), dialect: one.dialect, lacking: lacking.includes(one) };
    add(beginning);
    const bare = withoutVersion(beginning.path);
    if (bare !== undefined) add({ ...beginning, path: bare });
  }
  return found;
})();

/**
 * Whether a target, with or without a query, may lead to the gateway itself. A classic route takes such a path only on a host
 * that it names. Judged in the widest way that a proxy or a server may read the path, so that no credential that was meant for
 * the gateway reaches a catch-all route: letter case, escapes, repeated slashes and `;` make no difference. `a/..` may be left
 * in the path only where another look follows, at the path without it.
 */
export function isOwnPath(target: string): boolean {
  if (target.charCodeAt(0) !== 47) return beginsOwn(target);
  for (let i = 1; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (isPlain(code)) continue;
    if (i > 1 && isEnd(code)) return isOwnWith(own.get(target.slice(1, i)), target);
    return beginsOwn(target);
  }
  return isOwnWith(own.get(target.slice(1)), target);
}

/** Most own paths are asked for as they are written. */
const isOwnWith = (beginnings: readonly OwnBeginning[] | undefined, target: string): boolean =>
  beginnings !== undefined &&
  (beginnings.findLast(({ path }) => isWrittenAt(target, path)) !== undefined || beginsOwn(target));

const isWrittenAt = (target: string, beginning: string): boolean =>
  target.startsWith(beginning) && (target.length === beginning.length || isEnd(target.charCodeAt(beginning.length)));

/** `/`, `?` or `#`, which end a segment. */
const isEnd = (code: number): boolean => code === 47 || code === 63 || code === 35;

/** `a` to `z`, digits, `-`, `_` and `:`, which begins a parameter of a route. */
const isPlain = (code: number): boolean =>
  (code >= 97 && code <= 122) || (code >= 48 && code <= 58) || code === 45 || code === 95;

const beginsOwn = (target: string): boolean => beginningOf(target) !== undefined;

function beginningOf(target: string): OwnBeginning | undefined {
  const path = folded(target);
  return own.get(firstSegment(path))?.find((one) => isWrittenAt(path, one.path));
}

/** The path of a target as the most lenient reader sees it. */
function folded(target: string): string {
  const segments: string[] = [];
  const path = unescaped(pathOf(target), /%([0-9a-f]{2})/gi).toLowerCase();
  for (const written of path.replaceAll('\\', '/').split('/')) {
    const end = written.indexOf(';');
    const segment = end === -1 ? written : written.slice(0, end);
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return `/${segments.join('/')}`;
}

/** How errors are written at a path. */
export const dialectAt = (target: string): Dialect => beginningOf(target)?.dialect ?? 'problem';

/** Whether a path is of an endpoint that this version lacks. */
export const isLacking = (target: string): boolean => beginningOf(target)?.lacking ?? false;

/**
 * The target that a nearly right one was meant to be, with its query: `//v1/chat/completions/`, `/chat/completions` and
 * `/v1/v1/chat/completions` lead to `/v1/chat/completions`. Any other target comes back as it is.
 */
export function meantTarget(target: string): string {
  const path = pathOf(target);
  if (PLAIN.test(path) || PLAIN_DEPLOYMENT.test(path)) return target;
  const tidy = tidied(path);
  const meant = googleMeant(tidy) ?? azureMeant(tidy) ?? versioned(tidy) ?? (rowsAt(tidy).length > 0 ? tidy : path);
  return meant === path ? target : meant + queryOf(target);
}

/** Without repeated and trailing slashes and needless escapes. */
const tidied = (path: string): string => {
  const plain = unescaped(path, /%(2d|2e|3[0-9]|[46][1-9a-f]|[57][0-9a]|5f|7e)/gi);
  const segments = plain.split('/').filter((segment) => segment !== '');
  return `/${segments.join('/')}`;
};

/** The data-plane path with one `/v1` in front, whatever number it came with; undefined: there is none. */
function versioned(path: string): string | undefined {
  let bare = path;
  for (let rest = withoutVersion(bare); rest !== undefined; rest = withoutVersion(bare)) bare = rest;
  const meant = VERSION + bare;
  return rowsAt(meant, dataRows).length > 0 ? meant : undefined;
}

/**
 * Google's clients begin with one of several versions, and those for Vertex AI name a project and a publisher as well: all lead to
 * one address for each thing that a model is asked. The name of a model may hold `/`, and some clients then leave out `models`.
 */
function googleMeant(path: string): string | undefined {
  const colon = path.lastIndexOf(':');
  if (colon === -1 || !googleVerbs.has(path.slice(colon + 1))) return undefined;
  const found = GOOGLE.exec(path.slice(0, colon));
  if (!found) return undefined;
  const [, versions, publisher, kind, name] = found;
  if (versions === '' && kind === undefined) return undefined;
  const own = publisher === undefined || publisher === 'google' ? '' : `${publisher}/`;
  return `/v1beta/models/${own}${kind === 'tunedModels' ? 'tunedModels/' : ''}${name}${path.slice(colon)}`;
}

/** As most clients write it: nothing of it leads anywhere else. */
const PLAIN = /^\/v1beta\/models\/[\w.-]{1,128}:\w{1,32}$/;
const GOOGLE =
  /^((?:\/v1(?:alpha|beta1?)?){0,3})(?:\/projects\/[^/]+\/locations\/[^/]+)?(?:\/publishers\/([^/]+))?(?:\/(models|tunedModels))?\/(.+)$/;
const googleVerbs: ReadonlySet<string> = new Set(
  rows.flatMap(({ path }) => (path.includes('}:') ? [path.slice(path.indexOf('}:') + 2)] : [])),
);

const AZURE = '/openai';
const DEPLOYMENTS = '/deployments/';
/** As most clients write it: nothing of it leads anywhere else. */
const PLAIN_DEPLOYMENT = /^\/openai\/deployments\/([\w.-]{1,128})\/(?:chat\/completions|completions|embeddings)$/;
/** What deployments are asked, as their paths end. */
const deploymentEnds = rows.flatMap(({ path }) =>
  path.startsWith(AZURE + DEPLOYMENTS) ? [path.slice(path.indexOf('}') + 1)] : [],
);

/**
 * Clients for Azure begin with `/openai`: the path of a deployment follows, or, with or without a version, a path as OpenAI has it.
 * Some write the name of the deployment as it is, though it holds `/`.
 */
function azureMeant(path: string): string | undefined {
  let rest = path;
  let isAzures = false;
  for (;;) {
    const lead = [AZURE, VERSION].find((one) => rest.startsWith(`${one}/`));
    if (lead === undefined) break;
    isAzures ||= lead === AZURE;
    rest = rest.slice(lead.length);
  }
  if (!isAzures) return undefined;
  if (!rest.startsWith(DEPLOYMENTS)) return versioned(rest);
  const end = deploymentEnds.find((one) => rest.endsWith(one) && rest.length > DEPLOYMENTS.length + one.length);
  if (end === undefined) return undefined;
  const name = rest.slice(DEPLOYMENTS.length, -end.length).replaceAll('/', '%2F');
  return AZURE + DEPLOYMENTS + name + end;
}

/** The model that the address of a deployment names. Undefined: it is no such address. */
export function deploymentAt(target: string): string | undefined {
  const asked = pathOf(target);
  const plain = PLAIN_DEPLOYMENT.exec(asked);
  if (plain) return plain[1];
  const path = azureMeant(tidied(asked));
  if (!path?.startsWith(AZURE + DEPLOYMENTS)) return undefined;
  const name = path.slice(AZURE.length + DEPLOYMENTS.length);
  return decoded(name.slice(0, name.indexOf('/')));
}

/** What the address of a model's own says: its name, and the query. Undefined: it is no such address. */
export function modelAt(target: string): { readonly model: string; readonly query: URLSearchParams } | undefined {
  const asked = pathOf(target);
  const path = PLAIN.test(asked) ? asked : googleMeant(tidied(asked));
  if (path === undefined) return undefined;
  const written = path.slice('/v1beta/models/'.length, path.lastIndexOf(':'));
  return { model: decoded(written), query: new URLSearchParams(queryOf(target)) };
}

function decoded(written: string): string {
  try {
    return decodeURIComponent(written);
  } catch {
    return written;
  }
}

/** The methods that a path allows, for `Allow`; none: there is no such address. */
export function methodsAt(target: string): string[] {
  const methods = rowsAt(pathOf(target)).flatMap(({ method }) => (method === 'GET' ? [method, 'HEAD'] : [method]));
  return [...new Set(methods)].sort();
}

const patterns = new Map<Row, readonly string[]>(rows.map((row) => [row, row.path.split('/')]));

function rowsAt(path: string, among: readonly Row[] = rows): Row[] {
  const asked = path.split('/');
  return among.filter((row) => fits(patterns.get(row)!, asked));
}

function fits(pattern: readonly string[], asked: readonly string[]): boolean {
  const last = pattern.at(-1)!;
  const spans = last.startsWith('{+');
  if (spans ? asked.length < pattern.length : asked.length !== pattern.length) return false;
  const end = last.slice(last.indexOf('}') + 1);
  if (last.startsWith('{') && end !== '' && !asked.at(-1)!.endsWith(end)) return false;
  return pattern.every((segment, i) => (segment.startsWith('{') ? asked[i] !== '' : segment === asked[i]));
}

const ORIGIN = /^https?:\/\/[^/?#]*/i;
/** The path of a target, which may be a whole URL. */
export function pathOf(target: string): string {
  const local = target.charCodeAt(0) === 47 ? target : target.replace(ORIGIN, '');
  const end = local.search(/[?#]/);
  return end === -1 ? local : local.slice(0, end);
}

function queryOf(target: string): string {
  const mark = target.indexOf('?');
  return mark === -1 ? '' : target.slice(mark);
}

const unescaped = (path: string, escapes: RegExp): string =>
  path.includes('%') ? path.replace(escapes, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))) : path;
