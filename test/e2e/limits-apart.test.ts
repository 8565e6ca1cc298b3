/** Gateways on one database that do not share their limits say so: in the log, in `/readyz`, in a metric and with each level. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Gateway, startGateway } from '../support/gateway.js';
import { sandboxConfig } from '../support/limits-http.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { startRedis, type TestRedis } from '../support/redis.js';

let database: FreshDatabase;
let redis: TestRedis;
before(async () => {
  database = await freshDatabase();
  redis = await startRedis({ own: true });
});
after(async () => {
  await redis?.close();
  await database?.drop();
});

const alone = () => startGateway({ database: database.url, config: sandboxConfig });
const shared = () =>
  startGateway({
    database: database.url,
    config: { ...sandboxConfig, redis: { url: redis.url, on_failure: 'closed' } },
  });

interface Told {
  readonly detail: string;
  readonly apart: number;
  readonly notice: string | undefined;
}

async function toldBy(gateway: Gateway): Promise<Told> {
  const headers = { authorization: `Bearer ${gateway.adminKey}` };
  const ready = (await (await fetch(`${gateway.url}/readyz`, { headers })).json()) as {
    checks?: { limits: { detail: string } };
  } & Record<string, { detail?: string }>;
  const metrics = await (await fetch(`${gateway.url}/metrics`, { headers })).text();
  const { notice } = await gateway.admin<{ notice?: string }>('GET', '/limits?model=sandbox');
  return {
    detail: JSON.stringify(ready),
    apart: Number(/^tollgate_limits_gateways_apart (\d+)$/m.exec(metrics)?.[1]),
    notice,
  };
}

async function until(gateway: Gateway, apart: number): Promise<Told> {
  for (const deadline = performance.now() + 30_000; ; await sleep(100)) {
    const told = await toldBy(gateway);
    // Asked once more: it may have changed between the answers.
    if (told.apart === apart) return await toldBy(gateway);
    assert.ok(performance.now() < deadline, `still ${told.apart} and not ${apart}`);
  }
}

test('two gateways without Redis: each says that it counts alone, from its start, and no more when it is the only one', async () => {
  const one = await alone();
  try {
    assert.deepEqual(await toldBy(one).then(({ apart, notice }) => [apart, notice]), [0, undefined]);
    const other = await alone();
    try {
      for (const gateway of [other, one]) {
        const { detail, notice } = await until(gateway, 1);
        assert.match(notice ?? '', /does not share limits with another gateway .* Set redis\.url/);
        assert.match(detail, /does not share limits/);
        // The log is written a moment later.
        for (const deadline = performance.now() + 5000; performance.now() < deadline; await sleep(20)) {
          if (/does not share limits/.test(gateway.output)) break;
        }
        assert.match(gateway.output, /does not share limits/);
      }
      const { key } = await other.key({ limits: [{ unit: 'usd', max: '0.000001', per: 'month' }] });
      const refused = await other.chat(key, { model: 'sandbox', messages: [{ role: 'user', content: 'Hello' }] });
      assert.equal(refused.status, 429);
      assert.match(await refused.text(), /others that serve the same keys count on their own.*budget_exceeded/s);
    } finally {
      await other.close();
    }
    assert.equal((await until(one, 0)).notice, undefined);
  } finally {
    await one.close();
  }
});

test('over one Redis nobody counts apart; one without it is told, and tells', async () => {
  const gateways: Gateway[] = [];
  try {
    gateways.push(await shared(), await shared());
    for (const gateway of gateways) assert.equal((await toldBy(gateway)).apart, 0);
    gateways.push(await alone());
    assert.equal((await toldBy(gateways[2]!)).apart, 2);
    for (const gateway of gateways.slice(0, 2)) await until(gateway, 1);
  } finally {
    for (const gateway of gateways) await gateway.close();
  }
});
