/** Connections to one origin, kept alive between requests. Certificates are verified unless the route says not to. */
import type { LookupFunction } from 'node:net';
import { type Dispatcher, Pool } from 'undici';
import type { TlsConfig } from '../config/classic-routes.js';

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

/** Our own deadline ends a slow connect; undici's comes later and cleans up. */
const LATER_MS = 1_000;

export function openPool({ origin, connectMs, maxConnections, tls, lookup }: PoolOptions): Connections {
  const pool = new Pool(origin, {
    connections: maxConnections,
    pipelining: 1,
    maxHeaderSize: 64 * 1024,
    connect: {
      timeout: connectMs + LATER_MS,
      rejectUnauthorized: tls?.verify ?? true,
      ...(tls?.ca ? { ca: tls.ca } : {}),
      ...(tls?.cert ? { cert: tls.cert } : {}),
      ...(tls?.key ? { key: tls.key } : {}),
      ...(tls?.server_name ? { servername: tls.server_name } : {}),
      ...(lookup ? { lookup } : {}),
    },
  });
  return {
    dispatcher: pool,
    retire: () => void pool.close().catch(() => {}),
    destroy: () => pool.destroy(),
  };
}
