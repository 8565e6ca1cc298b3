/**
 * A client's body on its way to an upstream: no more is read from the client than the upstream takes. Stands between the two
 * so that the end of one does not tear down the other: when the upstream is lost the client still gets an answer.
 */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { ClientRequest } from '../front/client.js';
import { PlainRequest } from '../front/plain-request.js';
import { GatheredBytes } from '../lib/gathered-bytes.js';
import type { JsonBounds, JsonExcess } from '../lib/json-bounds.js';
import { late } from '../lib/late.js';
import { LOOKED_AT, readTurns } from '../lib/read-turns.js';

interface Progress {
  progress(): void;
  uploaded(): void;
}

export class Upload extends Readable {
  readonly #request: IncomingMessage | null;
  /** Of a plain request, which is here already. */
  readonly #whole: Buffer | null;
  readonly #limitBytes: number;
  #bytes = 0;
  #copy: { readonly pieces: Buffer[]; readonly mostBytes: number; readonly take: (whole: Buffer) => void } | null =
    null;
  #listening = false;
  /** Others are read first. */
  #waitsForTurn = false;
  onProgress: Progress | null = null;
  /** The whole body was read from the client. */
  complete = false;
  /** The upstream does not keep up: the client's silence is our own doing. */
  held = false;
  /** Words for the client whose body is too large. */
  tooLarge = '';
  /** The client drips. */
  slow = false;
  /** The client broke off. */
  broken = false;

  constructor(request: ClientRequest, limitBytes: number) {
    super({ highWaterMark: 64 * 1024 });
    const plain = request instanceof PlainRequest;
    this.#request = plain ? null : request;
    this.#whole = plain ? request.body : null;
    this.#limitBytes = limitBytes;
    this.on('error', () => {}); // its reader may be gone already
  }

  /** Hands a copy of the body to `take` once it is whole; of one that is larger than that, nothing. */
  copyTo(mostBytes: number, take: (whole: Buffer) => void): void {
    this.#copy = { pieces: [], mostBytes, take };
  }

  get started(): boolean {
    return this.#listening;
  }

  override _read(): void {
    const request = this.#request;
    if (request === null) {
      if (this.#listening) return;
      this.#listening = true;
      this.#data(this.#whole!);
      return this.destroyed ? undefined : this.#end();
    }
    if (!this.#listening) {
      this.#listening = true;
      request.on('data', this.#data);
      request.on('end', this.#end);
      request.on('close', this.#closed);
      request.on(late, this.#late);
      if (request.destroyed && !request.readableEnded) this.#closed();
    }
    if (!this.held) return;
    this.held = false;
    this.onProgress?.progress();
    if (!this.#waitsForTurn) request.resume();
  }

  readOn(): void {
    this.#waitsForTurn = false;
    if (!this.held && !this.destroyed) this.#request?.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#request?.off('data', this.#data).off('end', this.#end).off('close', this.#closed).off(late, this.#late);
    done(error);
  }

  readonly #data = (chunk: Buffer): void => {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limitBytes) {
      this.tooLarge = `The request body is larger than ${this.#limitBytes} bytes (body_limit).`;
      this.#request?.pause();
      return void this.destroy(new Error('too large'));
    }
    if (this.#copy && this.#bytes <= this.#copy.mostBytes) this.#copy.pieces.push(chunk);
    else this.#copy = null;
    this.onProgress?.progress();
    this.held = !this.push(chunk);
    this.#waitsForTurn = this.#request !== null && !readTurns.read(this, chunk.length);
    if (this.held || this.#waitsForTurn) this.#request?.pause();
  };

  readonly #end = (): void => {
    this.complete = true;
    this.#copy?.take(Buffer.concat(this.#copy.pieces));
    this.onProgress?.uploaded();
    this.push(null);
  };

  readonly #late = (): void => {
    this.slow = true;
    this.destroy(new Error('too slow'));
  };

  readonly #closed = (): void => {
    if (this.complete) return;
    this.broken = true;
    this.destroy(new Error('the client broke off'));
  };
}

/** Why a body is not there. */
export type NoBody = 'too_large' | 'slow' | 'broken' | JsonExcess;

/** A whole body in memory. `bounds`: it is to be JSON within them. */
export function readWhole(
  request: ClientRequest,
  limitBytes: number,
  bounds?: Pick<JsonBounds, 'read'>,
): Promise<Buffer | NoBody> {
  if (request instanceof PlainRequest)
    return Promise.resolve(
      request.body.length > limitBytes ? 'too_large' : (bounds?.read(request.body) ?? request.body),
    );
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) return Promise.resolve('too_large');
  return new Promise((resolve) => {
    const gathered = new GatheredBytes(Number(request.headers['content-length'] ?? 0));
    const reader = { readOn: () => void request.resume() };
    const over = (result: Buffer | NoBody): void => {
      request.off('data', data).off('end', end).off('close', closed).off(late, slow);
      resolve(result);
    };
    const data = (piece: Buffer): void => {
      const excess = gathered.length + piece.length > limitBytes ? 'too_large' : bounds?.read(piece);
      if (excess) {
        request.pause();
        return over(excess);
      }
      gathered.push(piece);
      if (!readTurns.read(reader, piece.length, bounds ? LOOKED_AT : 1)) request.pause();
    };
    const end = (): void => over(gathered.take());
    const closed = (): void => over('broken');
    const slow = (): void => over('slow');
    request.on('data', data).on('end', end).on('close', closed).on(late, slow);
  });
}
