/**
 * What a fake upstream does with a request, in steps that combine freely; and the whole answers that are made of them.
 * Steps give up by themselves when the other side leaves.
 */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Received {
  readonly method: string;
  /** Path and query as sent. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** The body as JSON; throws where it is not. */
  json(): Record<string, unknown>;
  /** Settles when the answer ended or the other side left. */
  readonly over: Promise<void>;
  /** `performance.now()` at which the other side left before the answer had ended; undefined while it has not. */
  readonly abortedAt: number | undefined;
  /** Bytes of the answer that the kernel took from us so far. */
  readonly sentBytes: number;
}

export interface Exchange {
  readonly request: Received;
  readonly response: ServerResponse;
  readonly socket: Socket;
  /** Aborts when the other side left. */
  readonly left: AbortSignal;
}

export type Step = (exchange: Exchange) => void | Promise<void>;
export type Behaviour = readonly Step[] | ((request: Received) => readonly Step[]);

export const head =
  (status: number, headers: Record<string, string | number> = {}): Step =>
  ({ response }) => {
    response.writeHead(status, headers);
    response.flushHeaders();
  };

/** Writes the bytes and waits until the kernel has room again. */
export const write =
  (bytes: string | Buffer): Step =>
  ({ response, left }) => {
    if (response.write(bytes)) return;
    return untilEither(new Promise<void>((resolve) => response.once('drain', resolve)), left);
  };

/** Writes in pieces of `size` bytes, each in a TCP write of its own. */
export const writeInPieces =
  (bytes: string | Buffer, size: number, delayMs = 1): Step =>
  async (exchange) => {
    const buffer = Buffer.from(bytes);
    for (let at = 0; at < buffer.length && !exchange.left.aborted; at += size) {
      await write(buffer.subarray(at, at + size))(exchange);
      await pause(delayMs)(exchange);
    }
  };

export const pause =
  (ms: number): Step =>
  async ({ left }) => {
    await sleep(ms, undefined, { signal: left }).catch(() => {});
  };

/** Waits for the test, or for the other side to leave. */
export const until =
  (event: Promise<unknown>): Step =>
  ({ left }) =>
    untilEither(event, left);

/**
 * A step that waits until the test has told that the client has what was written before: what comes next is then read apart,
 * also by a Node that writes both at once.
 */
export function passedOn(): { readonly step: Step; tell(): void } {
  let tell = (): void => {};
  const step: Step = (exchange) =>
    until(
      new Promise<void>((resolve) => {
        tell = resolve;
      }),
    )(exchange);
  return { step, tell: () => tell() };
}

/** Says nothing more until the other side leaves. */
export const stall: Step = ({ left }) => untilEither(new Promise(() => {}), left);

/** Closes the connection without ending the answer: for a chunked answer the last chunk is missing. */
export const cut: Step = async ({ response, socket }) => {
  await new Promise<void>((resolve) => (response.headersSent ? response.write('', () => resolve()) : resolve()));
  await new Promise((resolve) => setImmediate(resolve));
  socket.destroy();
};

/** As `cut`, with a TCP reset. */
export const reset: Step = ({ socket }) => void socket.resetAndDestroy();

/** Bytes onto the socket as they are, past HTTP's framing. */
export const raw =
  (bytes: string | Buffer): Step =>
  ({ socket }) =>
    void socket.write(bytes);

export const sseHeaders = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' } as const;

/** A stream: its head, then the steps; bytes stand for `write`. */
export const sse = (...steps: (Step | string | Buffer)[]): readonly Step[] => [
  head(200, { ...sseHeaders, 'x-request-id': 'req_upstream' }),
  ...steps.map((step) => (typeof step === 'function' ? step : write(step))),
];

export const json = (status: number, body: unknown, headers: Record<string, string | number> = {}): readonly Step[] => {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return [
    head(status, { 'content-type': 'application/json', 'content-length': bytes.length, ...headers }),
    write(bytes),
  ];
};

export const html = (
  status: number,
  page = '<html><body><h1>502 Bad Gateway</h1><hr>nginx</body></html>',
): readonly Step[] => [head(status, { 'content-type': 'text/html' }), write(page)];

/** An error as OpenAI words it. */
export const openaiError = (
  status: number,
  error: { message: string; type?: string; code?: string | null; param?: string | null },
  headers: Record<string, string> = {},
): readonly Step[] =>
  json(
    status,
    { error: { type: 'invalid_request_error', param: null, code: null, ...error } },
    { 'x-request-id': 'req_upstream', ...headers },
  );

/** An error as Anthropic words it. */
export const anthropicError = (
  status: number,
  type: string,
  message: string,
  headers: Record<string, string> = {},
): readonly Step[] =>
  json(
    status,
    { type: 'error', error: { type, message }, request_id: 'req_upstream' },
    { 'request-id': 'req_upstream', ...headers },
  );

function untilEither(event: Promise<unknown>, left: AbortSignal): Promise<void> {
  if (left.aborted) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const leave = (): void => resolve();
    left.addEventListener('abort', leave, { once: true });
    event.then(() => resolve(), reject).finally(() => left.removeEventListener('abort', leave));
  });
}
