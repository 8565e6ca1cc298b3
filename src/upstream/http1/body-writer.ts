/**
 * The body of a request on its way from a stream to a socket: no faster than the socket takes it, and of the length that was
 * said. The stream ends with it, one way or the other.
 */
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { writeTogether } from '../../lib/write-together.js';
import { HttpFault } from './faults.js';

export class BodyWriter {
  readonly #body: Readable;
  readonly #socket: Socket;
  /** -1: in chunks. */
  readonly #length: number;
  readonly #failed: (error: Error) => void;
  #head: string;
  #bytes = 0;
  /** All of it was written. */
  done = false;
  #stopped = false;

  constructor(socket: Socket, head: string, body: Readable, length: number, failed: (error: Error) => void) {
    this.#socket = socket;
    this.#head = head;
    this.#body = body;
    this.#length = length;
    this.#failed = failed;
  }

  begin(): void {
    const body = this.#body;
    if (body.destroyed) return this.#fail(body.errored ?? broken());
    body.on('data', this.#data).on('end', this.#end).on('error', this.#error).on('close', this.#close);
    this.#socket.on('drain', this.#drain);
    // The head waits for the first piece, which is often there; a body that does not come yet does not hold it up.
    setImmediate(this.#flush);
  }

  /** The exchange is over. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#body.off('data', this.#data).off('end', this.#end).off('close', this.#close);
    this.#socket.off('drain', this.#drain);
    this.#body.destroy(); // its errors are still listened to
  }

  readonly #flush = (): void => {
    if (!this.#stopped) this.#write('');
  };

  readonly #data = (chunk: Buffer): void => {
    if (chunk.length === 0) return;
    this.#bytes += chunk.length;
    if (this.#length !== -1 && this.#bytes > this.#length) return this.#fail(wrongLength());
    const chunked = this.#length === -1;
    const before = this.#takeHead() + (chunked ? `${chunk.length.toString(16)}\r\n` : '');
    if (!writeTogether(this.#socket, before, chunk, chunked ? '\r\n' : '')) this.#body.pause();
  };

  /** What goes out first begins with the head. */
  #takeHead(): string {
    const head = this.#head;
    this.#head = '';
    return head;
  }

  #write(text: string): void {
    const all = this.#takeHead() + text;
    if (all !== '') this.#socket.write(all, 'latin1');
  }

  readonly #end = (): void => {
    if (this.#length !== -1 && this.#bytes !== this.#length) return this.#fail(wrongLength());
    this.#write(this.#length === -1 ? '0\r\n\r\n' : '');
    this.done = true;
    this.stop();
  };

  readonly #drain = (): void => void this.#body.resume();

  readonly #error = (error: Error): void => this.#fail(error);

  readonly #close = (): void => this.#fail(broken());

  #fail(error: Error): void {
    if (this.#stopped) return;
    this.stop();
    this.#failed(error);
  }
}

const broken = (): HttpFault => new HttpFault('BODY_BROKEN', 'the body ended before it was whole');
const wrongLength = (): HttpFault => new HttpFault('BAD_REQUEST_LENGTH', 'the body has another length than it said');
