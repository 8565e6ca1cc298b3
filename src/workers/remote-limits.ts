/**
 * The limits as a worker has them: every step is taken in the primary, in the one store that all workers share, so it is as atomic
 * for requests of different workers as for those of one. Steps of one turn of the event loop go out together. A settlement is not
 * waited for: it arrives before whatever this worker asks next, and before the answer of its request has reached the client where
 * the hold has a slot (`concurrent`), which that client may want again at once.
 *
 * With the primary gone nothing is admitted, and the worker ends.
 */
import type { Clock } from '../lib/clock.js';
import { type Actuals, checked, type Estimate, nothing } from '../limits/amount.js';
import type { Crossing, Denial } from '../limits/denial.js';
import { type Certainty, Hold, Part, writeActuals } from '../limits/hold.js';
import type { Limit } from '../limits/limit.js';
import type { AmendRequest, LimitReading, LimitsEngine, ReserveRequest, ReserveResult } from '../limits/limits.js';
import { DEFINE, DENIED, FORGET, RESERVE, RESERVED, SETTLE, UNAVAILABLE } from './limit-messages.js';
import { type Link, LinkEnded, type Message } from './link.js';

interface Asked {
  readonly hold: Hold;
  /** Kept until the answer names them. */
  readonly limits: readonly Limit[];
  readonly estimate: Estimate;
  /** What it had, where more is asked for. */
  readonly before: readonly Part[];
  readonly resolve: (result: ReserveResult) => void;
  readonly reject: (error: Error) => void;
}

const NONE: readonly never[] = [];
const UNAVAILABLE_MS = 1_000;

export class RemoteLimits implements LimitsEngine {
  readonly state = 'primary';
  readonly #link: Pick<Link, 'post' | 'postLater' | 'flush' | 'call'>;
  readonly #clock: Clock;
  readonly #numbers = new WeakMap<Limit, number>();
  readonly #byNumber = new Map<number, WeakRef<Limit>>();
  readonly #forgotten = new FinalizationRegistry<number>((number) => {
    this.#byNumber.delete(number);
    this.#link.post([FORGET, number]);
  });
  readonly #asked = new Map<number, Asked>();
  readonly #holds = new WeakMap<Hold, number>();
  #limits = 0;
  #reservations = 0;
  #aheadMs = 0;

  constructor(link: Pick<Link, 'post' | 'postLater' | 'flush' | 'call'>, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
  }

  /** The wall clock that the primary's limits go by. */
  nowMs(): number {
    return this.#clock.now() + this.#aheadMs;
  }

  /** By how much that clock is ahead of this machine's: Redis has its own. */
  clockIsAhead(ms: number): void {
    this.#aheadMs = ms;
  }

  reserve(request: ReserveRequest): ReserveResult | Promise<ReserveResult> {
    const { id, limits, note = '', stated = false } = request;
    const estimate = checked(request.estimate);
    const hold = new Hold(id, note, NONE, 0);
    if (limits.length === 0) {
      hold.outputTokens = estimate.output.want;
      return { kind: 'reserved', hold };
    }
    const number = ++this.#reservations;
    this.#holds.set(hold, number);
    const { inputTokens, inputTokensMost, inputNanoMost, outputPicoMost, output } = estimate;
    this.#link.post([
      RESERVE,
      number,
      id,
      note,
      stated ? 1 : 0,
      inputTokens,
      inputTokensMost,
      inputNanoMost,
      outputPicoMost,
      output.want,
      output.min,
      output.expected,
      ...limits.map((limit) => this.#numberOf(limit)),
    ]);
    return new Promise((resolve, reject) =>
      this.#asked.set(number, { hold, limits, estimate, before: NONE, resolve, reject }),
    );
  }

  async amend(hold: Hold, { limits, estimate, free = NONE }: AmendRequest): Promise<ReserveResult> {
    const number = this.#holds.get(hold);
    if (hold.closing || number === undefined) return { kind: 'unavailable', retryAfterMs: UNAVAILABLE_MS };
    const numbers = (all: readonly Limit[]) => all.map((limit) => this.#numberOf(limit));
    const answer = await this.#link.call('limits', 'amend', [
      number,
      numbers(limits),
      checked(estimate),
      numbers(free),
    ]);
    return this.#resultOf(answer as Message, hold, estimate, hold.parts);
  }

  /** What was crossed is told by the primary. */
  settle(hold: Hold, used: Actuals | ((limit: Limit) => Actuals), certainty: Certainty): readonly Crossing[] {
    if (hold.closing) return NONE;
    writeActuals(hold, typeof used === 'function' ? used : () => used, 'exact');
    hold.closing = true;
    const number = this.#holds.get(hold);
    if (number === undefined) return NONE;
    const message: unknown[] = [SETTLE, number, certainty === 'exact' ? 1 : 0];
    let slot = false;
    for (const { limit, actual } of hold.parts) {
      message.push(this.#numberOf(limit), actual);
      if (limit.kind === 'concurrent') slot = true;
    }
    this.#link.postLater(message);
    if (slot) this.#link.flush();
    return NONE;
  }

  async release(hold: Hold): Promise<void> {
    this.settle(hold, nothing, 'exact');
  }

  /** Whoever asks what is used asks the primary. */
  async read(): Promise<readonly LimitReading[] | undefined> {
    return undefined;
  }

  /** An answer of the primary to a reservation; false: it is something else. */
  take(message: Message): boolean {
    const [kind, number] = message as [number, number];
    if (kind !== RESERVED && kind !== DENIED && kind !== UNAVAILABLE) return false;
    const asked = this.#asked.get(number);
    if (!asked) return true;
    this.#asked.delete(number);
    asked.resolve(this.#resultOf(message, asked.hold, asked.estimate, asked.before));
    return true;
  }

  /** The primary has ended. */
  end(): void {
    for (const { reject } of this.#asked.values()) reject(new LinkEnded('the primary process has ended'));
    this.#asked.clear();
  }

  #numberOf(limit: Limit): number {
    let number = this.#numbers.get(limit);
    if (number === undefined) {
      number = ++this.#limits;
      this.#numbers.set(limit, number);
      this.#byNumber.set(number, new WeakRef(limit));
      this.#forgotten.register(limit, number);
      this.#link.post([DEFINE, number, limit.scope, limit.spec, limit.sinceMs]);
    }
    return number;
  }

  #resultOf(message: Message, hold: Hold, estimate: Estimate, before: readonly Part[]): ReserveResult {
    const [kind, , ...rest] = message as [number, number, ...number[]];
    if (kind === RESERVED) return this.#reserved(rest, hold, estimate, before);
    if (kind === DENIED) return { kind: 'denied', denial: this.#denialOf(message) };
    return { kind: 'unavailable', retryAfterMs: rest[0]! };
  }

  #reserved(told: readonly number[], hold: Hold, estimate: Estimate, before: readonly Part[]): ReserveResult {
    const [atMs, outputTokens] = told;
    hold.outputTokens = outputTokens!;
    const parts: Part[] = [];
    for (let i = 2; i < told.length; i += 3) {
      const limit = this.#byNumber.get(told[i]!)?.deref();
      if (!limit) continue;
      const own = before.find((part) => part.limit === limit);
      const part = own ?? new Part(limit, estimate, atMs!, null);
      part.remaining = told[i + 1]!;
      part.resetMs = told[i + 2]!;
      parts.push(part);
    }
    hold.parts = parts;
    return { kind: 'reserved', hold };
  }

  #denialOf(message: Message): Denial {
    const [, , , number, max, spent, held, remaining, asked, retryAfterMs, windowEndsAtMs, affordableOutput] =
      message as [
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number | null,
        number | null,
        number,
      ];
    const limit = this.#byNumber.get(number)!.deref()!;
    return { limit, max, spent, held, remaining, asked, retryAfterMs, windowEndsAtMs, affordableOutput };
  }
}
