/** A request over connections of our own client, and all that its handler was told. */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { Connections } from '../../src/upstream/http1/connections.js';
import type { AnswerHandler, RunningRequest } from '../../src/upstream/http1/http-exchange.js';
import type { HttpRequest } from '../../src/upstream/http1/request-head.js';

export interface Told extends AnswerHandler {
  /** What happened, in order: `sending`, `info 103`, `head 200`, `data`, `end`, `error CODE`, `upgrade 101`. */
  readonly events: string[];
  status: number;
  message: string;
  headers: readonly string[];
  readonly infos: { status: number; headers: readonly string[] }[];
  readonly pieces: Buffer[];
  trailers: readonly string[] | null;
  error: (Error & { code?: string }) | null;
  socket: Duplex | null;
  body(): string;
  /** Settles at its end, however it ends. */
  readonly over: Promise<void>;
  /** What `onData` answers. */
  take: (piece: Buffer) => boolean;
  running: RunningRequest;
}

export function told(): Told {
  let settle = (): void => {};
  const over = new Promise<void>((resolve) => {
    settle = resolve;
  });
  const one: Told = {
    events: [],
    status: 0,
    message: '',
    headers: [],
    infos: [],
    pieces: [],
    trailers: null,
    error: null,
    socket: null,
    over,
    take: () => true,
    running: { abort: () => {}, resume: () => {} },
    body: () => Buffer.concat(one.pieces).toString('latin1'),
    onSending: () => void one.events.push('sending'),
    onInfo: (status, headers) => {
      one.events.push(`info ${status}`);
      one.infos.push({ status, headers });
    },
    onHead: (status, headers, message) => {
      one.events.push(`head ${status}`);
      Object.assign(one, { status, headers, message });
    },
    onData: (piece) => {
      if (one.events.at(-1) !== 'data') one.events.push('data');
      one.pieces.push(piece);
      return one.take(piece);
    },
    onEnd: (trailers) => {
      one.events.push('end');
      one.trailers = trailers;
      settle();
    },
    onError: (error) => {
      one.error = error;
      one.events.push(`error ${one.error.code ?? error.message}`);
      settle();
    },
    onUpgrade: (status, headers, socket) => {
      one.events.push(`upgrade ${status}`);
      Object.assign(one, { status, headers, socket });
      settle();
    },
  };
  return one;
}

/** Sends it; a GET of `/x` where nothing else is said. */
export function send(connections: Connections, request: Partial<HttpRequest> = {}, handler: Told = told()): Told {
  handler.running = connections.request({ method: 'GET', path: '/x', headers: [], body: null, ...request }, handler);
  return handler;
}

/** The whole answer. */
export async function ask(connections: Connections, request: Partial<HttpRequest> = {}): Promise<Told> {
  const one = send(connections, request);
  await one.over;
  return one;
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits for what comes soon, turn by turn. */
export async function until(holds: () => boolean, withinMs = 5_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`Not within ${withinMs} ms: ${holds}`);
    await turn();
  }
}

export interface Scripted {
  readonly origin: string;
  readonly port: number;
  /** Connections that were opened so far. */
  readonly opened: number;
  readonly open: number;
  /** Heads of requests, in order. */
  readonly heads: string[];
  /** Answers one request whose head came. */
  script: (socket: Socket, head: string) => unknown;
  stop(): Promise<void>;
}

/** A server of bytes: it waits for the head of a request, and does with the socket what the test says. */
export async function startScripted(options: { readonly tls?: TlsOptions } = {}): Promise<Scripted> {
  const sockets = new Set<Socket>();
  let opened = 0;
  const serve = (socket: Socket): void => {
    opened++;
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    let text = '';
    socket.on('data', (piece: Buffer) => {
      text += piece.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end + 4);
        text = text.slice(end + 4);
        one.heads.push(head);
        one.script(socket, head);
      }
    });
  };
  const server = options.tls ? createTlsServer(options.tls, serve) : createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const one: Scripted = {
    origin: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    get opened() {
      return opened;
    },
    get open() {
      return sockets.size;
    },
    heads: [],
    script: () => {},
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  return one;
}

/** Writes pieces so that each is read by itself: the other end of a loopback has a piece in the next turn. */
export async function inPieces(socket: Socket, pieces: readonly (string | Buffer)[]): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed) return;
    socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
    await turn();
    await turn();
  }
}

export const bytewise = (text: string): string[] => [...text];
