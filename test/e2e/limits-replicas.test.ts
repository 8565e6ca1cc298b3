/** Limits of two gateway processes that share one Redis and one Postgres. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import {
  ask,
  askUntilKnown,
  heldCost,
  ledgerOf,
  level,
  levelIs,
  levels,
  nano,
  realCost,
  sandboxConfig,
  watch,
  words,
} from '../support/limits-http.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { startRedis, type TestRedis } from '../support/redis.js';

let redis: TestRedis;
let database: FreshDatabase;
let one: Gateway;
let other: Gateway;

const start = () =>
  startGateway({
    database: database.url,
    config: { ...sandboxConfig, redis: { url: redis.url, on_failure: 'closed' } },
  });
const budget = (nano: number) => ({ limits: [{ unit: 'usd', max: (nano / 1e9).toFixed(9), per: 'month' }] });

before(async () => {
  redis = await startRedis({ own: true });
  database = await freshDatabase();
  one = await start();
  other = await start();
});
after(async () => {
  await one?.close();
  await other?.close();
  await database?.drop();
  await redis?.close();
});

test('200 clients over two gateways, streams and not, never take a nano-dollar more than the budget', async () => {
  const delay = (i: number) => `[delay=${10 + ((i * 7) % 80)}ms]`;
  const max = 20 * realCost(10, delay(0));
  const { key, id } = await one.key(budget(max));
  const all = Promise.all(
    Array.from({ length: 200 }, (_, i) =>
      askUntilKnown(i % 2 === 0 ? one : other, key, words(10, { stream: i % 3 === 0 }, delay(i))),
    ),
  );
  const [answers] = await Promise.all([all, watch(one, `key=${id}`, all), watch(other, `key=${id}`, all)]);
  const { spent, held } = await level(other, `key=${id}`);
  const admitted = answers.filter(({ status }) => status === 200).length;
  assert.ok(answers.every(({ status }) => status === 200 || status === 429));
  assert.equal(held, 0);
  assert.ok(spent <= max, `${spent} of ${max}`);
  assert.ok(admitted >= Math.floor(max / heldCost(10, delay(0))), `${admitted} admitted`);
  // What the other gateway has not written yet is not seen through the first.
  await levelIs(one, `key=${id}`, (now) => now.spent === spent);
  const deadline = performance.now() + 10_000;
  let ledger = await ledgerOf(one, id);
  while (ledger.entries < admitted && performance.now() < deadline) ledger = await ledgerOf(one, id);
  assert.deepEqual(ledger, { usdNano: spent, entries: admitted });
});

test('what one gateway answered the other counts with the next request', async () => {
  const { key, id } = await one.key({ limits: [{ unit: 'requests', max: 3, per: 'minute' }] });
  for (const [gateway, status] of [
    [one, 200],
    [other, 200],
    [one, 200],
    [other, 429],
    [one, 429],
  ] as const) {
    assert.equal((await askUntilKnown(gateway, key, words(1))).status, status);
  }
  assert.equal((await level(other, `key=${id}`)).spent, 3);
});

test('a changed limit, a blocked team and a revoked key are in force on the other gateway within a second', async () => {
  const { key, id } = await one.key({ team: 'crew', limits: [{ unit: 'requests', max: 100, per: 'day' }] });
  const within = async (status: number) => {
    const changedAt = performance.now();
    while ((await ask(other, key, words(1))).status !== status) {
      assert.ok(performance.now() - changedAt < 1000, `not ${status} after a second`);
    }
  };
  await within(200);
  await one.admin('PATCH', `/keys/${id}`, { limits: [{ unit: 'requests', max: 1, per: 'day' }] });
  await within(429);
  await one.admin('PATCH', `/keys/${id}`, { limits: [] });
  await within(200);
  await one.admin('POST', '/teams/crew/block');
  await within(403);
  await one.admin('POST', '/teams/crew/unblock');
  await within(200);
  await one.admin('DELETE', `/keys/${id}`);
  await within(401);
});

test('a Redis that lost everything is told by the ledger and the gateways; nothing passes unchecked', async () => {
  const max = 10 * realCost(10);
  const { key, id } = await one.key(budget(max));
  for (let i = 0; i < 4; i++) assert.equal((await askUntilKnown(i % 2 ? one : other, key, words(10))).status, 200);
  const running = askUntilKnown(other, key, words(10, { stream: true }, '[pace=150ms]'));
  await levelIs(one, `key=${id}`, ({ held }) => held > 0);
  await redis.command('FLUSHALL');
  const storm = await Promise.all(
    Array.from({ length: 60 }, async (_, i) => (await askUntilKnown(i % 2 ? one : other, key, words(10))).status),
  );
  assert.equal((await running).status, 200);
  const { spent } = await levelIs(other, `key=${id}`, ({ held }) => held === 0);
  assert.ok(spent <= max, `${spent} of ${max}`);
  const admitted = storm.filter((status) => status === 200).length;
  assert.ok(admitted >= 4, `${admitted} admitted after the loss`);
  assert.ok(admitted <= 5, `${admitted} admitted after the loss`);
});

test('a gateway that was killed in the middle of a stream holds nothing once its lease is over, and has its entry', async (t) => {
  const doomed = await start();
  t.after(() => doomed.close());
  const { key, id } = await one.key({
    limits: [...budget(1_000_000).limits, { unit: 'concurrent', max: 1 }],
    tags: ['doomed'],
  });
  const stream = await doomed.chat(key, words(50, { stream: true }, '[pace=500ms]'), {
    headers: { 'x-request-id': 'doomed-1' },
  });
  await stream.body!.getReader().read();
  const query = `key=${id}`;
  const [usd, slots] = await levels(one, query);
  assert.ok(Number(usd!.held) > 0);
  assert.equal(slots!.held, 1);
  assert.equal((await askUntilKnown(one, key, words(1))).status, 429, 'its slot is taken');
  const killedAt = performance.now();
  await doomed.kill9();
  for (;;) {
    if ((await levels(one, query)).every(({ held }) => Number(held) === 0)) break;
    assert.ok(performance.now() - killedAt < 17_000, 'the lease is 15 seconds');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const [entry, ...more] = await one.entries('doomed-1');
  assert.deepEqual(more, []);
  assert.equal(entry!.usage_source, 'estimated');
  assert.equal(entry!.status, 500);
  assert.equal(entry!.tokens['output'], 0);
  const deadline = performance.now() + 5000;
  for (;;) {
    const spent = nano((await levels(other, query))[0]!.spent);
    if (spent === entry!.cost_nusd['total']) break;
    assert.ok(performance.now() < deadline, `${spent} spent`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.equal((await askUntilKnown(other, key, words(1))).status, 200, 'its slot is free');
});
