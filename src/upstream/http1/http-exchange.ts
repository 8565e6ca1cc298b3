/**
 * One HTTP exchange with an upstream: a request and its answer. Its handler is called in this order: `onSending`, any number of
 * `onInfo`, `onHead`, any number of `onData`, `onEnd`. Where the protocol changes, `onUpgrade` takes the place of `onHead` and
 * what follows. `onError` may come at any point. After `onEnd`, `onUpgrade` or `onError`, and after `abort`, nothing is called.
 */
import type { Duplex } from 'node:stream';
import type { Connection } from './connection.js';
import { type HttpRequest, type RequestHead, requestHead } from './request-head.js';

export interface AnswerHandler {
  /** It is being written to a connection: from here on the upstream may have seen it. */
  onSending(): void;
  /** An interim answer (1xx). */
  onInfo(status: number, headers: readonly string[]): void;
  /** `headers`: name, value, name, value, ...; names are in lower case. */
  onHead(status: number, headers: string[], message: string): void;
  /** False: nothing more is read from the socket until `resume`. Bytes that were read already are still delivered. */
  onData(chunk: Buffer): boolean;
  onEnd(trailers: readonly string[] | null): void;
  onError(error: Error): void;
  /** The upstream changed the protocol (101). The socket belongs to the handler from now on. */
  onUpgrade(status: number, headers: readonly string[], socket: Duplex): void;
}

/** What whoever sent a request can do with it. */
export interface RunningRequest {
  resume(): void;
  /** Gives the request up, and closes its connection or the attempt to connect. */
  abort(): void;
}

/** Where exchanges wait for a connection. */
interface ExchangeQueue {
  abandon(exchange: HttpExchange): void;
}

export class HttpExchange implements RunningRequest {
  readonly #queue: ExchangeQueue;
  readonly handler: AnswerHandler;
  readonly head: RequestHead;
  readonly body: HttpRequest['body'];
  readonly upgrade: boolean;
  /** It wants a connection that carried no request before. */
  readonly fresh: boolean;
  /** The request is HEAD: its answer has no body, whatever the headers say. */
  readonly headOnly: boolean;
  /** The connection that it is assigned to. */
  connection: Connection | null = null;
  /** The attempt to connect that was begun for it. */
  connecting: { destroy(error: Error): unknown } | null = null;
  over = false;

  constructor(request: HttpRequest, host: string, handler: AnswerHandler, queue: ExchangeQueue) {
    this.#queue = queue;
    this.handler = handler;
    this.head = requestHead(request, host);
    this.body = request.body;
    this.upgrade = (request.upgrade ?? null) !== null;
    this.fresh = this.upgrade || request.fresh === true;
    this.headOnly = request.method === 'HEAD';
  }

  resume(): void {
    this.connection?.resume();
  }

  abort(): void {
    if (this.over) return;
    this.over = true;
    if (this.connection) this.connection.drop();
    else this.#queue.abandon(this);
  }

  end(trailers: readonly string[] | null): void {
    if (this.over) return;
    this.over = true;
    this.connection = null;
    try {
      this.handler.onEnd(trailers);
    } catch (error) {
      this.handler.onError(error as Error);
    }
  }

  fail(error: Error): void {
    if (this.over) return;
    this.over = true;
    this.connection = null;
    this.handler.onError(error);
  }
}
