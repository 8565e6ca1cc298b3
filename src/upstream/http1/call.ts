/**
 * One request and its answer. It is told of what happens in this order: `onSending`, any `onInfo`, then `onHead`, pieces and
 * `onEnd`; or `onUpgrade`; or, at any point, `onError`. After its end, and after `abort`, it hears nothing more.
 */
import type { Duplex } from 'node:stream';
import type { Connection } from './connection.js';
import { type HttpRequest, type RequestHead, requestHead } from './request-head.js';

export interface AnswerHandler {
  /** It is on a connection now: the other side may see it. */
  onSending(): void;
  /** An interim answer (1xx). */
  onInfo(status: number, headers: readonly string[]): void;
  /** Names and values in turn, names in lower case. */
  onHead(status: number, headers: string[], message: string): void;
  /** False: no more is read until `resume`; what was read already still comes. */
  onData(chunk: Buffer): boolean;
  onEnd(trailers: readonly string[] | null): void;
  onError(error: Error): void;
  /** The connection speaks another protocol now and is the handler's. */
  onUpgrade(status: number, headers: readonly string[], socket: Duplex): void;
}

/** The way back. */
export interface Running {
  resume(): void;
  /** Ends it, and its connection or its attempt to get one. */
  abort(): void;
}

/** What connects and knows who waits. */
interface Waiting {
  abandon(exchange: Exchange): void;
}

export class Exchange implements Running {
  readonly #waiting: Waiting;
  readonly handler: AnswerHandler;
  readonly head: RequestHead;
  readonly body: HttpRequest['body'];
  readonly upgrade: boolean;
  /** Its answer has no body, whatever its head says. */
  readonly headOnly: boolean;
  /** Where it is to be sent or was. */
  connection: Connection | null = null;
  /** The attempt to connect for it. */
  connecting: { destroy(error: Error): unknown } | null = null;
  over = false;

  constructor(request: HttpRequest, host: string, handler: AnswerHandler, waiting: Waiting) {
    this.#waiting = waiting;
    this.handler = handler;
    this.head = requestHead(request, host);
    this.body = request.body;
    this.upgrade = (request.upgrade ?? null) !== null;
    this.headOnly = request.method === 'HEAD';
  }

  resume(): void {
    this.connection?.resume();
  }

  abort(): void {
    if (this.over) return;
    this.over = true;
    if (this.connection) this.connection.drop();
    else this.#waiting.abandon(this);
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
