/**
 * One attempt: a target's answer handed to the client as it comes, what it shows told to the target's breaker and health, and
 * what becomes of it told to whoever decides on another attempt. Where the upstream is lost in the middle the client's
 * connection is broken off, so that it cannot take a part for the whole.
 */
import type { Duplex } from 'node:stream';
import type { Pass, Verdict } from '../lib/breaker.js';
import type { Deadlines, Timeouts } from '../upstream/deadline.js';
import type { Backend } from './backend.js';
import type { Fill, Kept } from './cache.js';
import { Delivery } from './delivery.js';
import { type Failure, Forward, type ForwardRequest, type Receiver } from './forward.js';
import { responseHeaders } from './headers.js';
import type { Route } from './route.js';
import { tunnel } from './tunnel.js';
import type { Visit } from './visit.js';

/** What became of one attempt. */
export type AttemptEnd =
  | { readonly kind: 'answered' }
  /** Nothing went to the client yet; `why` is a status or a kind of failure. */
  | { readonly kind: 'again'; readonly why: string; readonly failure: Failure | null }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** The client is to be given what the cache has. */
  | { readonly kind: 'kept'; readonly kept: Kept; readonly state: string }
  | { readonly kind: 'gone' };

export interface Plan {
  /** Statuses for which another attempt would be made. */
  readonly againOn: ReadonlySet<number> | null;
  /** Keeps a copy for the cache. */
  readonly fill: Fill | null;
  /** Told of an answer before the client is. */
  readonly onHead: ((status: number, headers: readonly string[]) => void) | null;
}

export class Relay implements Receiver {
  readonly #visit: Visit;
  readonly #route: Route;
  readonly #backend: Backend;
  readonly #plan: Plan;
  readonly #done: (end: AttemptEnd) => void;
  readonly #deadlines: Deadlines;
  readonly #startedAt: number;
  readonly #pass: Pass;
  #delivery: Delivery | null = null;
  #fill: Fill | null = null;
  /** What the cache has is still good. */
  #confirmed: Kept | null = null;
  #judged = false;
  #ended = false;
  #forward: Forward | undefined;

  constructor(
    visit: Visit,
    route: Route,
    backend: Backend,
    plan: Plan,
    deadlines: Deadlines,
    done: (end: AttemptEnd) => void,
  ) {
    this.#visit = visit;
    this.#route = route;
    this.#backend = backend;
    this.#plan = plan;
    this.#deadlines = deadlines;
    this.#done = done;
    this.#startedAt = deadlines.now();
    this.#pass = backend.begin(this.#startedAt);
  }

  begin(request: ForwardRequest, timeouts: Timeouts): void {
    this.#forward = new Forward(this.#backend.connections, request, this, timeouts, this.#deadlines);
    if (this.#ended) this.#forward.abort();
  }

  /** The client left. */
  gone(): void {
    this.#forward?.abort();
    this.#fill?.drop();
    this.#judge('unknown');
    this.#over({ kind: 'gone' });
  }

  resume(): void {
    this.#forward?.resume();
  }

  info(status: number, headers: readonly string[]): void {
    const visit = this.#visit;
    if (visit.gone || visit.answered || visit.upgrade || visit.req.httpVersion === '1.0') return;
    if (status === 102) return visit.res.writeProcessing();
    if (status !== 103) return;
    const link = responseHeaders(headers).filter((_, i, all) => i % 2 === 1 && all[i - 1] === 'link');
    if (link.length > 0) visit.res.writeEarlyHints({ link });
  }

  head(status: number, raw: readonly string[], message: string): boolean {
    const now = this.#deadlines.now();
    this.#backend.answeredIn(now - this.#startedAt, now);
    this.#backend.showed(status);
    this.#judge(this.#backend.judge(status), now);
    if (this.#plan.againOn?.has(status)) {
      this.#over({ kind: 'again', why: String(status), failure: null });
      return false;
    }
    const headers = responseHeaders(raw);
    const { fill } = this.#plan;
    if (status === 304 && fill && fill.conditions.length > 0) {
      this.#confirmed = fill.confirmed(headers);
      return true;
    }
    const kept = status >= 500 ? fill?.inNeed() : null;
    if (kept) {
      this.#over({ kind: 'kept', kept, state: 'stale' });
      return false;
    }
    this.#plan.onHead?.(status, headers);
    if (this.#plan.fill?.wants(status, headers)) this.#fill = this.#plan.fill;
    this.#delivery = new Delivery(this.#visit, this.#route, () => this.resume());
    if (this.#delivery.head(status, headers, message)) return true;
    this.#over({ kind: 'answered' });
    return false;
  }

  data(chunk: Buffer): boolean {
    if (this.#confirmed) return true;
    this.#fill?.data(chunk);
    return this.#delivery!.data(chunk);
  }

  end(trailers: readonly string[] | null): void {
    if (this.#confirmed) return this.#over({ kind: 'kept', kept: this.#confirmed, state: 'revalidated' });
    this.#fill?.end();
    this.#delivery!.end(trailers);
    this.#over({ kind: 'answered' });
  }

  fail(failure: Failure): void {
    if (failure.kind === 'upload') this.#judge('unknown');
    else {
      if (!this.#judged) this.#backend.showed(0);
      this.#judge('failure');
    }
    if (this.#confirmed) return this.#over({ kind: 'kept', kept: this.#confirmed, state: 'revalidated' });
    if (!this.#delivery) {
      const why = failure.kind === 'connect' ? 'connect_error' : failure.kind;
      return this.#over({ kind: 'again', why, failure });
    }
    this.#fill?.drop();
    this.#delivery.cut();
    this.#over({ kind: 'failed', failure });
  }

  upgraded(status: number, headers: readonly string[], socket: Duplex): void {
    this.#judge('success');
    const visit = this.#visit;
    if (!visit.upgrade || visit.gone) {
      socket.destroy();
      return this.#over({ kind: 'gone' });
    }
    tunnel(visit, visit.upgrade, status, headers, socket, this.#route.upstream!.tunnelIdleMs, () =>
      this.#over({ kind: 'answered' }),
    );
  }

  #judge(verdict: Verdict, nowMs = this.#deadlines.now()): void {
    if (this.#judged) return;
    this.#judged = true;
    this.#backend.judged(this.#pass, verdict, nowMs);
  }

  #over(end: AttemptEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#backend.inflight -= 1;
    this.#done(end);
  }
}
