/**
 * One request of a route, from its match to its last byte: what every station reads, and the ways in which it is answered.
 * Whatever happens, `onClosed` is called once, when the client has its answer or is gone.
 */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ClientRequest, ClientResponse } from '../front/client.js';
import { PlainRequest } from '../front/plain-request.js';
import { type Refusal, refusalHeaders, statusOf } from '../lib/errors.js';
import { headerIn } from '../lib/headers.js';
import type { Hold } from '../limits/hold.js';
import type { RequestTrace } from '../telemetry/trace.js';
import { type Consumer, NOBODY } from './consumer.js';
import { withOurs } from './headers.js';
import { decodeSegment } from './path.js';

const LINGER_MS = 500;

export class Visit {
  readonly req: ClientRequest;
  readonly res: ClientResponse;
  /** The request's target, normalised; a query begins with its `?`. */
  readonly path: string;
  query: string;
  /** In lower case, without the port. */
  readonly host: string;
  readonly hostHeader: string;
  readonly ip: string;
  /** The peer is a proxy in front of us, whose word on the client is taken. */
  readonly peerTrusted: boolean;
  readonly requestId: string;
  readonly arrivedAt: number;
  readonly #names: readonly string[];
  readonly #values: readonly string[];
  /** Null: the request is not traced. */
  trace: RequestTrace | null = null;
  /** Of the attempt, where the request is traced; a renewal is asked by the request's own. */
  spanId = '';
  consumer: Consumer = NOBODY;
  /** Headers of the client that held its credential, and are not sent on. */
  hidden: string[] | null = null;
  /** The cookie that held it. */
  hiddenCookie: string | null = null;
  hold: Hold | null = null;
  /** Headers for whatever answer is given: names and values in turn. */
  readonly extra: string[] = [];
  /** Told by whoever has something to end when the client is gone. */
  onGone: (() => void) | null = null;
  /** The client waits for `100 Continue` before it sends its body. */
  awaitsContinue: boolean;
  /** Called once when the client has its answer or is gone. */
  onClosed: (() => void) | null = null;
  /** Of the answer; 0: none was begun. */
  status = 0;
  attempts = 0;
  target = '';
  cacheState = '';
  /** The type of the body that is sent, where it was made another one. */
  bodyType = '';
  /** Policies that would have refused, where they only log. */
  logged: string[] | null = null;
  gone = false;
  answered = false;
  /** A request to change the protocol: the connection, and what came after the head. */
  upgrade: { readonly socket: Duplex; readonly head: Buffer } | null = null;

  constructor(init: {
    readonly req: ClientRequest;
    readonly res: ClientResponse;
    readonly path: string;
    readonly query: string;
    readonly host: string;
    readonly hostHeader: string;
    readonly ip: string;
    readonly peerTrusted: boolean;
    readonly requestId: string;
    readonly arrivedAt: number;
    readonly names: readonly string[];
    readonly values: readonly string[];
    readonly awaitsContinue: boolean;
  }) {
    this.req = init.req;
    this.res = init.res;
    this.path = init.path;
    this.query = init.query;
    this.host = init.host;
    this.hostHeader = init.hostHeader;
    this.ip = init.ip;
    this.peerTrusted = init.peerTrusted;
    this.requestId = init.requestId;
    this.arrivedAt = init.arrivedAt;
    this.#names = init.names;
    this.#values = init.values;
    this.awaitsContinue = init.awaitsContinue;
  }

  get method(): string {
    return this.req.method!;
  }

  /** A parameter of the path, unescaped. */
  param(name: string): string | undefined {
    const at = this.#names.indexOf(name);
    return at === -1 ? undefined : decodeSegment(this.#values[at]!);
  }

  header(name: string): string | undefined {
    const value = this.req.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  /** The request has a body, or will have. */
  get hasBody(): boolean {
    const { headers } = this.req;
    return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
  }

  /** Lets a client that asked first send its body. */
  wantBody(): void {
    if (!this.awaitsContinue) return;
    this.awaitsContinue = false;
    this.res.writeContinue();
  }

  /** The head of an answer; what the stations have to say is added to it. */
  head(status: number, headers: readonly string[], message?: string): void {
    this.answered = true;
    this.status = status;
    if (this.gone) return;
    const all = withOurs(headers, this.extra);
    if (!this.req.complete && this.hasBody && headerIn(all, 'connection') === undefined)
      all.push('connection', 'close');
    if (message === undefined || message === '') this.res.writeHead(status, all);
    else this.res.writeHead(status, message, all);
  }

  /** A whole answer of our own. */
  answer(status: number, headers: readonly string[], body?: Buffer | string): void {
    if (this.answered || this.gone) return this.cut();
    const bytes = body === undefined ? undefined : typeof body === 'string' ? Buffer.from(body) : body;
    const bodiless = status === 204 || status === 304;
    this.head(status, bodiless ? headers : [...headers, 'content-length', String(bytes?.length ?? 0)]);
    this.end(bodiless || this.method === 'HEAD' ? undefined : bytes);
  }

  /** The last bytes. A client that is still sending gets the time to read them. */
  end(bytes?: Buffer): void {
    const { req, res } = this;
    if (this.gone) return;
    if (req instanceof PlainRequest || req.complete || !this.hasBody || this.awaitsContinue) return void res.end(bytes);
    if (bytes) res.write(bytes);
    req.resume();
    const over = (): void => {
      clearTimeout(late);
      req.off('end', over);
      res.end();
    };
    const late = setTimeout(over, LINGER_MS);
    req.once('end', over);
  }

  refuse(refusal: Refusal): void {
    const status = statusOf(refusal);
    const headers = ['content-type', 'application/problem+json; charset=utf-8'];
    for (const [name, value] of Object.entries(refusalHeaders(refusal.headers, status))) headers.push(name, value);
    const problem = {
      type: `urn:tollgate:error:${refusal.code}`,
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail: refusal.message,
      code: refusal.code,
      ...(refusal.param ? { param: refusal.param } : {}),
      request_id: this.requestId,
    };
    this.answer(status, headers, JSON.stringify(problem));
  }

  /** The changed protocol ended, so that the log can say so. */
  tunnelled(status: number): void {
    this.status = status;
    this.onClosed?.();
  }

  /** Ends the connection without HTTP's clean end: what was sent is not the whole answer. */
  cut(): void {
    this.res.destroy();
  }
}
