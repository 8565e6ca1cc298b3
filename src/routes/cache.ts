/**
 * Answers that are given again (RFC 9111). Only whole answers to GET, as the upstream sent them; what it forbids (`no-store`,
 * `private`, a cookie, a `Vary` that the route does not name) is not kept. One that is stale is asked about again with its own
 * validator. Each caller has its own answers unless they are shared; what a request with `Authorization` is answered is kept
 * only where the answer allows it. Bounded by size, the longest unused goes first. Of this process, lost with it.
 */
import { LRUCache } from 'lru-cache';
import type { CacheConfig } from '../config/classic-routes.js';
import type { Clock } from '../lib/clock.js';
import { headerIn, headerList, members } from '../lib/headers.js';
import { type Directives, directivesOf, initialAgeMs, msOf, ownLifetimeMs } from './cache-rules.js';
import { cookieValue } from './gate.js';
import { valueFor } from './values.js';
import type { Visit } from './visit.js';

export interface Kept {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** Whose answers are forgotten together. */
  readonly resource: string;
  readonly atMs: number;
  /** When it came. */
  readonly ageMs: number;
  readonly lifetimeMs: number;
  readonly mustRevalidate: boolean;
  readonly staleOnErrorMs: number;
  readonly staleWhileMs: number;
  /** May be given to requests with `Authorization`. */
  readonly authorized: boolean;
}

/** What a request finds. `stale`: to be given at once, and renewed behind it. */
export type Found =
  | { readonly kind: 'fresh' | 'stale' | 'validate'; readonly kept: Kept }
  | { readonly kind: 'nothing' };

/** Collects an answer for the cache while it passes. */
export interface Fill {
  /** Headers that ask whether what is kept is still good. */
  readonly conditions: readonly string[];
  /** What is kept is still good: it, with what the answer says anew. */
  confirmed(headers: readonly string[]): Kept;
  wants(status: number, headers: readonly string[]): boolean;
  data(chunk: Buffer): void;
  end(): void;
  drop(): void;
  /** What may be given where the upstream fails. */
  inNeed(): Kept | null;
}

/** What a route's requests tell the upstream, as far as answers may depend on it. */
export interface Sent {
  /** Headers with credentials that go on unless they were hidden. */
  readonly credentials: readonly string[];
  /** Names of values in the route's templates. */
  readonly names: readonly string[];
}

const STATUSES = [200, 203, 204, 301, 404, 410];
/** Never whole answers of their own. */
const PARTIAL = new Set([206, 304]);
const MORE_PER_ENTRY = 512;
/** Of one exchange alone. */
const NOT_KEPT = new Set(['age', 'x-request-id']);
/** A 304 speaks of what is kept, not of its own body. */
const OF_A_BODY = new Set(['content-length', 'content-encoding', 'content-type', 'content-range', 'age']);
const MOST_REMEMBERED = 1_000;

export class AnswerCache {
  readonly #config: CacheConfig;
  readonly #clock: Clock;
  readonly #sent: Sent;
  readonly #answers: LRUCache<string, Kept>;
  readonly #keysOf = new Map<string, Set<string>>();
  /** When a resource was last changed, counted in changes. */
  readonly #changedAt = new LRUCache<string, number>({ max: MOST_REMEMBERED });
  #changes = 0;
  readonly #renewing = new Set<string>();
  readonly #vary: readonly string[];

  constructor(config: CacheConfig, sent: Sent, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
    this.#sent = sent;
    this.#vary = [...new Set(['accept-encoding', ...(config.vary ?? [])])];
    this.#answers = new LRUCache<string, Kept>({
      maxSize: config.size ?? 64 * 1024 * 1024,
      sizeCalculation: ({ body, headers }, key) =>
        body.length + key.length + headers.reduce((sum, text) => sum + text.length, MORE_PER_ENTRY),
      dispose: ({ resource }, key, reason) => {
        if (reason !== 'set') this.#forget(resource, key);
      },
    });
  }

  /** The name under which the request's answer is kept; undefined: the cache has no part in it. */
  keyOf(visit: Visit): string | undefined {
    if ((visit.method !== 'GET' && visit.method !== 'HEAD') || visit.upgrade || visit.hasBody) return undefined;
    const { headers } = visit.req;
    if (
      headers.range !== undefined ||
      headers['if-match'] !== undefined ||
      headers['if-unmodified-since'] !== undefined
    )
      return undefined;
    if (directivesOf(visit.header('cache-control')).has('no-store') || this.#bypassed(visit)) return undefined;
    const parts: (string | null)[] = [visit.hostHeader, visit.path + visit.query];
    if (!this.#config.shared) {
      parts.push(visit.consumer.identity);
      for (const name of this.#sent.credentials) parts.push(shown(visit, name) ?? null);
    }
    for (const name of this.#sent.names) parts.push(valueFor(visit, name) ?? null);
    for (const name of this.#vary) parts.push(visit.header(name) ?? null);
    return JSON.stringify(parts);
  }

  find(visit: Visit, key: string): Found {
    const kept = this.#answers.get(key);
    if (!kept || (!kept.authorized && this.#authorized(visit))) return { kind: 'nothing' };
    const asked = askedOf(visit);
    const ageMs = this.#ageMs(kept);
    const leftMs = kept.lifetimeMs - ageMs;
    if (asked.has('no-cache') || ageMs > (msOf(asked, 'max-age') ?? Number.POSITIVE_INFINITY))
      return { kind: 'validate', kept };
    if (leftMs > 0) return { kind: leftMs >= (msOf(asked, 'min-fresh') ?? 0) ? 'fresh' : 'validate', kept };
    if (kept.mustRevalidate) return { kind: 'validate', kept };
    const allowedMs = asked.get('max-stale') === '' ? Number.POSITIVE_INFINITY : (msOf(asked, 'max-stale') ?? -1);
    if (-leftMs <= allowedMs) return { kind: 'fresh', kept };
    return { kind: kept.staleWhileMs > 0 && -leftMs <= kept.staleWhileMs ? 'stale' : 'validate', kept };
  }

  /** Whether a miss is worth a word: what a request with a credential of its own is answered is mostly not kept. */
  tells(visit: Visit): boolean {
    return !this.#authorized(visit);
  }

  /** An answer as it is given again. */
  headersOf(kept: Kept): string[] {
    return [...kept.headers, 'age', String(Math.floor(this.#ageMs(kept) / 1000))];
  }

  /** Answers of a resource are old: something was done to it. */
  changed(resource: string): void {
    this.#changes += 1;
    this.#changedAt.set(resource, this.#changes);
    for (const key of [...(this.#keysOf.get(resource) ?? [])]) this.#answers.delete(key);
  }

  /** False: somebody renews it already. */
  beginRenewal(key: string): boolean {
    if (this.#renewing.has(key)) return false;
    this.#renewing.add(key);
    return true;
  }

  endRenewal(key: string): void {
    this.#renewing.delete(key);
  }

  /** `kept`: what there is already. */
  fill(visit: Visit, key: string, kept: Kept | null): Fill | null {
    if (visit.method !== 'GET' && kept === null) return null;
    const askedAtMs = this.#clock.now();
    const changes = this.#changes;
    const resource = resourceOf(visit.host, visit.path);
    const authorization = this.#authorized(visit);
    const largest = this.#config.largest ?? 1024 * 1024;
    const pieces: Buffer[] = [];
    let bytes = 0;
    let coming: Kept | null = null;
    const keep = (answer: Kept): void => {
      // What was asked before a change may be from before it.
      if ((this.#changedAt.get(resource) ?? 0) > changes) return;
      this.#answers.set(key, answer);
      if (!this.#answers.has(key)) return; // larger than all there is room for
      const keys = this.#keysOf.get(resource);
      if (keys) keys.add(key);
      else this.#keysOf.set(resource, new Set([key]));
    };
    return {
      conditions: kept === null ? [] : conditionsFor(kept),
      confirmed: (told) => {
        const headers = renewed(kept!.headers, told);
        const again = this.#kept(kept!.status, headers, kept!.body, resource, askedAtMs, authorization);
        if (again) keep(again);
        else this.#answers.delete(key);
        return again ?? { ...kept!, headers };
      },
      wants: (status, headers) => {
        coming = visit.method === 'GET' ? this.#kept(status, headers, EMPTY, resource, askedAtMs, authorization) : null;
        // An answer that may not be kept ends what was kept; one of failure does not.
        if (coming === null && kept !== null && status < 500) this.#answers.delete(key);
        return coming !== null;
      },
      data: (chunk) => {
        bytes += chunk.length;
        if (bytes <= largest) pieces.push(chunk);
        else pieces.length = 0;
      },
      end: () => {
        if (bytes <= largest && coming) keep({ ...coming, body: Buffer.concat(pieces) });
      },
      drop: () => {
        bytes = Number.POSITIVE_INFINITY;
        pieces.length = 0;
      },
      inNeed: () => {
        if (kept === null || kept.mustRevalidate || askedOf(visit).has('no-cache')) return null;
        return this.#ageMs(kept) - kept.lifetimeMs <= kept.staleOnErrorMs && kept.staleOnErrorMs > 0 ? kept : null;
      },
    };
  }

  #bypassed(visit: Visit): boolean {
    const { headers = [], cookies = [] } = this.#config.bypass ?? {};
    if (headers.some((name) => visit.req.headers[name] !== undefined)) return true;
    const sent = cookies.length === 0 ? undefined : visit.header('cookie');
    return sent !== undefined && cookies.some((name) => cookieValue(sent, name) !== undefined);
  }

  /** The upstream sees a credential that is nobody's name for the cache. */
  #authorized(visit: Visit): boolean {
    return (
      this.#sent.credentials.includes('authorization') &&
      !this.#vary.includes('authorization') &&
      shown(visit, 'authorization') !== undefined
    );
  }

  #ageMs({ atMs, ageMs }: Kept): number {
    return ageMs + Math.max(0, this.#clock.now() - atMs);
  }

  /** The answer as it is kept, without its body; null where it may not be. */
  #kept(
    status: number,
    sent: readonly string[],
    body: Buffer,
    resource: string,
    askedAtMs: number,
    authorization: boolean,
  ): Kept | null {
    const { statuses = STATUSES, ttl, stale_if_error, stale_while_revalidate } = this.#config;
    if (!statuses.includes(status) || PARTIAL.has(status) || headerIn(sent, 'set-cookie') !== undefined) return null;
    if ((headerIn(sent, 'content-type') ?? '').startsWith('text/event-stream')) return null;
    const said = directivesOf(headerList(sent, 'cache-control'));
    if (said.has('no-store') || said.has('private') || !this.#knows(sent)) return null;
    const authorized = said.has('public') || said.has('s-maxage') || said.has('must-revalidate');
    if (authorization && !authorized) return null;
    const atMs = this.#clock.now();
    const own = said.has('no-cache') ? 0 : ownLifetimeMs(sent, said, atMs);
    const lifetimeMs = own === undefined ? ttl : Math.min(ttl, own);
    const ageMs = initialAgeMs(sent, Math.max(0, atMs - askedAtMs), atMs);
    const headers = sent.flatMap((name, i) => (i % 2 === 0 && !NOT_KEPT.has(name) ? [name, sent[i + 1]!] : []));
    const mustRevalidate = ['must-revalidate', 'proxy-revalidate', 's-maxage', 'no-cache'].some((one) => said.has(one));
    const kept: Kept = {
      ...{ status, headers, body, resource, atMs, ageMs, lifetimeMs, mustRevalidate, authorized },
      staleOnErrorMs: stale_if_error ?? msOf(said, 'stale-if-error') ?? 0,
      staleWhileMs: stale_while_revalidate ?? msOf(said, 'stale-while-revalidate') ?? 0,
    };
    // One that is stale at once is worth keeping where it can be asked about or be of use as it is.
    const useful = lifetimeMs > ageMs || conditionsFor(kept).length > 0;
    return useful || (!mustRevalidate && kept.staleOnErrorMs + kept.staleWhileMs > 0) ? kept : null;
  }

  /** All that the answer varies by is part of its name. */
  #knows(headers: readonly string[]): boolean {
    return members(headerList(headers, 'vary')).every((name) => this.#vary.includes(name));
  }

  #forget(resource: string, key: string): void {
    const keys = this.#keysOf.get(resource);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysOf.delete(resource);
  }
}

const EMPTY = Buffer.alloc(0);

/** A host without its port, and a path without its query: what is done to one query may show in all others. */
export const resourceOf = (host: string, path: string): string => `${host}${path}`;

/** A header that goes on to the upstream as the client sent it. */
const shown = (visit: Visit, name: string): string | undefined =>
  visit.hidden?.includes(name) ? undefined : visit.header(name);

function askedOf(visit: Visit): Directives {
  const control = visit.header('cache-control');
  return directivesOf(control ?? (/no-cache/i.test(visit.header('pragma') ?? '') ? 'no-cache' : undefined));
}

function conditionsFor({ headers, status }: Kept): string[] {
  if (status !== 200 && status !== 203) return [];
  const tag = headerIn(headers, 'etag');
  const changed = headerIn(headers, 'last-modified');
  return [
    ...(tag === undefined ? [] : ['if-none-match', tag]),
    ...(changed === undefined ? [] : ['if-modified-since', changed]),
  ];
}

/** The headers of what is kept with those of the 304 that confirmed it in their place. */
function renewed(kept: readonly string[], told: readonly string[]): string[] {
  const said = told.flatMap((name, i) => (i % 2 === 0 && !OF_A_BODY.has(name) ? [name, told[i + 1]!] : []));
  const anew = new Set(said.filter((_, i) => i % 2 === 0));
  return [...kept.flatMap((name, i) => (i % 2 === 0 && !anew.has(name) ? [name, kept[i + 1]!] : [])), ...said];
}
