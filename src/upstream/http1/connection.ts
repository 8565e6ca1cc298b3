/**
 * One connection to an upstream. It carries one request at a time. It is used again only where the request and the answer were
 * complete, no unexpected bytes came and both sides keep it open; otherwise it is closed, so that no answer can be taken for
 * the answer to another request.
 *
 * Bytes are read into a buffer that the next read overwrites. So the handler gets copies, unless the bytes are `owned`. All
 * bytes of one read are delivered, also where the handler asked to pause in between.
 */
import type { Socket } from 'node:net';
import { readTurns } from '../../lib/read-turns.js';
import { writeTogether } from '../../lib/write-together.js';
import { type AnswerHead, readAnswerHead } from './answer-head.js';
import { BodyWriter } from './body-writer.js';
import { Chunked } from './chunked.js';
import { HttpFault } from './faults.js';
import type { HttpExchange } from './http-exchange.js';
import { Section } from './section.js';
import { unwatch } from './wire.js';

/** The pool that the connection belongs to. */
export interface Owner {
  /** The connection is free for another request. */
  released(connection: Connection): void;
  /** The connection is closed. */
  gone(connection: Connection): void;
  /** The exchange was not sent and needs another connection. */
  place(exchange: HttpExchange): void;
}

/** `settling`: the answer is complete, and the socket has not said yet that the request is written. */
type ConnectionState = 'idle' | 'reserved' | 'head' | 'length' | 'chunked' | 'until_close' | 'settling' | 'gone';

const SWITCHING = 101;
/** Turns of the event loop in which a socket has to say so. */
const SETTLING_TURNS = 8;
const HTTP = Buffer.from('HTTP/1.');

export class Connection {
  readonly #socket: Socket;
  readonly #owner: Owner;
  #state: ConnectionState = 'idle';
  #exchange: HttpExchange | null = null;
  #left = 0;
  #reusable = false;
  #paused = false;
  /** Others are read first. */
  #waitsForTurn = false;
  #writer: BodyWriter | null = null;
  readonly #section = new Section();
  #chunked: Chunked | null = null;
  /** Idle seconds that the last answer allows (`Keep-Alive`); -1: it did not say. */
  idleS = -1;
  /** It must not be used again after this moment (`performance.now()`). */
  freshUntilMs = 0;

  constructor(socket: Socket, owner: Owner) {
    this.#socket = socket;
    this.#owner = owner;
  }

  get gone(): boolean {
    return this.#state === 'gone';
  }

  /** Assigns the exchange that `send` will send. */
  reserve(exchange: HttpExchange): void {
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

  #write({ body, head }: HttpExchange): void {
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
    if (!this.#waitsForTurn) this.#socket.resume();
  }

  readOn(): void {
    this.#waitsForTurn = false;
    if (!this.#paused) this.#socket.resume();
  }

  /** Its exchange was given up. A connection on which nothing was sent yet stays usable. */
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
    // The exchange is queued again before this connection is given up, so that it keeps its turn.
    const unsent = this.#state === 'reserved';
    if (unsent && exchange) this.#owner.place(exchange);
    this.close();
    if (!unsent) exchange?.fail(error);
  }

  /** The upstream ended its half of the connection. */
  ended(): void {
    if (this.#state === 'until_close') this.#finish(null, true);
    else this.lost(new HttpFault('CLOSED', 'the other side closed the connection'));
  }

  /** Reads `bytes` up to `end`. */
  read(bytes: Buffer, end: number, owned: boolean): void {
    try {
      for (let at = 0; at < end && this.#state !== 'gone'; ) at = this.#step(bytes, at, end, owned);
      if (this.#exchange === null || readTurns.read(this, end)) return;
      this.#waitsForTurn = true;
      this.#socket.pause();
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
      default: // bytes that no request asked for
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
    if (after === -1) {
      // Whoever speaks something else may never send an empty line.
      if (!this.#section.beginsAs(HTTP)) throw new HttpFault('BAD_STATUS_LINE');
      return end;
    }
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

  #begin(exchange: HttpExchange, head: AnswerHead, more: boolean): void {
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

  /** The answer is complete. `more`: bytes came after it. */
  #finish(trailers: readonly string[] | null, more: boolean): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    const sent = this.#writer === null || this.#writer.done;
    this.#writer?.stop();
    this.#writer = null;
    if (!this.#reusable || more || !sent) this.close();
    else if (this.#socket.writableLength === 0) this.#release();
    else {
      // TLS says some turns later that it has written: a fast answer is there before.
      this.#state = 'settling';
      this.#settle(SETTLING_TURNS);
    }
    exchange?.end(trailers);
  }

  #settle(turns: number): void {
    if (this.#state !== 'settling') return;
    if (this.#socket.writableLength === 0) this.#release();
    else if (turns > 0) setImmediate(() => this.#settle(turns - 1));
    else this.close();
  }

  #release(): void {
    this.#state = 'idle';
    this.resume();
    this.#owner.released(this);
  }

  /** Gives the socket to the handler, together with the bytes that came after the head. */
  #handOver(exchange: HttpExchange, head: AnswerHead, bytes: Buffer, after: number, end: number): void {
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
