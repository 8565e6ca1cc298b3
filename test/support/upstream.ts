/**
 * A model provider that runs inside the test: plain `node:http`, so that it can also do what no honest server does. A
 * request is answered by the next queued behaviour, else by the fallback, which answers as the real APIs do. A behaviour
 * is a list of steps (`head`, `write`, `until`, `cut`, ...), carried out in order and given up when the other side leaves.
 * Everything received is kept, with the moment at which the gateway let go of it.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { answerMessages, answerMessagesAtVertex } from './anthropic-answers.js';
import { answerGemini } from './gemini-answers.js';
import { answerChat, answerCompletions } from './openai-answers.js';
import { answerEmbeddings } from './openai-embeddings-answers.js';
import { answerResponses } from './openai-responses-answers.js';
import { type Behaviour, type Exchange, json, type Received, type Step } from './upstream-steps.js';

export interface FakeUpstream {
  /** `http://<host>:<port>`, without a path; with `tls`, https. */
  readonly url: string;
  readonly requests: readonly Received[];
  /** Queues behaviours, one per request to come. */
  next(...behaviours: Behaviour[]): void;
  /** What answers when the queue is empty; without an argument, the faithful one again. */
  always(behaviour?: Behaviour): void;
  /** The next request that arrives from now on. */
  arrival(): Promise<Received>;
  /** Open connections. */
  readonly connections: number;
  stop(): Promise<void>;
}

export async function startUpstream(tls?: TlsOptions, host = '127.0.0.1'): Promise<FakeUpstream> {
  const requests: Received[] = [];
  const queue: Behaviour[] = [];
  const waiting: ((request: Received) => void)[] = [];
  const sockets = new Set<Socket>();
  let fallback: Behaviour = faithful;
  const options = { keepAliveTimeout: 60_000, requestTimeout: 0 };
  const listener = (incoming: IncomingMessage, response: ServerResponse): void => {
    // A side that leaves while it is being answered is what these tests are about, not a fault.
    serve(incoming, response).catch((error: unknown) => response.destroy(error as Error));
  };
  const server = tls ? createTlsServer({ ...options, ...tls }, listener) : createServer(options, listener);
  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = await receive(incoming, response);
    requests.push(exchange.request);
    for (const told of waiting.splice(0)) told(exchange.request);
    const behaviour = queue.shift() ?? fallback;
    const steps = typeof behaviour === 'function' ? behaviour(exchange.request) : behaviour;
    for (const step of steps) {
      if (exchange.left.aborted) return;
      await step(exchange);
    }
    if (!exchange.left.aborted && !response.writableEnded) response.end();
  }
  server.on('connection', (socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => {});
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    url: `${tls ? 'https' : 'http'}://${host}:${(server.address() as AddressInfo).port}`,
    requests,
    next: (...behaviours) => void queue.push(...behaviours),
    always: (behaviour = faithful) => {
      fallback = behaviour;
    },
    arrival: () => new Promise((resolve) => waiting.push(resolve)),
    get connections() {
      return sockets.size;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function receive(incoming: IncomingMessage, response: ServerResponse): Promise<Exchange> {
  const left = new AbortController();
  const { socket } = incoming;
  const sentBefore = socket.bytesWritten;
  let abortedAt: number | undefined;
  const over = new Promise<void>((resolve) => {
    response.on('close', () => {
      if (!response.writableFinished) {
        abortedAt = performance.now();
        left.abort();
      }
      resolve();
    });
  });
  response.on('error', () => {});
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  const request: Received = {
    method: incoming.method ?? '',
    path: incoming.url ?? '',
    headers: incoming.headers,
    rawHeaders: incoming.rawHeaders,
    body,
    json: () => JSON.parse(body.toString('utf8')) as Record<string, unknown>,
    over,
    get abortedAt() {
      return abortedAt;
    },
    get sentBytes() {
      return socket.bytesWritten - socket.writableLength - sentBefore;
    },
  };
  return { request, response, socket, left: left.signal };
}

/** Answers as the API whose path was asked for. */
export function faithful(request: Received): readonly Step[] {
  const path = request.path.split('?')[0] ?? '';
  if (request.method === 'POST' && path.endsWith('/chat/completions')) return answerChat(request);
  if (request.method === 'POST' && path.endsWith('/completions')) return answerCompletions(request);
  if (request.method === 'POST' && path.endsWith('/responses')) return answerResponses(request);
  if (request.method === 'POST' && path.endsWith('/embeddings')) return answerEmbeddings(request);
  if (request.method === 'POST' && path.endsWith('/messages')) return answerMessages(request);
  if (request.method === 'POST' && /:(?:stream)?[rR]awPredict$/.test(path)) return answerMessagesAtVertex(request);
  if (request.method === 'POST' && path.includes(':')) return answerGemini(request);
  return json(404, {
    error: { message: `Unknown request URL: ${path}`, type: 'invalid_request_error', param: null, code: 'unknown_url' },
  });
}
