/**
 * The states of all targets in this process, kept from one configuration to the next: what has the same identity and the
 * same breaker rule is the same target. States that no configuration asked for lately, and those of names that only
 * requests brought (wildcards), are bounded: the least recently asked for goes first.
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { Breaker, type BreakerRule, type BreakerState } from '../lib/breaker.js';
import type { LimitSpec } from '../lib/limit-spec.js';
import type { Random } from '../lib/random.js';
import { CredentialState, TargetState } from './target-state.js';
import { UsageMeter } from './usage-meter.js';

export interface TargetIdentity {
  /** `provider/model`. */
  readonly id: string;
  /** What the metrics call it: one of the configuration's names. */
  readonly label: string;
  readonly provider: string;
  /** Where it is. */
  readonly address: string;
  /** Its credentials, in clear; only their hashes are kept. */
  readonly credentials: readonly string[];
  readonly breaker: BreakerRule;
  /** Its own limits where its use is to be measured against them; else null. */
  readonly limits: readonly LimitSpec[] | null;
}

export interface BreakerEvent {
  readonly target: string;
  readonly state: 'opened' | 'closed';
  readonly why: string;
}

interface Known {
  readonly id: string;
  readonly label: string;
  readonly state: TargetState;
}

const MOST_STATES = 5_000;
const RANK: readonly BreakerState[] = ['closed', 'half_open', 'open', 'held_open'];

export class TargetStates {
  readonly #random: Random;
  readonly #onChange: (event: BreakerEvent) => void;
  readonly #targets = new LRUCache<string, Known>({ max: MOST_STATES });
  readonly #credentials = new LRUCache<string, CredentialState>({ max: MOST_STATES });

  constructor(random: Random, onChange: (event: BreakerEvent) => void) {
    this.#random = random;
    this.#onChange = onChange;
  }

  of(target: TargetIdentity): TargetState {
    const { id, label, provider, address, credentials, breaker, limits } = target;
    const hashes = credentials.map(hashOf);
    const key = JSON.stringify([id, address, hashes, breaker, limits]);
    let known = this.#targets.get(key);
    if (!known) {
      const onChange = (state: BreakerEvent['state'], why: string) => this.#onChange({ target: id, state, why });
      const owned = hashes.map((hash) => this.#credential(`${provider} ${hash}`));
      known = {
        id,
        label,
        state: new TargetState(new Breaker(breaker, this.#random, onChange), owned, limits && new UsageMeter(limits)),
      };
      this.#targets.set(key, known);
    }
    return known.state;
  }

  /** Every state of the target with this id: one for each breaker rule it is used under. */
  named(id: string): TargetState[] {
    return [...this.#targets.values()].filter((known) => known.id === id).map(({ state }) => state);
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
