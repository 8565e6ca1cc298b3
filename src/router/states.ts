/**
 * The states of all targets in this process. They are kept from one configuration to the next: targets with the same identity
 * and the same breaker rule share one state. Their number is bounded, because names behind wildcards come from requests and
 * old configurations leave states behind: the state that was not asked for the longest is dropped first.
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { Breaker, type BreakerRule, type BreakerState } from '../lib/breaker.js';
import type { LimitSpec } from '../lib/limit-spec.js';
import type { Random } from '../lib/random.js';
import { ProbeState } from './probe-state.js';
import { CredentialState, TargetState } from './target-state.js';
import { UsageMeter } from './usage-meter.js';

export interface TargetIdentity {
  /** `provider/model`. */
  readonly id: string;
  /** Its label in metrics: a name from the configuration. */
  readonly label: string;
  readonly provider: string;
  /** Its base URL, by which the probes of its provider know it. */
  readonly address: string;
  /** What else tells accounts behind one address apart. */
  readonly account?: string | undefined;
  /** In clear text; only their hashes are kept. */
  readonly credentials: readonly string[];
  /** False: it needs one and has none. */
  readonly hasCredential: boolean;
  readonly breaker: BreakerRule;
  /** Its own limits, where `balance: usage` measures its use against them; else null. */
  readonly limits: readonly LimitSpec[] | null;
}

export interface BreakerEvent {
  readonly target: string;
  readonly state: 'opened' | 'closed';
  readonly why: string;
}

interface NamedState {
  readonly id: string;
  readonly label: string;
  readonly state: TargetState;
}

export const MOST_STATES = 5_000;
const RANK: readonly BreakerState[] = ['closed', 'half_open', 'open', 'held_open'];

export class TargetStates {
  readonly #random: Random;
  readonly #onChange: (event: BreakerEvent) => void;
  readonly #targets = new LRUCache<string, NamedState>({ max: MOST_STATES });
  readonly #probes = new LRUCache<string, ProbeState>({ max: MOST_STATES });
  readonly #credentials = new LRUCache<string, CredentialState>({ max: MOST_STATES });

  constructor(random: Random, onChange: (event: BreakerEvent) => void) {
    this.#random = random;
    this.#onChange = onChange;
  }

  of(target: TargetIdentity): TargetState {
    const { id, label, provider, address, account, credentials, hasCredential, breaker, limits } = target;
    const hashes = credentials.map(hashOf);
    const key = JSON.stringify([id, address, account, hashes, hasCredential, breaker, limits]);
    let named = this.#targets.get(key);
    if (!named) {
      const onChange = (state: BreakerEvent['state'], why: string) => this.#onChange({ target: id, state, why });
      const owned = hashes.map((hash) => this.#credential(`${provider} ${hash}`));
      named = {
        id,
        label,
        state: new TargetState(
          new Breaker(breaker, this.#random, onChange),
          owned,
          limits && new UsageMeter(limits),
          hasCredential,
          this.probe(provider, address),
        ),
      };
      this.#targets.set(key, named);
    }
    return named.state;
  }

  /** What probes find of a provider at an address; nobody need probe it. */
  probe(provider: string, address: string): ProbeState {
    const key = `${provider} ${address}`;
    let state = this.#probes.get(key);
    if (!state) this.#probes.set(key, (state = new ProbeState()));
    return state;
  }

  /** All states of the target with this id: one for each breaker rule under which it is used. */
  named(id: string): TargetState[] {
    return [...this.#targets.values()].filter((named) => named.id === id).map(({ state }) => state);
  }

  /** The worst state of each label. */
  worst(nowMs: number): Map<string, BreakerState> {
    const worst = new Map<string, BreakerState>();
    for (const { label, state } of this.#targets.values()) {
      const now = state.breaker.state(nowMs);
      const before = worst.get(label);
      if (before === undefined || RANK.indexOf(now) > RANK.indexOf(before)) worst.set(label, now);
    }
    return worst;
  }

  #credential(key: string): CredentialState {
    let state = this.#credentials.get(key);
    if (!state) this.#credentials.set(key, (state = new CredentialState()));
    return state;
  }
}

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex').slice(0, 16);
