/**
 * Gateways that are killed (SIGKILL) at random moments under load, streamed and not, one after the other over the same data:
 * whatever the upstream was asked and answered is in the ledger, once. `TEST_KILL_ROUNDS` sets how many for each database.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EntryLine, type Gateway, type GatewayOptions, startGateway } from '../support/gateway.js';
import { freshDatabase } from '../support/postgres.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { head, json, pause, type Received, type Step, sseHeaders, write } from '../support/upstream-steps.js';

const rounds = Number(process.env['TEST_KILL_ROUNDS'] ?? 10);
const CALLERS = 6;

/** What the upstream reports of its n-th answer; no other answer has the same. */
const usageOf = (n: number) => ({ prompt_tokens: 1_000 + n, completion_tokens: 7, total_tokens: 1_007 + n });

const chunk = (delta: object | null, usage: object | null = null): Step =>
  write(
    `data: ${JSON.stringify({
      id: 'c',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'm',
      choices: delta ? [{ index: 0, delta, finish_reason: 'content' in delta ? null : 'stop' }] : [],
      ...(usage && { usage }),
    })}\n\n`,
  );

/** Answers as a provider would, some of it slowly, and notes what it has answered to its end. */
function answers(answered: Map<string, number>): (request: Received) => readonly Step[] {
  let count = 0;
  return (request) => {
    const id = String(request.headers['x-request-id']);
    const n = ++count;
    const told: Step = () => void answered.set(id, n);
    if (!request.json()['stream']) {
      const message = { role: 'assistant', content: 'Hello there.', refusal: null };
      const body = { id: 'c', object: 'chat.completion', created: 1, model: 'm', usage: usageOf(n) };
      const choices = [{ index: 0, message, logprobs: null, finish_reason: 'stop' }];
      return [pause(n % 5), ...json(200, { ...body, choices }), told];
    }
    const words = Array.from({ length: 5 }, (_, at) => [chunk({ content: `word ${at} ` }), pause(n % 4)]).flat();
    return [head(200, sseHeaders), ...words, chunk({}), chunk(null, usageOf(n)), write('data: [DONE]\n\n'), told];
  };
}

/** Calls one after the other until the gateway is gone; notes which were answered whole. */
async function callUntilDead(gateway: Gateway, key: string, name: string, whole: Set<string>): Promise<void> {
  for (let n = 0; ; n++) {
    const id = `${name}-${n}`;
    try {
      const body = { model: 'm', stream: n % 2 === 1, messages: [{ role: 'user', content: 'Say hello.' }] };
      const response = await gateway.chat(key, body, { headers: { 'x-request-id': id } });
      const text = await response.text();
      assert.equal(response.status, 200, text);
      if (n % 2 === 0 || text.endsWith('data: [DONE]\n\n')) whole.add(id);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      return;
    }
  }
}

async function allEntries(gateway: Gateway, key: string): Promise<EntryLine[]> {
  const entries: EntryLine[] = [];
  for (let cursor: string | null = null; ; ) {
    const query = `key=${key}&limit=200${cursor === null ? '' : `&cursor=${cursor}`}`;
    const page: { data: EntryLine[]; next_cursor: string | null } = await gateway.admin('GET', `/usage?${query}`);
    entries.push(...page.data);
    cursor = page.next_cursor;
    if (cursor === null) return entries;
  }
}

async function drained(gateway: Gateway): Promise<void> {
  for (;;) {
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    if (/^tollgate_spool_entries 0$/m.test(metrics)) return;
    await sleep(50);
  }
}

function suite(name: string, open: () => Promise<{ url: string; close(): Promise<void> }>): void {
  describe(`kill -9 of the gateway: ${name}`, () => {
    let upstream: FakeUpstream;
    const closing: (() => Promise<void> | void)[] = [];
    after(async () => {
      for (const close of closing.reverse()) await close();
    });

    test(`${rounds} rounds under load: every answer has its entry, and one only`, { timeout: 3_600_000 }, async (t) => {
      upstream = await startUpstream();
      closing.push(() => upstream.stop());
      const answered = new Map<string, number>();
      upstream.always(answers(answered));
      const database = await open();
      closing.push(() => database.close());
      const dir = mkdtempSync(join(tmpdir(), 'tollgate-kill-'));
      closing.push(() => rmSync(dir, { recursive: true, force: true }));
      const start = (durability: string): Promise<Gateway> =>
        startGateway({
          database: database.url,
          config: {
            data_dir: join(dir, 'data'),
            telemetry: { log: { level: 'error' } },
            ledger: { durability, max_size: '1mb' }, // small, so that files end and go all the time
            providers: { up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'none' } },
            models: { m: { targets: [{ provider: 'up', model: 'm' }], price: { input: 1, output: 1 } } },
          },
        } satisfies GatewayOptions);

      let key: { id: string; key: string } | undefined;
      const whole = new Set<string>();
      for (let round = 0; round < rounds; round++) {
        const gateway = await start(round % 4 === 3 ? 'fsync' : 'process');
        key ??= await gateway.key();
        const { key: secret } = key;
        const load = Array.from({ length: CALLERS }, (_, at) =>
          callUntilDead(gateway, secret, `r${round}-${at}`, whole),
        );
        // Not a time: a machine that is slow is killed as often in the middle of things as one that is not.
        for (let left = Math.floor(Math.random() * 40); left > 0; left--) await upstream.arrival();
        await sleep(Math.random() * 10);
        await gateway.kill9();
        await Promise.all(load);
        await gateway.close();
      }

      const last = await start('process');
      closing.push(() => last.close());
      await drained(last);
      const entries = await allEntries(last, key!.id);

      const asked = new Set(upstream.requests.map(({ headers }) => String(headers['x-request-id'])));
      assert.equal(asked.size, upstream.requests.length, 'nothing is retried here');
      const entered = new Map(entries.map((entry) => [entry.request_id, entry]));
      assert.equal(entered.size, entries.length, 'none twice');
      assert.deepEqual(
        [...asked].filter((id) => !entered.has(id)),
        [],
        'what the upstream was asked is entered',
      );
      const unsent = entries.filter(({ request_id }) => !asked.has(request_id));
      assert.ok(
        unsent.every(({ error, flags }) => error === 'interrupted' && flags?.includes('sent_unknown')),
        'what it was not asked was killed on its way',
      );
      assert.equal(entries.length - unsent.length, upstream.requests.length);
      for (const id of whole) assert.equal(entered.get(id)?.status, 200, `${id} was answered whole`);
      let exact = 0;
      for (const entry of entries) {
        if (entry.usage_source !== 'provider') {
          assert.equal(entry.usage_source, 'estimated');
          assert.equal(entry.error, 'interrupted');
          assert.ok(entry.tokens['input']! > 0);
          continue;
        }
        exact += 1;
        assert.equal(entry.tokens['input'], 1_000 + answered.get(entry.request_id)!);
        assert.equal(entry.tokens['output'], 7);
      }
      assert.ok(whole.size > rounds, 'the load was a load');
      t.diagnostic(
        `${rounds} kills: upstream asked ${asked.size}, answered whole by the gateway ${whole.size}, ` +
          `exact entries ${exact}, closed as interrupted ${entries.length - exact} (${unsent.length} never sent)`,
      );
      console.log(
        `# ${name}: ${rounds} kills, upstream asked ${asked.size}, whole ${whole.size}, exact ${exact}, interrupted ${entries.length - exact}, never sent ${unsent.length}`,
      );
    });
  });
}

suite('Postgres', async () => {
  const database = await freshDatabase();
  return { url: database.url, close: () => database.drop() };
});

suite('the embedded database', async () => ({ url: 'embedded', close: async () => {} }));
