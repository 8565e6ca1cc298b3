/** A response as the request path sees it. */
import type { ClientResponse } from '../front/client.js';
import type { Reply } from '../gateway/call.js';

/** How long a caller has to read the error that ends a broken stream before the connection is closed under it. */
const LINGER_MS = 100;

const ignore = (): void => {};

export class HttpReply implements Reply {
  readonly #response: ClientResponse;
  #over = false;
  #left: (() => void) | undefined;
  started = false;
  gone = false;

  constructor(response: ClientResponse) {
    this.#response = response;
    response.on('close', () => {
      if (this.#over) return;
      this.gone = true;
      this.#left?.();
    });
    response.on('error', ignore); // a write to a caller that left; `close` tells the rest
  }

  head(status: number, headers: readonly string[]): void {
    this.started = true;
    if (this.gone) return;
    this.#response.writeHead(status, headers as string[]);
  }

  write(bytes: Buffer): boolean {
    return this.gone || this.#response.write(bytes);
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
    this.#response.on('drain', listener);
  }

  onGone(listener: () => void): void {
    this.#left = listener;
    if (this.gone) listener();
  }
}
