/** A copy of requests for another upstream, which nobody waits for and whose answers are thrown away. */
import type { RouteConfig } from '../config/classic-routes.js';
import type { Deadlines } from '../upstream/deadline.js';
import { Backend } from './backend.js';
import { deadlinesOf, Forward } from './forward.js';
import { nameSource } from './names.js';
import type { UpstreamDeps } from './upstream.js';

const TIMEOUTS = deadlinesOf({ connectMs: 5_000, headersMs: 30_000, idleMs: 30_000, totalMs: 60_000 });
const MOST_AT_ONCE = 256;

export class Mirror {
  readonly #backend: Backend;
  readonly #share: number;
  readonly #deadlines: Deadlines;
  readonly #random: () => number;
  #running = 0;

  constructor({ url, share = 1 }: NonNullable<RouteConfig['mirror']>, deps: UpstreamDeps) {
    this.#share = share;
    this.#deadlines = deps.deadlines;
    this.#random = deps.random;
    this.#backend = new Backend(
      { url, weight: 1 },
      {
        ...{
          clock: deps.clock,
          random: deps.random,
          deadlines: deps.deadlines,
          onEvent: deps.onEvent,
          timeouts: TIMEOUTS,
        },
        ...{ upstream: {}, breaker: undefined, names: deps.names ?? nameSource(undefined) },
      },
    );
  }

  /** Whether it gets a copy of this request. */
  wants(): boolean {
    return this.#running < MOST_AT_ONCE && (this.#share === 1 || this.#random() < this.#share);
  }

  /** `headers` begin with `host` and its value. */
  send(method: string, path: string, headers: readonly string[], body: Buffer | null): void {
    if (this.#running >= MOST_AT_ONCE) return;
    this.#running += 1;
    const over = (): void => {
      this.#running -= 1;
    };
    const sent = ['host', this.#backend.hostHeader, ...headers.slice(2)];
    new Forward(
      this.#backend.connections,
      { method, path: this.#backend.basePath + path, headers: sent, body },
      { head: () => true, info: () => {}, data: () => true, end: over, fail: over },
      TIMEOUTS,
      this.#deadlines,
    );
  }

  retire(): void {
    this.#backend.retire();
  }

  close(): Promise<void> {
    return this.#backend.close();
  }
}
