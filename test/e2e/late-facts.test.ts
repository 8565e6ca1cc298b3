/**
 * Gateways that are not heard of for longer than the lease of their holds, in the middle of a stream: one stands still, one is
 * cut off from Redis, one is killed and comes back twice at once. Meanwhile another gateway closes their holds at an estimate;
 * what they know takes its place in ledger, limits, reports and webhooks. In real time, all at once, since a lease is 15 seconds.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { newSigningSecret } from '../../src/lib/standard-webhooks.js';
import { type CutProxy, cutProxy } from '../store/cut-proxy.js';
import { type EntryLine, type Gateway, type NewKey, startGateway } from '../support/gateway.js';
import { levels, nano } from '../support/limits-http.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { type Received, type Step, sse, until } from '../support/upstream-steps.js';

const USAGE = { prompt_tokens: 10, completion_tokens: 1_000, total_tokens: 1_010 };
/** 10 tokens of input and 1,000 of output. */
const FACT_NANO = 10_010_000;
const STILL_MS = 20_000;

const chunk = (delta: object | null, usage: object | null = null) =>
  `data: ${JSON.stringify({
    ...{ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'served-model' },
    choices: delta ? [{ index: 0, delta, finish_reason: 'content' in delta ? null : 'stop' }] : [],
    ...(usage && { usage }),
  })}\n\n`;

/** A stream that stops in its middle until the test lets it go on. */
class Streams {
  readonly #going = new Map<string, () => void>();

  readonly answer = (request: Received): readonly Step[] => {
    const id = String(request.headers['x-request-id']);
    const goesOn = new Promise<void>((resolve) => this.#going.set(id, resolve));
    const words = (count: number) => chunk({ content: 'word '.repeat(count) });
    const later: Step = () => sleep(700);
    return sse(
      words(5),
      later,
      words(5),
      later,
      words(5),
      until(goesOn),
      words(985),
      chunk({}),
      chunk(null, USAGE),
      'data: [DONE]\n\n',
    );
  };

  goOn(id: string): void {
    this.#going.get(id)!();
  }
}

interface Running {
  readonly id: string;
  readonly key: NewKey;
  /** The text so far. */
  readonly text: () => string;
  readonly whole: Promise<void>;
}

const LIMITS = [
  { unit: 'usd', max: 5, per: 'month' },
  { unit: 'tokens', max: 100_000, per: 'hour' },
];

async function stream(gateway: Gateway, id: string): Promise<Running> {
  const key = await gateway.key({ limits: LIMITS });
  const body = { model: 'm', stream: true, max_tokens: 2_000, messages: [{ role: 'user', content: 'Say a word.' }] };
  // On a busy machine Redis may be late, and a budget not known for a moment.
  let response = await gateway.chat(key.key, body, { headers: { 'x-request-id': id } });
  for (let tries = 0; response.status === 503 && tries < 100; tries++) {
    await response.arrayBuffer();
    await sleep(50);
    response = await gateway.chat(key.key, body, { headers: { 'x-request-id': id } });
  }
  assert.equal(response.status, 200);
  let text = '';
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const whole = (async () => {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) text += piece.value;
  })();
  whole.catch(() => {});
  return { id, key, text: () => text, whole };
}

async function eventually<T>(what: string, look: () => Promise<T | undefined>, withinMs = 30_000): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    assert.ok(performance.now() < deadline, `not ${what} within ${withinMs} ms`);
    await sleep(50);
  }
}

interface SpendRow {
  readonly requests: number;
  readonly attempts: number;
  readonly errors: number;
  readonly tokens: Readonly<Record<string, number>>;
  readonly cost_nusd: number;
  readonly [group: string]: unknown;
}

const total = (entries: readonly EntryLine[]) => entries.reduce((sum, { cost_nusd }) => sum + cost_nusd['total']!, 0);

describe('a gateway that was not heard of for 20 seconds in the middle of a stream', { concurrency: true }, () => {
  const streams = new Streams();
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-late-'));
  let upstream: FakeUpstream;
  let redis: TestRedis;
  let redisLine: CutProxy;
  let database: FreshDatabase;
  let receiver: Receiver;
  let other: Gateway;
  let still: Gateway;
  let cutOff: Gateway;
  let doomed: Gateway;
  const started: Gateway[] = [];

  const start = async (redisUrl: string, name: string) => {
    const gateway = await startGateway({
      database: database.url,
      config: {
        data_dir: join(dir, name),
        redis: { url: redisUrl, on_failure: 'local' },
        providers: { up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'none' } },
        models: {
          m: {
            targets: [{ provider: 'up', model: 'm', limits: [{ unit: 'usd', max: 100, per: 'month' }] }],
            price: { input: 1, output: 10 },
            timeout: { idle: '90s' },
          },
        },
        webhooks: [
          { name: 'w', url: receiver.url, events: ['usage.recorded'], secret: newSigningSecret(), allow_private: true },
        ],
      },
    });
    started.push(gateway);
    return gateway;
  };

  before(async () => {
    upstream = await startUpstream();
    upstream.always(streams.answer);
    redis = await startRedis({ own: true });
    redisLine = await cutProxy(redis.url);
    database = await freshDatabase();
    receiver = await startReceiver();
    other = await start(redis.url, 'other');
    still = await start(redis.url, 'still');
    cutOff = await start(redisLine.url, 'cut-off');
    doomed = await start(redis.url, 'doomed');
  });
  after(async () => {
    await Promise.all(started.map((gateway) => gateway.close()));
    await redisLine?.close();
    await redis?.close();
    await receiver?.close();
    await database?.drop();
    await upstream?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  const spoolOf = (name: string) => {
    const folder = join(dir, name, 'spool');
    return readdirSync(folder, { recursive: true })
      .filter((file) => String(file).endsWith('.spool'))
      .map((file) => readFileSync(join(folder, String(file)), 'latin1'))
      .join('');
  };
  const entriesOf = async (id: string) =>
    (await other.admin<{ data: EntryLine[] }>('GET', `/usage?request_id=${id}`)).data;
  const spent = async (key: NewKey) => (await levels(other, `key=${key.id}`)).map((level) => nano(level.spent));
  const report = async (key: NewKey, groups: string) => {
    const [from, to] = [-3_600_000, 3_600_000].map((ms) => new Date(Date.now() + ms).toISOString());
    const path = `/reports/spend?from=${from}&to=${to}&group_by=${groups}&key=${key.id}`;
    return await other.admin<{ data: SpendRow[]; total: SpendRow }>('GET', path);
  };
  const told = (id: string): EntryLine[] =>
    receiver.received.flatMap(({ event }) => event.data.entries).filter(({ request_id }) => request_id === id);

  /** The other gateway has closed its hold at an estimate. */
  async function closedAtAnEstimate({ id, key }: Running): Promise<EntryLine> {
    const [estimate] = await eventually('closed', async () => {
      const found = await entriesOf(id);
      return found.length > 0 ? found : undefined;
    });
    assert.equal(estimate!.status, 500);
    assert.equal(estimate!.error, 'interrupted');
    assert.equal(estimate!.estimate, 'intent');
    assert.equal(estimate!.tokens['output'], 0);
    await eventually('counted', async () =>
      (await spent(key))[0] === estimate!.cost_nusd['total'] ? true : undefined,
    );
    return estimate!;
  }

  /** Everywhere it says what the attempt really was. */
  async function saysTheFact({ id, key }: Running, estimate: EntryLine): Promise<void> {
    const entries = await eventually('corrected', async () => {
      const found = await entriesOf(id);
      return found.length > 1 ? found : undefined;
    });
    assert.equal(entries.length, 3);
    assert.equal(total(entries), FACT_NANO);
    const replacement = entries.find(({ correction }) => correction === 'replacement')!;
    assert.equal(replacement.corrects, estimate.id);
    assert.equal(replacement.status, 200);
    assert.equal(replacement.cost_usd, '0.010010000');
    assert.equal(replacement.tokens['output'], 1_000);
    assert.equal(replacement.served_model, 'served-model');
    const limits = await eventually('settled', async () => {
      const now = await spent(key);
      return now[0] === FACT_NANO ? now : undefined;
    });
    assert.deepEqual(limits, [FACT_NANO, 1_010]);
    const { total: sum, data } = await report(key, 'status,served_model');
    assert.equal(sum.cost_nusd, FACT_NANO);
    assert.deepEqual([sum.requests, sum.attempts, sum.errors], [1, 1, 0]);
    assert.equal(data.length, 1, 'nothing is left of the estimate');
    const { status, served_model, requests, attempts } = data[0]!;
    assert.deepEqual([status, served_model, requests, attempts], [200, 'served-model', 1, 1]);
    await eventually('told', async () => (total(told(id)) === FACT_NANO ? true : undefined));
    assert.equal(told(id).length, 3);
  }

  test('and stood still: the caller has the whole answer, and everything says what it cost', async () => {
    const running = await stream(still, 'still-1');
    await eventually('streaming', async () => (running.text().length > 100 ? true : undefined));
    process.kill(still.pid, 'SIGSTOP');
    const stoppedAt = performance.now();
    const estimate = await closedAtAnEstimate(running);
    await sleep(STILL_MS - (performance.now() - stoppedAt));
    process.kill(still.pid, 'SIGCONT');
    streams.goOn(running.id);
    await running.whole;
    assert.ok(running.text().endsWith('data: [DONE]\n\n'));
    await saysTheFact(running, estimate);
  });

  test('by Redis: the caller has the whole answer, and everything says what it cost', async () => {
    const running = await stream(cutOff, 'cut-1');
    await eventually('streaming', async () => (running.text().length > 100 ? true : undefined));
    redisLine.cut();
    const cutAt = performance.now();
    const estimate = await closedAtAnEstimate(running);
    streams.goOn(running.id);
    await running.whole;
    assert.ok(running.text().endsWith('data: [DONE]\n\n'));
    await sleep(STILL_MS - (performance.now() - cutAt));
    redisLine.mend();
    await saysTheFact(running, estimate);
  });

  test('since it was killed: what its spool knows takes the place of the estimate, though two bring it', async () => {
    const running = await stream(doomed, 'doomed-1');
    await eventually('streaming', async () => (running.text().split('word').length > 10 ? true : undefined));
    await eventually('noted', async () => (spoolOf('doomed').includes('P(ent_') ? true : undefined));
    await doomed.kill9();
    cpSync(join(dir, 'doomed'), join(dir, 'doomed-2'), { recursive: true });
    const estimate = await closedAtAnEstimate(running);
    await Promise.all([start(redis.url, 'doomed'), start(redis.url, 'doomed-2')]);
    const entries = await eventually('corrected', async () => {
      const found = await entriesOf(running.id);
      return found.length > 1 ? found : undefined;
    });
    assert.equal(entries.length, 3);
    const replacement = entries.find(({ correction }) => correction === 'replacement')!;
    assert.equal(replacement.corrects, estimate.id);
    assert.equal(replacement.estimate, 'progress');
    assert.equal(replacement.error, 'interrupted');
    const output = replacement.tokens['output']!;
    assert.ok(output >= 9 && output <= 20, `${output} tokens of output`);
    const nanos = total(entries);
    assert.equal(nanos, replacement.cost_nusd['total']);
    const limits = await eventually('counted', async () => {
      const now = await spent(running.key);
      return now[0] === nanos ? now : undefined;
    });
    assert.equal(limits[1], replacement.tokens['input']! + output, 'the rate too');
    const { total: sum } = await report(running.key, 'status');
    assert.deepEqual([sum.requests, sum.attempts, sum.errors, sum.cost_nusd], [1, 1, 1, nanos]);
    await eventually('told', async () => (total(told(running.id)) === nanos ? true : undefined));
  });

  test('afterwards sums, ledger and counters of all of them agree', async () => {
    await eventually(
      'all three',
      async () => {
        const all = await Promise.all(['still-1', 'cut-1', 'doomed-1'].map(entriesOf));
        return all.every(({ length }) => length === 3) ? true : undefined;
      },
      180_000,
    );
    const verified = await other.admin<{ differences: unknown[] }>('POST', '/ledger/verify', {});
    assert.deepEqual(verified.differences, []);
    const inLedger = async () => total((await Promise.all(['still-1', 'cut-1', 'doomed-1'].map(entriesOf))).flat());
    await eventually('agreed', async () => {
      const [target] = await levels(other, 'target=up%2Fm');
      return nano(target!.spent) === (await inLedger()) ? true : undefined;
    });
  });
});
