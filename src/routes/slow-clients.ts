/**
 * Clients that drip, and clients that do not read. A request's headers must be there within `headersMs` (node's own check, which answers 408). Its body has
 * `bodyMs`, and a second more for each kilobyte of it, so that a large upload over a slow line has its time and a drip has
 * not. Connections are looked at once a second; a request costs nothing but the note on its connection that it is the one
 * which is being read. While the gateway itself does not read, the client's time stands still.
 *
 * An answer has `sendMs` from the moment that its bytes begin to wait for the client, and a second more for each kilobyte that
 * it takes; then the connection is cut, whoever answers. So what waits for a client is held for a while and not for ever.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { connectionEvent } from '../front/tls.js';
import { late } from '../lib/late.js';

export interface ClientTimeouts {
  readonly headersMs: number;
  readonly bodyMs: number;
  /** How long they may leave an answer unread. */
  readonly sendMs: number;
}

const SWEEP_MS = 1_000;
const BYTES_PER_MS = 1024 / 1000;
/** How long whoever was told has to answer before the connection is cut. */
const GRACE_SWEEPS = 3;

const reading = Symbol('reading');
const asked = Symbol('asked');
type Watched = Socket & { [reading]?: IncomingMessage | undefined; [asked]?: true };

/** The request is the one that its connection brings now. */
export const noteReading = (socket: Socket, request: IncomingMessage): void => {
  (socket as Watched)[reading] = request;
  (socket as Watched)[asked] = true;
};

/** Nothing of a request came over it. With TLS, what was read may be a handshake: there a request has to have begun. */
export const neverAsked = (socket: Socket): boolean =>
  'encrypted' in socket ? (socket as Watched)[asked] !== true : socket.bytesRead === 0;

interface Client {
  readonly socket: Watched;
  request: IncomingMessage | undefined;
  sinceMs: number;
  /** Bytes of the connection when the request was first looked at. */
  bytes: number;
  told: number;
  /** Since when bytes wait for it; -1: none do. */
  unreadSinceMs: number;
  /** What it had taken then. */
  taken: number;
}

/** Bytes that the system took from us and the client from the system, as far as its buffers tell. */
function takenBy(socket: Socket): number {
  const handle = (socket as { _handle?: { bytesWritten?: number; writeQueueSize?: number } | null })._handle;
  const { bytesWritten, writeQueueSize } = handle ?? {};
  return bytesWritten === undefined
    ? socket.bytesWritten - socket.writableLength
    : bytesWritten - (writeQueueSize ?? 0);
}

/** Answers the connections that are open. */
export function watchSlowClients(
  server: Server,
  timeouts: () => ClientTimeouts,
  now: () => number,
): ReadonlySet<{ readonly socket: Socket }> {
  const clients = new Set<Client>();
  let timer: NodeJS.Timeout | undefined;
  let sweptAt = now();

  const sweep = (): void => {
    const at = now();
    const { headersMs, bodyMs, sendMs } = timeouts();
    server.headersTimeout = headersMs;
    for (const client of clients) {
      lookWhetherItReads(client, at, sendMs);
      look(client, at, at - sweptAt, bodyMs);
    }
    sweptAt = at;
  };

  server.headersTimeout = timeouts().headersMs;
  server.on(connectionEvent(server), (socket: Socket) => {
    const client: Client = { socket, request: undefined, sinceMs: 0, bytes: 0, told: 0, unreadSinceMs: -1, taken: 0 };
    clients.add(client);
    socket.once('close', () => clients.delete(client));
  });
  server.on('listening', () => {
    sweptAt = now();
    timer = setInterval(sweep, SWEEP_MS).unref();
  });
  server.on('close', () => clearInterval(timer));
  return clients;
}

function lookWhetherItReads(client: Client, nowMs: number, sendMs: number): void {
  const { socket } = client;
  if (socket.writableLength === 0 || socket.destroyed) {
    client.unreadSinceMs = -1;
    return;
  }
  const taken = takenBy(socket);
  if (client.unreadSinceMs === -1) {
    client.unreadSinceMs = nowMs;
    client.taken = taken;
  } else if (nowMs - client.unreadSinceMs > sendMs + (taken - client.taken) / BYTES_PER_MS) socket.destroy();
}

function look(client: Client, nowMs: number, passedMs: number, bodyMs: number): void {
  const { socket } = client;
  const request = socket[reading];
  if (!request) return;
  if (request.complete) {
    client.request = undefined;
    socket[reading] = undefined; // an idle connection keeps nothing of its last request
    return;
  }
  if (client.request !== request) {
    client.request = request;
    client.sinceMs = nowMs;
    client.bytes = socket.bytesRead;
    client.told = 0;
    return;
  }
  if (client.told > 0) {
    if (++client.told > GRACE_SWEEPS) socket.destroy();
    return;
  }
  if (request.readableFlowing !== true) client.sinceMs += passedMs;
  const allowedMs = bodyMs + (socket.bytesRead - client.bytes) / BYTES_PER_MS;
  if (nowMs - client.sinceMs <= allowedMs) return;
  client.told = 1;
  if (!request.emit(late)) socket.destroy();
}
