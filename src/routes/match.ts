/**
 * Which route a request is for. One table per host (by name, by wildcard, any), each a tree of path segments: a fixed segment
 * goes before a parameter, a parameter before `*`; among routes of one place the one with header conditions goes first. The
 * tables are built when the configuration is, and only read afterwards.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isOwnPath } from '../api/addresses.js';

export interface Matchable {
  readonly match: {
    readonly path: string | readonly string[];
    readonly methods?: readonly string[] | undefined;
    readonly host?: string | readonly string[] | undefined;
    readonly headers?: Readonly<Record<string, string>> | undefined;
  };
  readonly answersPreflight: boolean;
}

export interface MatchEntry<R> {
  readonly route: R;
  readonly params: readonly string[];
  readonly methods: ReadonlySet<string> | null;
  readonly headers: readonly (readonly [string, string])[];
}

export type Match<R> =
  | { readonly kind: 'route'; readonly route: R; readonly names: readonly string[]; readonly values: readonly string[] }
  /** The path is there, the method is not. */
  | { readonly kind: 'method'; readonly allowed: readonly string[] };

interface Node<R> {
  readonly fixed: Map<string, Node<R>>;
  param: Node<R> | undefined;
  here: MatchEntry<R>[];
  below: MatchEntry<R>[];
}

const newNode = <R>(): Node<R> => ({ fixed: new Map(), param: undefined, here: [], below: [] });
const listOf = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);
const NO_VALUES: readonly string[] = [];

interface Asked {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
}

export class Matcher<R extends Matchable> {
  readonly #hosts = new Map<string, Node<R>>();
  /** `.example.com` of `*.example.com`, the longest first. */
  readonly #wildcards: [string, Node<R>][] = [];
  readonly #any = newNode<R>();
  readonly size: number;
  /** Some route has a host of its own, on which it may have any path. */
  readonly namesHosts: boolean;

  constructor(routes: readonly R[]) {
    this.size = routes.length;
    this.namesHosts = routes.some(({ match }) => match.host !== undefined);
    for (const route of routes) {
      const { path, host } = route.match;
      for (const pattern of listOf(path)) {
        for (const name of host === undefined ? [undefined] : listOf(host))
          this.#add(this.#table(name), pattern, route);
      }
    }
    this.#wildcards.sort(([a], [b]) => b.length - a.length);
  }

  /** `host` without a port, in lower case. Undefined: no route has such a path. */
  find(host: string, path: string, asked: Asked): Match<R> | undefined {
    const named = this.#hosts.get(host);
    let wrongMethod: Match<R> | undefined;
    if (named) {
      const found = search(named, path, asked);
      if (found?.kind === 'route') return found;
      wrongMethod = found;
    }
    for (const [suffix, node] of this.#wildcards) {
      if (!host.endsWith(suffix) || host.length === suffix.length) continue;
      const found = search(node, path, asked);
      if (found?.kind === 'route') return found;
      wrongMethod ??= found;
    }
    if (isOwnPath(path)) return wrongMethod;
    const found = search(this.#any, path, asked);
    return found?.kind === 'route' ? found : (wrongMethod ?? found);
  }

  #table(host: string | undefined): Node<R> {
    if (host === undefined) return this.#any;
    if (host.startsWith('*.')) {
      const suffix = host.slice(1);
      let entry = this.#wildcards.find(([known]) => known === suffix);
      if (!entry) this.#wildcards.push((entry = [suffix, newNode()]));
      return entry[1];
    }
    let node = this.#hosts.get(host);
    if (!node) this.#hosts.set(host, (node = newNode()));
    return node;
  }

  #add(root: Node<R>, pattern: string, route: R): void {
    const params: string[] = [];
    let node = root;
    let below = false;
    for (const part of pattern.slice(1).split('/')) {
      if (part === '*') {
        below = true;
        break;
      }
      if (part.startsWith(':')) {
        params.push(part.slice(1));
        node = node.param ??= newNode();
        continue;
      }
      let next = node.fixed.get(part);
      if (!next) node.fixed.set(part, (next = newNode()));
      node = next;
    }
    const { methods, headers } = route.match;
    const verbs = methods && new Set(methods.includes('GET') ? [...methods, 'HEAD'] : methods);
    const entry: MatchEntry<R> = { route, params, methods: verbs ?? null, headers: Object.entries(headers ?? {}) };
    const places = below ? node.below : node.here;
    places.push(entry);
    places.sort((a, b) => b.headers.length - a.headers.length);
  }
}

function search<R extends Matchable>(root: Node<R>, path: string, asked: Asked): Match<R> | undefined {
  let allowed: Set<string> | undefined;
  let values: string[] | undefined;
  const pick = (places: readonly MatchEntry<R>[]): Match<R> | undefined => {
    for (const place of places) {
      if (place.headers.length > 0 && !place.headers.every(([name, value]) => asked.headers[name] === value)) continue;
      if (place.methods === null || place.methods.has(verbOf(asked, place.route)))
        return {
          kind: 'route',
          route: place.route,
          names: place.params,
          values: values ?? NO_VALUES,
        };
      allowed ??= new Set();
      for (const verb of place.methods) allowed.add(verb);
    }
    return undefined;
  };
  const walk = (node: Node<R>, from: number): Match<R> | undefined => {
    if (from > path.length) return pick(node.here) ?? pick(node.below);
    if (node.fixed.size === 0 && !node.param) return pick(node.below);
    const slash = path.indexOf('/', from);
    const part = slash === -1 ? path.slice(from) : path.slice(from, slash);
    const next = slash === -1 ? path.length + 1 : slash + 1;
    const fixed = node.fixed.get(part);
    const found = fixed && walk(fixed, next);
    if (found) return found;
    if (node.param && part !== '') {
      values ??= [];
      values.push(part);
      const matched = walk(node.param, next);
      if (matched) return matched;
      values.pop();
    }
    return pick(node.below);
  };
  return walk(root, 1) ?? (allowed && { kind: 'method', allowed: [...allowed].sort() });
}

/** A preflight request asks for the method that it is about. */
function verbOf(asked: Asked, route: Matchable): string {
  if (asked.method !== 'OPTIONS' || !route.answersPreflight) return asked.method;
  const about = asked.headers['access-control-request-method'];
  return about !== undefined && asked.headers.origin !== undefined ? about : 'OPTIONS';
}
