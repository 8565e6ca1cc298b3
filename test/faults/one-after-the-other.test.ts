/**
 * One gateway under load while what it stands on fails, one after the other: Postgres stands still and crashes, the network to it
 * swallows bytes and breaks, Redis stands still and is killed, the upstream stands still. At the end every request that was answered is
 * in the ledger once, and ledger, report and limits agree to the nano-dollar. docs/faults.md names the suites of the other faults.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CutProxy, cutProxy } from '../store/cut-proxy.js';
import { type Gateway, type NewKey, startGateway } from '../support/gateway.js';
import { freshDatabase, type Postgres, startPostgres } from '../support/postgres.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { type FakeUpstream, faithful, startUpstream } from '../support/upstream.js';
import { stall } from '../support/upstream-steps.js';
import { agrees, Load, metricOf, served } from './load.js';

const FAULT_MS = 2_500;
const BUDGET_USD = '1000';

let postgres: Postgres;
let line: CutProxy;
let redis: TestRedis;
let upstream: FakeUpstream;
let gateway: Gateway;
let key: NewKey;
let load: Load;

before(async () => {
  [postgres, redis, upstream] = await Promise.all([startPostgres(), startRedis({ own: true }), startUpstream()]);
  const database = await freshDatabase(postgres.url);
  line = await cutProxy(database.url);
  gateway = await startGateway({
    database: line.url,
    config: {
      redis: { url: redis.url },
      providers: { up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-up' } },
      models: {
        m: {
          targets: [{ provider: 'up', model: 'm' }],
          price: { input: 1, output: 1 },
          retry: { max_attempts: 1 },
          breaker: { min_requests: 1_000_000 },
          timeout: { first_byte: '800ms', total: '1500ms' },
        },
      },
      telemetry: { log: { level: 'warn' } },
    },
  });
  key = await gateway.key({ limits: [{ unit: 'usd', max: BUDGET_USD, per: 'month' }] });
  load = new Load(gateway, key);
  await load.answered(20);
});
after(async () => {
  await load?.stop().catch(() => {});
  postgres?.proceed();
  await gateway?.close();
  await line?.close();
  await Promise.all([postgres?.stop(), redis?.close(), upstream?.stop()]);
});

const during = (fault: () => unknown, mend: () => unknown) => load.during(fault, FAULT_MS, mend);

test('Postgres stands still: requests of a known key are served', async () => {
  served(
    await during(
      () => postgres.pause(),
      () => postgres.proceed(),
    ),
  );
});

test('Postgres crashes and starts again: so they are', async () => {
  served(
    await during(
      () => postgres.crash(),
      () => postgres.resume(),
    ),
  );
});

test('the network swallows what goes to Postgres, then breaks: so they are', async () => {
  served(
    await during(
      () => line.stall(),
      async () => {
        line.cut();
        await sleep(200);
        line.mend();
      },
    ),
  );
});

test('Redis stands still: so they are, and none waits for long', async () => {
  const told = await during(
    () => redis.pause(),
    () => redis.resume(),
  );
  served(told);
  const waited = told.filter(({ tookMs }) => tookMs > 1_000);
  assert.ok(waited.length <= load.callers, `${waited.length} of ${told.length} took more than a second`);
});

test('Redis is killed and starts empty: what is refused meanwhile is refused as `unavailable`, and the budget is rebuilt', async () => {
  served(
    await during(
      () => redis.stop('SIGKILL'),
      () => redis.start(),
    ),
    'unavailable',
    'overloaded',
  );
  await load.again();
});

test('the upstream stands still: each is told a time-out of the upstream, within its deadline', async () => {
  const told = await during(
    () => upstream.always([stall]),
    () => upstream.always(faithful),
  );
  served(told, 'upstream_timeout');
  const late = told.filter(({ code }) => code === 'upstream_timeout');
  assert.ok(late.length >= load.callers);
  for (const { status, tookMs } of late) assert.ok(status === 504 && tookMs > 700, `${status} after ${tookMs} ms`);
});

test('afterwards nothing is lost, nothing is there twice, and ledger, report and limits agree to the nano-dollar', async () => {
  await load.stop();
  while ((await metricOf(gateway, 'tollgate_spool_entries')) > 0) await sleep(50);
  await agrees(gateway, key, load.answers);
});
