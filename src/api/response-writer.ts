/** A response as the request path sees it. */
import type { ClientResponse } from '../front/client.js';
import type { ResponseWriter } from '../gateway/response-writer.js';

/** How long a caller has to read the error that ends a broken stream before the connection is closed under it. */
const LINGER_MS = 100;

const ignore = (): void => {};

export class HttpResponseWriter implements ResponseWriter {
  readonly #response: ClientResponse;
  readonly #onGone: (() => void)[] = [];
  readonly #onDrain: (() => void)[] = [];
  #over = false;
  #left = false;
  started = false;
  interrupted = false;

  constructor(response: ClientResponse) {
    this.#response = response;
    response.on('close', () => {
      if (this.#over) return;
      this.#left = true;
      this.interrupted = false;
      this.#giveUp();
    });
    response.on('error', ignore); // a write to a caller that left; `close` tells the rest
  }

  get gone(): boolean {
    return this.#left || this.interrupted;
  }

  /** The gateway ends: whoever works on the answer gives up, and tells the caller so. */
  interrupt(): void {
    if (this.#over || this.gone) return;
    this.interrupted = true;
    this.#giveUp();
  }

  head(status: number, headers: readonly string[]): void {
    this.started = true;
    if (this.#left) return;
    this.#response.writeHead(status, headers as string[]);
  }

  write(bytes: Buffer): boolean {
    return this.#left || this.#response.write(bytes);
  }

  end(bytes?: Buffer): void {
    this.#over = true;
    this.#response.end(bytes);
  }

  breakOff(event: Buffer): void {
    this.#over = true;
    const { socket } = this.#response;
    this.#response.write(event, () => {
      // Some readers throw away what they have not read once the connection ends.
      setTimeout(() => socket?.end(() => socket.destroy()), LINGER_MS).unref();
    });
  }

  onDrain(listener: () => void): void {
    // Each attempt listens, and a request may have many.
    if (this.#onDrain.push(listener) === 1) this.#response.on('drain', () => this.#drained());
  }

  #drained(): void {
    for (const listener of this.#onDrain) listener();
  }

  onGone(listener: () => void): void {
    if (this.gone) listener();
    else this.#onGone.push(listener);
  }

  #giveUp(): void {
    for (const listener of this.#onGone.splice(0)) listener();
  }
}
