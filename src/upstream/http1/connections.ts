/**
 * Connections to one origin over HTTP/1.1, kept alive between requests. The connection that was used last is used next, so
 * that surplus connections stay idle and are closed. With a maximum, requests are queued in the order in which they came. A
 * request that opens a connection waits for that connection; giving the request up ends the attempt to connect.
 *
 * A request on a kept connection is not sent at once but after the event loop has read all sockets that are ready. If an idle
 * connection turns out to have received bytes or its end, it is closed and the request goes to another one. Without this, a
 * late second answer to the request before would be taken for the answer to the next request.
 */
import { lookup as dnsLookup } from 'node:dns';
import type { LookupFunction, Socket } from 'node:net';
import { buildConnector } from 'undici';
import { reachableLookup } from '../../lib/reachable-lookup.js';
import { type Connector, throughProxy } from '../../lib/tunnel.js';
import { Connection, type Owner } from './connection.js';
import { HttpFault } from './faults.js';
import { type AnswerHandler, HttpExchange, type RunningRequest } from './http-exchange.js';
import type { HttpRequest } from './request-head.js';
import { onread, SHARED_READS, watch } from './wire.js';

/** The way to an origin. */
export interface Via {
  /** The URL of an HTTP proxy. */
  readonly proxy?: string | null;
  /** For `tls.connect`; certificates are verified unless it says not to. */
  readonly tls?: Readonly<Record<string, unknown>>;
  /** Names, the proxy's too, may lead to public and private addresses, but not to where clouds keep credentials. */
  readonly guarded?: boolean;
}

export interface ConnectionsOptions extends Via {
  /** `https://api.example.com:8443` */
  readonly origin: string;
  readonly connectMs: number;
  /** Left out: as many as there are requests. */
  readonly maximum?: number | null;
  /** Where names are looked up; left out: the system's way. */
  readonly lookup?: LookupFunction;
}

/** How long a connection is kept where the other side does not say. */
const KEPT_MS = 4_000;
const LONGEST_KEPT_MS = 600_000;
/** A connection is given up this much before the upstream would close it, because the upstream began to count earlier. */
const EARLIER_MS = 1_000;
const SWEEP_MS = 1_000;

const shut = (): HttpFault => new HttpFault('SHUT', 'the gateway ends its connections');

export class Connections implements Owner {
  readonly #to: object;
  readonly #host: string;
  readonly #maximum: number;
  /** Makes connections of the usual kind, whose reads go into the shared buffer where that is possible. */
  readonly #connector: Connector;
  readonly #makeConnector: (own: boolean) => Connector;
  #ownConnector: Connector | null = null;
  readonly #shared: boolean;
  readonly #connections = new Set<Connection>();
  readonly #connecting = new Set<HttpExchange>();
  readonly #idle: Connection[] = [];
  readonly #waiting: HttpExchange[] = [];
  /** Connections and attempts to connect. */
  #open = 0;
  #sweeper: NodeJS.Timeout | undefined;
  #retired = false;
  #shut = false;

  constructor({ origin, connectMs, maximum, tls, lookup: given, proxy, guarded }: ConnectionsOptions) {
    const lookup = guarded ? reachableLookup('private', given ?? dnsLookup) : given;
    const { protocol, hostname, host, port } = new URL(origin);
    this.#to = { protocol, hostname: hostname.replace(/^\[|\]$/g, ''), host, port };
    this.#host = host;
    this.#maximum = maximum ?? Number.POSITIVE_INFINITY;
    this.#shared = protocol === 'http:' && SHARED_READS && !proxy;
    const options = { ...tls, ...(lookup ? { lookup } : {}), timeout: connectMs };
    // The connector returns the socket, though its types do not say so.
    this.#makeConnector = (own) => {
      const made = { ...options, ...(own ? {} : { onread }) } as buildConnector.BuildOptions;
      const direct = buildConnector(made) as unknown as Connector;
      return proxy ? throughProxy(new URL(origin), { proxy, timeoutMs: connectMs, lookup }, direct) : direct;
    };
    this.#connector = this.#makeConnector(!this.#shared);
  }

  get retired(): boolean {
    return this.#retired;
  }

  request(request: HttpRequest, handler: AnswerHandler): RunningRequest {
    let exchange: HttpExchange;
    try {
      if (this.#shut) throw shut();
      exchange = new HttpExchange(request, this.#host, handler, this);
    } catch (error) {
      handler.onError(error as Error);
      return OVER;
    }
    this.#place(exchange, false);
    return exchange;
  }

  /** RunningRequest and queued requests are still served; no connection is kept after them. */
  retire(): void {
    this.#retired = true;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  /** Closes all connections now; running and queued requests fail. */
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
    if (this.#shut || keptMs < 1_000 || next?.fresh || (!next && this.#retired)) return connection.close();
    if (next) return assign(connection, this.#waiting.shift()!);
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

  place(exchange: HttpExchange): void {
    this.#place(exchange, true);
  }

  abandon(exchange: HttpExchange): void {
    if (this.#connecting.delete(exchange)) {
      exchange.connecting?.destroy(new Error('given up'));
      return this.#freed();
    }
    const at = this.#waiting.indexOf(exchange);
    if (at !== -1) this.#waiting.splice(at, 1);
  }

  /** `first`: to the head of the queue, because it had a connection and lost it before it was sent. */
  #place(exchange: HttpExchange, first: boolean): void {
    if (this.#shut) return exchange.fail(shut());
    const connection = exchange.fresh ? undefined : this.#fresh();
    if (connection) return assign(connection, exchange);
    // A change of protocol, or another attempt after a stale connection, wants one of its own.
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

  #connect(exchange: HttpExchange): void {
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

const OVER: RunningRequest = { resume: () => {}, abort: () => {} };

/** Connections whose requests are sent at the end of this turn of the event loop. */
let due: Connection[] = [];

function assign(connection: Connection, exchange: HttpExchange): void {
  connection.reserve(exchange);
  if (due.push(connection) === 1) setImmediate(sendDue);
}

function sendDue(): void {
  const now = due;
  due = [];
  for (const connection of now) connection.send();
}
