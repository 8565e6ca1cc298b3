/** What becomes of requests, holds and entries where a worker or the primary is killed, stands still, or is told to end. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CutProxy, cutProxy } from '../store/cut-proxy.js';
import { type EntryLine, type Gateway, startGateway } from '../support/gateway.js';
import { ledgerOf, level, levelIs } from '../support/limits-http.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { head, type Step, sseHeaders, until, write } from '../support/upstream-steps.js';
import { isAlive, replacedBy, workerOf, workerPids } from '../support/workers.js';

let upstream: FakeUpstream;
let database: FreshDatabase;
/** To the database. */
let line: CutProxy;
let gateway: Gateway;
let dir: string;
/** Streams of the upstream go on once this resolves. */
let goOn: () => void;
let gate: Promise<void>;
const close = (): void => {
  gate = new Promise((resolve) => (goOn = resolve));
};

const chunk = (delta: object | null, usage: object | null = null): Step =>
  write(
    `data: ${JSON.stringify({
      ...{ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' },
      choices: delta ? [{ index: 0, delta, finish_reason: 'content' in delta ? null : 'stop' }] : [],
      ...(usage && { usage }),
    })}\n\n`,
  );
const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };

const start = () =>
  startGateway({
    database: line.url,
    config: {
      server: { workers: 2, shutdown_grace: '10s' },
      data_dir: join(dir, 'data'),
      telemetry: { log: { level: 'info' } },
      providers: { up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'none' } },
      models: { m: { targets: [{ provider: 'up', model: 'm' }], price: { input: 1, output: 2 } } },
    },
  });

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'tollgate-workers-'));
  upstream = await startUpstream();
  upstream.always(() => [
    head(200, sseHeaders),
    ...[1, 2, 3, 4, 5].map((n) => chunk({ content: `word ${n} ` })),
    ({ left }) => until(gate)({ left } as never),
    ...[chunk({}), chunk(null, usage), write('data: [DONE]\n\n')],
  ]);
  database = await freshDatabase();
  line = await cutProxy(database.url);
  gateway = await start();
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
  await line?.close();
  await database?.drop();
  rmSync(dir, { recursive: true, force: true });
});

interface Stream {
  readonly id: string;
  /** Its text where it ended whole; undefined where it broke off. */
  readonly end: Promise<string | undefined>;
}

/** Begins so many streams, each of which has had its first words. */
async function streams(key: string, count: number, name: string): Promise<Stream[]> {
  const body = { model: 'm', stream: true, max_tokens: 100, messages: [{ role: 'user', content: 'Say hello.' }] };
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const id = `${name}-${i}`;
      const response = await gateway.chat(key, body, { headers: { 'x-request-id': id, connection: 'close' } });
      assert.equal(response.status, 200);
      const reader = response.body!.getReader();
      const { value } = await reader.read();
      const read = async (): Promise<string | undefined> => {
        let text = Buffer.from(value!).toString();
        try {
          for (let next = await reader.read(); !next.done; next = await reader.read()) text += Buffer.from(next.value);
        } catch {
          return undefined;
        }
        return text.endsWith('data: [DONE]\n\n') ? text : undefined;
      };
      return { id, end: read() };
    }),
  );
}

async function entriesOfKey(key: string): Promise<EntryLine[]> {
  const { data } = await gateway.admin<{ data: EntryLine[] }>('GET', `/usage?key=${key}&limit=200`);
  return data;
}

const budget = { limits: [{ unit: 'usd', max: 1, per: 'total' }] };

test('a worker that is killed in the middle of streams is replaced; the others go on; its holds close at what is known', async () => {
  close();
  const { key, id } = await gateway.key(budget);
  const running = await streams(key, 12, 'killed');
  const before = await level(gateway, `key=${id}`);
  assert.ok(before.held > 0);
  const victim = workerPids(gateway).get(2)!;
  process.kill(victim, 'SIGKILL');
  await replacedBy(gateway, 2, victim);
  goOn();
  const ends = await Promise.all(running.map(({ end }) => end));
  const whole = running.filter((_, i) => ends[i] !== undefined);
  assert.ok(whole.length > 0 && whole.length < 12, `${whole.length} of 12`);
  const { spent } = await levelIs(gateway, `key=${id}`, ({ held }) => held === 0);
  const entries = await entriesOfKey(id);
  assert.deepEqual(entries.map(({ request_id }) => request_id).sort(), running.map((one) => one.id).sort());
  const killed = entries.filter(({ usage_source }) => usage_source !== 'provider');
  assert.equal(killed.length, 12 - whole.length);
  assert.equal((await ledgerOf(gateway, id)).usdNano, spent);
  // New requests are served by both.
  close();
  goOn();
  const again = await streams(key, 8, 'again');
  assert.ok((await Promise.all(again.map(({ end }) => end))).every((text) => text !== undefined));
});

test('a worker that stands still gets no connections, holds nobody up, and is replaced in the end', {
  timeout: 60_000,
}, async () => {
  close();
  goOn();
  const { key, id } = await gateway.key({ limits: [{ unit: 'requests', max: 1000, per: 'hour' }, ...budget.limits] });
  const victim = workerPids(gateway).get(2)!;
  process.kill(victim, 'SIGSTOP');
  // Time for its beats to be missed.
  await sleep(1_500);
  for (let i = 0; i < 20; i++) {
    const began = performance.now();
    const [stream] = await streams(key, 1, `beside-${i}`);
    assert.notEqual(await stream!.end, undefined);
    assert.ok(performance.now() - began < 5_000);
  }
  const { data } = await gateway.admin<{ data: { unit: string; spent: number }[] }>('GET', `/limits?key=${id}`);
  assert.equal(data.find(({ unit }) => unit === 'requests')?.spent, 20);
  await replacedBy(gateway, 2, victim, 40_000);
  assert.equal(isAlive(victim), false);
});

test('a worker that is killed while the database is away is replaced; keys that the gateway knows are served by both, and entered later', async () => {
  close();
  goOn();
  const { key, id } = await gateway.key(budget);
  await Promise.all((await streams(key, 6, 'known')).map(({ end }) => end));
  await levelIs(gateway, `key=${id}`, ({ held }) => held === 0);
  line.cut();
  try {
    const victim = workerPids(gateway).get(2)!;
    process.kill(victim, 'SIGKILL');
    await replacedBy(gateway, 2, victim);
    const served = await streams(key, 8, 'away');
    assert.ok((await Promise.all(served.map(({ end }) => end))).every((text) => text !== undefined));
    const workers = new Set(await Promise.all(served.map((one) => workerOf(gateway, one.id))));
    assert.deepEqual([...workers].sort(), [1, 2]);
  } finally {
    line.mend();
  }
  const { spent } = await levelIs(gateway, `key=${id}`, ({ held }) => held === 0);
  // A reader does not wait for what an outage held up: each process posts it with its next try.
  const deadline = performance.now() + 20_000;
  while ((await entriesOfKey(id)).length < 14 && performance.now() < deadline) await sleep(50);
  assert.equal((await entriesOfKey(id)).length, 14);
  assert.equal((await ledgerOf(gateway, id)).usdNano, spent);
});

test('SIGTERM: every worker ends its own streams, nothing of them is lost, and the primary ends last', async () => {
  close();
  const { key, id } = await gateway.key(budget);
  const running = await streams(key, 8, 'ending');
  const pids = [...workerPids(gateway).values()];
  const ended = gateway.stop();
  await sleep(300);
  goOn();
  assert.ok((await Promise.all(running.map(({ end }) => end))).every((text) => text !== undefined));
  assert.equal(await ended, 0);
  assert.ok(pids.every((pid) => !isAlive(pid)));
  gateway = await start();
  const entries = await entriesOfKey(id);
  assert.equal(entries.length, 8);
  assert.ok(entries.every(({ status, error }) => status === 200 && error === null));
});

test('the primary is killed: its workers end, and every answered or begun request has its entry after the next start', async () => {
  close();
  const { key, id } = await gateway.key(budget);
  const running = await streams(key, 8, 'orphan');
  const pids = [...workerPids(gateway).values()];
  await gateway.kill9();
  goOn();
  await Promise.all(running.map(({ end }) => end));
  const deadline = Date.now() + 10_000;
  while (pids.some(isAlive) && Date.now() < deadline) await sleep(25);
  assert.ok(
    pids.every((pid) => !isAlive(pid)),
    'workers end with the primary',
  );
  gateway = await start();
  const entries = await entriesOfKey(id);
  assert.deepEqual(entries.map(({ request_id }) => request_id).sort(), running.map((one) => one.id).sort());
  const { spent, held } = await level(gateway, `key=${id}`);
  assert.equal(held, 0);
  assert.equal((await ledgerOf(gateway, id)).usdNano, spent);
});
