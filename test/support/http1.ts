/** A request over connections of our own client, and all that its handler was told. */
import type { Duplex } from 'node:stream';
import type { Connections } from '../../src/upstream/http1/connections.js';
import type { AnswerHandler, Running } from '../../src/upstream/http1/exchange.js';
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
  running: Running;
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
