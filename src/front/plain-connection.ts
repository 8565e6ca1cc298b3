/**
 * A client's connection for as long as plain requests come over it, one after the other. With the first that is not plain, or
 * that nobody here serves, or that is slow to come, the connection and every byte that was not served go to node's own server
 * and stay there: its limits and its refusals hold for all that is out of the ordinary.
 */
import type { Socket } from 'node:net';
import type { Closing } from './closing.js';
import { type PlainHead, PlainRequest, readPlainHead } from './plain-request.js';
import { type Answering, PlainResponse } from './plain-response.js';

export interface Front {
  /** False: nobody here serves it. */
  readonly serve: (request: PlainRequest, response: PlainResponse) => boolean;
  /** Says whether answers are the last of their connections. */
  readonly closing: Closing;
  /** Takes the connection over. */
  readonly toNode: (socket: Socket) => void;
  readonly left: (connection: PlainConnection) => void;
  /** How long a connection is kept without a request. */
  readonly keepAliveS: number;
}

/** Reads that a head may take. */
const MOST_READS = 4;
/** How often `sweep` is called. */
export const SWEEP_MS = 250;
/** Sweeps that a request may take from its first byte to its last, and a connection to its first byte. */
const MOST_SWEEPS = 2;
/** How long a first request may be on its way when the listener has closed. */
export const FIRST_MS = 1_000;
/** What a client may send ahead of its answer. */
const MOST_AHEAD = 64 * 1024;
const NONE = Buffer.alloc(0);

export class PlainConnection implements Answering {
  readonly socket: Socket;
  readonly #front: Front;
  #response: PlainResponse | null = null;
  /** What came of a request that is not whole, or ahead of one that is not answered. */
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** Of the head that is not whole. */
  #reads = 0;
  /** The head of the request whose body is not whole. */
  #head: PlainHead | null = null;
  /** A request was served. */
  #used = false;
  /** Since anything last came. */
  #sweeps = 0;
  #paused = false;

  constructor(socket: Socket, front: Front) {
    this.socket = socket;
    this.#front = front;
    socket.on('data', this.#data);
    socket.on('end', this.#end);
    socket.on('close', this.#close);
    socket.on('error', ignore);
    socket.on('drain', this.#drain);
  }

  /**
   * Ends it where nothing is asked and nothing is being answered, once nothing came for so long. One that was never used has
   * longer (`FIRST_MS`): its first request may be on its way.
   */
  endIdle(lingerMs: number, firstIsOver: boolean): void {
    if (this.#response !== null || this.#bytes > 0) return;
    if (this.#used ? this.#sweeps * SWEEP_MS >= lingerMs : firstIsOver) this.socket.destroy();
  }

  get keepAliveS(): number {
    return this.#front.closing.begun ? 0 : this.#front.keepAliveS;
  }

  /** Once each `SWEEP_MS`. */
  sweep(): void {
    if (this.#response !== null) return;
    this.#sweeps += 1;
    if (this.#used && this.#bytes === 0) {
      if (this.#sweeps * SWEEP_MS > this.#front.keepAliveS * 1_000) this.socket.destroy();
    } else if (this.#sweeps >= MOST_SWEEPS && (this.#bytes > 0 || !this.#front.closing.begun)) this.#handOver();
  }

  readonly flushed = (): void => {
    const response = this.#response;
    if (response === null || this.socket.destroyed) return; // `close` tells
    this.#response = null;
    this.#sweeps = 0;
    response.closed(true);
    if (response.last || this.#front.closing.lingerMs === 0) return this.socket.destroySoon();
    if (this.#paused) {
      this.#paused = false;
      this.socket.resume();
    }
    if (this.#bytes > 0) this.#read(this.#gathered());
  };

  readonly #data = (chunk: Buffer): void => {
    if (this.#response === null && this.#bytes === 0) return this.#read(chunk);
    this.#pieces.push(chunk);
    this.#bytes += chunk.length;
    if (this.#response !== null) {
      if (this.#bytes <= MOST_AHEAD || this.#paused) return;
      this.#paused = true;
      this.socket.pause();
    } else if (this.#head === null) {
      this.#reads += 1;
      if (this.#reads >= MOST_READS) this.#handOver();
      else this.#read(this.#gathered());
    } else if (this.#bytes >= this.#head.headBytes + this.#head.bodyBytes) this.#serve(this.#head, this.#gathered());
  };

  readonly #end = (): void => {
    this.socket.end();
  };

  readonly #close = (): void => {
    this.#front.left(this);
    const response = this.#response;
    this.#response = null;
    response?.closed(false);
  };

  readonly #drain = (): void => this.#response?.drained();

  /** Bytes that begin with a request, with all that is there of it. */
  #read(bytes: Buffer): void {
    const head = readPlainHead(bytes);
    if (head === 'other') return this.#handOver(bytes);
    if (head === 'more') return this.#keep(bytes);
    if (bytes.length >= head.headBytes + head.bodyBytes) return this.#serve(head, bytes);
    this.#head = head;
    this.#keep(bytes);
  }

  #serve(head: PlainHead, bytes: Buffer): void {
    this.#head = null;
    const end = head.headBytes + head.bodyBytes;
    const request = new PlainRequest(head, bytes.subarray(head.headBytes, end), this.socket);
    const response = new PlainResponse(this, head.method);
    this.#response = response;
    if (!this.#front.serve(request, response)) {
      this.#response = null;
      return this.#handOver(bytes);
    }
    this.#used = true;
    this.#reads = 0;
    if (bytes.length > end) this.#keep(bytes.subarray(end));
  }

  #keep(bytes: Buffer): void {
    this.#sweeps = 0;
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
  }

  #gathered(): Buffer {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#bytes = 0;
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  #handOver(bytes = this.#bytes === 0 ? NONE : this.#gathered()): void {
    const { socket } = this;
    this.#front.left(this);
    socket.off('data', this.#data).off('end', this.#end).off('close', this.#close);
    socket.off('error', ignore).off('drain', this.#drain);
    if (bytes.length > 0) socket.unshift(bytes);
    this.#front.toNode(socket);
  }
}

const ignore = (): void => {};
