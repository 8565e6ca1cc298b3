/** A limit that is set, taken away and set again counts what was spent meanwhile; one of `total` outlives the retention. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { pgLedgerStore } from '../../src/ledger/ledger-pg.js';
import { keepPartitions } from '../../src/ledger/partitions-pg.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore } from '../../src/store/pg.js';
import { entry } from '../contract/ledger.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import {
  ask,
  askUntilKnown,
  ledgerOf,
  level,
  levelIs,
  realCost,
  sandboxConfig,
  words,
} from '../support/limits-http.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { callsOfRequests } from '../support/redis-calls.js';

const closing: { close?(): Promise<unknown>; drop?(): Promise<unknown> }[] = [];
after(async () => {
  for (const one of closing.reverse()) await (one.close?.() ?? one.drop?.());
});
async function own<T extends Gateway | FreshDatabase | TestRedis>(making: Promise<T>): Promise<T> {
  const made = await making;
  closing.push(made);
  return made;
}

const month = (max: string) => ({ unit: 'usd', max, per: 'month' });

/** Answers that every gateway gives once it heard of a change. */
async function heard(gateways: readonly Gateway[], key: string, status: number): Promise<void> {
  for (const gateway of gateways) while ((await askUntilKnown(gateway, key, words(5))).status !== status);
}

async function comesBack(gateways: readonly Gateway[]): Promise<void> {
  const [first] = gateways as [Gateway];
  const { key, id } = await first.key({ limits: [month('1')] });
  for (const gateway of gateways) assert.equal((await askUntilKnown(gateway, key, words(5))).status, 200);
  await levelIs(first, `key=${id}`, ({ spent }) => spent === gateways.length * realCost(5));
  await first.admin('PATCH', `/keys/${id}`, { limits: [] });
  // A gateway that has heard of it counts nothing: its answers no longer tell of a limit in the level.
  for (let i = 0; i < 20; i++) await Promise.all(gateways.map((gateway) => askUntilKnown(gateway, key, words(5))));
  await first.admin('PATCH', `/keys/${id}`, { limits: [month('2')] });
  const entries = 21 * gateways.length;
  const deadline = performance.now() + 10_000;
  while ((await ledgerOf(first, id)).entries < entries && performance.now() < deadline);
  assert.deepEqual(await ledgerOf(first, id), { usdNano: entries * realCost(5), entries });
  for (const gateway of gateways)
    await levelIs(gateway, `key=${id}`, ({ spent, max }) => spent === entries * realCost(5) && max === 2e9, 25_000);
  await first.admin('PATCH', `/keys/${id}`, { limits: [month(((entries * realCost(5)) / 1e9).toFixed(9))] });
  await heard(gateways, key, 429);
}

test('in one process: what a key spent while it had no limit counts when it has one again', async () => {
  await comesBack([await own(startGateway({ config: sandboxConfig }))]);
});

test('with two gateways over Redis: the same, whichever of them is asked', async () => {
  const redis = await own(startRedis({ own: true }));
  const database = await own(freshDatabase());
  const config = { ...sandboxConfig, redis: { url: redis.url, on_failure: 'closed' } };
  const start = () => own(startGateway({ database: database.url, config }));
  const gateways = [await start(), await start()] as const;
  await comesBack(gateways);
  // A request takes two round trips: its three limits are taken in one step, and settled in one.
  assert.deepEqual(await callsOfRequests(gateways[0], redis.url, 20), { reserve: 20, settle: 20 });
});

test('a budget of `total` that was spent 200 days ago is spent after retention and a restart', async () => {
  const database = await own(freshDatabase());
  const gateway = await own(startGateway({ database: database.url, config: sandboxConfig }));
  const { key, id } = await gateway.key({ limits: [{ unit: 'usd', max: '0.05', per: 'total' }] });
  await gateway.stop();
  const store = openStore({ url: database.url });
  await migrate(store.pool);
  const spent = entry({
    key: id,
    at: Date.now() - 200 * 86_400_000,
    cost_nusd: { input: 0, cache_read: 0, cache_write: 0, output: 0, total: 50_000_000 },
  });
  await pgLedgerStore(store).insert([spent]);
  await keepPartitions(store.pool, Date.now(), null);
  await keepPartitions(store.pool, Date.now(), 30 * 86_400_000);
  const { rows } = await store.pool.query<{ n: string }>('select count(*)::text as n from entries');
  assert.equal(rows[0]?.n, '0', 'only sums are left');
  await store.close();
  const again = await own(startGateway({ database: database.url, config: sandboxConfig }));
  assert.equal((await ask(again, key, words(5))).status, 429);
  assert.equal((await level(again, `key=${id}`)).spent, 50_000_000);
});
