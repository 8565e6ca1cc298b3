/**
 * The answer to a plain request: the head goes out in one write with what follows it. Whatever would make the client's idea of
 * where it ends another than ours breaks the connection off.
 */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { headerName } from '../lib/headers.js';
import { writeTogether } from '../lib/write-together.js';
import type { ClientResponse } from './client.js';

/** Whose answer it is. */
export interface Answering {
  readonly socket: Socket;
  /** How long the connection waits for another request; 0: it ends. */
  readonly keepAliveS: number;
  /** The answer is with the system, or the connection is gone. */
  readonly flushed: () => void;
}

const NONE = Buffer.alloc(0);
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

export class PlainResponse implements ClientResponse {
  readonly #answering: Answering;
  readonly #head: boolean;
  /** Of the head or of trailers, not sent yet. */
  #text = '';
  #trailers = '';
  #bodiless = false;
  /** Bytes of the body that are still to come; -1: not said. */
  #left = -1;
  #closed = false;
  #onClose: (() => void) | (() => void)[] | null = null;
  #onDrain: (() => void) | null = null;
  headersSent = false;
  writableEnded = false;
  writableFinished = false;
  chunkedEncoding = false;
  /** The connection ends with it. */
  last = false;

  constructor(answering: Answering, method: string) {
    this.#answering = answering;
    this.#head = method === 'HEAD';
  }

  get socket(): Socket {
    return this.#answering.socket;
  }

  writeHead(status: number, second: string | string[], third?: string[]): this {
    if (this.headersSent) throw new Error('the head of an answer is written once');
    const message = typeof second === 'string' ? second : (STATUS_CODES[status] ?? 'Unknown');
    const headers = typeof second === 'string' ? third! : second;
    if (!VALUE.test(message)) throw new TypeError('a status has a message that cannot stand in a head');
    let text = `HTTP/1.1 ${status} ${message}\r\n`;
    let dated = false;
    for (let i = 0; i < headers.length; i += 2) {
      const written = headers[i]!;
      const value = headers[i + 1]!;
      const name = headerName(written);
      if (name === undefined || !VALUE.test(value)) throw new TypeError(`the header ${written} cannot stand in a head`);
      const { meaning } = name;
      if (meaning !== null) {
        // How the message is framed and what becomes of the connection is said here alone.
        if (meaning === 'connection' && value.toLowerCase() === 'close') this.last = true;
        if (meaning === 'connection' || meaning === 'keep_alive' || meaning === 'coding') continue;
        if (meaning === 'date') dated = true;
        else if (meaning === 'length') this.#left = Number(value);
      }
      text += `${written}: ${value}\r\n`;
    }
    this.#bodiless = this.#head || status === 204 || status === 304;
    if (!this.#bodiless && this.#left < 0) {
      this.chunkedEncoding = true;
      text += 'Transfer-Encoding: chunked\r\n';
    }
    const { keepAliveS } = this.#answering;
    this.last ||= keepAliveS === 0;
    if (!dated) text += dateLine();
    const keep = `Connection: keep-alive\r\nKeep-Alive: timeout=${keepAliveS}\r\n\r\n`;
    this.#text = text + (this.last ? 'Connection: close\r\n\r\n' : keep);
    this.headersSent = true;
    return this;
  }

  flushHeaders(): void {
    if (this.#text !== '' && !this.#closed) this.#send(NONE, '');
  }

  write(bytes: Buffer, done?: () => void): boolean {
    if (this.#closed || this.writableEnded || bytes.length === 0 || this.#bodiless) {
      if (done) process.nextTick(done);
      return true;
    }
    if (this.chunkedEncoding) {
      this.#text += `${bytes.length.toString(16)}\r\n`;
      return this.#send(bytes, '\r\n', done);
    }
    this.#left -= bytes.length;
    if (this.#left >= 0) return this.#send(bytes, '', done);
    this.destroy();
    return true;
  }

  addTrailers(trailers: [string, string][]): void {
    for (const [name, value] of trailers) {
      if (headerName(name) === undefined || !VALUE.test(value))
        throw new TypeError(`the trailer ${name} cannot be sent`);
      this.#trailers += `${name}: ${value}\r\n`;
    }
  }

  end(bytes: Buffer = NONE): this {
    if (this.writableEnded) return this;
    this.writableEnded = true;
    if (this.#closed) return this;
    if (this.#bodiless) {
      this.#send(NONE, '', this.#answering.flushed);
    } else if (this.chunkedEncoding) {
      if (bytes.length > 0) this.#text += `${bytes.length.toString(16)}\r\n`;
      this.#send(bytes, `${bytes.length > 0 ? '\r\n' : ''}0\r\n${this.#trailers}\r\n`, this.#answering.flushed);
    } else {
      this.#left -= bytes.length;
      if (this.#left === 0) this.#send(bytes, '', this.#answering.flushed);
      else this.destroy();
    }
    return this;
  }

  /** A plain request does not wait for that. */
  writeContinue(): void {}

  writeProcessing(): void {
    this.#interim('HTTP/1.1 102 Processing\r\n\r\n');
  }

  writeEarlyHints({ link }: { link: string[] }): void {
    const value = link.join(', ');
    if (VALUE.test(value)) this.#interim(`HTTP/1.1 103 Early Hints\r\nLink: ${value}\r\n\r\n`);
  }

  destroy(): this {
    this.socket.destroy();
    return this;
  }

  on(event: 'close' | 'drain' | 'error', listener: () => void): this {
    if (event === 'drain') this.#onDrain = listener;
    else if (event === 'close') {
      const before = this.#onClose;
      this.#onClose =
        before === null ? listener : typeof before === 'function' ? [before, listener] : [...before, listener];
    }
    return this;
  }

  /** More may be written. */
  drained(): void {
    this.#onDrain?.();
  }

  /** Nothing more happens to it. */
  closed(finished: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    this.writableFinished = finished;
    const listeners = this.#onClose;
    if (typeof listeners === 'function') listeners();
    else if (listeners !== null) for (const listener of listeners) listener();
  }

  #interim(text: string): void {
    if (!this.headersSent && !this.#closed) this.socket.write(text, 'latin1');
  }

  /** What waits, these bytes and what follows them. */
  #send(bytes: Buffer, after: string, done?: () => void): boolean {
    const before = this.#text;
    this.#text = '';
    return writeTogether(this.#answering.socket, before, bytes, after, done);
  }
}

let dateS = 0;
let date = '';

/** The time of answers, made once a second. */
function dateLine(): string {
  const nowS = Math.floor(Date.now() / 1000);
  if (nowS !== dateS) {
    dateS = nowS;
    date = `Date: ${new Date(nowS * 1000).toUTCString()}\r\n`;
  }
  return date;
}
