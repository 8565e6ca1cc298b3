/** An HTTP proxy that tunnels (CONNECT) to this machine, whatever name is asked for; what it was asked is kept. */
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

export interface ConnectProxy {
  readonly port: number;
  /** `api.test:443 user:password`, in the order in which they came. */
  readonly asked: string[];
  stop(): Promise<void>;
}

/** `credentials`: what is let in, as `user:password`; left out: everybody. */
export async function startConnectProxy(credentials?: string): Promise<ConnectProxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((_request, response) => void response.writeHead(405).end());
  server.on('connect', (request, client: Socket, ahead: Buffer) => {
    const given = Buffer.from(
      (request.headers['proxy-authorization'] ?? '').replace(/^Basic /, ''),
      'base64',
    ).toString();
    asked.push(`${request.url} ${given}`);
    if (credentials !== undefined && given !== credentials) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n');
      return;
    }
    const target = connect(Number(request.url!.split(':').at(-1)), '127.0.0.1');
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket
        .on('error', () => {})
        .on('close', () => {
          sockets.delete(socket);
          client.destroy();
          target.destroy();
        });
    }
    target.on('connect', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      if (ahead.length > 0) target.write(ahead);
      client.pipe(target).pipe(client);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const socket of sockets) socket.destroy();
      }),
  };
}
