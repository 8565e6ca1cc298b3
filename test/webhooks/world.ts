/** Webhooks over a real database, with a clock and rounds that the test owns. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded } from '../../src/store/embedded.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { sqlOf } from '../../src/store/query.js';
import type { DeliveryResult } from '../../src/webhooks/dispatcher.js';
import type { ConfiguredEndpoint, Delivery, Endpoint } from '../../src/webhooks/endpoint.js';
import { secretBox } from '../../src/webhooks/secret-box.js';
import { type DeliverySettings, Webhooks } from '../../src/webhooks/webhooks.js';
import { ManualClock } from '../support/clock.js';
import { freshDatabase } from '../support/postgres.js';

export const DAY = 86_400_000;

export interface Database {
  readonly store: Store;
  readonly alone: boolean;
  close(): Promise<void>;
}

export async function openPostgres(): Promise<Database> {
  const database = await freshDatabase();
  const store = openStore({ url: database.url });
  await migrate(store.pool);
  return {
    ...{ store, alone: false },
    async close() {
      await store.close();
      await database.drop();
    },
  };
}

export async function openEmbeddedDatabase(): Promise<Database> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tollgate-webhooks-'));
  const embedded = await openEmbedded({ dataDir });
  const store = openStore(embedded.connection);
  await migrate(store.pool);
  return {
    ...{ store, alone: true },
    async close() {
      await store.close();
      await embedded.close();
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

export interface World {
  readonly webhooks: Webhooks;
  readonly clock: ManualClock;
  readonly results: DeliveryResult[];
  readonly logged: string[];
  /** An endpoint of the admin API. */
  endpoint(url: string, events?: readonly string[]): Promise<{ endpoint: Endpoint; secret: string }>;
  /** Delivers what is due, until nothing is. */
  round(): Promise<void>;
  /** Time passes, and what became due is delivered. */
  pass(ms: number): Promise<void>;
  deliveries(endpoint: string): Promise<readonly Delivery[]>;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly clock?: ManualClock;
  readonly endpoints?: readonly ConfiguredEndpoint[];
  readonly settings?: Partial<DeliverySettings>;
  readonly master?: string;
}

const MASTER = 'the master key of these tests, which is long enough';

export async function world({ store, alone }: Database, options: WorldOptions = {}): Promise<World> {
  const clock = options.clock ?? new ManualClock();
  const results: DeliveryResult[] = [];
  const logged: string[] = [];
  const line = (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const sql = sqlOf(store.pool);
  const webhooks = await Webhooks.open({
    ...{ sql, clock, alone, random: () => 0.5 },
    box: secretBox(options.master ?? MASTER),
    log: { info: line, warn: line, error: line },
    settings: { allow_private: true, timeout: 1_500, keep: 3 * DAY, keep_dead: 14 * DAY, ...options.settings },
    endpoints: options.endpoints ?? [],
    onResult: (result, count) => {
      for (let i = 0; i < count; i++) results.push(result);
    },
    after: () => () => {},
  });
  const round = async () => {
    webhooks.wake();
    await webhooks.idle();
  };
  return {
    ...{ webhooks, clock, results, logged, round },
    async endpoint(url, events = ['*']) {
      const created = await sql.transaction((query) => webhooks.endpoints.create(query, { url, events }));
      if (!created.ok) throw new Error(created.refusal.message);
      return created.value;
    },
    async pass(ms) {
      clock.advance(ms);
      await round();
    },
    deliveries: async (endpoint) => [...(await webhooks.read.deliveries({ endpoint }, 1_000, null))].reverse(),
    close: () => webhooks.close(),
  };
}
