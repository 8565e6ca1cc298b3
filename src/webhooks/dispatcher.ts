/**
 * Delivers what is due. A round claims endpoints that have something due and that no other replica is at, and serves each of
 * them for itself, one delivery after the other in the order of the outbox; a delivery that failed waits for its next try and
 * is overtaken. Up to `most` endpoints are served at once, each for a while, and then those that waited longest have their turn.
 * Of those whose last delivery failed only so many are served that the others always find room: each may hang for the whole of
 * its time. So an endpoint at which a delivery fails waits for its next turn.
 *
 * A round begins when somebody in this process wrote to the outbox, when an endpoint was served, and once a second for what
 * other replicas left and for tries that became due. Where nobody is to be told anything that is one cheap query.
 *
 * With the database away nothing is delivered. A process that dies between a delivery and writing so leaves a lease that
 * lapses; the delivery is then made again under the same id.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../lib/clock.js';
import type { Query } from '../lib/query.js';
import { signedHeaders } from '../lib/standard-webhooks.js';
import { backgroundTimer, type Timer } from '../lib/timer.js';
import { nextTryAt, pauseMs } from './backoff.js';
import type { Answered, Deliver } from './deliver.js';
import type { Claimed, Due } from './endpoint.js';
import { claim, due, type Finish, finish, release } from './queue-pg.js';

export type DeliveryResult = 'delivered' | 'failed' | 'dead';

/** How an endpoint is reached, besides its URL. */
export interface Reach {
  /** The newest first; those before it sign too. */
  readonly secrets: readonly string[];
  readonly allowPrivate: boolean;
}

export interface DispatcherDeps {
  readonly query: Query;
  readonly clock: Clock;
  readonly random: () => number;
  readonly deliver: Deliver;
  readonly timeoutMs: () => number;
  readonly keyId: string;
  /** Ids of the endpoints of the configuration. */
  readonly configured: () => readonly string[];
  /** Throws where its secrets cannot be read. */
  readonly reachOf: (endpoint: Claimed, nowMs: number) => Reach;
  readonly onResult: (result: DeliveryResult) => void;
  readonly onDisabled: (endpoint: string, reason: string) => void;
  readonly onError: (error: unknown) => void;
  readonly after?: Timer;
  /** Endpoints served at once; 64 unless told. */
  readonly most?: number;
}

/** Of the endpoints that are served at once, the part that may be of those whose last delivery failed. */
const FAILING_PART = 0.5;
const POLL_MS = 1_000;
const AWAY_POLL_MS = 5_000;
/** A lease outlives the longest attempt by so much. */
const LEASE_SPARE_MS = 10_000;
const AT_ONCE = 5;
const TURN = 50;
const CLOSE_MS = 3_000;

export class Dispatcher {
  readonly #deps: DispatcherDeps;
  readonly #serving = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  /** Of those that are served. */
  #failing = 0;
  #round: Promise<void> | undefined;
  #again = false;
  #cancel: (() => void) | undefined;
  #closing = false;
  #away = false;

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
  }

  /** Looks now for what is due. Returns at once. */
  wake(): void {
    if (this.#closing) return;
    if (this.#round) {
      this.#again = true;
      return;
    }
    this.#cancel?.();
    this.#cancel = undefined;
    this.#round = this.#look().finally(() => {
      this.#round = undefined;
      if (this.#again) {
        this.#again = false;
        this.wake();
      } else if (!this.#closing) this.#sleep();
    });
  }

  /** Resolves when nothing is being looked for or delivered. For tests. */
  async idle(): Promise<void> {
    while (this.#round || this.#serving.size > 0) await Promise.all([this.#round, ...this.#serving.values()]);
  }

  /** Claims nothing more, gives running attempts a moment and leaves them then. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#cancel?.();
    const cut = (this.#deps.after ?? backgroundTimer)(CLOSE_MS, () => this.#stop.abort());
    await this.idle();
    cut();
  }

  #sleep(): void {
    this.#cancel?.();
    this.#cancel = (this.#deps.after ?? backgroundTimer)(this.#away ? AWAY_POLL_MS : POLL_MS, () => this.wake());
  }

  async #look(): Promise<void> {
    const { query, clock, keyId, configured, most = 64 } = this.#deps;
    const free = most - this.#serving.size;
    if (free <= 0) return;
    const nowMs = clock.now();
    const lease = randomUUID();
    try {
      const untilMs = this.#leaseEnd(nowMs);
      const mostFailing = Math.max(0, Math.ceil(most * FAILING_PART) - this.#failing);
      const claimed = { lease, nowMs, untilMs, most: free, mostFailing, keyId, configured: configured() };
      const found = await claim(query, claimed);
      this.#away = false;
      for (const endpoint of found) this.#begin(endpoint, lease);
    } catch (error) {
      this.#failed(error);
    }
  }

  #begin(endpoint: Claimed, lease: string): void {
    const name = `${lease} ${endpoint.id}`;
    const failing = endpoint.failures > 0 ? 1 : 0;
    this.#failing += failing;
    const over = (): void => {
      this.#serving.delete(name);
      this.#failing -= failing;
    };
    const served = this.#serve(endpoint, lease).then(
      () => {
        over();
        this.wake();
      },
      (error: unknown) => {
        over();
        this.#failed(error);
      },
    );
    this.#serving.set(name, served);
  }

  #failed(error: unknown): void {
    if (!this.#away) this.#deps.onError(error);
    this.#away = true;
  }

  #leaseEnd(nowMs: number): number {
    return nowMs + this.#deps.timeoutMs() + LEASE_SPARE_MS;
  }

  async #serve(endpoint: Claimed, lease: string): Promise<void> {
    const { query, clock } = this.#deps;
    let { failures } = endpoint;
    try {
      for (let done = 0; done < TURN && !this.#closing; ) {
        const nowMs = clock.now();
        const untilMs = this.#leaseEnd(nowMs);
        const found = await due(query, { endpoint: endpoint.id, lease, nowMs, untilMs, most: AT_ONCE });
        if (!found || found.length === 0) return;
        for (const delivery of found) {
          if (this.#closing) return;
          if (!(await this.#attempt(endpoint, lease, delivery, failures))) return;
          failures = 0;
          done += 1;
        }
      }
    } finally {
      await release(query, endpoint.id, lease);
    }
  }

  /** False: this process is done with the endpoint for now. */
  async #attempt(endpoint: Claimed, lease: string, delivery: Due, failuresBefore: number): Promise<boolean> {
    const { query, clock, onResult, onDisabled } = this.#deps;
    const at = clock.now();
    const startedMs = clock.monotonic();
    const answer = await this.#send(endpoint, delivery, at);
    if (this.#stop.signal.aborted && answer.status === null) return false;
    const durationMs = Math.round((clock.monotonic() - startedMs) * 10) / 10;
    const outcome = this.#judge(delivery, answer, failuresBefore);
    const attempt = {
      at,
      status: answer.status,
      error: answer.error,
      duration_ms: durationMs,
      response: answer.response,
    };
    const untilMs = this.#leaseEnd(clock.now());
    const held = await finish(query, { endpoint: endpoint.id, lease, delivery, attempt, untilMs, ...outcome });
    onResult(outcome.state === 'pending' ? 'failed' : outcome.state);
    if (outcome.disabledReason !== null) onDisabled(endpoint.id, outcome.disabledReason);
    return held && outcome.failures === 0 && outcome.disabledReason === null;
  }

  async #send(endpoint: Claimed, { message_id: id, body }: Due, atMs: number): Promise<Answered> {
    let reach: Reach;
    try {
      reach = this.#deps.reachOf(endpoint, atMs);
    } catch {
      return { status: null, error: 'its secret cannot be read', response: '', retryAfterMs: null };
    }
    const { secrets, allowPrivate } = reach;
    const headers = signedHeaders(secrets, { id, atMs, body });
    return await this.#deps.deliver({ url: endpoint.url, headers, body, allowPrivate }, this.#stop.signal);
  }

  #judge(
    delivery: Due,
    { status, error, retryAfterMs }: Answered,
    failuresBefore: number,
  ): Pick<Finish, 'state' | 'nextAtMs' | 'failures' | 'pausedUntilMs' | 'disabledReason'> {
    const nothing = { nextAtMs: null, failures: 0, pausedUntilMs: null, disabledReason: null };
    if (error === null) return { ...nothing, state: 'delivered' };
    if (status === 410) return { ...nothing, state: 'dead', disabledReason: 'the receiver answered 410 Gone' };
    const { clock, random } = this.#deps;
    const nowMs = clock.now();
    const failures = failuresBefore + 1;
    const pause = pauseMs(failures);
    const nextAtMs = nextTryAt({
      nowMs,
      tries: delivery.tries + 1,
      expiresAtMs: delivery.expires_at,
      askedMs: retryAfterMs,
      random,
    });
    return {
      state: nextAtMs === null ? 'dead' : 'pending',
      nextAtMs,
      failures,
      pausedUntilMs: pause === 0 ? null : nowMs + pause,
      disabledReason: null,
    };
  }
}
