/** Connections of a route to one of its targets. Certificates are verified unless the route says not to. */
import type { LookupFunction } from 'node:net';
import type { TlsConfig } from '../config/classic-routes.js';
import { Connections } from '../upstream/http1/connections.js';

export interface PoolOptions {
  readonly origin: string;
  /** The name that a certificate has to have, where `tls` names none; left out: the origin's. */
  readonly serverName?: string;
  readonly connectMs: number;
  readonly maxConnections: number | null;
  readonly tls: TlsConfig | undefined;
  /** Where names are looked up; left out: the system's way. */
  readonly lookup?: LookupFunction;
}

/** Our own deadline ends a slow connect; the connector's comes later and cleans up. */
const LATER_MS = 1_000;

export function openPool({ origin, serverName, connectMs, maxConnections, tls, lookup }: PoolOptions): Connections {
  const name = tls?.server_name ?? serverName;
  return new Connections({
    origin,
    connectMs: connectMs + LATER_MS,
    maximum: maxConnections,
    tls: {
      rejectUnauthorized: tls?.verify ?? true,
      ...(tls?.ca ? { ca: tls.ca } : {}),
      ...(tls?.cert ? { cert: tls.cert } : {}),
      ...(tls?.key ? { key: tls.key } : {}),
      ...(name ? { servername: name } : {}),
    },
    ...(lookup ? { lookup } : {}),
  });
}
