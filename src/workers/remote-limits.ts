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
import { DEFINE, DENIED, FORGET, PARTS_FROM, RESERVE, RESERVED, SETTLE, UNAVAILABLE } from './limit-messages.js';
import { type Link, LinkEnded, type Message } from './link.js';

const NONE: readonly never[] = [];
const UNAVAILABLE_MS = 1_000;

/** A hold of which the primary knows by its number. */
class NumberedHold extends Hold {
  readonly number: number;

  constructor(id: string, note: string, number: number) {
    super(id, note, NONE, 0);
    this.number = number;
  }
}

interface Asked {
  readonly hold: Hold;
  /** Those that the answer may name, and their numbers. */
  readonly limits: readonly Limit[];
  readonly numbers: readonly number[];
  readonly estimate: Estimate;
  readonly resolve: (result: ReserveResult) => void;
  readonly reject: (error: Error) => void;
}

export class RemoteLimits implements LimitsEngine {
  readonly state = 'primary';
  readonly #link: Pick<Link, 'post' | 'postLater' | 'flush' | 'call'>;
  readonly #clock: Clock;
  readonly #numbers = new WeakMap<Limit, number>();
  readonly #forgotten = new FinalizationRegistry<number>((number) => this.#link.post([FORGET, number]));
  readonly #asked = new Map<number, Asked>();
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
    const number = ++this.#reservations;
    const hold = new NumberedHold(id, note, number);
    if (limits.length === 0) {
      hold.outputTokens = estimate.output.want;
      return { kind: 'reserved', hold };
    }
    const numbers = this.#numbersOf(limits);
    const { inputTokens, inputTokensMost, inputNanoMost, outputPicoMost, output } = estimate;
    const message: unknown[] = [RESERVE, number, id, note, stated ? 1 : 0];
    message.push(inputTokens, inputTokensMost, inputNanoMost, outputPicoMost);
    message.push(output.want, output.min, output.expected);
    for (const one of numbers) message.push(one);
    this.#link.post(message);
    return new Promise((resolve, reject) =>
      this.#asked.set(number, { hold, limits, numbers, estimate, resolve, reject }),
    );
  }

  async amend(hold: Hold, { limits, estimate, free = NONE }: AmendRequest): Promise<ReserveResult> {
    if (hold.closing || !(hold instanceof NumberedHold)) return { kind: 'unavailable', retryAfterMs: UNAVAILABLE_MS };
    const before = hold.parts;
    const named = [...limits, ...before.map(({ limit }) => limit)];
    const numbers = this.#numbersOf(named);
    const answer = await this.#link.call('limits', 'amend', [
      hold.number,
      numbers.slice(0, limits.length),
      checked(estimate),
      this.#numbersOf(free),
    ]);
    return resultOf(answer as Message, { hold, limits: named, numbers, estimate }, before);
  }

  /** What was crossed is told by the primary. */
  settle(hold: Hold, used: Actuals | ((limit: Limit) => Actuals), certainty: Certainty): readonly Crossing[] {
    if (hold.closing) return NONE;
    writeActuals(hold, typeof used === 'function' ? used : () => used, 'exact');
    hold.closing = true;
    if (!(hold instanceof NumberedHold) || hold.parts.length === 0) return NONE;
    const message: unknown[] = [SETTLE, hold.number, certainty === 'exact' ? 1 : 0];
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
    asked.resolve(resultOf(message, asked, NONE));
    return true;
  }

  /** The primary has ended. */
  end(): void {
    for (const { reject } of this.#asked.values()) reject(new LinkEnded('the primary process has ended'));
    this.#asked.clear();
  }

  #numbersOf(limits: readonly Limit[]): readonly number[] {
    const numbers: number[] = [];
    for (const limit of limits) numbers.push(this.#numberOf(limit));
    return numbers;
  }

  #numberOf(limit: Limit): number {
    let number = this.#numbers.get(limit);
    if (number === undefined) {
      number = ++this.#limits;
      this.#numbers.set(limit, number);
      this.#forgotten.register(limit, number);
      this.#link.post([DEFINE, number, limit.scope, limit.spec, limit.sinceMs]);
    }
    return number;
  }
}

type Named = Pick<Asked, 'hold' | 'limits' | 'numbers' | 'estimate'>;

function resultOf(message: Message, asked: Named, before: readonly Part[]): ReserveResult {
  const [kind, , third] = message as readonly number[];
  if (kind === RESERVED) return reserved(message as readonly number[], asked, before);
  if (kind === DENIED) return { kind: 'denied', denial: denialOf(message, asked) };
  return { kind: 'unavailable', retryAfterMs: third! };
}

/** Of each part that the primary took: its limit, what remains, when it is reset. */
function reserved(told: readonly number[], asked: Named, before: readonly Part[]): ReserveResult {
  const { hold, estimate } = asked;
  const atMs = told[2]!;
  hold.outputTokens = told[3]!;
  const parts: Part[] = [];
  for (let i = PARTS_FROM; i < told.length; i += 3) {
    const limit = limitNamed(told[i]!, asked);
    const part = before.find((own) => own.limit === limit) ?? new Part(limit, estimate, atMs, null);
    part.remaining = told[i + 1]!;
    part.resetMs = told[i + 2]!;
    parts.push(part);
  }
  hold.parts = parts;
  return { kind: 'reserved', hold };
}

/** The primary answers with none but those that it was told of. */
const limitNamed = (number: number, { limits, numbers }: Named): Limit => limits[numbers.indexOf(number)]!;

type Told = readonly [
  ...[kind: number, hold: number, atMs: number, limit: number],
  ...[max: number, spent: number, held: number, remaining: number, asked: number],
  ...[retryAfterMs: number | null, windowEndsAtMs: number | null, affordableOutput: number],
];

function denialOf(message: Message, named: Named): Denial {
  const [, , , number, max, spent, held, remaining, asked, retryAfterMs, windowEndsAtMs, affordableOutput] =
    message as Told;
  const limit = limitNamed(number, named);
  return { limit, max, spent, held, remaining, asked, retryAfterMs, windowEndsAtMs, affordableOutput };
}
