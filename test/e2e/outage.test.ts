/** A gateway whose Postgres is stopped under load and started again, and one whose disk is full: nothing is lost. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cutProxy } from '../store/cut-proxy.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { freshDatabase } from '../support/postgres.js';
import { startUpstream } from '../support/upstream.js';

const closing: (() => Promise<unknown> | unknown)[] = [];
after(async () => {
  for (const close of closing.reverse()) await close();
});

const upstream = await startUpstream();
closing.push(() => upstream.stop());

const sections = {
  providers: { up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-up' } },
  models: { m: { targets: [{ provider: 'up', model: 'm' }], price: { input: 1, output: 1 } } },
  telemetry: { log: { level: 'error' } },
};

const ask = (gateway: Gateway, key: string, id: string, stream: boolean): Promise<Response> =>
  gateway.chat(
    key,
    { model: 'm', stream, messages: [{ role: 'user', content: 'Say hello.' }] },
    { headers: { 'x-request-id': id } },
  );

const metric = async (gateway: Gateway, name: string): Promise<number> =>
  Number(new RegExp(`^${name} (.+)$`, 'm').exec(await (await fetch(`${gateway.url}/metrics`)).text())?.[1]);

async function requestIds(gateway: Gateway, key: string): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | null = null; ; ) {
    const query = `key=${key}&limit=200${cursor === null ? '' : `&cursor=${cursor}`}`;
    const page: { data: { request_id: string }[]; next_cursor: string | null } = await gateway.admin(
      'GET',
      `/usage?${query}`,
    );
    ids.push(...page.data.map(({ request_id }) => request_id));
    cursor = page.next_cursor;
    if (cursor === null) return ids;
  }
}

test('Postgres goes away under load and comes back: requests are served throughout, nothing is lost', {
  timeout: 280_000,
}, async () => {
  const database = await freshDatabase();
  closing.push(() => database.drop());
  const proxy = await cutProxy(database.url);
  closing.push(() => proxy.close());
  const gateway = await startGateway({ database: proxy.url, config: sections });
  closing.push(() => gateway.close());
  const { id, key } = await gateway.key();
  const asked: string[] = [];
  let running = true;
  const load = Array.from({ length: 6 }, async (_, caller) => {
    for (let n = 0; running; n++) {
      const request = `c${caller}-${n}`;
      asked.push(request);
      const response = await ask(gateway, key, request, n % 2 === 1);
      const text = await response.text();
      assert.equal(response.status, 200, text);
    }
  });
  const until = async (count: number) => {
    while (asked.length < count) await Promise.race([sleep(20), ...load]);
  };
  await until(60);
  proxy.cut();
  const before = asked.length;
  await until(before + 400);
  assert.ok((await metric(gateway, 'tollgate_spool_entries')) >= 300);
  const ready = await fetch(`${gateway.url}/readyz`, { headers: { authorization: `Bearer ${gateway.adminKey}` } });
  const { parts } = (await ready.json()) as { parts: { database: { ok: boolean }; spool: { ok: boolean } } };
  assert.deepEqual([ready.status, parts.database.ok, parts.spool.ok], [200, false, true]);
  proxy.mend();
  await until(asked.length + 60);
  running = false;
  await Promise.all(load);
  while ((await metric(gateway, 'tollgate_spool_entries')) > 0) await sleep(50);
  const entered = await requestIds(gateway, id);
  assert.deepEqual(entered.sort(), asked.sort());
  assert.equal(await metric(gateway, 'tollgate_ledger_lost'), 0);
});

const root = process.platform === 'linux' && process.getuid?.() === 0;

test('a full disk: requests are refused in plain words before they are sent, and served when there is room', {
  timeout: 120_000,
  skip: root ? false : 'mounting a small disk needs root on Linux',
}, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-full-'));
  closing.push(() => rmSync(dir, { recursive: true, force: true }));
  const disk = join(dir, 'data');
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], { stdio: 'pipe' });
  } catch {
    return t.skip('this system does not let root mount');
  }
  closing.push(() => execFileSync('umount', ['-l', disk]));
  const gateway = await startGateway({ config: { ...sections, data_dir: disk } });
  closing.push(() => gateway.close());
  const { id, key } = await gateway.key();
  await (await ask(gateway, key, 'before', false)).text();
  const sent = upstream.requests.length;
  const filler = join(disk, 'filler');
  assert.throws(() => writeFileSync(filler, Buffer.alloc(2 ** 21)), /ENOSPC/);
  // The last page of the spool's file is there already: some requests still fit.
  let response: Response;
  let served = 0;
  do {
    response = await ask(gateway, key, `full-${served++}`, false);
  } while (response.status === 200);
  const { error } = (await response.json()) as { error: { code: string; message: string } };
  assert.deepEqual([response.status, error.code], [503, 'unavailable']);
  assert.match(error.message, /cannot write down what this request costs/);
  assert.ok(response.headers.get('retry-after'));
  assert.equal(upstream.requests.length, sent + served - 1, 'it was not sent');
  assert.equal((await fetch(`${gateway.url}/readyz`)).status, 503);
  rmSync(filler);
  for (;;) {
    response = await ask(gateway, key, 'after', false);
    await response.text();
    if (response.status === 200) break;
    await sleep(100);
  }
  await gateway.entries('after');
  const ids = await requestIds(gateway, id);
  const expected = ['after', 'before', ...Array.from({ length: served - 1 }, (_, n) => `full-${n}`)];
  assert.deepEqual(ids.sort(), expected.sort());
});

test('a data_dir that cannot be written: the gateway says so and does not start', {
  timeout: 120_000,
  skip: root ? false : 'mounting a read-only disk needs root on Linux',
}, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-ro-'));
  closing.push(() => rmSync(dir, { recursive: true, force: true }));
  const disk = join(dir, 'data');
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro,size=1m', 'tmpfs', disk], { stdio: 'pipe' });
  } catch {
    return t.skip('this system does not let root mount');
  }
  closing.push(() => execFileSync('umount', ['-l', disk]));
  await assert.rejects(
    startGateway({ config: { ...sections, data_dir: disk } }),
    /did not start: data_dir: .*read-only/,
  );
});
