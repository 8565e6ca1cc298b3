/**
 * A gateway that has more to do than it can says so before it drowns: 503 `overloaded`, by the priority of the key, and never to those
 * who ask how it is. The process is really short of memory, and really slow.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type Gateway, type NewKey, startGateway } from '../support/gateway.js';
import { scrape } from '../support/metrics-text.js';
import { changeAndWait, configFile, edited, eventually, replaceFile } from '../support/reload.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import * as does from '../support/upstream-steps.js';

const BUSY = 12;
let upstream: FakeUpstream;
let gateway: Gateway;
let low: NewKey;
let high: NewKey;
const leave = new AbortController();

before(async () => {
  upstream = await startUpstream();
  const watch = pathToFileURL(join(import.meta.dirname, '../support/loop-hog.js')).href;
  gateway = await startGateway({
    env: { NODE_OPTIONS: `--import=${watch}` },
    config: {
      providers: { up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-up' } },
      models: { m: { targets: [{ provider: 'up', model: 'm' }], price: { input: 1, output: 2 } } },
      routes: [{ name: 'fixed', match: { path: '/fixed' }, respond: { body: 'ok' } }],
    },
  });
  low = await gateway.key({ priority: 'low' });
  high = await gateway.key({ priority: 'high' });
  // Requests that run all the while.
  upstream.next(...Array.from({ length: BUSY }, () => [does.stall]));
  for (let i = 0; i < BUSY; i++) void ask(high.key, leave.signal).catch(() => undefined);
  await eventually('requests that run', async () =>
    (await scrape(gateway.url)).value('tollgate_in_flight_requests') === BUSY ? true : undefined,
  );
});
after(async () => {
  leave.abort();
  await gateway?.close();
  await upstream?.stop();
});

const ask = (key: string, signal?: AbortSignal): Promise<Response> =>
  gateway.chat(key, { model: 'm', messages: [{ role: 'user', content: 'Say hello.' }] }, signal ? { signal } : {});
const fixed = (key: string): Promise<Response> =>
  fetch(`${gateway.url}/fixed`, { headers: { authorization: `Bearer ${key}` } });
const limitsOf = (overload: object) =>
  changeAndWait(gateway, async () => {
    const text = await edited(gateway, (config) => {
      config.server.overload = overload;
    });
    await replaceFile(configFile(gateway), text);
  });
const level = (is: (level: number) => boolean) =>
  eventually('another level', async () =>
    is((await scrape(gateway.url)).value('tollgate_overload_level')!) ? true : undefined,
  );

async function status(asked: Promise<Response>): Promise<number> {
  const response = await asked;
  const text = await response.text();
  if (response.status !== 503) return response.status;
  assert.match(text, /overloaded/);
  assert.match(response.headers.get('retry-after')!, /^[1-4]$/);
  return 503;
}

async function tellsHowItIs(): Promise<void> {
  for (const path of ['/healthz', '/readyz', '/metrics']) assert.equal((await fetch(gateway.url + path)).status, 200);
}

test('short of memory, a gateway refuses low priority first, in the model API and in routes', async () => {
  assert.deepEqual([await status(ask(low.key)), await status(fixed(low.key))], [200, 200]);
  const resident = (await scrape(gateway.url)).value('process_resident_memory_bytes')!;
  await limitsOf({ memory: `${Math.round(resident / 1024 / 0.92)}kb` });
  await level((now) => now > 0);
  assert.deepEqual([await status(ask(low.key)), await status(fixed(low.key))], [503, 503]);
  assert.deepEqual([await status(ask(high.key)), await status(fixed(high.key))], [200, 200]);
  await tellsHowItIs();
  const told = await scrape(gateway.url);
  assert.equal(told.value('tollgate_refused_requests_total', { reason: 'overloaded' }), 1);
  assert.equal(told.value('tollgate_route_refusals_total', { route: 'fixed', policy: 'overload' }), 1);
  // A key's priority can be changed meanwhile.
  await gateway.admin('PATCH', `/keys/${low.id}`, { priority: 'high' });
  assert.equal(await status(ask(low.key)), 200);
  await gateway.admin('PATCH', `/keys/${low.id}`, { priority: 'low' });
  await limitsOf({ memory: '64gb' });
  await level((now) => now === 0);
  assert.equal(await status(ask(low.key)), 200);
  assert.match(gateway.output, /overload: refused is low/);
});

test('too slow, it refuses everybody, and serves again when it comes to its work', async () => {
  await limitsOf({ memory: '64gb', delay: '100ms' });
  process.kill(gateway.pid, 'SIGUSR2');
  await level((now) => now === 3);
  assert.deepEqual([await status(ask(high.key)), await status(fixed(high.key))], [503, 503]);
  await tellsHowItIs();
  process.kill(gateway.pid, 'SIGUSR2');
  await level((now) => now === 0);
  assert.equal(await status(ask(low.key)), 200);
});
