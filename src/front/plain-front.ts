/**
 * Stands before node's own server: takes each connection while plain requests come over it. `close`, `closeIdleConnections` and
 * `closeAllConnections` of the server are for these connections too, and for those whose protocol was changed.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Closing } from './closing.js';
import { FIRST_MS, type Front, PlainConnection, SWEEP_MS } from './plain-connection.js';
import { connectionEvent } from './tls.js';

export interface FrontOf {
  readonly server: Server;
  readonly closing: Closing;
  /** All connections. */
  readonly clients: Iterable<{ readonly socket: Socket }>;
  /** Nothing of a request came over it. */
  readonly neverAsked: (socket: Socket) => boolean;
}

export function plainFront({ server, closing, clients, neverAsked }: FrontOf, serve: Front['serve']): void {
  const connections = new Set<PlainConnection>();
  const event = connectionEvent(server);
  const [nodes] = server.listeners(event) as ((socket: Socket) => void)[];
  server.off(event, nodes!);
  const front: Front = {
    serve,
    closing,
    toNode: (socket) => nodes!.call(server, socket),
    left: (connection) => connections.delete(connection),
    keepAliveS: Math.max(1, Math.floor(server.keepAliveTimeout / 1000)),
  };
  closing.add(server);
  server.on(event, (socket: Socket) => {
    closing.connected = true;
    connections.add(new PlainConnection(socket, front));
  });

  let timer: NodeJS.Timeout | undefined;
  server.on('listening', () => {
    timer = setInterval(() => {
      for (const connection of connections) connection.sweep();
    }, SWEEP_MS).unref();
  });
  server.on('close', () => clearInterval(timer));

  let closedAtMs = -1;
  const closeIdle = server.closeIdleConnections.bind(server);
  server.closeIdleConnections = () => {
    closeIdle();
    if (closedAtMs < 0) closedAtMs = performance.now();
    const firstIsOver = performance.now() - closedAtMs >= FIRST_MS;
    for (const connection of connections) connection.endIdle(closing.lingerMs, firstIsOver);
    if (!firstIsOver) return;
    // Node does not take for idle what never asked anything.
    for (const { socket } of clients) if (neverAsked(socket)) socket.destroy();
  };
  const closeAll = server.closeAllConnections.bind(server);
  server.closeAllConnections = () => {
    closeAll();
    for (const { socket } of clients) socket.destroy();
  };
}
