/**
 * One connection to an upstream: one request at a time, and its answer. It is used again only where both were whole, nothing
 * came that nobody asked for, and both sides want it; in every other case it is closed, so that no answer can be taken for
 * another request's.
 *
 * What is read stands in a buffer that may be read into again at once: what is handed on is a copy, unless the bytes are
 * `owned`. What one read brought is handed on to its end, also to a handler that wants to pause.
 */
import type { Socket } from 'node:net';
import { writeTogether } from '../../lib/write-together.js';
import { type AnswerHead, readAnswerHead } from './answer-head.js';
import { BodyWriter } from './body-writer.js';
import type { Exchange } from './call.js';
import { Chunked } from './chunked.js';
import { HttpFault } from './faults.js';
import { Section } from './section.js';
import { unwatch } from './wire.js';

/** Who has connections and hands them out. */
export interface Owner {
  /** It may carry another request. */
  released(connection: Connection): void;
  /** It may not, and is no longer open. */
  gone(connection: Connection): void;
  /** The exchange was never sent: it needs another connection. */
  place(exchange: Exchange): void;
}

type State = 'idle' | 'reserved' | 'head' | 'length' | 'chunked' | 'until_close' | 'gone';

const SWITCHING = 101;

export class Connection {
  readonly #socket: Socket;
  readonly #owner: Owner;
  #state: State = 'idle';
  #exchange: Exchange | null = null;
  #left = 0;
  #reusable = false;
  #paused = false;
  #writer: BodyWriter | null = null;
  readonly #section = new Section();
  #chunked: Chunked | null = null;
  /** What the last answer said; -1: nothing. */
  idleS = -1;
  /** On the owner's clock: it is not to be used again later. */
  freshUntilMs = 0;

  constructor(socket: Socket, owner: Owner) {
    this.#socket = socket;
    this.#owner = owner;
  }

  get gone(): boolean {
    return this.#state === 'gone';
  }

  /** Promised to an exchange that `send` will send. */
  reserve(exchange: Exchange): void {
    this.#state = 'reserved';
    this.#exchange = exchange;
    exchange.connection = this;
  }

  send(): void {
    const exchange = this.#exchange;
    if (this.#state !== 'reserved' || exchange === null) return;
    this.#state = 'head';
    this.#reusable = !exchange.head.last;
    try {
      exchange.handler.onSending();
      if (!exchange.over) this.#write(exchange);
    } catch (error) {
      this.lost(error as Error);
    }
  }

  #write({ body, head }: Exchange): void {
    if (body === null) this.#socket.write(head.text, 'latin1');
    else if (Buffer.isBuffer(body)) writeTogether(this.#socket, head.text, body, '');
    else {
      this.#writer = new BodyWriter(this.#socket, head.text, body, head.length, (error) => this.lost(error));
      this.#writer.begin();
    }
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  /** Its exchange was given up. What was not sent yet leaves the connection as it was. */
  drop(): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    if (exchange) exchange.connection = null;
    if (this.#state !== 'reserved') return this.close();
    this.#state = 'idle';
    this.#owner.released(this);
  }

  close(): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    this.#socket.destroy();
    this.#writer?.stop();
    this.#writer = null;
    this.#owner.gone(this);
  }

  /** The connection ended, or cannot be trusted any more. */
  lost(error: Error): void {
    if (this.#state === 'gone') return;
    const exchange = this.#exchange;
    this.#exchange = null;
    if (exchange) exchange.connection = null;
    // It keeps its turn: it is placed before the place of this connection is given away.
    const unsent = this.#state === 'reserved';
    if (unsent && exchange) this.#owner.place(exchange);
    this.close();
    if (!unsent) exchange?.fail(error);
  }

  /** The other side ends its half. */
  ended(): void {
    if (this.#state === 'until_close') this.#finish(null, true);
    else this.lost(new HttpFault('CLOSED', 'the other side closed the connection'));
  }

  /** Takes what is in `bytes` up to `end`. */
  read(bytes: Buffer, end: number, owned: boolean): void {
    try {
      for (let at = 0; at < end && this.#state !== 'gone'; ) at = this.#step(bytes, at, end, owned);
    } catch (error) {
      this.lost(error as Error);
    }
  }

  #step(bytes: Buffer, at: number, end: number, owned: boolean): number {
    switch (this.#state) {
      case 'head':
        return this.#readHead(bytes, at, end);
      case 'length': {
        const to = Math.min(end, at + this.#left);
        this.#left -= to - at;
        this.#handOn(bytes, at, to, owned);
        if (this.#left === 0 && this.#exchange !== null) this.#finish(null, to < end);
        return to;
      }
      case 'chunked':
        return this.#readChunks(this.#chunked!, bytes, at, end, owned);
      case 'until_close':
        this.#handOn(bytes, at, end, owned);
        return end;
      default: // nobody asked
        this.lost(new HttpFault('CLOSED'));
        return end;
    }
  }

  #handOn(bytes: Buffer, from: number, to: number, owned: boolean): void {
    const exchange = this.#exchange;
    if (exchange === null || from === to) return;
    const view = from === 0 && to === bytes.length && owned ? bytes : bytes.subarray(from, to);
    if (exchange.handler.onData(owned ? view : Buffer.from(view)) || this.#exchange === null) return;
    this.#paused = true;
    this.#socket.pause();
  }

  #readHead(bytes: Buffer, at: number, end: number): number {
    const after = this.#section.find(bytes, at, end);
    if (after === -1) return end;
    const head = readAnswerHead(this.#section.text);
    const exchange = this.#exchange!;
    if (head.status === SWITCHING) {
      this.#handOver(exchange, head, bytes, after, end);
      return end;
    }
    if (head.status < 200) exchange.handler.onInfo(head.status, head.headers);
    else this.#begin(exchange, head, after < end);
    return after;
  }

  #begin(exchange: Exchange, head: AnswerHead, more: boolean): void {
    const { status, headers, message, chunked, length } = head;
    const bodiless = exchange.headOnly || status === 204 || status === 304;
    if (head.close || head.old || (bodiless && (chunked || (status === 204 && length > 0)))) this.#reusable = false;
    this.idleS = head.idleS;
    this.#left = length;
    const empty = bodiless || length === 0;
    if (chunked) {
      this.#state = 'chunked';
      this.#chunked ??= new Chunked();
      this.#chunked.begin();
    } else this.#state = length === -1 ? 'until_close' : 'length';
    exchange.handler.onHead(status, headers, message);
    if (empty && this.#exchange === exchange) this.#finish(null, more);
  }

  #readChunks(chunked: Chunked, bytes: Buffer, at: number, end: number, owned: boolean): number {
    const after = chunked.read(bytes, at, end);
    this.#handOn(bytes, chunked.from, chunked.to, owned);
    if (this.#exchange === null) return end;
    if (chunked.over) this.#finish(chunked.trailers, after < end);
    return after;
  }

  /** `more`: bytes came after it. */
  #finish(trailers: readonly string[] | null, more: boolean): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    const sent = this.#writer === null || this.#writer.done;
    this.#writer?.stop();
    this.#writer = null;
    if (this.#reusable && !more && sent && this.#socket.writableLength === 0) {
      this.#state = 'idle';
      this.resume();
      this.#owner.released(this);
    } else this.close();
    exchange?.end(trailers);
  }

  /** From here on the socket is the handler's, with the bytes that came already. */
  #handOver(exchange: Exchange, head: AnswerHead, bytes: Buffer, after: number, end: number): void {
    if (!exchange.upgrade) throw new HttpFault('BAD_UPGRADE');
    const socket = this.#socket;
    this.#state = 'gone';
    this.#exchange = null;
    socket.pause();
    unwatch(socket);
    if (after < end) socket.unshift(Buffer.from(bytes.subarray(after, end)));
    this.#owner.gone(this);
    exchange.over = true;
    exchange.connection = null;
    exchange.handler.onUpgrade(head.status, head.headers, socket);
  }
}
