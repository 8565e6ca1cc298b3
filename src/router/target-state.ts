/**
 * What the attempts on a target have shown: the state of its breaker, its latency, how many attempts run, and which of its
 * credentials are cooling down. A credential cools down for all targets of its provider where its account is out of money or
 * it was refused, and for this target alone after a rate limit, because providers count those by model. Times are monotonic
 * milliseconds. The state outlives the configuration that named the target.
 */

import type { FailureClass } from '../formats/failure.js';
import type { Breaker, Pass, Verdict } from '../lib/breaker.js';
import { PeakEwma } from './peak-ewma.js';
import { ALWAYS_UP, type ProbeState } from './probe-state.js';
import { Unanswered, Waiting } from './unanswered.js';
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
export type SkipReason =
  | 'no_credential'
  | 'held_open'
  | 'open'
  | 'probing'
  | 'unhealthy'
  | 'resting'
  | 'credentials_resting';

/** One attempt under way. */
export class Trip extends Waiting {
  readonly pass: Pass;
  /** Which of the target's credentials it is sent with. */
  readonly slot: number;

  constructor(sinceMs: number, pass: Pass, slot: number) {
    super(sinceMs);
    this.pass = pass;
    this.slot = slot;
  }
}

const LONGEST_COOLDOWN_MS = 600_000;
const QUOTA_COOLDOWN_MS = 300_000;
const CREDENTIAL_COOLDOWN_MS = 60_000;
const NOT_FOUND_COOLDOWN_MS = 30_000;
const RATE_COOLDOWN_MS = 1_000;
const OVERLOAD_COOLDOWN_MS = 500;
const LEAST_PENALTY_MS = 1_000;
/** Shorter latencies are all the same. */
const LEAST_LATENCY_MS = 1;
/** Of a target that has answered nothing yet: longer than any that is known. */
const UNKNOWN_MS = 1e12;

export class TargetState {
  readonly breaker: Breaker;
  readonly slots: readonly Slot[];
  readonly usage: UsageMeter | null;
  /** False: its provider needs a credential and has none, so that it is never asked. */
  readonly hasCredential: boolean;
  /** What its provider's health probes found. */
  readonly probe: ProbeState;
  readonly latency = new PeakEwma();
  /** Attempts that run. */
  inFlight = 0;
  /** Requests that have chosen the target, and whose attempts have not begun. */
  chosen = 0;
  /** It refused to be asked for the usage of a stream. */
  refusesUsage = false;
  #cooldownUntilMs = 0;
  #turn = 0;
  readonly #unanswered = new Unanswered();

  constructor(
    breaker: Breaker,
    credentials: readonly CredentialState[],
    usage: UsageMeter | null,
    hasCredential = true,
    probe: ProbeState = ALWAYS_UP,
  ) {
    this.probe = probe;
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
    return Math.max(nowMs, this.breaker.readyAt(nowMs), this.#cooldownUntilMs, slotAt, this.probe.readyAt(nowMs));
  }

  /** Attempts that run and that are about to. */
  get load(): number {
    return this.inFlight + this.chosen;
  }

  /** How long a first byte takes, and at least as long as the oldest attempt without one has waited; null: nothing is known. */
  latencyMs(nowMs: number): number | null {
    if (!this.latency.isKnown(nowMs)) return null;
    return Math.max(LEAST_LATENCY_MS, this.latency.read(nowMs), this.#unanswered.waitedMs(nowMs));
  }

  /**
   * What `latency` ranks by: that time, times what runs. Of a target that nothing is known of, one request finds out, and until it
   * has, the target comes last.
   */
  latencyRank(nowMs: number): number {
    const { load } = this;
    const ms = this.latencyMs(nowMs);
    if (ms === null) return load === 0 ? 0 : UNKNOWN_MS * load;
    return ms * (load + 1);
  }

  whyNot(nowMs: number): SkipReason | null {
    if (!this.hasCredential) return 'no_credential';
    const state = this.breaker.state(nowMs);
    if (state === 'held_open' || state === 'open') return state;
    if (this.breaker.readyAt(nowMs) > nowMs) return 'probing';
    if (!this.probe.up) return 'unhealthy';
    if (this.#cooldownUntilMs > nowMs) return 'resting';
    if (this.slots.some((slot) => slotReadyAt(slot) <= nowMs)) return null;
    return this.slots.every(({ credential }) => credential.cooldownUntilMs > nowMs) ? 'credentials_resting' : 'resting';
  }

  /** An attempt begins, with the next credential that is not cooling down. */
  begin(nowMs: number): Trip {
    this.inFlight++;
    this.usage?.begin(nowMs);
    const slot = this.slots.length === 1 ? 0 : this.#nextSlot(nowMs);
    const trip = new Trip(nowMs, this.breaker.begin(nowMs), slot);
    this.#unanswered.add(trip);
    return trip;
  }

  /** The first byte of an answer came. */
  heard(trip: Trip, nowMs: number): void {
    if (!trip.waits) return;
    this.#unanswered.remove(trip);
    this.latency.observe(nowMs - trip.sinceMs, nowMs);
  }

  /**
   * The attempt was answered, `firstByteMs` after it was sent. `exhaustedMs`: the headers of the answer say that a rate limit is
   * used up for so long.
   */
  succeeded(trip: Trip, firstByteMs: number, exhaustedMs: number, nowMs: number): void {
    if (trip.waits) this.latency.observe(firstByteMs, nowMs);
    this.#end(trip, 'success', nowMs);
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
    const waitedMs = trip.waits ? tookMs : 0;
    this.#end(trip, blamed ? 'failure' : why === 'transient' || why === 'overload' ? 'unknown' : 'success', nowMs);
    // Without this penalty a target that fails fast would look like a fast target.
    if (blamed) this.latency.observe(Math.max(waitedMs, LEAST_PENALTY_MS, this.latency.read(nowMs) * 2), nowMs);
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

  /**
   * The attempt was given up, which says nothing about the target but that it had not answered for so long; `waited`: it was
   * waited for until then.
   */
  abandoned(trip: Trip, nowMs: number, waited = true): void {
    const waitedMs = nowMs - trip.sinceMs;
    if (waited && trip.waits && waitedMs > this.latency.read(nowMs))
      this.latency.observe(this.latency.isKnown(nowMs) ? waitedMs : Math.max(waitedMs, LEAST_PENALTY_MS), nowMs);
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
    this.#unanswered.remove(trip);
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
