/**
 * The one listener of a gateway with workers. It reads nothing: each connection goes to the process that has the
 * fewest, so that few connections which stay for long are spread as well as many short ones, and one that does not answer gets none.
 * Of those that have as few it is the next in turn: connections that end before the next one comes are spread too.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { closeWhileNobodyWaits } from '../front/closing.js';

export interface Taker {
  readonly ready: boolean;
  readonly hung: boolean;
  readonly load: number;
  hand(socket: Socket): void;
}

/** Connections that wait while no worker can take them. */
const MOST_WAITING = 1_024;

export class PublicListener {
  readonly #workers: () => readonly Taker[];
  readonly #server: Server;
  #waiting: Socket[] = [];
  /** Whose turn it is. */
  #turn = 0;
  /** A connection was accepted at some time. */
  connected = false;

  constructor(workers: () => readonly Taker[]) {
    this.#workers = workers;
    this.#server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
      this.connected = true;
      socket.on('error', () => {});
      this.#give(socket);
    });
  }

  listen(where: { readonly host: string; readonly port: number }): Promise<void> {
    return new Promise((listening, failed) => {
      this.#server.once('error', failed);
      this.#server.listen(where, () => {
        this.#server.off('error', failed);
        listening();
      });
    });
  }

  address(): ReturnType<Server['address']> {
    return this.#server.address();
  }

  /** Connections that a worker never had; also called when a worker has begun to serve. */
  again(sockets: readonly Socket[]): void {
    const waiting = [...this.#waiting, ...sockets];
    this.#waiting = [];
    for (const socket of waiting) this.#give(socket);
  }

  /** Loses nobody who was accepted. */
  close(): Promise<void> {
    return closeWhileNobodyWaits(this.#server);
  }

  /** Who still waits for a worker is cut. */
  destroy(): void {
    for (const socket of this.#waiting) socket.destroy();
    this.#waiting = [];
    this.#server.close();
  }

  #give(socket: Socket): void {
    const workers = this.#workers();
    let best: Taker | undefined;
    let next = this.#turn;
    for (let i = 0; i < workers.length; i++) {
      const at = (this.#turn + i) % workers.length;
      const worker = workers[at]!;
      if (!worker.ready || worker.hung || (best && worker.load >= best.load)) continue;
      best = worker;
      next = at + 1;
    }
    this.#turn = next;
    if (best) best.hand(socket);
    else if (this.#waiting.length < MOST_WAITING) this.#waiting.push(socket);
    else socket.destroy();
  }
}
