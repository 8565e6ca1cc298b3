/** How long a request waits for guards that answer elsewhere: to its deadline, and while somebody waits for its answer. */
import type { Model } from '../catalog/model.js';
import type { Clock } from '../lib/clock.js';
import { type Refusal, refuse } from '../lib/errors.js';
import { givenUp } from './given-up.js';
import type { ResponseWriter } from './response-writer.js';
import type { Authenticated } from './stages.js';

export interface Waiter {
  readonly writer: Pick<ResponseWriter, 'gone' | 'interrupted' | 'onGone'>;
  /** Monotonic milliseconds. */
  readonly deadlineMs: number;
}

const late: Refusal = refuse('upstream_timeout', 'The time of the request was over before its guards had answered.');
/** Timers know no longer time. */
const LONGEST_MS = 2 ** 31 - 1;

export class Patience {
  readonly #ended = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  /** Why nothing is waited for any more. */
  refusal: Refusal | undefined;

  /** Without a waiter those who are asked have their own time alone. */
  constructor(waiter: Waiter | undefined, clock: Pick<Clock, 'monotonic'>) {
    if (!waiter) return;
    const { writer, deadlineMs } = waiter;
    const leftMs = Math.min(LONGEST_MS, Math.max(0, deadlineMs - clock.monotonic()));
    this.#timer = setTimeout(() => this.#stop(late), leftMs);
    writer.onGone(() => this.#stop(givenUp(writer)));
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #stop(why: Refusal): void {
    this.refusal ??= why;
    this.#ended.abort();
  }
}

/** Monotonic milliseconds: from the arrival of the whole request on, so that what guards take counts too. */
export const deadlineOf = (
  { context, headers }: Pick<Authenticated, 'context' | 'headers'>,
  { timeouts }: Model,
): number => context.startedAt + Math.min(headers.timeoutMs ?? Number.POSITIVE_INFINITY, timeouts.total);
