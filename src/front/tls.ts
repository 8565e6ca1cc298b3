/**
 * The server that listens, plain or with TLS. With TLS, everything in front of the HTTP server sees decrypted connections and
 * need not know. New connections are shown the certificate that is in force, those that are open keep theirs. Only HTTP/1.1 is
 * offered. While a handshake runs, a connection belongs to nobody yet: it has a time-out of its own, and ends with the server.
 */
import { createServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { type SecureVersion, Server as TlsServer } from 'node:tls';

export interface Certificates {
  readonly cert: string;
  readonly key: string;
  readonly min_version: SecureVersion;
  /** Null: clients show none. */
  readonly client_ca: string | null;
}

const HANDSHAKE_MS = 10_000;
/** What a handshake has once the server ends. */
const ENDING_MS = 1_000;

const contextOf = ({ cert, key, min_version, client_ca }: Certificates) => ({
  ...{ cert, key, minVersion: min_version },
  ...(client_ca === null ? {} : { ca: client_ca }),
});

/** Whether clients must show a certificate is asked of the server itself, for each connection. */
const asks = ({ client_ca }: Certificates) => ({ requestCert: client_ca !== null, rejectUnauthorized: true });

/** Plain where there are no certificates. */
export function createHttpServer(options: ServerOptions, certificates: Certificates | null): Server {
  if (certificates === null) return createServer(options);
  const server = createTlsServer({
    ...options,
    ...contextOf(certificates),
    ...asks(certificates),
    handshakeTimeout: HANDSHAKE_MS,
    ALPNProtocols: ['http/1.1'],
  });
  endHandshakes(server);
  return server;
}

/** Node's server does not know the connections on which a handshake runs: they end with those that it knows. */
function endHandshakes(server: Server): void {
  const running = new Map<string, Socket>();
  const nameOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
  server.on('connection', (socket: Socket) => {
    const name = nameOf(socket);
    running.set(name, socket);
    socket.once('close', () => running.delete(name));
  });
  server.on('secureConnection', (socket: Socket) => running.delete(nameOf(socket)));
  const end = (): void => {
    for (const socket of running.values()) socket.destroy();
  };
  const [closeAll, closeIdle] = [server.closeAllConnections.bind(server), server.closeIdleConnections.bind(server)];
  server.closeAllConnections = () => {
    closeAll();
    end();
  };
  let sinceMs = -1;
  server.closeIdleConnections = () => {
    closeIdle();
    if (sinceMs < 0) sinceMs = performance.now();
    else if (performance.now() - sinceMs > ENDING_MS) end();
  };
}

/** Connections that come from now on are shown these. A server without TLS stays without. */
export function useCertificates(server: Server, certificates: Certificates | null): void {
  if (!(server instanceof TlsServer) || certificates === null) return;
  server.setSecureContext(contextOf(certificates));
  Object.assign(server, asks(certificates));
}

/** The event that hands over a connection on which HTTP is spoken. */
export const connectionEvent = (server: Server): 'secureConnection' | 'connection' =>
  server instanceof TlsServer ? 'secureConnection' : 'connection';
