/**
 * One request to one upstream, as callbacks: headers, pieces, and exactly one of `onEnd` and `onFailure`. Bytes are handed
 * on as they arrive, `pause` and `resume` carry the caller's backpressure to the upstream's socket, `abort` closes it at
 * once.
 */
import type { Duplex } from 'node:stream';
import type { UpstreamFailure } from '../formats/failure.js';
import { headerIn } from '../lib/headers.js';
import { NoCredential } from '../lib/no-credential.js';
import { ProxyRefused } from '../lib/tunnel.js';
import type { LocalUpstream } from '../provider/provider-type.js';
import type { Deadline, Deadlines, Phase, Timeouts, Watched } from './deadline.js';
import { type DecodedBody, decodedBody } from './decoded-body.js';
import type { Connections } from './http1/connections.js';
import { HttpFault } from './http1/faults.js';
import type { AnswerHandler, RunningRequest } from './http1/http-exchange.js';
import { callLocal } from './local.js';

export interface UpstreamCall {
  /** POST unless stated. */
  readonly method?: 'GET' | 'POST';
  /** Where to: connections and a path, or an upstream inside the process. */
  readonly to:
    | { readonly connections: Connections; readonly path: string }
    | { readonly local: LocalUpstream; readonly path: string };
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** Makes headers that are of this request alone; left out: there are none. */
  readonly sign?: ((body: Buffer) => Promise<Readonly<Record<string, string>>>) | undefined;
  readonly body: Buffer;
  readonly timeouts: Timeouts;
}

/** The headers of an answer. Of those with one name the first. */
export interface AnswerHeaders {
  /** `name` is in lower case. */
  get(name: string): string | undefined;
}

export interface UpstreamEvents {
  /** There is a connection, and the request is on its way. May come again where it went out anew. */
  onSending?(): void;
  onHeaders(status: number, headers: AnswerHeaders): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
  onFailure(failure: UpstreamFailure): void;
}

/** The way back: how the caller's side steers the upstream's. */
export interface Flow {
  pause(): void;
  resume(): void;
  /** Ends the attempt; no callback follows. */
  abort(): void;
}

const UNDECODABLE: UpstreamFailure = {
  kind: 'garbage',
  message: "The upstream's compressed answer cannot be decoded.",
};

/** Nothing was sent. What the library that signs has to say may hold secrets. */
const UNSIGNED: UpstreamFailure = {
  kind: 'connect',
  status: 502,
  meaning: 'credential',
  message: 'There is no credential to sign the request with.',
};

/** It is the exchange's handler and the deadline's watcher itself: an object for each request, and no closure. */
export class Attempt implements Flow, Watched, AnswerHandler {
  readonly #call: UpstreamCall;
  readonly #events: UpstreamEvents;
  readonly #deadlines: Deadlines;
  readonly #deadline: Deadline;
  #running: RunningRequest | undefined;
  #paused = false;
  #over = false;
  #sent = false;
  #headersSeen = false;
  /** The body that comes is compressed. */
  #decoded: DecodedBody | undefined;

  constructor(call: UpstreamCall, events: UpstreamEvents, deadlines: Deadlines) {
    this.#call = call;
    this.#events = events;
    this.#deadlines = deadlines;
    this.#deadline = deadlines.start(call.timeouts, this);
  }

  begin(): void {
    const { sign, headers, body } = this.#call;
    if (!sign) return this.#send(headers);
    sign(body).then(
      (more) => this.#over || this.#send([...headers, ...Object.entries(more).flat()]),
      (error: unknown) =>
        this.#fail(error instanceof NoCredential ? { ...UNSIGNED, message: error.message } : UNSIGNED),
    );
  }

  #send(headers: readonly string[]): void {
    const { to, body } = this.#call;
    if ('local' in to) this.#running = callLocal(to.local, { path: to.path, body }, this);
    else
      this.#running = to.connections.request(
        { method: this.#call.method ?? 'POST', path: to.path, headers, body },
        this,
      );
  }

  /** The request is on its way. */
  onSending(): void {
    this.#sent = true;
    this.#events.onSending?.();
    this.#deadline.enter('first_byte');
  }

  onInfo(): void {}

  onUpgrade(_status: number, _headers: readonly string[], socket: Duplex): void {
    socket.destroy(); // nobody asked for it
  }

  onHead(status: number, headers: readonly string[]): void {
    this.answered(status, new ListedHeaders(headers));
  }

  answered(status: number, headers: AnswerHeaders): void {
    if (this.#over) return;
    this.#headersSeen = true;
    this.#decoded = decodedBody(headers.get('content-encoding'), {
      onData: (piece) => this.#events.onData(piece),
      onBroken: () => this.#broken(),
    });
    // The status of an error is known: its words are not waited for as an answer is.
    if (status >= 300) this.#deadline.endWithin(LONGEST_ERROR_MS);
    this.#events.onHeaders(status, headers);
  }

  /** False: wait for `resume`. */
  onData(chunk: Buffer): boolean {
    if (this.#over) return true;
    this.#deadline.enter('idle');
    if (this.#decoded) this.#decoded.push(chunk);
    else this.#events.onData(chunk);
    return !this.#paused;
  }

  onEnd(): void {
    if (!this.#close()) return;
    if (this.#decoded) this.#decoded.end(() => this.#events.onEnd());
    else this.#events.onEnd();
  }

  onError(error: Error): void {
    this.#fail(failureOf(error, this.#sent, this.#headersSeen));
  }

  onTimeout(which: Phase | 'total'): void {
    this.#fail(timeoutOf(which, this.#call.timeouts));
  }

  pause(): void {
    this.#deadline.pause();
    this.#decoded?.pause();
    this.#paused = true;
  }

  resume(): void {
    this.#deadline.resume();
    this.#decoded?.resume();
    if (!this.#paused) return;
    this.#paused = false;
    this.#running?.resume();
  }

  abort(): void {
    this.#decoded?.stop();
    if (this.#close()) this.#running?.abort();
  }

  /** The connection failed, or a time ran out. */
  #fail(failure: UpstreamFailure): void {
    if (!this.#close()) return;
    this.#running?.abort();
    if (this.#decoded) this.#decoded.lost(() => this.#events.onFailure(failure));
    else this.#events.onFailure(failure);
  }

  /** What was compressed cannot be read; it may have ended already. */
  #broken(): void {
    if (this.#close()) this.#running?.abort();
    this.#events.onFailure(UNDECODABLE);
  }

  #close(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#deadlines.stop(this.#deadline);
    return true;
  }
}

const LONGEST_ERROR_MS = 5_000;

class ListedHeaders implements AnswerHeaders {
  /** Names and values in turn. */
  readonly #headers: readonly string[];

  constructor(headers: readonly string[]) {
    this.#headers = headers;
  }

  get(name: string): string | undefined {
    return headerIn(this.#headers, name);
  }
}

export function attempt(call: UpstreamCall, events: UpstreamEvents, deadlines: Deadlines): Flow {
  const running = new Attempt(call, events, deadlines);
  running.begin();
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
    message: `The upstream ${what} within ${wholeMs(timeouts[which])} (timeout.${which}).`,
  };
}

/** What is left of a deadline is rarely a round number. */
const wholeMs = (ms: number): string => `${Math.max(1, Math.round(ms))} ms`;

/** The system, or the connection itself, gave up waiting before the attempt did; of a request that was sent, the system. */
const connectTimeouts = new Set(['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'ERR_SOCKET_CONNECTION_TIMEOUT']);

const connectCodes = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/** Words that name no host, no address and no credential. */
function failureOf(error: Error, sent: boolean, headersSeen: boolean): UpstreamFailure {
  const code = (error as { code?: unknown }).code;
  const name = typeof code === 'string' ? code : error.name;
  if (headersSeen)
    return { kind: 'cut', message: `The upstream's connection was lost before its answer was complete (${name}).` };
  // The other side went silent: it may be at the request, as where the attempt's own deadline passed.
  if (sent && (connectTimeouts.has(name) || connectCodes.has(name))) {
    const message = `The upstream's connection went dead before it sent anything (${name}).`;
    return { kind: 'timeout', status: 504, deadline: 'first_byte', message };
  }
  if (connectTimeouts.has(name)) {
    const message = `The upstream accepted no connection in time (${name}).`;
    return { kind: 'connect', status: 504, deadline: 'connect', message };
  }
  if (error instanceof ProxyRefused) return { kind: 'connect', message: error.message };
  if (connectCodes.has(name) || /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|UNABLE_TO|SELF_SIGNED)/.test(name)) {
    return { kind: 'connect', message: `No connection to the upstream (${name}).` };
  }
  if (error instanceof HttpFault && error.notHttp)
    return { kind: 'garbage', message: `The upstream's answer is not HTTP (${name}).` };
  if (error instanceof HttpFault && error.notSendable)
    return { kind: 'garbage', message: `The request cannot be passed on (${name}).` };
  return { kind: 'cut', message: `The upstream closed the connection without an answer (${name}).` };
}
