/**
 * One request of a caller as several to the same upstream, where that takes one thing at a time: a few at once, their answers joined in
 * order when all are there. The first that fails is the failure of all, and the rest is given up. What was answered by then is kept
 * in `answers`: whoever asks the same upstream again hands it in, and it is neither sent nor paid for twice.
 */
import type { UpstreamFailure } from '../formats/failure.js';
import { GatheredBytes } from '../lib/gathered-bytes.js';
import { type AnswerHeaders, attempt, type Flow, type UpstreamCall, type UpstreamEvents } from './attempt.js';
import type { Deadlines } from './deadline.js';

/** Requests that run at once. */
const MOST_AT_ONCE = 8;
/** No part is answered with more. */
const LARGEST_PART_BYTES = 4 * 1024 * 1024;

export interface FanOutPlan {
  readonly calls: readonly UpstreamCall[];
  /** Of each call; undefined: not yet. Those that are there already are not sent. */
  readonly answers: (Buffer | undefined)[];
  /** Whether a body of a good status is an answer. */
  isAnswer(body: Buffer): boolean;
  join(answers: readonly Buffer[]): Buffer;
  readonly now: () => number;
}

export function fanOut(plan: FanOutPlan, events: UpstreamEvents, deadlines: Deadlines): Flow {
  const all = new FanOut(plan, events, deadlines);
  all.start();
  return all;
}

class FanOut implements Flow {
  readonly #plan: FanOutPlan;
  readonly #events: UpstreamEvents;
  readonly #deadlines: Deadlines;
  readonly #begunAt: number;
  readonly #waiting: number[];
  readonly #running = new Map<number, Flow>();
  #over = false;

  constructor(plan: FanOutPlan, events: UpstreamEvents, deadlines: Deadlines) {
    this.#plan = plan;
    this.#events = events;
    this.#deadlines = deadlines;
    this.#begunAt = plan.now();
    this.#waiting = [...plan.calls.keys()].filter((part) => plan.answers[part] === undefined);
  }

  start(): void {
    while (!this.#over && this.#running.size < MOST_AT_ONCE) {
      const part = this.#waiting.shift();
      if (part === undefined) return;
      this.#ask(part);
    }
  }

  /** What comes is small, and is read whole. */
  pause(): void {}
  resume(): void {}

  abort(): void {
    this.#over = true;
    for (const flow of this.#running.values()) flow.abort();
    this.#running.clear();
  }

  /** All of them together have the time that one request has. */
  #ask(part: number): void {
    const call = this.#plan.calls[part]!;
    const total = Math.max(1, call.timeouts.total - (this.#plan.now() - this.#begunAt));
    const reading = new Part(this.#events, (failure) => this.#ended(part, reading, failure));
    this.#running.set(part, NO_FLOW);
    const flow = attempt({ ...call, timeouts: { ...call.timeouts, total } }, reading, this.#deadlines);
    if (this.#over) flow.abort();
    else if (this.#running.has(part)) this.#running.set(part, flow);
  }

  #ended(part: number, reading: Part, failure: UpstreamFailure | undefined): void {
    if (this.#over) return;
    this.#running.delete(part);
    const body = reading.body();
    const { answers, isAnswer, join, calls } = this.#plan;
    const isGood = failure === undefined && reading.status < 300 && isAnswer(body);
    if (!isGood) return this.#tell(reading, body, failure);
    answers[part] = body;
    if (this.#waiting.length === 0 && this.#running.size === 0) {
      const whole = answers.filter((one) => one !== undefined);
      if (whole.length === calls.length) this.#tell(reading, join(whole), undefined);
    } else this.start();
  }

  #tell({ status, headers }: Part, body: Buffer, failure: UpstreamFailure | undefined): void {
    this.abort();
    if (headers) this.#events.onHeaders(status, new Told(headers));
    if (body.length > 0) this.#events.onData(body);
    if (failure) this.#events.onFailure(failure);
    else this.#events.onEnd();
  }
}

const NO_FLOW: Flow = { pause() {}, resume() {}, abort() {} };

/** Headers that describe the bytes of one part are not those of what is told. */
class Told implements AnswerHeaders {
  readonly #headers: AnswerHeaders;

  constructor(headers: AnswerHeaders) {
    this.#headers = headers;
  }

  get(name: string): string | undefined {
    return name === 'content-length' || name === 'content-encoding' ? undefined : this.#headers.get(name);
  }
}

class Part implements UpstreamEvents {
  readonly #events: UpstreamEvents;
  readonly #ended: (failure: UpstreamFailure | undefined) => void;
  readonly #gathered = new GatheredBytes();
  status = 0;
  headers: AnswerHeaders | undefined;

  constructor(events: UpstreamEvents, ended: (failure: UpstreamFailure | undefined) => void) {
    this.#events = events;
    this.#ended = ended;
  }

  body(): Buffer {
    return this.#gathered.take();
  }

  onSending(): void {
    this.#events.onSending?.();
  }

  onHeaders(status: number, headers: AnswerHeaders): void {
    this.status = status;
    this.headers = headers;
  }

  onData(chunk: Buffer): void {
    if (this.#gathered.length + chunk.length <= LARGEST_PART_BYTES) this.#gathered.push(chunk);
    else this.#ended({ kind: 'garbage', message: `The upstream's answer is larger than ${LARGEST_PART_BYTES} bytes.` });
  }

  onEnd(): void {
    this.#ended(undefined);
  }

  onFailure(failure: UpstreamFailure): void {
    this.#ended(failure);
  }
}
