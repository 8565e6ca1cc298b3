/** What a worker has of the primary: ports to its stores, and the news that it tells. */
import type { AnswerStore } from '../cache/cache.js';
import type { PurgeStore } from '../cache/purges.js';
import type { PromptStore } from '../cache/semantic/prompt-store.js';
import type { VectorIndex } from '../cache/semantic/vector-index.js';
import type { HealthProbe } from '../catalog/probes.js';
import { type Changes, localChanges } from '../identity/changes.js';
import type { Clock } from '../lib/clock.js';
import { COUNTED_APART } from '../limits/gateways-pg.js';
import { TargetStates } from '../router/states.js';
import type { Link, Message } from '../workers/link.js';
import {
  ALIVE,
  BEAT,
  BREAKER,
  type BreakerNews,
  CHANGE,
  HEARD,
  PROBED,
  type WorkerChange,
  type WorkerStart,
} from '../workers/messages.js';
import type { RemoteLimits } from '../workers/remote-limits.js';
import type { CachePorts } from './cache.js';

/** A port of the primary by its name. */
export type PrimaryPorts = <T extends object>(name: string) => T;

/** What only one process does is left to the primary: deleting what is over, and closing the index. */
export function cachePortsElsewhere(ports: PrimaryPorts, secret: Buffer): CachePorts {
  const answers = ports<AnswerStore>('answers');
  const prompts = ports<PromptStore>('prompts');
  const index = ports<VectorIndex>('vectors');
  return {
    secret,
    store: { ...named(answers, ['get', 'put', 'remove', 'count']), sweep: async () => 0 },
    purgeStore: ports<PurgeStore>('purges'),
    prompts: {
      ...named(prompts, ['page', 'texts', 'read', 'answer', 'put', 'observe', 'observations']),
      sweep: async () => {},
    },
    index: {
      ...named(index, ['nearest']),
      refresh: (scope) => index.refresh(scope).catch(() => {}),
      forget: (scope, ids) => {
        Promise.resolve(index.forget(scope, ids)).catch(() => {});
      },
      size: async () => ({ vectors: 0, bytes: 0 }),
      close: async () => {},
    },
  };
}

const named = <T extends object, K extends keyof T>(port: T, methods: readonly K[]): Pick<T, K> =>
  Object.fromEntries(methods.map((method) => [method, port[method]])) as Pick<T, K>;

type BreakerMessage = readonly [kind: number, target: string, state: BreakerNews, why: string, forMs: number];

/** What the primary tells without being asked. */
export class PrimaryNews {
  readonly #clock: Clock;
  readonly #local = localChanges();
  #heardAt = Number.NEGATIVE_INFINITY;
  /** What a refused caller is to know of where budgets are counted. */
  notice: string | undefined;
  limits: RemoteLimits | undefined;
  probes: (() => readonly HealthProbe[]) | undefined;
  /** Resolves when the purge is known here. */
  purged: (() => Promise<void>) | undefined;
  connections: (() => number) | undefined;
  breaker: ((target: string, state: BreakerNews, forMs: number) => void) | undefined;
  /** News of breakers from before this process could follow them. */
  #early: BreakerMessage[] | undefined = [];

  readonly #post: (message: Message) => void;

  constructor(clock: Clock, post: (message: Message) => void) {
    this.#clock = clock;
    this.#post = post;
  }

  /** Of keys, teams and prices. */
  get changes(): Changes {
    return { ...this.#local, heardAt: () => this.#heardAt };
  }

  /** Breakers that were not closed when this process was started, and what was told of them since. */
  followBreakers(known: WorkerStart<unknown>['breakers']): void {
    for (const [target, state, forMs] of known) this.breaker?.(target, state, forMs);
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const message of early) this.#breaker(message);
  }

  take(message: Message): void {
    if (this.limits?.take(message)) return;
    switch (message[0]) {
      case BEAT:
        return this.#beat(message as readonly number[]);
      case CHANGE: {
        const [, number, change] = message as [number, number, WorkerChange];
        const heard = (): void => this.#post([HEARD, number]);
        if (change.kind === 'purge') return void (this.purged?.() ?? Promise.resolve()).then(heard, heard);
        this.#local.publish(change);
        return heard();
      }
      case BREAKER:
        return this.#breaker(message as BreakerMessage);
      case PROBED:
        this.#probed(message as [number, string, boolean, string, number]);
    }
  }

  #breaker(message: BreakerMessage): void {
    const [, target, state, , forMs] = message;
    if (this.#early) this.#early.push(message);
    else this.breaker?.(target, state, forMs);
  }

  #beat([, sinceHeardMs, aheadMs, apart]: readonly number[]): void {
    this.#heardAt = this.#clock.monotonic() - sinceHeardMs!;
    this.limits?.clockIsAhead(aheadMs!);
    this.notice = apart! > 0 ? COUNTED_APART : undefined;
    this.#post([ALIVE, this.connections?.() ?? 0]);
  }

  #probed([, provider, good, what, tookMs]: [number, string, boolean, string, number]): void {
    const now = this.#clock.monotonic();
    for (const probe of this.probes?.() ?? [])
      if (probe.provider === provider) probe.state.seen({ good, what, tookMs }, probe, now, now + probe.intervalMs);
  }
}

/**
 * The states of targets in one of several processes. What opens or closes a breaker in one does so in all: each counts its own
 * attempts, and the first that has seen enough opens it for all.
 */
export function followedStates(link: Pick<Link, 'post'>, news: PrimaryNews, clock: Clock): TargetStates {
  let following = false;
  const states = new TargetStates(Math.random, ({ target, state, why }) => {
    if (!following) link.post([BREAKER, target, state, why, state === 'opened' ? openForMs(states, target, clock) : 0]);
  });
  news.breaker = (target, state, forMs) => {
    following = true;
    follow(states, target, state, forMs, clock);
    following = false;
  };
  return states;
}

export function openForMs(states: TargetStates, target: string, clock: Clock): number {
  const now = clock.monotonic();
  const ready = states.named(target).map(({ breaker }) => breaker.readyAt(now) - now);
  return Math.max(0, ...ready.filter(Number.isFinite));
}

export function follow(states: TargetStates, target: string, state: BreakerNews, forMs: number, clock: Clock): void {
  for (const one of states.named(target)) {
    if (state === 'opened') one.breaker.openFor(forMs, clock.monotonic());
    else if (state === 'held') one.breaker.hold();
    else if (state === 'released') one.release();
    else if (!one.breaker.held) one.breaker.release();
  }
}
