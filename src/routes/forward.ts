/**
 * One request to one upstream: bytes are handed on as they come, the receiver's backpressure reaches the upstream's socket, and
 * `abort` closes it at once. Exactly one of `end`, `fail` and `upgraded` ends it, or none where it was aborted.
 */
import type { Duplex } from 'node:stream';
import { tooSlow } from '../lib/late.js';
import type { Deadline, Deadlines, Phase, Timeouts } from '../upstream/deadline.js';
import type { Connections } from '../upstream/http1/connections.js';
import { HttpFault } from '../upstream/http1/faults.js';
import type { AnswerHandler, RunningRequest } from '../upstream/http1/http-exchange.js';
import type { HttpRequest } from '../upstream/http1/request-head.js';
import { Upload } from './upload.js';

export interface RouteTimeouts {
  readonly connectMs: number;
  readonly headersMs: number;
  readonly idleMs: number;
  readonly totalMs: number;
}

export interface Failure {
  /** `connect`: nothing was sent. `upload`: the client's body ended it. */
  readonly kind: 'connect' | 'timeout' | 'reset' | 'garbage' | 'upload';
  /** Words without hosts and credentials. */
  readonly message: string;
  readonly which?: Phase | 'total' | undefined;
}

/** Headers are names and values in turn, names in lower case. */
export interface Receiver {
  /** False: this answer is not wanted, end it. */
  head(status: number, headers: readonly string[], message: string): boolean;
  /** An informational answer (1xx). */
  info(status: number, headers: readonly string[]): void;
  /** False: wait for `resume`. */
  data(chunk: Buffer): boolean;
  end(trailers: readonly string[] | null): void;
  fail(failure: Failure): void;
  upgraded?(status: number, headers: readonly string[], socket: Duplex): void;
}

export type ForwardRequest = HttpRequest;

export const deadlinesOf = (timeouts: RouteTimeouts): Timeouts => ({
  connect: timeouts.connectMs,
  first_byte: timeouts.headersMs,
  idle: timeouts.idleMs,
  total: timeouts.totalMs,
});

export class Forward implements AnswerHandler {
  readonly #receiver: Receiver;
  readonly #deadlines: Deadlines;
  readonly #deadline: Deadline;
  readonly #upload: Upload | null;
  readonly #timeouts: Timeouts;
  #running: RunningRequest | undefined;
  #over = false;
  /** The request is on a connection: an upstream may have seen it. */
  sent = false;
  headersSeen = false;

  constructor(
    connections: Connections,
    request: ForwardRequest,
    receiver: Receiver,
    timeouts: Timeouts,
    deadlines: Deadlines,
  ) {
    this.#receiver = receiver;
    this.#deadlines = deadlines;
    this.#timeouts = timeouts;
    this.#upload = request.body instanceof Upload ? request.body : null;
    this.#deadline = deadlines.start(timeouts, this);
    if (this.#upload) this.#upload.onProgress = this;
    this.#running = connections.request(request, this);
  }

  abort(): void {
    if (this.#close()) this.#running?.abort();
  }

  resume(): void {
    if (this.#over) return;
    this.#deadline.resume();
    this.#running?.resume();
  }

  /** A piece of the client's body went through. */
  progress(): void {
    if (!this.headersSeen) this.#deadline.enter('idle');
  }

  /** The client's body is whole: now the upstream's answer is what is waited for. */
  uploaded(): void {
    if (!this.headersSeen) this.#deadline.enter('first_byte');
  }

  onTimeout(which: Phase | 'total'): void {
    const what = {
      connect: 'accepted no connection',
      first_byte: 'sent no answer',
      idle: 'fell silent',
      total: 'did not finish',
    }[which];
    const key = which === 'first_byte' ? 'headers' : which;
    const late = this.#upload !== null && !this.#upload.complete && which === 'idle' && !this.#upload.held;
    this.#fail(
      late
        ? {
            kind: 'upload',
            which,
            message: `The request's body was silent for ${this.#timeouts.idle} ms (timeout.idle).`,
          }
        : {
            kind: which === 'connect' ? 'connect' : 'timeout',
            which,
            message: `The upstream ${what} within ${this.#timeouts[which]} ms (timeout.${key}).`,
          },
    );
  }

  onSending(): void {
    this.sent = true;
    this.#deadline.enter(this.#upload && !this.#upload.complete ? 'idle' : 'first_byte');
  }

  onInfo(status: number, headers: readonly string[]): void {
    if (!this.#over) this.#receiver.info(status, headers);
  }

  onHead(status: number, headers: readonly string[], message: string): void {
    if (this.#over) return;
    this.headersSeen = true;
    this.#deadline.enter('idle');
    if (!this.#receiver.head(status, headers, message)) this.abort();
  }

  onData(chunk: Buffer): boolean {
    if (this.#over) return true;
    this.#deadline.enter('idle');
    if (this.#receiver.data(chunk)) return true;
    this.#deadline.pause();
    return false;
  }

  onEnd(trailers: readonly string[] | null): void {
    if (this.#close()) this.#receiver.end(trailers);
  }

  onUpgrade(status: number, headers: readonly string[], socket: Duplex): void {
    if (!this.#close() || !this.#receiver.upgraded) return void socket.destroy();
    this.#receiver.upgraded(status, headers, socket);
  }

  onError(error: Error): void {
    this.#fail(failureOf(error, this.sent, this.headersSeen, this.#upload));
  }

  #fail(failure: Failure): void {
    if (!this.#close()) return;
    this.#running?.abort();
    this.#receiver.fail(failure);
  }

  #close(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#deadlines.stop(this.#deadline);
    return true;
  }
}

const CONNECT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT)/;
const TLS = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|UNABLE_TO|SELF_SIGNED|HOSTNAME_MISMATCH)/;

function failureOf(error: Error, sent: boolean, headersSeen: boolean, upload: Upload | null): Failure {
  const { code } = error as { code?: unknown };
  const name = typeof code === 'string' ? code : error.name;
  if (upload?.tooLarge) return { kind: 'upload', message: upload.tooLarge };
  if (upload?.slow) return { kind: 'upload', which: 'total', message: tooSlow };
  if (upload?.broken) return { kind: 'upload', message: "The request's body ended before it was whole." };
  if (headersSeen) return { kind: 'reset', message: `The upstream's answer was cut short (${name}).` };
  // The system gave up a connection on which the request was sent: the other side may be at it.
  if (sent && CONNECT.test(name))
    return { kind: 'timeout', which: 'first_byte', message: `The upstream's connection went dead (${name}).` };
  if (CONNECT.test(name) || TLS.test(name))
    return { kind: 'connect', message: `No connection to the upstream (${name}).` };
  if (error instanceof HttpFault && error.notHttp)
    return { kind: 'garbage', message: `The upstream's answer is not HTTP that can be passed on (${name}).` };
  if (error instanceof HttpFault && error.notSendable)
    return { kind: 'garbage', message: `The request cannot be passed on (${name}).` };
  return {
    kind: sent ? 'reset' : 'connect',
    message: `The upstream closed the connection without an answer (${name}).`,
  };
}
