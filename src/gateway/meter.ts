/**
 * One attempt, from the first byte to the last: bytes flow through, and usage is read as they pass. Nothing is written to
 * the caller before the first that was generated (the frame of an answer is held back until then, and with a probe the
 * beginning of its text), so that an upstream which fails before can still be answered for by another one. The closing bytes
 * of a stream are left to the request path, which writes the ledger first.
 */

import type { UpstreamFailure } from '../formats/failure.js';
import type { Answer, StreamReader } from '../formats/translation.js';
import type { Usage } from '../formats/usage.js';
import { GatheredBytes } from '../lib/gathered-bytes.js';
import { exhaustedMs, retryAfterMs, tightestResetMs } from '../router/limit-headers.js';
import { type AnswerHeaders, attempt, type Flow, type UpstreamEvents } from '../upstream/attempt.js';
import { fanOut } from '../upstream/fan-out.js';
import { errorTypeIn } from './answer-headers.js';
import type { Carried, Carry, Times } from './carried.js';

const WITHHELD: UpstreamFailure = {
  kind: 'in_band',
  status: 400,
  code: 'content_filter',
  meaning: 'content_policy',
  message: "The answer was withheld by the provider's content policy.",
};

const EMPTY: UpstreamFailure = {
  kind: 'in_band',
  status: 502,
  meaning: 'transient',
  message: 'The upstream answered with nothing: neither content nor a call of a tool.',
};

const LARGEST_ANSWER_BYTES = 128 * 1024 * 1024;
const LARGEST_ERROR_BYTES = 64 * 1024;
/** How much of a stream the ledger does not know of, at most, should the gateway be killed. */
const PROGRESS_MS = 500;

export class Meter implements UpstreamEvents {
  readonly #plan: Carry;
  readonly #resolve: (carried: Carried) => void;
  readonly #sentAt: number;
  #gathered = new GatheredBytes();
  #flow: Flow | undefined;
  #status = 0;
  #retryAfterMs: number | undefined;
  #errorType: string | undefined;
  #reading: StreamReader | undefined;
  #wasSent = false;
  #firstByteAt: number | null = null;
  #notedAt: number;
  #exhaustedMs = 0;
  #resetMs: number | undefined;
  #providerRequestId: string | undefined;
  /** What arrived before anything was written; undefined once something was. */
  #held: Buffer[] | undefined = [];
  #probeTimer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(plan: Carry, resolve: (carried: Carried) => void) {
    this.#plan = plan;
    this.#resolve = resolve;
    this.#sentAt = plan.clock.monotonic();
    this.#notedAt = this.#sentAt;
  }

  start(): void {
    const { call, parts, deadlines, writer, stream, keepAlive } = this.#plan;
    writer.onGone(() => this.#finish((times) => ({ kind: 'gone', times, reading: this.#reading, superseded: false })));
    keepAlive?.attempt();
    if (stream) writer.onDrain(() => this.#drained());
    if (this.#over) return;
    const flow = parts ? fanOut(parts.plan, this, deadlines) : attempt(call, this, deadlines);
    this.#flow = flow;
    if (this.#over) flow.abort();
  }

  #drained(): void {
    this.#plan.keepAlive?.drained();
    this.#flow?.resume();
  }

  onSending(): void {
    if (this.#wasSent) return;
    this.#wasSent = true;
    this.#plan.onSending?.();
  }

  onHeaders(status: number, headers: AnswerHeaders): void {
    try {
      this.#headers(status, headers);
    } catch (error) {
      this.onFault(error);
    }
  }

  #headers(status: number, headers: AnswerHeaders): void {
    this.#status = status;
    const { limitHeaders, clock, stream, translation } = this.#plan;
    if (status >= 300) {
      this.#retryAfterMs = retryAfterMs(headers, clock.now());
      this.#errorType = errorTypeIn(headers, this.#plan.errorTypeHeader);
    }
    const theirs = headers.get(this.#plan.requestIdHeader);
    if (theirs && theirs !== this.#plan.requestId) this.#providerRequestId = theirs.slice(0, 200);
    this.#exhaustedMs = exhaustedMs(headers, limitHeaders, clock.now());
    if (status === 429 || status === 503) this.#resetMs = tightestResetMs(headers, limitHeaders, clock.now());
    if (status >= 300 || !stream) return this.#expect(headers);
    const type = headers.get('content-type') ?? '';
    // An upstream that cannot stream answers a stream request with JSON; a page is never an answer.
    if (/json|html/i.test(type)) return this.#expect(headers);
    this.#reading = translation.stream();
    this.#plan.keepAlive?.begun(this.#reading);
  }

  #expect(headers: AnswerHeaders): void {
    const announced = Number(headers.get('content-length') ?? 0);
    if (announced > 0 && announced <= LARGEST_ANSWER_BYTES && headers.get('content-encoding') === undefined)
      this.#gathered = new GatheredBytes(announced);
  }

  onData(chunk: Buffer): void {
    if (this.#over) return;
    if (this.#firstByteAt === null) this.#begins();
    try {
      if (this.#reading) this.#passOn(this.#reading, chunk);
      else this.#collect(chunk);
    } catch (error) {
      this.onFault(error);
    }
  }

  #begins(): void {
    this.#firstByteAt = this.#plan.clock.monotonic();
    if (this.#status < 300) this.#plan.onFirstByte?.();
  }

  #passOn(reading: StreamReader, chunk: Buffer): void {
    const bytes = reading.push(chunk);
    if (this.#isStopped(reading)) return;
    if (!this.#held) {
      if (bytes.length > 0) this.#write(bytes);
    } else if (!reading.failure) {
      if (bytes.length > 0) this.#held.push(bytes);
      this.#release(reading);
    }
    if (this.#over) return;
    if (reading.failure) this.onFailure(reading.failure);
    else if (reading.done) this.#finish((times) => ({ kind: 'streamed', times, reading }));
    else if (this.#plan.progress) this.#note(reading, this.#plan.progress);
  }

  /** A guard has read something that is not to be told; what it let through before was. */
  #isStopped(reading: StreamReader): boolean {
    const refusal = this.#plan.stopped?.(reading);
    if (!refusal) return false;
    this.#finish((times) => ({ kind: 'blocked', times, refusal, reading, answer: undefined }));
    return true;
  }

  #note(reading: StreamReader, progress: NonNullable<Carry['progress']>): void {
    const now = this.#plan.clock.monotonic();
    if (now - this.#notedAt < PROGRESS_MS) return;
    this.#notedAt = now;
    progress.note(reading);
  }

  /** Writes what was held back, once there is enough of it. */
  #release(reading: StreamReader, waited = false): void {
    const { probe, avoidPolicy } = this.#plan;
    if (reading.filtered && avoidPolicy) return this.onFailure(WITHHELD);
    if (!reading.begun && !reading.done) return;
    if (this.#plan.refuseEmpty && reading.empty && !reading.filtered) {
      // Reasoning is passed on as it comes, and the stream that it begins is one.
      if (reading.done) return this.onFailure(EMPTY);
      if (reading.chars === 0) return;
    }
    if (probe && !waited && !reading.done && reading.chars < probe.text) {
      this.#probeTimer ??= setTimeout(() => this.#releaseLate(reading), probe.wait);
      return;
    }
    if (!this.#held || !this.#claims()) return;
    const held = this.#held;
    this.#held = undefined;
    for (const bytes of held) this.#write(bytes);
  }

  #releaseLate(reading: StreamReader): void {
    try {
      this.#release(reading, true);
    } catch (error) {
      this.onFault(error);
    }
  }

  /** Whether this attempt may answer the caller; where not, it ends here. */
  #claims(): boolean {
    const { claim } = this.#plan;
    if (!claim || claim()) return true;
    this.supersede();
    return false;
  }

  /** Another attempt answered first. */
  supersede(): void {
    this.#finish((times) => ({ kind: 'gone', times, reading: this.#reading, superseded: true }));
  }

  #write(bytes: Buffer): void {
    const { writer, keepAlive } = this.#plan;
    if (!writer.started) writer.head(200, this.#plan.streamHead());
    const taken = writer.write(bytes);
    keepAlive?.wrote(taken);
    if (!taken) this.#flow?.pause();
  }

  #collect(chunk: Buffer): void {
    if (this.#status >= 300) {
      const room = LARGEST_ERROR_BYTES - this.#gathered.length;
      if (room > 0) this.#gathered.push(room < chunk.length ? chunk.subarray(0, room) : chunk);
    } else if (this.#gathered.length + chunk.length <= LARGEST_ANSWER_BYTES) this.#gathered.push(chunk);
    else
      this.onFailure({
        kind: 'garbage',
        message: `The upstream's answer is larger than ${LARGEST_ANSWER_BYTES} bytes.`,
      });
  }

  onEnd(): void {
    if (this.#over) return;
    try {
      this.#end();
    } catch (error) {
      this.onFault(error);
    }
  }

  #end(): void {
    const { translation } = this.#plan;
    if (this.#reading) {
      const reading = this.#reading;
      reading.end();
      if (this.#isStopped(reading)) return;
      if (this.#held && !reading.failure) this.#release(reading);
      if (this.#over) return;
      if (reading.failure) this.onFailure(reading.failure);
      else this.#finish((times) => ({ kind: 'streamed', times, reading }));
      return;
    }
    const body = this.#gathered.take();
    if (this.#status >= 300) return this.onFailure(translation.failure(this.#status, body));
    const answer = translation.answer(body);
    if (answer instanceof Promise) answer.then((read) => this.#answered(read)).catch((error) => this.onFault(error));
    else this.#answered(answer);
  }

  #answered(answer: Answer): void {
    if (this.#over) return;
    if (!answer.ok) return this.#fail(answer.failure, answer.usage);
    if (this.#plan.refuseEmpty && answer.empty && !answer.filtered) return this.#fail(EMPTY, answer.usage);
    if (this.#claims()) this.#finish((times) => ({ kind: 'whole', times, answer }));
  }

  /** An error status is the upstream's answer, also where the rest of it does not come, or cannot be read. */
  onFailure(cause: UpstreamFailure): void {
    const unfinished = this.#status >= 300 && cause.kind !== 'status' && cause.kind !== 'in_band';
    this.#fail(unfinished ? this.#errorSoFar(cause) : cause, undefined);
  }

  #fail(failure: UpstreamFailure, usage: Usage | undefined): void {
    const told = {
      ...failure,
      ...(this.#retryAfterMs !== undefined && { retryAfterMs: this.#retryAfterMs }),
      ...(this.#errorType !== undefined && { type: failure.type ?? this.#errorType }),
    };
    this.#finish((times) => ({
      kind: 'failed',
      times,
      failure: told,
      reading: this.#reading,
      usage: usage ?? this.#plan.parts?.usage(),
      committed: this.#held === undefined,
    }));
  }

  #errorSoFar(otherwise: UpstreamFailure): UpstreamFailure {
    try {
      return this.#plan.translation.failure(this.#status, this.#gathered.take());
    } catch (error) {
      this.onFault(error);
      return otherwise;
    }
  }

  /** What is not the upstream's doing: an error in a reader, in a translator or in a head. */
  onFault(error: unknown): void {
    this.#finish((times) => ({ kind: 'fault', times, error, reading: this.#reading }));
  }

  #finish(outcome: (times: Times) => Carried): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#probeTimer);
    const endedAt = this.#plan.clock.monotonic();
    const carried = outcome({
      sentAt: this.#sentAt,
      wasSent: this.#wasSent,
      firstByteAt: this.#firstByteAt,
      endedAt,
      exhaustedMs: this.#exhaustedMs,
      resetMs: this.#resetMs,
      providerRequestId: this.#providerRequestId,
    });
    // After its end mark a stream is left to end by itself, so that its connection can serve the next request.
    if (carried.kind !== 'streamed') this.#flow?.abort();
    this.#resolve(carried);
  }
}
