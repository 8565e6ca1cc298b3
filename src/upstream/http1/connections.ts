/**
 * Connections to one origin over HTTP/1.1, kept alive between requests. The one that was used last is used next, so that what
 * is not needed ages and is closed. With a maximum, requests wait for their turn in the order they came; each that may open
 * a connection waits for its own, and ends that attempt when it is given up.
 *
 * A request on a kept connection is sent once the sockets that are ready were read, all of one turn of the event loop
 * together: bytes or an end that came on an idle connection show that it is of no more use, and the request goes to another
 * one. Otherwise a second answer that comes late would be taken for the next request's.
 */
import type { LookupFunction, Socket } from 'node:net';
import { buildConnector } from 'undici';
import { type AnswerHandler, Exchange, type Running } from './call.js';
import { Connection, type Owner } from './connection.js';
import { HttpFault } from './faults.js';
import type { HttpRequest } from './request-head.js';
import { onread, SHARED_READS, watch } from './wire.js';

export interface ConnectionsOptions {
  /** `https://api.example.com:8443` */
  readonly origin: string;
  readonly connectMs: number;
  /** Left out: as many as there are requests. */
  readonly maximum?: number | null;
  /** For `tls.connect`; certificates are verified unless it says not to. */
  readonly tls?: Readonly<Record<string, unknown>>;
  /** Where names are looked up; left out: the system's way. */
  readonly lookup?: LookupFunction;
}

type Connector = (to: object, callback: (error: Error | null, socket?: Socket) => void) => Socket;

/** How long a connection is kept where the other side does not say. */
const KEPT_MS = 4_000;
const LONGEST_KEPT_MS = 600_000;
/** The other side began to count earlier: so much sooner it is not used any more. */
const EARLIER_MS = 1_000;
const SWEEP_MS = 1_000;

const shut = (): HttpFault => new HttpFault('SHUT', 'the gateway ends its connections');

export class Connections implements Owner {
  readonly #to: object;
  readonly #host: string;
  readonly #maximum: number;
  /** With reads into the shared buffer, and the other kind, which is made when it is needed. */
  readonly #connector: Connector;
  readonly #makeConnector: (own: boolean) => Connector;
  #ownConnector: Connector | null = null;
  readonly #shared: boolean;
  readonly #connections = new Set<Connection>();
  readonly #connecting = new Set<Exchange>();
  readonly #idle: Connection[] = [];
  readonly #waiting: Exchange[] = [];
  /** Connections and attempts to connect. */
  #open = 0;
  #sweeper: NodeJS.Timeout | undefined;
  #retired = false;
  #shut = false;

  constructor({ origin, connectMs, maximum, tls, lookup }: ConnectionsOptions) {
    const { protocol, hostname, host, port } = new URL(origin);
    this.#to = { protocol, hostname: hostname.replace(/^\[|\]$/g, ''), host, port };
    this.#host = host;
    this.#maximum = maximum ?? Number.POSITIVE_INFINITY;
    this.#shared = protocol === 'http:' && SHARED_READS;
    const options = { ...tls, ...(lookup ? { lookup } : {}), timeout: connectMs };
    // It answers the socket, though its types do not say so.
    this.#makeConnector = (own) =>
      buildConnector({ ...options, ...(own ? {} : { onread }) } as buildConnector.BuildOptions) as unknown as Connector;
    this.#connector = this.#makeConnector(!this.#shared);
  }

  get retired(): boolean {
    return this.#retired;
  }

  request(request: HttpRequest, handler: AnswerHandler): Running {
    let exchange: Exchange;
    try {
      if (this.#shut) throw shut();
      exchange = new Exchange(request, this.#host, handler, this);
    } catch (error) {
      handler.onError(error as Error);
      return OVER;
    }
    this.#place(exchange, false);
    return exchange;
  }

  /** What runs and what waits is served, and nothing is kept after it. */
  retire(): void {
    this.#retired = true;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  /** Everything ends now, and what was running fails. */
  destroy(): void {
    this.#shut = true;
    clearInterval(this.#sweeper);
    for (const exchange of [...this.#waiting.splice(0), ...this.#connecting]) {
      exchange.connecting?.destroy(shut());
      exchange.fail(shut());
    }
    this.#connecting.clear();
    for (const connection of [...this.#connections]) connection.lost(shut());
  }

  released(connection: Connection): void {
    const { idleS } = connection;
    const keptMs = idleS === -1 ? KEPT_MS : Math.min(idleS * 1_000 - EARLIER_MS, LONGEST_KEPT_MS);
    const [next] = this.#waiting;
    if (this.#shut || keptMs < 1_000 || next?.upgrade || (!next && this.#retired)) return connection.close();
    if (next) return promise(connection, this.#waiting.shift()!);
    connection.freshUntilMs = performance.now() + keptMs;
    this.#idle.push(connection);
    this.#sweeper ??= setInterval(this.#sweep, SWEEP_MS).unref();
  }

  gone(connection: Connection): void {
    this.#connections.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
    this.#freed();
  }

  place(exchange: Exchange): void {
    this.#place(exchange, true);
  }

  abandon(exchange: Exchange): void {
    if (this.#connecting.delete(exchange)) {
      exchange.connecting?.destroy(new Error('given up'));
      return this.#freed();
    }
    const at = this.#waiting.indexOf(exchange);
    if (at !== -1) this.#waiting.splice(at, 1);
  }

  /** `first`: it had its turn, and lost its connection before it was sent. */
  #place(exchange: Exchange, first: boolean): void {
    if (this.#shut) return exchange.fail(shut());
    const connection = exchange.upgrade ? undefined : this.#fresh();
    if (connection) return promise(connection, exchange);
    // A change of protocol wants a connection of its own.
    if (this.#open >= this.#maximum) this.#idle[0]?.close();
    if (this.#open < this.#maximum) return this.#connect(exchange);
    if (first) this.#waiting.unshift(exchange);
    else this.#waiting.push(exchange);
  }

  /** An idle connection that may still be used. */
  #fresh(): Connection | undefined {
    if (this.#idle.length === 0) return undefined;
    const nowMs = performance.now();
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined || nowMs < connection.freshUntilMs) return connection;
      connection.close();
    }
  }

  #connect(exchange: Exchange): void {
    this.#open++;
    this.#connecting.add(exchange);
    const own = exchange.upgrade || !this.#shared;
    const connector = own && this.#shared ? (this.#ownConnector ??= this.#makeConnector(true)) : this.#connector;
    const connected = (error: Error | null, socket?: Socket): void => {
      if (!this.#connecting.delete(exchange)) return void socket?.destroy(); // given up
      exchange.connecting = null;
      if (error || !socket) {
        exchange.fail(error ?? new HttpFault('CLOSED'));
        return this.#freed();
      }
      const connection = new Connection(socket, this);
      watch(socket, connection, own);
      this.#connections.add(connection);
      connection.reserve(exchange);
      connection.send();
    };
    try {
      exchange.connecting = connector(this.#to, connected);
    } catch (error) {
      connected(error as Error);
    }
  }

  /** There is room for another connection. */
  #freed(): void {
    this.#open--;
    if (!this.#shut && this.#open < this.#maximum && this.#waiting.length > 0) this.#connect(this.#waiting.shift()!);
  }

  readonly #sweep = (): void => {
    if (this.#idle.length === 0) {
      clearInterval(this.#sweeper);
      this.#sweeper = undefined;
      return;
    }
    const nowMs = performance.now();
    for (const connection of [...this.#idle]) if (nowMs >= connection.freshUntilMs) connection.close();
  };
}

const OVER: Running = { resume: () => {}, abort: () => {} };

/** Connections whose requests are sent at the end of this turn. */
let due: Connection[] = [];

function promise(connection: Connection, exchange: Exchange): void {
  connection.reserve(exchange);
  if (due.push(connection) === 1) setImmediate(sendDue);
}

function sendDue(): void {
  const now = due;
  due = [];
  for (const connection of now) connection.send();
}
