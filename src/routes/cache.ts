/**
 * Answers that are given again. Only whole answers to GET, as the upstream sent them; what it forbids (`no-store`, `private`,
 * a cookie, a `Vary` that the route does not name) is not kept, and a shorter `max-age` of its own is obeyed. Each consumer has
 * its own answers unless they are shared. Bounded by size, the longest unused goes first. Of this process, lost with it.
 */
import { LRUCache } from 'lru-cache';
import type { CacheConfig } from '../config/classic-routes.js';
import type { Clock } from '../lib/clock.js';
import { headerIn } from '../lib/headers.js';
import type { Visit } from './visit.js';

export interface Kept {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Buffer;
  readonly atMs: number;
  readonly untilMs: number;
}

/** Collects an answer for the cache while it passes. */
export interface Fill {
  wants(status: number, headers: readonly string[]): boolean;
  data(chunk: Buffer): void;
  end(): void;
  drop(): void;
}

const STATUSES = [200, 203, 204, 301, 404, 410];
const MORE_PER_ENTRY = 512;
/** Of this exchange alone. */
const NOT_KEPT = new Set(['age', 'x-request-id', 'date']);

export class AnswerCache {
  readonly #config: CacheConfig;
  readonly #clock: Clock;
  readonly #answers: LRUCache<string, Kept>;
  readonly #vary: readonly string[];

  constructor(config: CacheConfig, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
    this.#vary = [...new Set(['accept-encoding', ...(config.vary ?? [])])];
    this.#answers = new LRUCache<string, Kept>({
      maxSize: config.size ?? 64 * 1024 * 1024,
      sizeCalculation: ({ body, headers }) =>
        body.length + headers.reduce((sum, text) => sum + text.length, MORE_PER_ENTRY),
    });
  }

  /** The name under which the request's answer is kept; undefined: the cache has no part in it. */
  keyOf(visit: Visit): string | undefined {
    if ((visit.method !== 'GET' && visit.method !== 'HEAD') || visit.upgrade || visit.hasBody) return undefined;
    const { headers } = visit.req;
    if (headers.range !== undefined || directive(headers['cache-control'], 'no-store') !== undefined) return undefined;
    const { consumer } = visit;
    // A credential that we do not know makes it an answer to one caller alone.
    const foreign = consumer.kind === 'none' || consumer.kind === 'anonymous';
    if (foreign && headers.authorization !== undefined && !this.#vary.includes('authorization')) return undefined;
    const parts = [visit.hostHeader, visit.path + visit.query];
    if (!this.#config.shared) parts.push(consumer.kind, consumer.id);
    for (const name of this.#vary) parts.push(visit.header(name) ?? '');
    return JSON.stringify(parts);
  }

  find(visit: Visit, key: string): Kept | undefined {
    const asked = visit.req.headers['cache-control'];
    if (directive(asked, 'no-cache') !== undefined || directive(asked, 'max-age') === '0') return undefined;
    const kept = this.#answers.get(key);
    return kept && kept.untilMs > this.#clock.now() ? kept : undefined;
  }

  /** An answer as it is given again. */
  headersOf(kept: Kept): string[] {
    return [...kept.headers, 'age', String(Math.floor((this.#clock.now() - kept.atMs) / 1000))];
  }

  fill(visit: Visit, key: string): Fill | null {
    if (visit.method !== 'GET') return null;
    const pieces: Buffer[] = [];
    let bytes = 0;
    let status = 0;
    let headers: string[] = [];
    let ttlMs = 0;
    const largest = this.#config.largest ?? 1024 * 1024;
    return {
      wants: (code, sent) => {
        ttlMs = this.#ttlOf(code, sent);
        status = code;
        headers = sent.flatMap((name, i) => (i % 2 === 0 && !NOT_KEPT.has(name) ? [name, sent[i + 1]!] : []));
        return ttlMs > 0;
      },
      data: (chunk) => {
        bytes += chunk.length;
        if (bytes <= largest) pieces.push(chunk);
        else pieces.length = 0;
      },
      end: () => {
        if (bytes > largest) return;
        const atMs = this.#clock.now();
        this.#answers.set(key, { status, headers, body: Buffer.concat(pieces), atMs, untilMs: atMs + ttlMs });
      },
      drop: () => {
        bytes = Number.POSITIVE_INFINITY;
        pieces.length = 0;
      },
    };
  }

  #ttlOf(status: number, headers: readonly string[]): number {
    const { statuses = STATUSES, ttl } = this.#config;
    if (!statuses.includes(status) || headerIn(headers, 'set-cookie') !== undefined) return 0;
    if ((headerIn(headers, 'content-type') ?? '').startsWith('text/event-stream')) return 0;
    const control = headerIn(headers, 'cache-control');
    for (const name of ['no-store', 'no-cache', 'private']) if (directive(control, name) !== undefined) return 0;
    const varies = (headerIn(headers, 'vary') ?? '')
      .toLowerCase()
      .split(',')
      .map((name) => name.trim());
    if (varies.some((name) => name !== '' && name !== 'origin' && !this.#vary.includes(name))) return 0;
    if (varies.includes('origin') && !this.#vary.includes('origin')) return 0;
    const own = directive(control, 's-maxage') ?? directive(control, 'max-age');
    return own === undefined ? ttl : Math.min(ttl, (Number(own) || 0) * 1000);
  }
}

/** A directive's value, empty where it has none; undefined where it is not there. */
function directive(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  for (const part of header.toLowerCase().split(',')) {
    const [key = '', value = ''] = part.split('=', 2).map((text) => text.trim());
    if (key === name) return value.replace(/^"|"$/g, '');
  }
  return undefined;
}
