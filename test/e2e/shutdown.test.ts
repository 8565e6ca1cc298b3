/** A gateway that is told to end while it answers: callers are told, and the ledger has what was really used. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { head, json, sse, stall } from '../support/upstream-steps.js';

let upstream: FakeUpstream;

before(async () => {
  upstream = await startUpstream();
});
after(() => upstream?.stop());

const start = (grace: string): Promise<Gateway> =>
  startGateway({
    config: {
      server: { shutdown_grace: grace },
      providers: { up: { type: 'openai-compatible', base_url: upstream.url, api_key: 'k' } },
      models: {
        m: {
          targets: [{ provider: 'up', model: 'm' }],
          price: { input: 1, output: 10 },
          retry: { max_attempts: 2, base: '30s', max: '30s' },
        },
      },
    },
  });

const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const TEXT = 'one two three four five six seven eight nine ten';
/** Ten words, and then nothing more. */
const unfinished = () => sse(chunk({ role: 'assistant', content: '' }), chunk({ content: TEXT }), stall);
const body = { model: 'm', stream: true, messages: [{ role: 'user', content: 'Count to ten.' }] };

interface Stored {
  readonly status: number;
  readonly error: string | null;
  readonly output_tokens: string;
  readonly total_nusd: string;
}

async function entriesIn(url: string, like: string): Promise<Stored[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<Stored>(
      'select status, error, output_tokens, total_nusd from entries where request_id like $1',
      [like],
    );
    return rows;
  } finally {
    await client.end();
  }
}

/** Reads until `wanted` is there. */
async function readUntil(reader: ReadableStreamDefaultReader<Uint8Array>, wanted: string): Promise<string> {
  let text = '';
  while (!text.includes(wanted)) {
    const { value, done } = await reader.read();
    if (done) break;
    text += Buffer.from(value).toString();
  }
  return text;
}

async function readRest(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  let text = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return `${text}[clean end]`;
      text += Buffer.from(value).toString();
    }
  } catch {
    return text;
  }
}

test('streams that the grace cuts have their true entries before the process ends', async () => {
  const gateway = await start('1s');
  try {
    const { key } = await gateway.key();
    upstream.always(unfinished());
    const streams = await Promise.all(
      Array.from({ length: 5 }, async (_, i) => {
        const response = await gateway.chat(key, body, { headers: { 'x-request-id': `cut-${i}` } });
        assert.equal(response.status, 200);
        const reader = response.body!.getReader();
        assert.match(await readUntil(reader, 'nine ten'), /one two/);
        return reader;
      }),
    );
    const rests = streams.map(readRest);
    assert.equal(await gateway.stop(), 0);
    for (const rest of await Promise.all(rests)) {
      assert.match(rest, /"code":"interrupted"/);
      assert.doesNotMatch(rest, /\[DONE\]|\[clean end\]/);
    }
    const entries = await entriesIn(gateway.databaseUrl!, 'cut-%');
    assert.equal(entries.length, 5);
    for (const entry of entries) {
      assert.deepEqual([entry.status, entry.error], [500, 'interrupted']);
      assert.ok(Number(entry.output_tokens) >= 10, `${entry.output_tokens} tokens of output`);
      assert.ok(Number(entry.total_nusd) >= 100_000);
    }
    assert.doesNotMatch(gateway.output, /dropped|lost/);
  } finally {
    upstream.always();
    await gateway.close();
  }
});

test('a request that ends within the grace is answered whole, and a new one is not taken', async () => {
  const gateway = await start('20s');
  try {
    const { key } = await gateway.key();
    let finish = (): void => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const answer = { id: 'c', object: 'chat.completion', created: 1, model: 'm' };
    const message = { role: 'assistant', content: 'done' };
    const whole = {
      ...answer,
      choices: [{ index: 0, message, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
    };
    upstream.next([() => finished, ...json(200, whole)]);
    const arrived = upstream.arrival();
    const answered = gateway.chat(key, { ...body, stream: false }, { headers: { 'x-request-id': 'whole-1' } });
    await arrived;
    const stopped = gateway.stop();
    await assert.rejects(async () => {
      for (;;) await fetch(`${gateway.url}/healthz`, { headers: { connection: 'close' } });
    });
    finish();
    const response = await answered;
    assert.equal(response.status, 200);
    assert.equal(((await response.json()) as typeof whole).choices[0]!.message.content, 'done');
    assert.equal(await stopped, 0);
    assert.equal((await entriesIn(gateway.databaseUrl!, 'whole-1')).length, 1);
  } finally {
    await gateway.close();
  }
});

test('a request that waits for its answer, or to be tried again, is told that the gateway ends', async () => {
  const gateway = await start('500ms');
  try {
    const { key } = await gateway.key();
    // The wait before another try may be short by chance: that one is left waiting too.
    upstream.always([stall]);
    const waiting = gateway.chat(key, { ...body, stream: false }, { headers: { 'x-request-id': 'wait-1' } });
    await upstream.arrival();
    upstream.next([head(500), ({ response }) => void response.end('{}')]);
    const arrived = upstream.arrival();
    const between = gateway.chat(key, { ...body, stream: false }, { headers: { 'x-request-id': 'wait-2' } });
    await arrived;
    assert.equal(await gateway.stop(), 0);
    for (const response of [await waiting, await between]) {
      assert.ok(response.status >= 500, String(response.status));
      const { error } = (await response.json()) as { error: { code: string } };
      assert.ok(['interrupted', 'upstream_error'].includes(error.code), error.code);
    }
    assert.equal((await entriesIn(gateway.databaseUrl!, 'wait-1')).length, 1);
    assert.ok((await entriesIn(gateway.databaseUrl!, 'wait-2')).length >= 1);
  } finally {
    upstream.always();
    await gateway.close();
  }
});
