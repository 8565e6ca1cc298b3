/**
 * Verified mode over many scopes: each has labels of its own, read from the store when it is first asked for and kept for as
 * long as it is used. Which would-be hits are audited is drawn in blocks, one place in each, so that a scope that is asked
 * rarely is audited too; a scope's first hits are served before the first audit.
 */
import { LRUCache } from 'lru-cache';
import type { SemanticPolicy } from '../cache.js';
import { Calibration, type Verdict } from './calibration.js';
import type { Observation, PromptStore } from './prompt-store.js';

/** What a scope has earned so far. */
export interface ScopeState {
  readonly calibration: Calibration;
  /** Would-be hits until the audit of the block, and until the block ends. */
  untilAudit: number;
  untilEnd: number;
}

const MOST_SCOPES = 10_000;
const MOST_LABELS = 3_000;

export class Verification {
  readonly #store: PromptStore;
  readonly #random: () => number;
  readonly #onVerdict: (scope: string, verdict: Verdict) => void;
  readonly #states = new LRUCache<string, Promise<ScopeState>>({ max: MOST_SCOPES });
  readonly #standing = new LRUCache<string, Verdict>({ max: MOST_SCOPES });

  constructor(store: PromptStore, random: () => number, onVerdict: (scope: string, verdict: Verdict) => void) {
    this.#store = store;
    this.#random = random;
    this.#onVerdict = onVerdict;
  }

  async of(scope: string, policy: SemanticPolicy & { readonly max_error_rate: number }): Promise<ScopeState> {
    const name = `${scope} ${policy.threshold} ${policy.max_error_rate} ${policy.until_certified}`;
    let state = this.#states.get(name);
    if (!state) {
      state = this.#load(scope, policy);
      this.#states.set(name, state);
      state.catch(() => this.#states.delete(name));
    }
    return state;
  }

  /** Whether this would-be hit is answered upstream instead. */
  audits(state: ScopeState, rate: number): boolean {
    if (state.untilEnd <= 0) {
      state.untilEnd = Math.max(1, Math.round(1 / rate));
      state.untilAudit = Math.floor(this.#random() * state.untilEnd);
    }
    state.untilEnd -= 1;
    state.untilAudit -= 1;
    return state.untilAudit === -1;
  }

  async learn(state: ScopeState, observation: Observation): Promise<void> {
    state.calibration.add(observation);
    this.#tell(observation.scope, state.calibration.verdict);
    await this.#store.observe(observation);
  }

  /** What is known of the scopes that were asked for, for those who watch. */
  verdicts(): Verdict[] {
    return [...this.#standing.values()];
  }

  #tell(scope: string, verdict: Verdict): void {
    const before = this.#standing.get(scope);
    this.#standing.set(scope, verdict);
    if (before?.standing !== verdict.standing) this.#onVerdict(scope, verdict);
  }

  async #load(scope: string, policy: SemanticPolicy & { readonly max_error_rate: number }): Promise<ScopeState> {
    const labels = await this.#store.observations(scope, MOST_LABELS);
    const { threshold, max_error_rate: maxErrorRate, until_certified: untilCertified } = policy;
    const calibration = new Calibration({ threshold, maxErrorRate, untilCertified, window: MOST_LABELS }, labels);
    this.#tell(scope, calibration.verdict);
    const block = Math.max(1, Math.round(1 / policy.audit_rate));
    // The first block's audit is in its second half: what was never served need not be audited at once.
    const untilAudit = block === 1 ? 0 : Math.floor(block / 2 + (this.#random() * block) / 2);
    return { calibration, untilAudit, untilEnd: block };
  }
}

/** What the scope has earned, in verified mode. */
export const thresholdOf = (
  { policy }: { readonly policy: SemanticPolicy },
  verified: ScopeState | undefined,
): number => (verified ? (verified.calibration.verdict.threshold ?? Number.POSITIVE_INFINITY) : policy.threshold);

export const isVerified = (policy: SemanticPolicy): policy is SemanticPolicy & { readonly max_error_rate: number } =>
  policy.max_error_rate !== null;
