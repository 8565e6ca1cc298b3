/** A receiver of webhooks that keeps what it gets and answers as it is told: also not at all, drop by drop, or by a reset. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly atMs: number;
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads out of an event it states by reading it
  readonly event: any;
}

export type Manner = (request: IncomingMessage, response: ServerResponse) => void;

export const answer =
  (status: number, headers: Record<string, string> = {}, body = ''): Manner =>
  (_request, response) =>
    response.writeHead(status, headers).end(body);
export const hang: Manner = () => {};
export const reset: Manner = (request) => request.socket.resetAndDestroy();
export const garbage: Manner = (request) => request.socket.end('this is no HTTP\r\n\r\n');
/** Answers 200 at once, and then a byte at a time, for ever. */
export const drip: Manner = (_request, response) => {
  response.writeHead(200);
  const dripping = setInterval(() => response.write('.'), 20);
  response.on('close', () => clearInterval(dripping));
};
/** As much as the other side takes. */
export const flood: Manner = (_request, response) => {
  response.writeHead(200);
  const pour = (): void => {
    while (response.write('x'.repeat(64 * 1024)));
  };
  response.on('drain', pour).on('close', () => response.removeAllListeners('drain'));
  pour();
};

export interface Receiver {
  /** `http://127.0.0.1:<port>/hook`. */
  readonly url: string;
  readonly port: number;
  readonly received: readonly Received[];
  /** How it answers from now on. */
  manner: Manner;
  /** The requests of a type, once there are so many. */
  until(count: number, type?: string): Promise<Received[]>;
  readonly connections: number;
  close(): Promise<void>;
}

export async function startReceiver(manner: Manner = answer(204)): Promise<Receiver> {
  const received: Received[] = [];
  const sockets = new Set<Socket>();
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (part: string) => {
      body += part;
    });
    request.on('error', () => {});
    response.on('error', () => {});
    request.on('end', () => {
      received.push({
        path: request.url ?? '',
        headers: request.headers,
        body,
        atMs: Date.now(),
        id: String(request.headers['webhook-id']),
        event: JSON.parse(body),
      });
      self.manner(request, response);
      for (const look of waiting) look();
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const self: Receiver = {
    url: `http://127.0.0.1:${port}/hook`,
    port,
    received,
    manner,
    get connections() {
      return sockets.size;
    },
    until(count, type) {
      const found = () => received.filter(({ event }) => type === undefined || event.type === type);
      return new Promise((resolve, reject) => {
        const late = setTimeout(() => {
          waiting.delete(look);
          reject(new Error(`${found().length} of ${count} events came; all: ${received.map((one) => one.event.type)}`));
        }, 60_000);
        const look = (): void => {
          if (found().length < count) return;
          clearTimeout(late);
          waiting.delete(look);
          resolve(found());
        };
        waiting.add(look);
        look();
      });
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  return self;
}
