/**
 * What `/metrics` tells of a gateway with a Postgres, a Redis, a failing upstream and a route: each name and label of the table,
 * in a form that Prometheus' own tool finds nothing wrong with, and nothing that a caller could make grow.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { metricTable } from '../../src/telemetry/metric-table.js';
import { type CutProxy, cutProxy } from '../store/cut-proxy.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { familyOf, type Scrape, scrape } from '../support/metrics-text.js';
import { freshDatabase } from '../support/postgres.js';
import { promtool, withoutPromtool } from '../support/promtool.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import * as does from '../support/upstream-steps.js';

let upstream: FakeUpstream;
let database: Awaited<ReturnType<typeof freshDatabase>>;
let line: CutProxy;
let redis: TestRedis;
let gateway: Gateway;

before(async () => {
  [upstream, database, redis] = await Promise.all([startUpstream(), freshDatabase(), startRedis({ own: true })]);
  line = await cutProxy(database.url);
  const target = (name: string) => [{ provider: 'up', model: name }];
  const price = { input: 1, output: 2 };
  gateway = await startGateway({
    database: line.url,
    config: {
      redis: { url: redis.url },
      providers: { up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-up' } },
      models: {
        m: { targets: target('m'), price, retry: { max_attempts: 2, base: '1ms', max: '1ms' } },
        'wild/*': { targets: target('*'), price },
        kept: { targets: target('kept'), price, cache: { exact: true, ttl: '1h' } },
        first: { targets: target('first'), price, retry: { max_attempts: 2 }, fallbacks: ['m'] },
      },
      routes: [
        {
          name: 'shop',
          match: { path: '/shop/*' },
          auth: { none: {} },
          upstream: { targets: [{ url: upstream.url }] },
        },
      ],
    },
  });
});
after(async () => {
  await gateway.close();
  await line.close();
  await Promise.all([redis.close(), upstream.stop(), database.drop()]);
});

async function ask(key: string, model: string): Promise<number> {
  const response = await gateway.chat(key, { model, messages: [{ role: 'user', content: 'Say hello.' }] });
  await response.text();
  return response.status;
}

const now = (): Promise<Scrape> => scrape(gateway.url);

test('requests, tokens and cost are told by model and provider, spend by team', async () => {
  await gateway.admin('POST', '/teams', { name: 'search' });
  const { key } = await gateway.key({ team: 'search' });
  for (const model of ['m', 'wild/one', 'wild/two', 'kept', 'kept']) assert.equal(await ask(key, model), 200);
  const told = await now();
  const of = (model: string) => ({ model, provider: 'up' });
  const chats = { endpoint: 'chat', status: '200' };
  assert.equal(told.value('tollgate_requests_total', { ...of('m'), ...chats }), 1);
  assert.equal(told.value('tollgate_requests_total', { ...of('wild/*'), ...chats }), 2);
  assert.equal(told.value('tollgate_request_duration_seconds_count', of('wild/*')), 2);
  assert.equal(told.value('tollgate_first_byte_seconds_count', of('m')), 1);
  assert.equal(told.value('tollgate_overhead_seconds_count', of('m')), 1);
  const [entry] = (
    await gateway.admin<{ data: { tokens: { input: number }; cost_nusd: { total: number } }[] }>(
      ...(['GET', '/usage?model=m&limit=1'] as const),
    )
  ).data;
  assert.equal(told.value('tollgate_tokens_total', { kind: 'input', ...of('m') }), entry!.tokens.input);
  assert.equal(told.value('tollgate_cost_usd_total', of('m')), entry!.cost_nusd.total / 1e9);
  const spent = told.value('tollgate_team_cost_usd_total', { team: 'search' })!;
  assert.ok(Math.abs(spent - told.value('tollgate_cost_usd_total')!) < 1e-12, String(spent));
  assert.deepEqual(
    ['hit', 'miss'].map((result) => told.value('tollgate_cache_total', { result })),
    [1, 1],
  );
});

test('what is refused is told by reason and team: limits, keys, models, sizes', async () => {
  await gateway.admin('POST', '/teams', { name: 'busy' });
  const { key } = await gateway.key({ team: 'busy', limits: [{ unit: 'requests', max: 1, per: 'day' }] });
  assert.equal(await ask(key, 'm'), 200);
  assert.equal(await ask(key, 'm'), 429);
  assert.equal(await ask(key, 'm'), 429);
  const { key: poor } = await gateway.key({
    limits: [{ unit: 'usd', max: '0.000001', per: 'day', on_exhausted: 'reject' }],
  });
  assert.equal(await ask(poor, 'm'), 429);
  assert.equal(await ask(poor, 'no-such-model'), 404);
  assert.equal(await ask('sk-tg-nobodys', 'm'), 401);
  const told = await now();
  const refused = (reason: string, team: string) => told.value('tollgate_refused_requests_total', { reason, team });
  assert.equal(refused('budget_exceeded', 'busy'), 2);
  assert.equal(refused('budget_exceeded', 'none'), 1);
  assert.equal(refused('model_not_found', 'none'), 1);
  assert.equal(refused('invalid_api_key', 'none'), 1);
  const scope = { window: 'day', scope: 'key' };
  assert.equal(told.value('tollgate_limit_rejections_total', { unit: 'requests', ...scope }), 2);
  assert.equal(told.value('tollgate_limit_rejections_total', { unit: 'usd', ...scope }), 1);
  assert.equal(told.value('tollgate_auth_failures_total'), 1);
});

test('retries, fallbacks and answers of targets are counted; what upstreams fail at is no refusal', async () => {
  const { key } = await gateway.key();
  const before = await now();
  const failure = does.openaiError(500, { message: 'Broken.', type: 'server_error' });
  upstream.next(failure);
  assert.equal(await ask(key, 'm'), 200);
  upstream.next(failure);
  assert.equal(await ask(key, 'first'), 200);
  upstream.next(failure, failure);
  assert.equal(await ask(key, 'm'), 500);
  const told = await now();
  const grown = (name: string, labels: Readonly<Record<string, string>> = {}) =>
    (told.value(name, labels) ?? 0) - (before.value(name, labels) ?? 0);
  assert.equal(grown('tollgate_retries_total', { reason: 'transient' }), 2);
  assert.equal(grown('tollgate_fallbacks_total'), 1);
  assert.equal(grown('tollgate_upstream_responses_total', { target: 'up/m', code: '500' }), 3);
  assert.equal(grown('tollgate_upstream_responses_total', { target: 'up/first', code: '500' }), 1);
  assert.equal(grown('tollgate_requests_total', { model: 'm', status: '500' }), 1);
  assert.equal(grown('tollgate_refused_requests_total'), 0);
});

test('requests that run are counted while they run, those of routes too', async () => {
  const { key } = await gateway.key();
  const arrived = upstream.arrival();
  upstream.next([does.head(200, does.sseHeaders), does.stall]);
  const leave = new AbortController();
  const body = { model: 'm', stream: true, messages: [{ role: 'user', content: 'Say hello.' }] };
  const asking = gateway.chat(key, body, { signal: leave.signal }).catch(() => undefined);
  await arrived;
  const routed = upstream.arrival();
  upstream.next([does.stall]);
  const asked = fetch(`${gateway.url}/shop/slow`, { signal: leave.signal }).catch(() => undefined);
  await routed;
  assert.equal((await now()).value('tollgate_in_flight_requests'), 2);
  leave.abort();
  await Promise.all([asking, asked]);
  while ((await now()).value('tollgate_in_flight_requests') !== 0) await sleep(20);
  const told = await now();
  assert.equal(told.value('tollgate_route_duration_seconds_count', { route: 'shop', method: 'GET', code: '499' }), 1);
});

test('callers make no series: not by names, methods, paths, users or tags', async () => {
  const { key } = await gateway.key();
  const before = (await now()).series.length;
  for (let i = 0; i < 4; i++) {
    await ask(key, `wild/made-${i}`);
    await ask(key, `made-${i}`);
    await ask(`sk-tg-made-${i}`, 'm');
    const headers = { authorization: `Bearer ${key}`, 'x-tollgate-user': `made-${i}`, 'x-tollgate-tags': `made-${i}` };
    const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Say hello.' }] });
    await (await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', headers, body })).text();
    await (await fetch(`${gateway.url}/shop/made-${i}`, { method: 'POST' })).text();
    await (await fetch(`${gateway.url}/made-${i}`, { method: 'PUT' })).text();
  }
  const told = await now();
  assert.ok(!told.text.includes('made-'));
  assert.ok(told.series.length - before < 60, `${told.series.length - before} new series`);
});

test('every name and label is of the table, and the tool of Prometheus finds nothing wrong', async (t) => {
  const told = await now();
  const wrong: string[] = [];
  for (const { name, labels } of told.series) {
    const family = familyOf(name, told.types);
    if (!family.startsWith('tollgate_')) continue;
    const row = metricTable[family as keyof typeof metricTable];
    const own = Object.keys(labels).filter((label) => label !== 'le');
    if (!row || told.types.get(family) !== row.type || own.sort().join() !== [...(row.labels ?? [])].sort().join())
      wrong.push(`${name} {${own.join()}}`);
  }
  assert.deepEqual([...new Set(wrong)], []);
  assert.deepEqual(
    Object.keys(metricTable).filter((name) => !told.types.has(name)),
    [],
  );
  for (const name of [
    'nodejs_eventloop_lag_p99_seconds',
    'process_resident_memory_bytes',
    'nodejs_heap_size_used_bytes',
  ])
    assert.notEqual(told.value(name), undefined, name);
  if (withoutPromtool) return t.skip(withoutPromtool);
  assert.deepEqual(promtool(['check', 'metrics'], told.text), { ok: true, told: '' });
});

test('whether Postgres and Redis answer, and what runs', async () => {
  const well = await now();
  assert.deepEqual([well.value('tollgate_database_up'), well.value('tollgate_redis_up')], [1, 1]);
  assert.equal(well.value('tollgate_build_info', { node: process.version }), 1);
  line.cut();
  await redis.stop('SIGKILL');
  for (;;) {
    const told = await now();
    if (told.value('tollgate_database_up') === 0 && told.value('tollgate_redis_up') === 0) break;
    await ask('sk-tg-nobodys', 'm');
    await sleep(50);
  }
  line.mend();
  await redis.start();
  for (;;) {
    const told = await now();
    if (told.value('tollgate_database_up') === 1 && told.value('tollgate_redis_up') === 1) break;
    await sleep(50);
  }
});

test('a database that only hangs is told within the time of a scrape', async () => {
  line.cut();
  line.stall();
  const startedAt = performance.now();
  for (;;) {
    const askedAt = performance.now();
    const told = await now();
    assert.ok(performance.now() - askedAt < 3_000);
    if (told.value('tollgate_database_up') === 0) break;
    assert.ok(performance.now() - startedAt < 15_000, 'it was never told');
    await sleep(50);
  }
  line.mend();
});
