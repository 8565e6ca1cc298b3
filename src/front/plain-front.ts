/**
 * Stands before node's own server: takes each connection while plain requests come over it. `close`, `closeIdleConnections` and
 * `closeAllConnections` of the server are for these connections too.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { type Front, PlainConnection, SWEEP_MS } from './plain-connection.js';

export function plainFront(server: Server, serve: Front['serve']): void {
  const connections = new Set<PlainConnection>();
  const [nodes] = server.listeners('connection') as ((socket: Socket) => void)[];
  server.off('connection', nodes!);
  const front: Front = {
    serve,
    listening: () => server.listening,
    toNode: (socket) => nodes!.call(server, socket),
    left: (connection) => connections.delete(connection),
    keepAliveS: Math.max(1, Math.floor(server.keepAliveTimeout / 1000)),
  };
  server.on('connection', (socket: Socket) => connections.add(new PlainConnection(socket, front)));

  let timer: NodeJS.Timeout | undefined;
  server.on('listening', () => {
    timer = setInterval(() => {
      for (const connection of connections) connection.sweep();
    }, SWEEP_MS).unref();
  });
  server.on('close', () => clearInterval(timer));

  const closeIdle = server.closeIdleConnections.bind(server);
  server.closeIdleConnections = () => {
    closeIdle();
    for (const connection of connections) if (connection.idle) connection.socket.destroy();
  };
  const closeAll = server.closeAllConnections.bind(server);
  server.closeAllConnections = () => {
    closeAll();
    for (const connection of connections) connection.socket.destroy();
  };
}
