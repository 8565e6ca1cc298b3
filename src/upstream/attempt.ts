/**
 * One request to one upstream, as callbacks: headers, pieces, and exactly one of `onEnd` and `onFailure`. Bytes are handed
 * on as they arrive, `pause` and `resume` carry the caller's backpressure to the upstream's socket, `abort` closes it at
 * once. All deadlines are ours; undici's are switched off.
 */
import type { Dispatcher } from 'undici';
import type { LocalUpstream } from '../protocol/adaptor.js';
import type { UpstreamFailure } from '../protocol/failure.js';
import type { Deadline, Deadlines, Phase, Timeouts, Watched } from './deadline.js';
import { callLocal } from './local.js';
import { type AnswerHeaders, RawHeaders } from './raw-headers.js';

export interface UpstreamCall {
  /** Where to: a connection pool and a path, or an upstream inside the process. */
  readonly to:
    | { readonly dispatcher: Dispatcher; readonly path: string }
    | { readonly local: LocalUpstream; readonly path: string };
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  readonly timeouts: Timeouts;
}

export interface UpstreamEvents {
  onHeaders(status: number, headers: AnswerHeaders): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
  onFailure(failure: UpstreamFailure): void;
  /** The upstream has been silent for `keep_alive`; only after its headers came. */
  onSilence?(): void;
}

/** The way back: how the caller's side steers the upstream's. */
export interface Flow {
  pause(): void;
  resume(): void;
  /** Ends the attempt; no callback follows. */
  abort(): void;
}

const ENDED = new Error('ended by the gateway');

/**
 * It is undici's handler and the deadline's watcher itself: an object for each request, and no closure. undici's own older
 * interface is used, which hands headers over as the bytes they came as.
 */
export class Attempt implements Flow, Watched, Dispatcher.DispatchHandler {
  readonly #call: UpstreamCall;
  readonly #events: UpstreamEvents;
  readonly #deadlines: Deadlines;
  readonly #deadline: Deadline;
  #abort: ((reason: Error) => void) | undefined;
  #resume: (() => void) | undefined;
  #paused = false;
  #over = false;
  #headersSeen = false;

  constructor(call: UpstreamCall, events: UpstreamEvents, deadlines: Deadlines) {
    this.#call = call;
    this.#events = events;
    this.#deadlines = deadlines;
    this.#deadline = deadlines.start(call.timeouts, this);
  }

  /** The request is on its way; an attempt that ended meanwhile closes the connection it was given. */
  onConnect(abort: (reason: Error) => void): void {
    this.#abort = abort;
    if (this.#over) abort(ENDED);
    else this.#deadline.enter('first_byte');
  }

  onHeaders(status: number, headers: Buffer[], resume: () => void): boolean {
    return this.answered(status, new RawHeaders(headers), resume);
  }

  /** False: wait for `resume`. */
  answered(status: number, headers: AnswerHeaders, resume: () => void): boolean {
    if (this.#over || status < 200) return true;
    this.#resume = resume;
    this.#headersSeen = true;
    this.#events.onHeaders(status, headers);
    return !this.#paused;
  }

  /** False: wait for `resume`. */
  onData(chunk: Buffer): boolean {
    if (this.#over) return true;
    this.#deadline.enter('idle');
    this.#events.onData(chunk);
    return !this.#paused;
  }

  onComplete(): void {
    if (this.#close()) this.#events.onEnd();
  }

  onError(error: Error): void {
    this.#fail(failureOf(error, this.#headersSeen));
  }

  onTimeout(which: Phase | 'total'): void {
    this.#fail(timeoutOf(which, this.#call.timeouts));
  }

  onSilence(): void {
    if (this.#headersSeen) this.#events.onSilence?.();
  }

  pause(): void {
    this.#deadline.pause();
    this.#paused = true;
  }

  resume(): void {
    this.#deadline.resume();
    if (!this.#paused) return;
    this.#paused = false;
    this.#resume?.();
  }

  abort(): void {
    if (this.#close()) this.#abort?.(ENDED);
  }

  #fail(failure: UpstreamFailure): void {
    if (!this.#close()) return;
    this.#abort?.(ENDED);
    this.#events.onFailure(failure);
  }

  #close(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#deadlines.stop(this.#deadline);
    return true;
  }
}

export function attempt(call: UpstreamCall, events: UpstreamEvents, deadlines: Deadlines): Flow {
  const running = new Attempt(call, events, deadlines);
  if ('local' in call.to) {
    callLocal(call.to.local, { path: call.to.path, body: call.body }, running);
    return running;
  }
  const { dispatcher, path } = call.to;
  dispatcher.dispatch(
    { method: 'POST', path, headers: call.headers as string[], body: call.body, headersTimeout: 0, bodyTimeout: 0 },
    running,
  );
  return running;
}

function timeoutOf(which: Phase | 'total', timeouts: Timeouts): UpstreamFailure {
  const what = {
    connect: 'accepted no connection',
    first_byte: 'sent nothing',
    idle: 'fell silent in the middle of its answer',
    total: 'did not finish',
  }[which];
  // Without a connection nothing was sent.
  return {
    kind: which === 'connect' ? 'connect' : 'timeout',
    status: 504,
    deadline: which,
    message: `The upstream ${what} within ${timeouts[which]} ms (timeout.${which}).`,
  };
}

const connectCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Words that name no host, no address and no credential. */
function failureOf(error: Error, headersSeen: boolean): UpstreamFailure {
  const code = (error as { code?: unknown }).code;
  const name = typeof code === 'string' ? code : error.name;
  if (headersSeen)
    return { kind: 'cut', message: `The upstream's connection was lost before its answer was complete (${name}).` };
  if (connectCodes.has(name) || /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|UNABLE_TO|SELF_SIGNED)/.test(name)) {
    return { kind: 'connect', message: `No connection to the upstream (${name}).` };
  }
  if (name.startsWith('HPE_')) return { kind: 'garbage', message: `The upstream's answer is not HTTP (${name}).` };
  return { kind: 'cut', message: `The upstream closed the connection without an answer (${name}).` };
}
