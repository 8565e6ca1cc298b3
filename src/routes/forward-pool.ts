/**
 * Connections to one origin, kept alive between requests. Certificates are verified unless the route says not to. Each
 * connection has a lane of its own that carries one request at a time, so that a request which is given up before it is
 * connected can end the attempt to connect.
 */
import type { LookupFunction, Socket } from 'node:net';
import { buildConnector, Client, type Dispatcher, Pool } from 'undici';
import type { TlsConfig } from '../config/classic-routes.js';
import { passOverContinue } from './unasked-continue.js';

export interface PoolOptions {
  readonly origin: string;
  readonly connectMs: number;
  readonly maxConnections: number | null;
  readonly tls: TlsConfig | undefined;
  /** Where names are looked up; left out: the system's way. */
  readonly lookup?: LookupFunction;
}

export interface Connections {
  readonly dispatcher: Dispatcher;
  /** Lets what runs end, then closes. */
  retire(): void;
  destroy(): Promise<void>;
}

/** A handler that is told which connection its request waits for. */
export interface Connecting {
  lane: Lane | null;
}

/** Our own deadline ends a slow connect; undici's comes later and cleans up. */
const LATER_MS = 1_000;

type Connector = (options: buildConnector.Options, callback: buildConnector.Callback) => Socket;

class Lane extends Client {
  readonly #connecting: { socket: Socket | null };

  constructor(origin: string | URL, options: Client.Options, connector: Connector) {
    const connecting: { socket: Socket | null } = { socket: null };
    super(origin, {
      ...options,
      connect: (to, callback) => {
        const socket = connector(to, ((error: Error | null, connected: Socket | null) => {
          connecting.socket = null;
          if (connected) passOverContinue(connected);
          (callback as (error: Error | null, socket: Socket | null) => void)(error, connected);
        }) as buildConnector.Callback);
        connecting.socket = socket;
      },
    });
    this.#connecting = connecting;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    (handler as Partial<Connecting>).lane = this;
    return super.dispatch(options, handler);
  }

  /** The request that waits for the connection is given up. */
  abandon(): void {
    this.#connecting.socket?.destroy(new Error('given up'));
  }
}

export type { Lane };

export function openPool({ origin, connectMs, maxConnections, tls, lookup }: PoolOptions): Connections {
  const connector = buildConnector({
    timeout: connectMs + LATER_MS,
    rejectUnauthorized: tls?.verify ?? true,
    ...(tls?.ca ? { ca: tls.ca } : {}),
    ...(tls?.cert ? { cert: tls.cert } : {}),
    ...(tls?.key ? { key: tls.key } : {}),
    ...(tls?.server_name ? { servername: tls.server_name } : {}),
    ...(lookup ? { lookup } : {}),
  }) as unknown as Connector; // which answers the socket, though its types do not say so
  const pool = new Pool(origin, {
    connections: maxConnections,
    pipelining: 1,
    maxHeaderSize: 64 * 1024,
    factory: (to, options) => new Lane(to, options as Client.Options, connector),
  });
  return {
    dispatcher: pool,
    retire: () => void pool.close().catch(() => {}),
    destroy: () => pool.destroy(),
  };
}
