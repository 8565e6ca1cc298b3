/**
 * The clock of a gateway's machine is set, an hour on and then two hours back, while requests run: limits counted by the process and
 * limits counted in Redis. What holds for a time goes on as if nothing had been; the ledger has each request once.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { type Gateway, startGateway } from '../support/gateway.js';
import { askUntilKnown, ledgerOf, levelIs, priced, sandboxConfig, words } from '../support/limits-http.js';
import { contentChunk } from '../support/openai-answers.js';
import { startRedis } from '../support/redis.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { sse, until } from '../support/upstream-steps.js';

const HOUR_MS = 3_600_000;
const stepped = pathToFileURL(join(import.meta.dirname, '../support/stepped-clock.js')).href;
const env = { NODE_OPTIONS: `--import=${stepped}`, TEST_CLOCK_STEPS: `${HOUR_MS},${-2 * HOUR_MS}` };

for (const counted of ['the process', 'Redis'] as const) {
  test(`limits counted by ${counted}: nothing fails, nothing is free again, nothing is lost`, async (t) => {
    const redis = counted === 'Redis' ? await startRedis({ own: true }) : undefined;
    t.after(() => redis?.close());
    const upstream = await startUpstream();
    t.after(() => upstream.stop());
    const gateway = await startGateway({
      config: {
        providers: {
          ...sandboxConfig.providers,
          up: { type: 'openai-compatible', base_url: upstream.url, api_key: 'k' },
        },
        models: { ...sandboxConfig.models, slow: { targets: [{ provider: 'up', model: 'm' }], price: priced } },
        ...(redis && { redis: { url: redis.url, on_failure: 'closed' } }),
      },
      env,
    });
    t.after(() => gateway.close());
    await steps(gateway, upstream);
  });
}

async function steps(gateway: Gateway, upstream: FakeUpstream): Promise<void> {
  const spender = await gateway.key({ limits: [{ unit: 'usd', max: '1000', per: 'total' }] });
  const rated = await gateway.key({ limits: [{ unit: 'requests', max: 3, per: 'hour' }] });
  const single = await gateway.key({ limits: [{ unit: 'concurrent', max: 1 }] });
  const status = async ({ key }: { key: string }) => (await askUntilKnown(gateway, key, words(1))).status;
  for (let n = 0; n < 3; n++) assert.equal(await status(rated), 200);

  let running = true;
  const statuses: number[] = [];
  const load = Promise.all(
    Array.from({ length: 4 }, async (_, caller) => {
      for (let n = 0; running; n++) {
        statuses.push((await askUntilKnown(gateway, spender.key, words(5, { stream: (caller + n) % 2 === 0 }))).status);
        await sleep(5);
      }
    }),
  );
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  upstream.always(sse(contentChunk('Good '), until(ended), contentChunk('day.', 'stop'), 'data: [DONE]\n\n'));
  const long = await gateway.chat(single.key, { ...words(5, { stream: true }), model: 'slow' });

  for (const offsetMs of [HOUR_MS, -HOUR_MS]) {
    const before = statuses.length;
    process.kill(gateway.pid, 'SIGUSR2');
    while (Math.abs((await told(gateway)) - Date.now() - offsetMs) > 60_000) await sleep(20);
    assert.equal(await status(rated), 429, 'a full window stays full');
    assert.equal(await status(single), 429, 'a slot that is taken stays taken');
    while (statuses.length < before + 40) await Promise.race([sleep(10), load]);
  }
  end();
  assert.ok((await long.text()).endsWith('data: [DONE]\n\n'), 'the stream came whole');
  assert.equal(await status(single), 200, 'the slot is free once the stream is over');
  running = false;
  await load;
  assert.deepEqual(
    statuses.filter((one) => one !== 200),
    [],
  );

  const { spent } = await levelIs(gateway, `key=${spender.id}`, ({ held }) => held === 0);
  let ledger = await ledgerOf(gateway, spender.id);
  for (let n = 0; n < 100 && ledger.entries < statuses.length; n++) {
    await sleep(50);
    ledger = await ledgerOf(gateway, spender.id);
  }
  assert.deepEqual(ledger, { entries: statuses.length, usdNano: spent });
  const from = new Date(Date.now() - 24 * HOUR_MS).toISOString();
  const to = new Date(Date.now() + 24 * HOUR_MS).toISOString();
  const { total } = await gateway.admin<{ total: { cost_nusd: number } }>(
    'GET',
    `/reports/spend?group_by=key&key=${spender.id}&from=${from}&to=${to}`,
  );
  assert.equal(total.cost_nusd, spent);
  const { differences } = await gateway.admin<{ differences: unknown[] }>('POST', '/ledger/verify', { repair: false });
  assert.deepEqual(differences, []);
}

/** What the gateway takes for now, in milliseconds. */
async function told(gateway: Gateway): Promise<number> {
  return Date.parse((await gateway.admin<{ created_at: string }>('POST', '/keys', { name: 'now' })).created_at);
}
