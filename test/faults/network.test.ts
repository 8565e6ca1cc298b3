/**
 * A gateway in a network of its own, under load, from which packets are dropped without a word: to the upstream, to Redis, to Postgres,
 * to all of them at once. Connections stay open on both sides, and nobody is told. At the end every request that was answered is
 * in the ledger once, and ledger, report and limits agree to the nano-dollar.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type Gateway, type NewKey, startGateway } from '../support/gateway.js';
import { type Network, openNetwork, withoutNetwork } from '../support/network.js';
import { freshDatabase, type Postgres, startPostgres } from '../support/postgres.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { type Answered, agrees, askNamed, Load, metricOf, served, WITHIN_MS } from './load.js';

const FAULT_MS = 2_500;

describe('packets that are dropped without a word', { skip: withoutNetwork() }, () => {
  let network: Network;
  let postgres: Postgres;
  let redis: TestRedis;
  let upstream: FakeUpstream;
  let gateway: Gateway;
  /** Beside the test: nothing of it is dropped. */
  let other: Gateway;
  let databaseUrl: string;
  let key: NewKey;
  let load: Load;
  const beside: Answered[] = [];
  let [toPostgres, toRedis, toUpstream] = ['', '', ''];

  before(async () => {
    network = openNetwork(4);
    [, toPostgres = '', toRedis = '', toUpstream = ''] = network.outside;
    [postgres, redis, upstream] = await Promise.all([
      startPostgres({ host: toPostgres, block: network.block }),
      startRedis({ own: true, config: ['--save', '', '--bind', '127.0.0.1', toRedis, '--protected-mode', 'no'] }),
      startUpstream(undefined, toUpstream),
    ]);
    databaseUrl = (await freshDatabase(postgres.url)).url;
    const options = {
      database: at(toPostgres, databaseUrl),
      config: {
        redis: { url: at(toRedis, redis.url) },
        providers: { up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-up' } },
        models: {
          m: {
            targets: [{ provider: 'up', model: 'm' }],
            price: { input: 1, output: 1 },
            retry: { max_attempts: 1 },
            breaker: { min_requests: 1_000_000 },
            timeout: { connect: '500ms', first_byte: '800ms', total: '1500ms' },
          },
        },
        telemetry: { log: { level: 'warn' } },
      },
    };
    gateway = await startGateway({ ...options, inside: { command: network.inside, host: network.gateway } });
    other = await startGateway(options);
    key = await gateway.key({ limits: [{ unit: 'usd', max: '1000', per: 'month' }] });
    load = new Load(gateway, key);
    await load.answered(20);
  });
  after(async () => {
    await load?.stop().catch(() => {});
    await Promise.all([gateway?.close(), other?.close()]);
    network?.close();
    await Promise.all([postgres?.stop(), redis?.close(), upstream?.stop()]);
  });

  const without = (...addresses: readonly string[]) =>
    load.during(
      () => network.drop(...addresses),
      FAULT_MS,
      () => network.pass(...addresses),
    );

  test('to the upstream: each is told a time-out of the upstream, within its deadline, and the next ones are served', async () => {
    const told = await without(toUpstream);
    served(told, 'upstream_timeout');
    const late = told.filter(({ code }) => code === 'upstream_timeout');
    assert.ok(late.length >= load.callers);
    for (const { status, tookMs } of late) assert.ok(status === 504 && tookMs > 450, `${status} after ${tookMs} ms`);
    await load.again();
  });

  test('to Redis: requests are served, none waits for long, and Redis counts again', async () => {
    const told = await without(toRedis);
    served(told);
    const waited = told.filter(({ tookMs }) => tookMs > 1_000);
    assert.ok(waited.length <= load.callers, `${waited.length} of ${told.length} took more than a second`);
    await load.again();
  });

  test('to Postgres: known keys are served, others are told so, and the gateway says that it can serve', async () => {
    const [unknown, later] = [await other.key(), await other.key()];
    await load.answered(load.callers);
    network.drop(toPostgres);
    const refused = await askNamed(gateway, unknown, 'unknown');
    assert.deepEqual([refused.status, refused.code], [503, 'unavailable']);
    assert.ok(refused.tookMs < 5_000, `${refused.tookMs} ms`);
    // Each by itself, as orchestrators ask: none may hold up the next, nor take the connections of others.
    for (let n = 0; n < 12; n++) {
      const asked = performance.now();
      const ready = await fetch(`${gateway.url}/readyz`);
      await ready.arrayBuffer();
      assert.equal(ready.status, 200);
      assert.ok(performance.now() - asked < 3_000, 'an orchestrator would take the gateway out');
      if (n === 0) assert.equal(await metricOf(gateway, 'tollgate_database_up'), 0);
    }
    await load.answered(2 * load.callers);
    network.pass(toPostgres);
    served(load.answers.slice(-load.callers));
    const end = performance.now() + WITHIN_MS;
    let told = await askNamed(gateway, later, 'later');
    while (told.status !== 200) {
      assert.ok(performance.now() < end, 'a key that is new here is still refused');
      await sleep(50);
      told = await askNamed(gateway, later, 'later');
    }
  });

  test('to all of them: what is refused is refused by name, within the deadlines, and all of it comes back', async () => {
    const told = await without(toPostgres, toRedis, toUpstream);
    served(told, 'upstream_timeout', 'unavailable', 'overloaded');
    for (const { tookMs } of told) assert.ok(tookMs < 10_000, `${tookMs} ms`);
    await load.again();
  });

  test('a gateway that vanishes in the middle of a transaction holds up no other for long', async () => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    try {
      // What the gateway is about to write is held up, so that its transaction is open when its network goes.
      await client.query('begin; lock table entries in share mode');
      while ((await waiting(client)) === 0) await sleep(20);
      network.drop(toPostgres);
      await client.query('commit');
    } finally {
      await client.end();
    }
    const told = await askNamed(other, key, 'beside');
    assert.equal(told.status, 200);
    beside.push(told);
    const end = performance.now() + 60_000;
    for (;;) {
      const { data } = await other.admin<{ data: unknown[] }>('GET', '/usage?request_id=beside');
      if (data.length > 0) break;
      assert.ok(performance.now() < end, 'its locks are still held');
      await sleep(100);
    }
    network.pass(toPostgres);
  });

  test('afterwards nothing is lost, nothing is there twice, and ledger, report and limits agree', async () => {
    await load.stop();
    const end = performance.now() + 2 * WITHIN_MS;
    while ((await metricOf(gateway, 'tollgate_spool_entries')) > 0) {
      assert.ok(performance.now() < end, 'entries still wait');
      await sleep(50);
    }
    await agrees(gateway, key, [...load.answers, ...beside]);
  });

  /** Connections of the gateway that wait for a lock. */
  async function waiting(client: pg.Client): Promise<number> {
    const { rows } = await client.query<{ count: number }>(
      `select count(*)::int as count from pg_stat_activity where wait_event_type = 'Lock' and client_addr = $1::inet`,
      [network.gateway],
    );
    return rows[0]!.count;
  }
});

function at(host: string, url: string): string {
  const there = new URL(url);
  there.hostname = host;
  return there.href;
}
