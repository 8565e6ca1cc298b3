/**
 * The primary's side of one worker's limits: takes what the worker asks for from the store that all share, and remembers the holds
 * that are open for it. Limits are made of what the worker says of them, once, and named by its numbers.
 *
 * Where the worker has ended its holds stay, and go on to be renewed, until it is known what its requests came to: what it left in
 * its spool is in the ledger first (`close`). So a budget is never thought to have more left than it has.
 */
import type { LimitSpec } from '../lib/limit-spec.js';
import { type Actuals, type Estimate, nothing } from '../limits/amount.js';
import { type AttemptUse, countedBy, usedBy } from '../limits/attempt-use.js';
import type { Crossing, Denial } from '../limits/denial.js';
import type { Hold } from '../limits/hold.js';
import { Limit, type Scope } from '../limits/limit.js';
import type { Limits, ReserveResult } from '../limits/limits.js';
import type { Ended, OpenRisk } from '../limits/open-risk.js';
import {
  DEFINE,
  DENIED,
  ESTIMATE_FROM,
  FORGET,
  LIMITS_FROM,
  RESERVE,
  RESERVED,
  SETTLE,
  UNAVAILABLE,
} from './limit-messages.js';
import type { Message } from './link.js';

export interface DeskDeps {
  readonly limits: Pick<Limits, 'reserve' | 'amend' | 'settle' | 'nowMs'>;
  /** Of all workers together. */
  readonly risk: OpenRisk;
  readonly onDenied: (denial: Denial) => void;
  readonly onCrossings: (crossings: readonly Crossing[]) => void;
  readonly onFault: (error: unknown) => void;
}

/** What the ledger has of holds, by their ids; those without entries are left out. */
export type AttemptsOf = (
  holds: readonly { readonly hold: string; readonly requestId: string }[],
) => Promise<ReadonlyMap<string, readonly AttemptUse[]>>;

interface Open {
  readonly hold: Hold;
  readonly ended: Ended | undefined;
}

export class LimitsDesk {
  readonly #deps: DeskDeps;
  readonly #post: (message: Message) => void;
  readonly #worker: number;
  readonly #limits = new Map<number, Limit>();
  readonly #numbers = new Map<Limit, number>();
  readonly #open = new Map<number, Open>();
  #gone = false;

  constructor(deps: DeskDeps, worker: number, post: (message: Message) => void) {
    this.#deps = deps;
    this.#worker = worker;
    this.#post = post;
  }

  /** How many holds are open. */
  get size(): number {
    return this.#open.size;
  }

  /** False: the message is about something else. */
  take(message: Message): boolean {
    switch (message[0]) {
      case RESERVE:
        this.#reserve(message);
        return true;
      case SETTLE:
        this.#settle(message as readonly number[]);
        return true;
      case DEFINE: {
        const [, number, scope, spec, sinceMs] = message as [number, number, Scope, LimitSpec, number];
        const limit = new Limit(scope, spec, sinceMs);
        this.#limits.set(number, limit);
        this.#numbers.set(limit, number);
        return true;
      }
      case FORGET: {
        const number = message[1] as number;
        const limit = this.#limits.get(number);
        this.#limits.delete(number);
        if (limit) this.#numbers.delete(limit);
        return true;
      }
      default:
        return false;
    }
  }

  /** The port that the worker calls. */
  readonly port = {
    amend: async (
      number: number,
      limits: readonly number[],
      estimate: Estimate,
      free: readonly number[],
    ): Promise<Message> => {
      const open = this.#open.get(number);
      if (!open) return [UNAVAILABLE, number, 1_000];
      const atMs = this.#deps.limits.nowMs();
      const done = await this.#deps.limits.amend(open.hold, {
        limits: limits.map((one) => this.#limits.get(one)!),
        estimate,
        free: free.map((one) => this.#limits.get(one)!),
      });
      if (done.kind === 'denied') this.#deps.onDenied(done.denial);
      return this.#told(number, atMs, done);
    },
  };

  /** Nobody will settle what is open. */
  leave(): void {
    this.#gone = true;
  }

  /**
   * Closes what is open at what the ledger has of it. Throws where that cannot be known now. A request that is in no entry was
   * not sent to anybody, and counts as a request; so does one of a classic route, whose hold has no note.
   */
  async close(attemptsOf: AttemptsOf): Promise<void> {
    const all = [...this.#open.values()];
    if (all.length === 0) return;
    const noted = all.filter(({ hold }) => hold.note !== '');
    const known = await attemptsOf(noted.map(({ hold }) => ({ hold: hold.id, requestId: hold.note })));
    for (const [number, { hold }] of [...this.#open]) {
      const attempts = known.get(hold.id);
      const used = (limit: Limit): Actuals =>
        attempts ? usedBy(countedBy(limit), attempts) : { ...nothing, requests: 1 };
      this.#end(number, used, 'exact');
    }
  }

  #reserve(message: Message): void {
    const [, number, id, note, stated] = message as [number, number, string, string, number];
    const given = estimateOf(message as readonly number[]);
    const limits: Limit[] = [];
    for (let i = LIMITS_FROM; i < message.length; i++) limits.push(this.#limits.get(message[i] as number)!);
    const { limits: engine, risk } = this.#deps;
    const { estimate, ended } = stated ? risk.take(limits, given) : { estimate: given, ended: undefined };
    const atMs = engine.nowMs();
    const conclude = (done: ReserveResult): void => {
      if (done.kind === 'reserved') this.#keep(number, { hold: done.hold, ended });
      else ended?.();
      if (done.kind === 'denied') this.#deps.onDenied(done.denial);
      if (!this.#gone) this.#post(this.#told(number, atMs, done));
    };
    const failed = (error: unknown): void => {
      ended?.();
      this.#deps.onFault(error);
      this.#post([UNAVAILABLE, number, 1_000]);
    };
    try {
      // Two requests of classic routes may come with one id.
      const unique = id.startsWith('route ') ? `${id} ${this.#worker}` : id;
      const done = engine.reserve({ id: unique, limits, estimate, note });
      if (done instanceof Promise) done.then(conclude).catch(failed);
      else conclude(done);
    } catch (error) {
      failed(error);
    }
  }

  /** Where the worker has ended meanwhile nothing was sent, and what was taken is given back. */
  #keep(number: number, open: Open): void {
    this.#open.set(number, open);
    if (this.#gone) this.#end(number, nothing, 'exact');
  }

  #settle(message: readonly number[]): void {
    const [, number, exact] = message;
    const used = (limit: Limit): Actuals => {
      const named = this.#numbers.get(limit);
      for (let i = 3; i < message.length; i += 2) if (message[i] === named) return inAll(limit, message[i + 1]!);
      return nothing;
    };
    this.#end(number!, used, exact === 1 ? 'exact' : 'at-least');
  }

  #end(number: number, used: Actuals | ((limit: Limit) => Actuals), certainty: 'exact' | 'at-least'): void {
    const open = this.#open.get(number);
    if (!open) return;
    this.#open.delete(number);
    open.ended?.();
    const { limits, onCrossings, onFault } = this.#deps;
    try {
      const crossed = limits.settle(open.hold, used, certainty);
      if (crossed instanceof Promise) crossed.then(onCrossings).catch(onFault);
      else if (crossed.length > 0) onCrossings(crossed);
    } catch (error) {
      onFault(error);
    }
  }

  #told(number: number, atMs: number, done: ReserveResult): Message {
    if (done.kind === 'unavailable') return [UNAVAILABLE, number, done.retryAfterMs];
    if (done.kind === 'denied') {
      const { limit, max, spent, held, remaining, asked, retryAfterMs, windowEndsAtMs, affordableOutput } = done.denial;
      const numbers = [max, spent, held, remaining, asked, retryAfterMs, windowEndsAtMs, affordableOutput];
      return [DENIED, number, atMs, this.#numbers.get(limit), ...numbers];
    }
    const { parts, outputTokens } = done.hold;
    const message: unknown[] = [RESERVED, number, atMs, outputTokens];
    for (const { limit, remaining, resetMs, window } of parts) {
      if (window && window.startMs > (message[2] as number)) message[2] = window.startMs;
      message.push(this.#numbers.get(limit), remaining, resetMs);
    }
    return message;
  }
}

function estimateOf(message: readonly number[]): Estimate {
  const [inputTokens, inputTokensMost, inputNanoMost, outputPicoMost, want, min, expected] =
    message.slice(ESTIMATE_FROM);
  return {
    inputTokens: inputTokens!,
    inputTokensMost: inputTokensMost!,
    inputNanoMost: inputNanoMost!,
    outputPicoMost: outputPicoMost!,
    output: { want: want!, min: min!, expected: expected! },
  };
}

/** An amount in the unit of a limit as what would come to it. */
function inAll({ spec }: Limit, amount: number): Actuals {
  switch (spec.unit) {
    case 'requests':
      return { ...nothing, requests: amount };
    case 'usd':
      return { ...nothing, usdNano: amount };
    case 'output_tokens':
      return { ...nothing, outputTokens: amount };
    default:
      return { ...nothing, inputTokens: amount };
  }
}
