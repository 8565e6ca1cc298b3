/**
 * What is known of a target from the attempts on it: its breaker, its latency, what runs on it now, and which of its
 * credentials rest. A credential rests for the whole provider (its money is used up, it is not taken), or only here (a rate
 * limit, which providers count by model). Times are monotonic milliseconds. It outlives the configuration that named it.
 */

import type { FailureClass } from '../formats/failure.js';
import type { Breaker, Pass, Verdict } from '../lib/breaker.js';
import { PeakEwma } from './peak-ewma.js';
import type { UsageMeter } from './usage-meter.js';

/** A credential of a provider, wherever it is used. */
export class CredentialState {
  restsUntilMs = 0;
  /** Why it rests: `quota`, `credential`. */
  why: FailureClass | null = null;
}

/** A credential as one target uses it. */
export interface Slot {
  readonly credential: CredentialState;
  restsUntilMs: number;
}

/** Why a target is passed over. */
export type Unready = 'held_open' | 'open' | 'probing' | 'resting' | 'credentials_resting';

/** One attempt under way. */
export interface Trip {
  readonly pass: Pass;
  /** Which of the target's credentials it is sent with. */
  readonly slot: number;
}

const LONGEST_REST_MS = 600_000;
const QUOTA_REST_MS = 300_000;
const CREDENTIAL_REST_MS = 60_000;
const NOT_FOUND_REST_MS = 30_000;
const RATE_REST_MS = 1_000;
const OVERLOAD_REST_MS = 500;
const LEAST_PENALTY_MS = 1_000;

export class TargetState {
  readonly breaker: Breaker;
  readonly slots: readonly Slot[];
  readonly usage: UsageMeter | null;
  readonly latency = new PeakEwma();
  inFlight = 0;
  #restsUntilMs = 0;
  #turn = 0;

  constructor(breaker: Breaker, credentials: readonly CredentialState[], usage: UsageMeter | null) {
    this.breaker = breaker;
    this.slots = credentials.map((credential) => ({ credential, restsUntilMs: 0 }));
    this.usage = usage;
  }

  /** When an attempt may be made: now, or later; infinite where only an admin knows. */
  readyAt(nowMs: number): number {
    let slotAt = Number.POSITIVE_INFINITY;
    for (const slot of this.slots) slotAt = Math.min(slotAt, slotReadyAt(slot));
    return Math.max(nowMs, this.breaker.readyAt(nowMs), this.#restsUntilMs, slotAt);
  }

  whyNot(nowMs: number): Unready | null {
    const state = this.breaker.state(nowMs);
    if (state === 'held_open' || state === 'open') return state;
    if (this.breaker.readyAt(nowMs) > nowMs) return 'probing';
    if (this.#restsUntilMs > nowMs) return 'resting';
    if (this.slots.some((slot) => slotReadyAt(slot) <= nowMs)) return null;
    return this.slots.every(({ credential }) => credential.restsUntilMs > nowMs) ? 'credentials_resting' : 'resting';
  }

  /** An attempt begins, with the next credential that does not rest. */
  begin(nowMs: number): Trip {
    this.inFlight++;
    this.usage?.begin(nowMs);
    return { pass: this.breaker.begin(nowMs), slot: this.slots.length === 1 ? 0 : this.#nextSlot(nowMs) };
  }

  /** The attempt answered, `firstByteMs` after it was sent; its headers say that a limit is used up for `exhaustedMs`. */
  succeeded(trip: Trip, firstByteMs: number, exhaustedMs: number, nowMs: number): void {
    this.#end(trip, 'success', nowMs);
    this.latency.observe(firstByteMs, nowMs);
    if (exhaustedMs > 0) this.#rest(trip, exhaustedMs, nowMs);
  }

  /**
   * `blamed`: whether this counts against the target. `everywhere`: a credential that was not taken is taken for no target of
   * its provider.
   */
  failed(
    trip: Trip,
    why: FailureClass,
    blamed: boolean,
    tookMs: number,
    retryAfterMs: number | undefined,
    nowMs: number,
    everywhere = true,
  ) {
    this.#end(trip, blamed ? 'failure' : why === 'transient' || why === 'overload' ? 'unknown' : 'success', nowMs);
    // A target that fails fast must not look fast.
    if (blamed) this.latency.observe(Math.max(tookMs, LEAST_PENALTY_MS, this.latency.read(nowMs) * 2), nowMs);
    const slot = this.slots[trip.slot]!;
    if (why === 'rate_limit') this.#rest(trip, retryAfterMs ?? RATE_REST_MS, nowMs);
    else if (why === 'overload')
      this.#restsUntilMs = later(this.#restsUntilMs, retryAfterMs ?? OVERLOAD_REST_MS, nowMs);
    else if (why === 'not_found') this.#restsUntilMs = later(this.#restsUntilMs, NOT_FOUND_REST_MS, nowMs);
    else if (why === 'credential' && !everywhere) this.#rest(trip, CREDENTIAL_REST_MS, nowMs);
    else if (why === 'quota' || why === 'credential') {
      const ms = why === 'credential' ? CREDENTIAL_REST_MS : Math.max(QUOTA_REST_MS, retryAfterMs ?? 0);
      slot.credential.restsUntilMs = later(slot.credential.restsUntilMs, ms, nowMs);
      slot.credential.why = why;
    }
  }

  /** The attempt was given up without a word on the target. */
  abandoned(trip: Trip, nowMs: number): void {
    this.#end(trip, 'unknown', nowMs);
  }

  /** Closes the breaker and ends every rest. */
  release(): void {
    this.breaker.release();
    this.#restsUntilMs = 0;
    for (const slot of this.slots) {
      slot.restsUntilMs = 0;
      slot.credential.restsUntilMs = 0;
      slot.credential.why = null;
    }
  }

  #end(trip: Trip, verdict: Verdict, nowMs: number): void {
    this.inFlight--;
    this.breaker.end(trip.pass, verdict, nowMs);
  }

  #rest(trip: Trip, ms: number, nowMs: number): void {
    const slot = this.slots[trip.slot]!;
    slot.restsUntilMs = later(slot.restsUntilMs, ms, nowMs);
  }

  #nextSlot(nowMs: number): number {
    const count = this.slots.length;
    const turn = this.#turn++;
    let soonest = turn % count;
    for (let i = 0; i < count; i++) {
      const at = (turn + i) % count;
      if (slotReadyAt(this.slots[at]!) <= nowMs) return at;
      if (slotReadyAt(this.slots[at]!) < slotReadyAt(this.slots[soonest]!)) soonest = at;
    }
    return soonest;
  }
}

const slotReadyAt = ({ credential, restsUntilMs }: Slot): number => Math.max(restsUntilMs, credential.restsUntilMs);

const later = (untilMs: number, ms: number, nowMs: number): number =>
  Math.max(untilMs, nowMs + Math.min(Math.max(0, ms), LONGEST_REST_MS));
