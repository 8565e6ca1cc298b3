/**
 * Changes of keys and teams as Postgres announces them (LISTEN on one connection of its own). Announcements arrive in the
 * order of commits. What was missed while there was no connection cannot be known, so each time the line is up (again)
 * listeners are told that anything may have changed, and only then `heardAt` moves on. A line counts as up once a message
 * sent to ourselves came back over it: behind a pooler that hands out connections per transaction it never does, and that
 * is an error to report, not silence to trust. While it is up, a small query every `beatMs` shows that it still is.
 *
 * With the database away this retries for ever, first at once, then with growing pauses up to `longestPauseMs`. Until then
 * `heardAt` stands still, and who remembers keys reads them again.
 */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Clock } from '../lib/clock.js';
import { randomSecret } from '../lib/ids.js';
import { type Connection, poolConfig } from '../store/pg.js';
import { type Change, type Changes, localChanges } from './changes.js';

const CHANNEL = 'tollgate_keys';
const FIRST_PAUSE_MS = 50;

export interface PgChangesOptions {
  readonly connection: Connection;
  readonly clock: Clock;
  /** How often the line is tried; 250 ms unless told. */
  readonly beatMs?: number;
  /** How long the database may take to answer on the line; 2 seconds unless told. */
  readonly answerWithinMs?: number;
  /** Between attempts to connect; 5 seconds unless told. */
  readonly longestPauseMs?: number;
  /** Told once each time the line comes up, and once with the reason each time it goes down or cannot be made. */
  readonly onLine?: (state: 'up' | 'down', error?: unknown) => void;
}

export interface PgChanges extends Changes {
  /** Whether announcements arrive now. */
  readonly up: boolean;
  close(): Promise<void>;
}

export function pgChanges(options: PgChangesOptions): PgChanges {
  const { clock } = options;
  const local = localChanges();
  const closing = new AbortController();
  const longestPauseMs = options.longestPauseMs ?? 5_000;
  const beatMs = options.beatMs ?? 250;
  const answerWithinMs = options.answerWithinMs ?? 2_000;
  let heardAt = Number.NEGATIVE_INFINITY;
  let state: 'up' | 'down' | 'new' = 'new';

  function turn(next: 'up' | 'down', error?: unknown): void {
    if (state === next) return;
    state = next;
    options.onLine?.(next, error);
  }

  /** One connection, from its start to its end. Rejects with why it ended. */
  async function listen(): Promise<void> {
    const client = new pg.Client({
      ...poolConfig({ ...options.connection, applicationName: 'tollgate-keys' }),
      query_timeout: answerWithinMs,
    });
    const echo = `echo:${randomSecret(12).toString('hex')}`;
    const gone = new AbortController(); // the connection ended, or is to end
    const echoed = new AbortController();
    const end = () => {
      gone.abort();
      return client.end().catch(() => {});
    };
    let cause: unknown;
    client.on('error', (error) => {
      cause = error;
      gone.abort();
    });
    client.on('end', () => gone.abort());
    client.on('notification', ({ payload = '' }) => {
      if (payload === echo) echoed.abort();
      else if (!payload.startsWith('echo:')) local.publish(parse(payload));
    });
    closing.signal.addEventListener('abort', end);
    try {
      await Promise.race([client.connect(), aborted(gone.signal)]); // a client that is ended meanwhile never answers
      await client.query(`listen ${CHANNEL}`);
      await client.query('select pg_notify($1, $2)', [CHANNEL, echo]);
      await arrival(echoed.signal, gone.signal, answerWithinMs);
      local.publish({ kind: 'all' });
      heardAt = clock.monotonic();
      turn('up');
      for (;;) {
        await pause(beatMs, undefined, { signal: gone.signal, ref: false });
        const sentAt = clock.monotonic();
        await client.query('select 1');
        heardAt = sentAt;
      }
    } catch (error) {
      throw cause ?? error;
    } finally {
      closing.signal.removeEventListener('abort', end);
      await Promise.race([end(), pause(answerWithinMs, undefined, { ref: false })]);
    }
  }

  async function keepListening(): Promise<void> {
    let pauseMs = 0;
    while (!closing.signal.aborted) {
      if (pauseMs > 0)
        await pause(pauseMs * (0.5 + Math.random()), undefined, { signal: closing.signal }).catch(() => {});
      if (closing.signal.aborted) return;
      await listen().catch((error: unknown) => {
        if (closing.signal.aborted) return;
        pauseMs = state === 'up' ? FIRST_PAUSE_MS : Math.min(Math.max(pauseMs * 2, FIRST_PAUSE_MS), longestPauseMs);
        turn('down', error);
      });
    }
  }

  const done = keepListening();

  return {
    subscribe: local.subscribe,
    publish: local.publish,
    heardAt: () => heardAt,
    get up() {
      return state === 'up';
    },
    async close() {
      closing.abort();
      await done;
    },
  };
}

function parse(payload: string): Change {
  if (payload.startsWith('key:')) return { kind: 'key', hash: payload.slice(4) };
  if (payload.startsWith('team:')) return { kind: 'team', team: payload.slice(5) };
  if (payload === 'prices' || payload === 'configuration') return { kind: payload };
  return { kind: 'all' }; // from a version that says more than we know
}

/** Resolves once `echoed`; rejects after a while, or when the connection is `gone`. */
async function arrival(echoed: AbortSignal, gone: AbortSignal, withinMs: number): Promise<void> {
  if (echoed.aborted) return;
  const waited = await pause(withinMs, true, { signal: AbortSignal.any([echoed, gone]) }).catch(() => false);
  if (echoed.aborted) return;
  if (waited) throw new Error('announcements do not arrive on this connection: is a transaction pooler in between?');
  throw new Error('the connection ended');
}

const aborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('the connection ended')), { once: true });
  });
