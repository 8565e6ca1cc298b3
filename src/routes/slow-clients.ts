/**
 * Clients that drip. A request's headers must be there within `headersMs` (node's own check, which answers 408). Its body has
 * `bodyMs`, and a second more for each kilobyte of it, so that a large upload over a slow line has its time and a drip has
 * not. Connections are looked at once a second; a request costs nothing but the note on its connection that it is the one
 * which is being read. While the gateway itself does not read, the client's time stands still.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { late } from '../lib/late.js';

export interface ClientTimeouts {
  readonly headersMs: number;
  readonly bodyMs: number;
}

const SWEEP_MS = 1_000;
const BYTES_PER_MS = 1024 / 1000;
/** How long whoever was told has to answer before the connection is cut. */
const GRACE_SWEEPS = 3;

const reading = Symbol('reading');
type Watched = Socket & { [reading]?: IncomingMessage | undefined };

/** The request is the one that its connection brings now. */
export const noteReading = (socket: Socket, request: IncomingMessage): void => {
  (socket as Watched)[reading] = request;
};

interface Client {
  readonly socket: Watched;
  request: IncomingMessage | undefined;
  sinceMs: number;
  /** Bytes of the connection when the request was first looked at. */
  bytes: number;
  told: number;
}

export function watchSlowClients(server: Server, timeouts: () => ClientTimeouts, now: () => number): void {
  const clients = new Set<Client>();
  let timer: NodeJS.Timeout | undefined;
  let sweptAt = now();

  const sweep = (): void => {
    const at = now();
    const { headersMs, bodyMs } = timeouts();
    server.headersTimeout = headersMs;
    for (const client of clients) look(client, at, at - sweptAt, bodyMs);
    sweptAt = at;
  };

  server.headersTimeout = timeouts().headersMs;
  server.on('connection', (socket: Socket) => {
    const client: Client = { socket, request: undefined, sinceMs: 0, bytes: 0, told: 0 };
    clients.add(client);
    socket.once('close', () => clients.delete(client));
  });
  server.on('listening', () => {
    sweptAt = now();
    timer = setInterval(sweep, SWEEP_MS).unref();
  });
  server.on('close', () => clearInterval(timer));
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
