/**
 * The one way to the database: a `pg` pool, and drizzle on top of it for what is not hot. The embedded database is reached
 * in the same way (`embedded.ts`). A connection that breaks while idle is reported and replaced by the pool; a query that
 * fails throws to its caller, who decides what that means. Nothing here waits longer than the timeouts below.
 */
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { within } from '../lib/within.js';
import * as schema from './schema.js';

/** Where the database is: a URL, or the embedded database as `openEmbedded` names it. */
export type Connection =
  | { readonly url: string }
  | {
      /** A folder that holds a Unix socket, or an address. */
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly password?: string;
      readonly database: string;
      /** All connections are one session in truth: so there is one, and what an earlier one left behind is discarded. */
      readonly shared: true;
    };

export type StoreOptions = Connection & {
  /** Most connections at once; 10 unless told. Always 1 for the embedded database. */
  readonly max?: number;
  /** A query that runs longer is cancelled by the database; 30 seconds unless told. */
  readonly statementTimeoutMs?: number;
  /** Longest wait for a connection; 5 seconds unless told. */
  readonly connectTimeoutMs?: number;
  /** Shown in `pg_stat_activity`; `tollgate` unless told. */
  readonly applicationName?: string;
  /** Told of errors on idle connections, which nobody awaits. */
  readonly onIdleError?: (error: Error) => void;
};

export type Database = NodePgDatabase<typeof schema> & { readonly $client: pg.Pool };

/** Drizzle on a connection that somebody else opened a transaction on. */
export const drizzleOn = (client: pg.PoolClient): NodePgDatabase<typeof schema> => drizzle(client, { schema });

export interface Store {
  readonly pool: pg.Pool;
  readonly db: Database;
  /**
   * One round trip; throws where the database is away, or does not answer in time. One that hangs is asked no second time until it
   * ends.
   */
  ping(withinMs?: number): Promise<void>;
  /** Ends every connection once its query is done. Harmless when called again. */
  close(): Promise<void>;
}

/** How much longer than the database's own timeout we wait, for a database that does not even say that it timed out. */
const GRACE_MS = 5_000;
const CONNECT_MS = 5_000;
const LONGEST_PING_MS = 60_000;
/** A connection on which an answer is waited for is tried so often, so that one whose other end vanished is noticed. */
const KEEP_ALIVE_MS = 10_000;
/**
 * The same for the database: a gateway that vanished without a word (its machine, or the network to it) must not keep what its
 * transaction has locked from all others, nor a connection for the two hours that systems wait by themselves.
 */
const WITHOUT_GATEWAY = [
  `set idle_in_transaction_session_timeout = '10s'`,
  'set tcp_keepalives_idle = 30',
  'set tcp_keepalives_interval = 10',
  'set tcp_keepalives_count = 3',
  `set tcp_user_timeout = '60s'`,
].join('; ');

export function poolConfig(options: StoreOptions): pg.PoolConfig {
  const statementTimeoutMs = options.statementTimeoutMs ?? 30_000;
  return {
    application_name: options.applicationName ?? 'tollgate',
    connectionTimeoutMillis: options.connectTimeoutMs ?? CONNECT_MS,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + GRACE_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    ...('url' in options
      ? {
          ...{ connectionString: options.url, max: options.max ?? 10, idleTimeoutMillis: 30_000 },
          onConnect: (client) => prepare(client, options.connectTimeoutMs ?? CONNECT_MS),
        }
      : embedded(options)),
  };
}

/** A server that does not know such settings goes without. Rejects where nothing is answered. */
async function prepare(client: pg.ClientBase, withinMs: number): Promise<void> {
  try {
    await client.query({ text: WITHOUT_GATEWAY, query_timeout: withinMs } as pg.QueryConfig);
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
  }
}

function embedded({ host, port, user, password, database }: Exclude<Connection, { url: string }>): pg.PoolConfig {
  return {
    host,
    port,
    user,
    ...(password === undefined ? {} : { password }),
    database,
    max: 1,
    idleTimeoutMillis: 0,
    // A prepared statement outlives its connection there, and its name would be taken for the next one.
    onConnect: (client) => client.query('discard all'),
  };
}

/** Opens nothing yet: connections are made when they are needed. */
export function openStore(options: StoreOptions): Store {
  const pool = new pg.Pool(poolConfig(options));
  pool.on('error', (error) => options.onIdleError?.(error));
  // A connection may break between two queries of a transaction, when nobody listens: the next query says so.
  pool.on('connect', (client) => client.on('error', () => {}));
  let closing: Promise<void> | undefined;
  let asked: Promise<unknown> | undefined;
  return {
    pool,
    db: drizzle(pool, { schema }),
    ping: async (withinMs = LONGEST_PING_MS) => {
      asked ??= pool.query('select 1').finally(() => {
        asked = undefined;
      });
      await within(asked, withinMs, 'no answer');
    },
    close: () => {
      closing ??= pool.end();
      return closing;
    },
  };
}
