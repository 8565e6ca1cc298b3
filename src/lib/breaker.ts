/**
 * A circuit breaker: closed while a target works; open, so that nothing is sent, once at least `failure_rate` of at least
 * `min_requests` attempts within the sliding `window` failed; half open after a time that doubles (with jitter) each time a
 * probe fails: then at most `half_open_probes` attempts run at once, as many successes close it, one failure opens it again.
 * The window is ten slices of a ring. Attempts end in any order and long after they began: what began before the breaker
 * opened says nothing about whether the target has recovered. One object per target, in one process, never awaited.
 */
import type { Random } from './random.js';

/** `failure_rate` is a share, times are milliseconds. */
export interface BreakerRule {
  readonly failure_rate: number;
  readonly min_requests: number;
  readonly window: number;
  readonly open: number;
  readonly half_open_probes: number;
}

/** As an admin and the metrics know it. */
export type BreakerState = 'closed' | 'half_open' | 'open' | 'held_open';

type Phase =
  | { readonly kind: 'closed' }
  /** `times`: how often in a row it opened. */
  | { readonly kind: 'open'; readonly untilMs: number; readonly times: number }
  | { readonly kind: 'half_open'; readonly round: Pass; readonly times: number; running: number; passed: number };

/** What `begin` gave and `end` takes back: a number of a round of probes, or one of these. */
export type Pass = number;
const NORMAL = 0;
/** The breaker was open, and there was nothing else to try. */
const SENT_ANYWAY = -1;

export type Verdict = 'success' | 'failure' | 'unknown';

const SLICES = 10;
const LONGEST_GROWTH = 16;
const CLOSED: Phase = { kind: 'closed' };

export class Breaker {
  readonly rule: BreakerRule;
  readonly #random: Random;
  readonly #onChange: (state: 'opened' | 'closed', why: string) => void;
  readonly #passed = new Float64Array(SLICES);
  readonly #failed = new Float64Array(SLICES);
  #slice = 0;
  #rounds = 0;
  #phase: Phase = CLOSED;
  #held = false;

  constructor(rule: BreakerRule, random: Random, onChange: (state: 'opened' | 'closed', why: string) => void) {
    this.rule = rule;
    this.#random = random;
    this.#onChange = onChange;
  }

  state(nowMs: number): BreakerState {
    if (this.#held) return 'held_open';
    if (this.#phase.kind === 'open' && nowMs >= this.#phase.untilMs) return 'half_open';
    return this.#phase.kind;
  }

  /** Attempts pass, and nothing need be asked of the time. */
  get closed(): boolean {
    return !this.#held && this.#phase.kind === 'closed';
  }

  /** Opened by hand. */
  get held(): boolean {
    return this.#held;
  }

  /** When an attempt may be made: now, or later; infinite where nobody knows. */
  readyAt(nowMs: number): number {
    if (this.#held) return Number.POSITIVE_INFINITY;
    const phase = this.#phase;
    if (phase.kind === 'closed') return nowMs;
    if (phase.kind === 'open') return Math.max(nowMs, phase.untilMs);
    return phase.running < this.rule.half_open_probes ? nowMs : nowMs + 1;
  }

  /** An attempt begins. To be given back with `end`. */
  begin(nowMs: number): Pass {
    if (this.#phase.kind === 'open') {
      if (nowMs < this.#phase.untilMs) return SENT_ANYWAY;
      this.#phase = { kind: 'half_open', round: ++this.#rounds, times: this.#phase.times, running: 0, passed: 0 };
    }
    if (this.#phase.kind === 'closed') return NORMAL;
    this.#phase.running++;
    return this.#phase.round;
  }

  end(pass: Pass, verdict: Verdict, nowMs: number): void {
    const phase = this.#phase;
    if (phase.kind === 'half_open' && phase.round === pass) return this.#probed(phase, verdict, nowMs);
    if (pass === SENT_ANYWAY && phase.kind !== 'closed') {
      if (verdict === 'success') this.#close('an attempt succeeded');
      return;
    }
    if (phase.kind !== 'closed' || verdict === 'unknown') return;
    this.#turnTo(nowMs);
    if (verdict === 'success') this.#passed[this.#slice % SLICES]! += 1;
    else {
      this.#failed[this.#slice % SLICES]! += 1;
      this.#openIfTooMany(nowMs);
    }
  }

  /** Attempts and failures of the window. */
  window(nowMs: number): { readonly attempts: number; readonly failures: number } {
    this.#turnTo(nowMs);
    const failures = sum(this.#failed);
    return { attempts: failures + sum(this.#passed), failures };
  }

  /** Opens until `release`. */
  hold(): void {
    if (this.#held) return;
    this.#held = true;
    this.#onChange('opened', 'by hand');
  }

  /** Closes, whatever was, and forgets the failures. */
  release(): void {
    const was = this.#held || this.#phase.kind !== 'closed';
    this.#held = false;
    this.#forget();
    this.#phase = CLOSED;
    if (was) this.#onChange('closed', 'by hand');
  }

  /** Another process of this gateway found reason to open it. */
  openFor(ms: number, nowMs: number): void {
    if (this.#phase.kind === 'open' && this.#phase.untilMs >= nowMs + ms) return;
    const times = this.#phase.kind === 'closed' ? 1 : this.#phase.times;
    this.#phase = { kind: 'open', untilMs: nowMs + ms, times };
    this.#forget();
  }

  #probed(phase: Phase & { kind: 'half_open' }, verdict: Verdict, nowMs: number): void {
    phase.running--;
    if (verdict === 'failure') return this.#open(nowMs, phase.times + 1, 'a probe failed');
    if (verdict === 'success' && ++phase.passed >= this.rule.half_open_probes) this.#close('the probes succeeded');
  }

  #openIfTooMany(nowMs: number): void {
    const { attempts, failures } = this.window(nowMs);
    const { min_requests, failure_rate } = this.rule;
    if (attempts < min_requests || failures < attempts * failure_rate) return;
    this.#open(nowMs, 1, `${failures} of ${attempts} attempts failed`);
  }

  #open(nowMs: number, times: number, why: string): void {
    const grown = this.rule.open * Math.min(2 ** (times - 1), LONGEST_GROWTH);
    // Replicas that opened together must not probe together.
    const untilMs = nowMs + grown * (0.8 + 0.4 * this.#random());
    this.#phase = { kind: 'open', untilMs, times };
    this.#forget();
    this.#onChange('opened', why);
  }

  #close(why: string): void {
    this.#phase = CLOSED;
    this.#forget();
    this.#onChange('closed', why);
  }

  #forget(): void {
    this.#passed.fill(0);
    this.#failed.fill(0);
  }

  /** Empties the slices that time has passed over. */
  #turnTo(nowMs: number): void {
    const slice = Math.floor((nowMs * SLICES) / this.rule.window);
    const passed = slice - this.#slice;
    if (passed <= 0) return;
    if (passed >= SLICES) this.#forget();
    else
      for (let i = 1; i <= passed; i++) {
        this.#passed[(this.#slice + i) % SLICES] = 0;
        this.#failed[(this.#slice + i) % SLICES] = 0;
      }
    this.#slice = slice;
  }
}

function sum(counts: Float64Array): number {
  let all = 0;
  for (const count of counts) all += count;
  return all;
}
