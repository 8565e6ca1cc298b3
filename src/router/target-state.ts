/**
 * What the attempts on a target have shown: the state of its breaker, its latency, how many attempts run, and which of its
 * credentials are cooling down. A credential cools down for all targets of its provider where its account is out of money or
 * it was refused, and for this target alone after a rate limit, because providers count those by model. Times are monotonic
 * milliseconds. The state outlives the configuration that named the target.
 */

import type { FailureClass } from '../formats/failure.js';
import type { Breaker, Pass, Verdict } from '../lib/breaker.js';
import { PeakEwma } from './peak-ewma.js';
import type { UsageMeter } from './usage-meter.js';

/** A credential of a provider, shared by all targets that use it. */
export class CredentialState {
  cooldownUntilMs = 0;
  /** Why it cools down: `quota`, `credential`. */
  why: FailureClass | null = null;
}

/** A credential in its use by one target. */
export interface Slot {
  readonly credential: CredentialState;
  cooldownUntilMs: number;
}

/** Why a target is skipped. `/admin/v1/explain` shows these words. */
export type SkipReason = 'no_credential' | 'held_open' | 'open' | 'probing' | 'resting' | 'credentials_resting';

/** One attempt under way. */
export interface Trip {
  readonly pass: Pass;
  /** Which of the target's credentials it is sent with. */
  readonly slot: number;
}

const LONGEST_COOLDOWN_MS = 600_000;
const QUOTA_COOLDOWN_MS = 300_000;
const CREDENTIAL_COOLDOWN_MS = 60_000;
const NOT_FOUND_COOLDOWN_MS = 30_000;
const RATE_COOLDOWN_MS = 1_000;
const OVERLOAD_COOLDOWN_MS = 500;
const LEAST_PENALTY_MS = 1_000;

export class TargetState {
  readonly breaker: Breaker;
  readonly slots: readonly Slot[];
  readonly usage: UsageMeter | null;
  /** False: its provider needs a credential and has none, so that it is never asked. */
  readonly hasCredential: boolean;
  readonly latency = new PeakEwma();
  inFlight = 0;
  /** It refused to be asked for the usage of a stream. */
  refusesUsage = false;
  #cooldownUntilMs = 0;
  #turn = 0;

  constructor(
    breaker: Breaker,
    credentials: readonly CredentialState[],
    usage: UsageMeter | null,
    hasCredential = true,
  ) {
    this.hasCredential = hasCredential;
    this.breaker = breaker;
    this.slots = credentials.map((credential) => ({ credential, cooldownUntilMs: 0 }));
    this.usage = usage;
  }

  /** The moment from which an attempt may be made; infinite while an admin holds the breaker open, or without a credential. */
  readyAt(nowMs: number): number {
    if (!this.hasCredential) return Number.POSITIVE_INFINITY;
    let slotAt = Number.POSITIVE_INFINITY;
    for (const slot of this.slots) slotAt = Math.min(slotAt, slotReadyAt(slot));
    return Math.max(nowMs, this.breaker.readyAt(nowMs), this.#cooldownUntilMs, slotAt);
  }

  whyNot(nowMs: number): SkipReason | null {
    if (!this.hasCredential) return 'no_credential';
    const state = this.breaker.state(nowMs);
    if (state === 'held_open' || state === 'open') return state;
    if (this.breaker.readyAt(nowMs) > nowMs) return 'probing';
    if (this.#cooldownUntilMs > nowMs) return 'resting';
    if (this.slots.some((slot) => slotReadyAt(slot) <= nowMs)) return null;
    return this.slots.every(({ credential }) => credential.cooldownUntilMs > nowMs) ? 'credentials_resting' : 'resting';
  }

  /** An attempt begins, with the next credential that is not cooling down. */
  begin(nowMs: number): Trip {
    this.inFlight++;
    this.usage?.begin(nowMs);
    return { pass: this.breaker.begin(nowMs), slot: this.slots.length === 1 ? 0 : this.#nextSlot(nowMs) };
  }

  /**
   * The attempt was answered, `firstByteMs` after it was sent. `exhaustedMs`: the headers of the answer say that a rate limit is
   * used up for so long.
   */
  succeeded(trip: Trip, firstByteMs: number, exhaustedMs: number, nowMs: number): void {
    this.#end(trip, 'success', nowMs);
    this.latency.observe(firstByteMs, nowMs);
    if (exhaustedMs > 0) this.#coolDown(trip, exhaustedMs, nowMs);
  }

  /**
   * `blamed`: the failure counts against the target. `everywhere`: a credential that was refused is refused by all targets of
   * the provider.
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
    // Without this penalty a target that fails fast would look like a fast target.
    if (blamed) this.latency.observe(Math.max(tookMs, LEAST_PENALTY_MS, this.latency.read(nowMs) * 2), nowMs);
    const slot = this.slots[trip.slot]!;
    if (why === 'rate_limit') this.#coolDown(trip, retryAfterMs ?? RATE_COOLDOWN_MS, nowMs);
    else if (why === 'overload')
      this.#cooldownUntilMs = later(this.#cooldownUntilMs, retryAfterMs ?? OVERLOAD_COOLDOWN_MS, nowMs);
    else if (why === 'not_found') this.#cooldownUntilMs = later(this.#cooldownUntilMs, NOT_FOUND_COOLDOWN_MS, nowMs);
    else if (why === 'credential' && !everywhere) this.#coolDown(trip, CREDENTIAL_COOLDOWN_MS, nowMs);
    else if (why === 'quota' || why === 'credential') {
      const ms = why === 'credential' ? CREDENTIAL_COOLDOWN_MS : Math.max(QUOTA_COOLDOWN_MS, retryAfterMs ?? 0);
      slot.credential.cooldownUntilMs = later(slot.credential.cooldownUntilMs, ms, nowMs);
      slot.credential.why = why;
    }
  }

  /** The attempt was given up, which says nothing about the target. */
  abandoned(trip: Trip, nowMs: number): void {
    this.#end(trip, 'unknown', nowMs);
  }

  /** Closes the breaker and ends every cooldown. */
  release(): void {
    this.breaker.release();
    this.#cooldownUntilMs = 0;
    for (const slot of this.slots) {
      slot.cooldownUntilMs = 0;
      slot.credential.cooldownUntilMs = 0;
      slot.credential.why = null;
    }
  }

  #end(trip: Trip, verdict: Verdict, nowMs: number): void {
    this.inFlight--;
    this.breaker.end(trip.pass, verdict, nowMs);
  }

  #coolDown(trip: Trip, ms: number, nowMs: number): void {
    const slot = this.slots[trip.slot]!;
    slot.cooldownUntilMs = later(slot.cooldownUntilMs, ms, nowMs);
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

const slotReadyAt = ({ credential, cooldownUntilMs }: Slot): number =>
  Math.max(cooldownUntilMs, credential.cooldownUntilMs);

const later = (untilMs: number, ms: number, nowMs: number): number =>
  Math.max(untilMs, nowMs + Math.min(Math.max(0, ms), LONGEST_COOLDOWN_MS));
