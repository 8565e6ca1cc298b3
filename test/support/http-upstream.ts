/** An upstream of plain `node:http`, whose handler the test writes; what it received is kept. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface HttpUpstream {
  readonly url: string;
  readonly port: number;
  readonly seen: Seen[];
  /** What answers from now on. */
  handler: (seen: Seen, response: ServerResponse) => void;
  stop(): Promise<void>;
}

export async function startHttpUpstream(
  handler?: HttpUpstream['handler'],
  on: { readonly host: string; readonly port: number } = { host: '127.0.0.1', port: 0 },
): Promise<HttpUpstream> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('error', () => {});
    response.on('error', () => {});
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, url, headers, body: Buffer.concat(pieces).toString() };
      seen.push(one);
      upstream.handler(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(on.port, on.host, resolve));
  const { port } = server.address() as AddressInfo;
  const upstream: HttpUpstream = {
    url: `http://127.0.0.1:${port}`,
    port,
    seen,
    handler: handler ?? ((_seen, response) => void response.end('ok')),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return upstream;
}

/** A handler that answers with JSON. */
export const answers =
  (body: unknown, status = 200, headers: Record<string, string> = {}): HttpUpstream['handler'] =>
  (_seen, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
