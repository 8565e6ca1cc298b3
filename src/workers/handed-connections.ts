/**
 * The connections of one of several processes: the listener hands them over, so the process's server never listens. From here they
 * are like any other's.
 */
import type { Server } from 'node:http';
import { Socket } from 'node:net';
import { Closing } from '../front/closing.js';
import { connectionEvent } from '../front/tls.js';

export class HandedConnections extends Closing {
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #closed = false;
  #ended: (() => void) | undefined;

  get size(): number {
    return this.#sockets.size;
  }

  /** The server that serves them. */
  serveBy(server: Server): void {
    this.#server = server;
    server.emit('listening'); // begins to look after connections
  }

  take(socket: Socket): void {
    this.#take(socket, 'connection');
  }

  /** One on which HTTP is spoken already, whatever the server shows others. */
  takeForwarded(socket: Socket): void {
    const event = connectionEvent(this.#server!);
    if (event === 'secureConnection') Object.defineProperty(socket, 'encrypted', { value: true });
    this.#take(socket, event);
  }

  #take(socket: Socket, event: 'connection' | 'secureConnection'): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (this.#closed && this.#sockets.size === 0) this.#ended?.();
    });
    this.#server!.emit(event, socket);
    socket.resume();
  }

  /** Nothing is handed over any more. */
  override async closeListeners(): Promise<{ readonly ended: Promise<unknown> }> {
    this.#closed = true;
    if (this.#sockets.size === 0) return { ended: Promise.resolve() };
    return { ended: new Promise<void>((resolve) => (this.#ended = resolve)) };
  }
}

/** Hands connections on as they come over the process's own channel. */
export function onHandedOver(take: (number: number, socket: Socket) => void): void {
  process.on('message', (message: unknown, socket: unknown) => {
    const [kind, number] = message as [string, number];
    if (kind === 'connection' && socket instanceof Socket) take(number, socket);
  });
}
