/** Two workers with Redis and Postgres: limits, reloads under load, breakers, and purges in all processes. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { type Gateway, startGateway } from '../support/gateway.js';
import { ask, askUntilKnown, ledgerOf, level, levelIs, priced, watch, words } from '../support/limits-http.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { callsOfRequests } from '../support/redis-calls.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { json, until } from '../support/upstream-steps.js';
import { replacedBy, workerPids } from '../support/workers.js';

/** Of a classic route. */
const SLOTS = 8;

let redis: TestRedis;
let upstream: FakeUpstream;
let gateway: Gateway;
before(async () => {
  redis = await startRedis({ own: true });
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      server: { workers: 2 },
      redis: { url: redis.url, on_failure: 'closed' },
      telemetry: { log: { level: 'info' } },
      providers: {
        sandbox: { type: 'sandbox' },
        up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'none' },
      },
      models: {
        sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: priced },
        kept: {
          targets: [{ provider: 'up', model: 'm' }],
          price: priced,
          cache: { exact: true, ttl: '1h' },
          breaker: { min_requests: 1_000 },
        },
        failing: {
          targets: [
            { provider: 'up', model: 'bad' },
            { provider: 'sandbox', model: 'sandbox', priority: 2 },
          ],
          price: priced,
          retry: { max_attempts: 1 },
          breaker: { failure_rate: 0.5, min_requests: 4, window: '30s', open: '60s', half_open_probes: 1 },
        },
      },
      routes: [
        {
          ...{ name: 'slots', match: { path: '/slow' }, auth: { none: {} } },
          upstream: { targets: [{ url: upstream.url }] },
          limits: [{ unit: 'concurrent', max: SLOTS, by: 'route' }],
        },
      ],
    },
  });
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
  await redis?.close();
});

const budget = (nano: number) => ({ limits: [{ unit: 'usd', max: (nano / 1e9).toFixed(9), per: 'month' }] });

// The first one: a new connection goes to the worker that has fewest, and those that later tests leave idle differ in number.
test('a worker is killed with requests of a classic route and chats under way: their slots are free again, and nothing stays held', async () => {
  const { key, id } = await gateway.key(budget(5_000_000));
  let goOn = (): void => {};
  const gate = new Promise<void>((resolve) => (goOn = resolve));
  upstream.always(() => [until(gate), ...json(200, {})]);
  // Each on a new connection, which `fetch` does not promise: so both workers have some.
  const slow = () =>
    new Promise<number | 'broke off'>((resolve) => {
      get(`${gateway.url}/slow`, { agent: false }, (answer) => resolve(answer.resume().statusCode!)).on('error', () =>
        resolve('broke off'),
      );
    });
  const asked = upstream.requests.length;
  const routed = Array.from({ length: SLOTS }, slow);
  const body = { model: 'kept', max_tokens: 10, messages: [{ role: 'user', content: 'Who waits?' }] };
  const chats = Array.from({ length: 6 }, (_, i) =>
    ask(gateway, key, { ...body, seed: i }, { connection: 'close' }).catch(() => undefined),
  );
  while (upstream.requests.length < asked + SLOTS + chats.length) await sleep(10);
  assert.equal(await slow(), 429);
  const victim = workerPids(gateway).get(2)!;
  process.kill(victim, 'SIGKILL');
  await replacedBy(gateway, 2, victim);
  upstream.always(() => json(200, {}));
  const deadline = Date.now() + 15_000;
  let status = await slow();
  while (status === 429 && Date.now() < deadline) status = await slow();
  assert.equal(status, 200);
  goOn();
  await Promise.all(chats);
  const statuses = await Promise.all(routed);
  assert.ok(statuses.includes('broke off') && statuses.includes(200), statuses.join());
  await levelIs(gateway, `key=${id}`, ({ held }) => held === 0);
});

test('200 at once never take more than the budget, and counter and ledger agree', async () => {
  const { key, id } = await gateway.key(budget(1_000_000));
  const all = Promise.all(
    Array.from({ length: 200 }, (_, i) => askUntilKnown(gateway, key, words(10, { stream: i % 3 === 0 }))),
  );
  const [answers] = await Promise.all([all, watch(gateway, `key=${id}`, all)]);
  assert.ok(answers.every(({ status }) => status === 200 || status === 429));
  const { spent, max } = await levelIs(gateway, `key=${id}`, ({ held }) => held === 0);
  assert.ok(spent > max * 0.9 && spent <= max, `${spent} of ${max}`);
  assert.equal((await ledgerOf(gateway, id)).usdNano, spent);
});

test('a rate: exactly as many as it says', async () => {
  const { key } = await gateway.key({ limits: [{ unit: 'requests', max: 50, per: 'hour' }] });
  const answers = await Promise.all(Array.from({ length: 200 }, () => askUntilKnown(gateway, key, words(2))));
  assert.equal(answers.filter(({ status }) => status === 200).length, 50);
});

test('a request takes two round trips to Redis, whichever worker it comes to', async () => {
  assert.deepEqual(await callsOfRequests(gateway, redis.url, 30), { reserve: 30, settle: 30 });
});

/** Sixteen calls, each on a connection of its own. */
const onAll = (key: string, body: unknown) =>
  Promise.all(
    Array.from({ length: 16 }, async () => {
      const answer = await gateway.chat(key, body, { headers: { connection: 'close' } });
      await answer.text();
      return answer;
    }),
  );

test('a purge that was answered holds in the memory of every worker', async () => {
  const { key } = await gateway.key();
  const answer = (text: string) =>
    json(200, {
      ...{ id: 'c', object: 'chat.completion', created: 1, model: 'm' },
      choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
    });
  upstream.always(() => answer('first'));
  const body = { model: 'kept', messages: [{ role: 'user', content: 'What is kept?' }] };
  await ask(gateway, key, body);
  await sleep(100);
  const hits = (answers: Response[]) =>
    answers.filter(({ headers }) => headers.get('x-tollgate-cache') === 'hit').length;
  assert.equal(hits(await onAll(key, body)), 16);
  await gateway.admin('POST', '/cache/purge', { model: 'kept' });
  upstream.always(() => answer('second'));
  const texts = await Promise.all(Array.from({ length: 16 }, () => ask(gateway, key, body, { connection: 'close' })));
  assert.ok(texts.every(({ text }) => text.includes('second')));
});

test('a breaker that one worker opens is open in all, is told once, and is closed by hand in all', async () => {
  const { key } = await gateway.key();
  upstream.always(() => json(500, { error: { message: 'broken', type: 'server_error' } }));
  const body = { model: 'failing', messages: [{ role: 'user', content: 'Hello' }] };
  for (let i = 0; i < 12; i++) await ask(gateway, key, body);
  await sleep(100);
  const asked = upstream.requests.length;
  assert.deepEqual([...new Set((await onAll(key, body)).map(({ status }) => status))], [200]);
  assert.equal(upstream.requests.length, asked, 'nothing is sent');
  const told = () => gateway.output.match(/"target":"up\/bad","state":"opened"/g)?.length ?? 0;
  while (told() === 0) await sleep(10);
  assert.equal(told(), 1);
  await gateway.admin('POST', '/targets/up%2Fbad/close');
  await onAll(key, body);
  assert.ok(upstream.requests.length > asked, 'it is asked again');
});

test('a reload under load reaches every worker before it is answered, and loses nothing', async () => {
  const { key } = await gateway.key();
  let loading = true;
  const statuses: number[] = [];
  const load = Promise.all(
    Array.from({ length: 6 }, async () => {
      while (loading) statuses.push((await ask(gateway, key, words(2))).status);
    }),
  );
  const file = join(gateway.dir, 'config.yaml');
  const config = parse(readFileSync(file, 'utf8')) as { models: Record<string, unknown> };
  for (let round = 0; round < 5; round++) {
    config.models[`new-${round}`] = { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: priced };
    writeFileSync(file, stringify(config));
    await gateway.admin('POST', '/config/reload');
    const answers = await onAll(key, { ...words(2), model: `new-${round}` });
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  }
  loading = false;
  await load;
  assert.deepEqual([...new Set(statuses)], [200]);
  const { spent } = await level(gateway, `key=${(await gateway.key(budget(5_000_000))).id}`);
  assert.equal(spent, 0);
});
