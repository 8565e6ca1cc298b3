/**
 * What upstreams say of usage, through a real gateway: numbers of any size and type stop nothing and are entered within what
 * the request can have used, what is not told is counted from what came, and what was said is not taken back.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type EntryLine, type Gateway, startGateway, textAsFarAsItComes } from '../support/gateway.js';
import { level } from '../support/limits-http.js';
import { contentChunk, event } from '../support/openai-answers.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { type Behaviour, cut, json, sse, stall } from '../support/upstream-steps.js';

const DONE = 'data: [DONE]\n\n';
const TEXT = 'The quick brown fox jumps over the lazy dog. ';
const messages = [{ role: 'user', content: 'Say hello.' }];
const MAX = 500;

let upstream: FakeUpstream;
let claude: FakeUpstream;
let gateway: Gateway;
let requests = 0;

before(async () => {
  upstream = await startUpstream();
  claude = await startUpstream();
  const model = (provider: string, name: string) => ({
    targets: [{ provider, model: name }],
    retry: { max_attempts: 1 },
  });
  gateway = await startGateway({
    config: {
      providers: {
        up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' },
        claude: { type: 'anthropic', base_url: claude.url, api_key: 'sk-upstream' },
        searcher: {
          type: 'openai-compatible',
          base_url: `${upstream.url}/v1`,
          api_key: 'sk-upstream',
          catalogue: 'perplexity',
        },
      },
      defaults: { price: { input: 1, output: 4, cached_input: 0.5 }, breaker: { min_requests: 100_000 } },
      models: {
        m: model('up', 'gpt-4o'),
        claude: model('claude', 'claude-sonnet-4-5'),
        search: model('searcher', 'sonar-deep-research'),
      },
    },
  });
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
  await claude?.stop();
});

/** Asks once; the answer read to its end. */
async function ask(key: string, body: object, signal?: AbortSignal) {
  const id = `usage-${++requests}`;
  const response = await gateway.chat(
    key,
    { model: 'm', messages, ...body },
    { headers: { 'x-request-id': id }, ...(signal && { signal }) },
  );
  const text = await textAsFarAsItComes(response);
  return { id, status: response.status, text };
}

async function entryOf(id: string): Promise<EntryLine> {
  const entries = await gateway.entries(id);
  assert.equal(entries.length, 1);
  return entries[0]!;
}

const whole = (usage: string, message: object = { role: 'assistant', content: 'Hello.' }): Behaviour =>
  json(
    200,
    `{"id":"c","choices":[{"index":0,"message":${JSON.stringify(message)},"finish_reason":"stop"}],"usage":${usage}}`,
  );
const streamed = (usage: string, content = 'Hello.'): Behaviour =>
  sse(contentChunk(content), contentChunk('', 'stop'), `data: {"id":"c","choices":[],"usage":${usage}}\n\n`, DONE);

const counterOf = async (): Promise<number> => {
  const text = await (
    await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${gateway.adminKey}` } })
  ).text();
  return Number(/^tollgate_implausible_usage_total\{target="up\/gpt-4o"\} (\d+)$/m.exec(text)?.[1] ?? 0);
};

describe('numbers that no request can have used', () => {
  const huge = ['18446744073709551615', '1e300', '1e999', '9007199254740993'];
  const usages = huge.flatMap((n) => [
    `{"prompt_tokens":10,"completion_tokens":${n}}`,
    `{"prompt_tokens":${n},"completion_tokens":10}`,
    `{"prompt_tokens":10,"completion_tokens":10,"total_tokens":${n}}`,
    `{"prompt_tokens":10,"completion_tokens":10,"completion_tokens_details":{"reasoning_tokens":${n}}}`,
    `{"prompt_tokens":10,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":${n}}}`,
  ]);

  for (const limit of ['usd', 'tokens'] as const) {
    test(`are entered at the most, whole and streamed, and a budget of ${limit} holds`, async () => {
      const { key, id } = await gateway.key({
        limits: [{ unit: limit, max: limit === 'usd' ? 100 : 10_000_000, per: 'day' }],
      });
      const before = await counterOf();
      let cost = 0;
      let tokens = 0;
      for (const usage of usages) {
        for (const stream of [false, true]) {
          upstream.next(stream ? streamed(usage) : whole(usage));
          const asked = await ask(key, { stream, max_tokens: MAX });
          assert.equal(asked.status, 200, usage);
          const entry = await entryOf(asked.id);
          const { input = 0, cache_read = 0, output = 0, reasoning = 0 } = entry.tokens;
          assert.ok(input + cache_read >= 10 && input + cache_read < 5000, `${usage}: ${JSON.stringify(entry.tokens)}`);
          assert.ok(output >= 10 && output <= MAX, `${usage}: ${JSON.stringify(entry.tokens)}`);
          assert.ok(reasoning <= output);
          assert.deepEqual(entry.flags, ['implausible_usage']);
          assert.ok(Number.isSafeInteger(entry.cost_nusd['total']));
          cost += entry.cost_nusd['total']!;
          tokens += input + cache_read + output;
        }
      }
      assert.equal((await level(gateway, `key=${id}`)).spent, limit === 'usd' ? cost : tokens);
      assert.equal((await counterOf()) - before, usages.length * 2);
      assert.match(gateway.output, /"level":"warn".*more tokens than the request can have used/);
    });
  }

  test('are entered at the most in the messages dialect too, uses of tools among them', async () => {
    const { key } = await gateway.key({ limits: [{ unit: 'usd', max: 1000, per: 'day' }] });
    for (const n of huge) {
      const kinds = ['input_tokens', 'output_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens'];
      const counts = kinds.map((kind) => `"${kind}":${n}`).join(',');
      const usage = `{${counts},"server_tool_use":{"web_search_requests":${n}},"output_tokens_details":{"thinking_tokens":${n}}}`;
      const content = [{ type: 'text', text: 'Hello.' }];
      const message = JSON.stringify({
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        content,
        stop_reason: 'end_turn',
      });
      claude.next(json(200, `${message.slice(0, -1)},"usage":${usage}}`));
      const { id, status } = await ask(key, { model: 'claude', max_tokens: MAX });
      assert.equal(status, 200);
      const entry = await entryOf(id);
      const { input = 0, cache_read = 0, cache_write_5m = 0, output } = entry.tokens;
      assert.ok(input + cache_read + cache_write_5m < 5000);
      assert.deepEqual([output, entry.flags], [MAX, ['implausible_usage']]);
      assert.ok(entry.cost_nusd['total']! < 20e9);
    }
  });

  test('are entered at the most of all choices, and at the model’s own where none was sent', async () => {
    const { key } = await gateway.key();
    const usage = '{"prompt_tokens":10,"completion_tokens":1e30}';
    upstream.next(whole(usage));
    assert.equal((await entryOf((await ask(key, { n: 3, max_tokens: 100 })).id)).tokens['output'], 300);
    upstream.next(whole(usage));
    assert.equal((await entryOf((await ask(key, {})).id)).tokens['output'], 16_384);
  });

  test('what a picture is read as is not held against its provider', async () => {
    const { key } = await gateway.key();
    const before = await counterOf();
    upstream.next(whole('{"prompt_tokens":37000,"completion_tokens":3}'));
    const content = [{ type: 'image_url', image_url: { url: 'https://pictures.example/a.png' } }];
    const { id } = await ask(key, { messages: [{ role: 'user', content }] });
    const entry = await entryOf(id);
    assert.deepEqual([entry.tokens['input'], entry.flags], [37_000, undefined]);
    assert.equal(await counterOf(), before);
  });
});

describe('usage that is told in part', () => {
  for (const bad of ['null', '"7"', '-7', '{}']) {
    test(`completion_tokens ${bad} beside a good prompt_tokens is counted from what came`, async () => {
      const { key } = await gateway.key();
      for (const stream of [false, true]) {
        const usage = `{"prompt_tokens":33,"completion_tokens":${bad}}`;
        upstream.next(stream ? streamed(usage, TEXT.repeat(10)) : whole(usage, { content: TEXT.repeat(10) }));
        const { tokens, usage_source } = await entryOf((await ask(key, { stream })).id);
        assert.deepEqual([tokens['input'], tokens['output'], usage_source], [33, 101, 'counted']);
      }
    });
  }

  test('a completion of zero tokens beside text, and a prompt of none, are counted', async () => {
    const { key } = await gateway.key();
    upstream.next(whole('{"prompt_tokens":0,"completion_tokens":0}', { content: TEXT.repeat(10) }));
    const { tokens } = await entryOf((await ask(key, {})).id);
    assert.deepEqual([tokens['input'], tokens['output']], [10, 101]);
  });

  test('zeros after good figures erase nothing', async () => {
    const { key } = await gateway.key();
    const zero = 'data: {"id":"c","choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}\n\n';
    const good = 'data: {"id":"c","choices":[],"usage":{"prompt_tokens":33,"completion_tokens":44}}\n\n';
    upstream.next(sse(contentChunk('Hi'), contentChunk('', 'stop'), good, zero, DONE));
    const { tokens, usage_source } = await entryOf((await ask(key, { stream: true })).id);
    assert.deepEqual([tokens['input'], tokens['output'], usage_source], [33, 44, 'provider']);
  });

  test('a message_delta with an input of zero does not erase what message_start said', async () => {
    const { key } = await gateway.key();
    const named = (data: { type: string }) => `event: ${data.type}\n${event(data)}`;
    const usage = { input_tokens: 1200, cache_read_input_tokens: 800, output_tokens: 1 };
    const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-sonnet-4-5', content: [], usage };
    const start = { type: 'message_start', message };
    const block = { type: 'content_block_start', index: 0, content_block: { type: 'text', text: 'Hello.' } };
    const stop = { type: 'content_block_stop', index: 0 };
    const delta = {
      type: 'message_delta',
      delta: { stop_reason: 'end_turn' },
      usage: { input_tokens: 0, output_tokens: 9 },
    };
    claude.next(sse(...[start, block, stop, delta, { type: 'message_stop' }].map(named)));
    const { tokens } = await entryOf((await ask(key, { model: 'claude', stream: true })).id);
    assert.deepEqual([tokens['input'], tokens['cache_read'], tokens['output']], [1200, 800, 9]);
  });

  test('usage in the finish chunk, in choices[0] and in x_groq is found, also where a later chunk has none', async () => {
    const { key } = await gateway.key();
    const figures = { prompt_tokens: 33, completion_tokens: 44 };
    const finish = (choice: object, more: object) =>
      event({ id: 'c', choices: [{ index: 0, delta: {}, finish_reason: 'stop', ...choice }], ...more });
    for (const chunk of [
      finish({}, { usage: figures }),
      finish({ usage: figures }, {}),
      finish({}, { x_groq: { id: 'r', usage: figures } }),
    ]) {
      upstream.next(sse(contentChunk('Hi'), chunk, 'data: {"id":"c","choices":[],"usage":null}\n\n', DONE));
      const { tokens, usage_source } = await entryOf((await ask(key, { stream: true })).id);
      assert.deepEqual([tokens['input'], tokens['output'], usage_source], [33, 44, 'provider']);
    }
  });
});

describe('a stream that is left or cut counts all that was generated', () => {
  const piece = TEXT.repeat(10);
  const deltas: readonly (readonly [name: string, delta: object])[] = [
    ['content', { content: piece }],
    ['parts of content', { content: [{ type: 'text', text: piece }] }],
    [
      'the input of a custom tool',
      { tool_calls: [{ index: 0, id: 'call_1', type: 'custom', custom: { input: piece } }] },
    ],
    ['arguments of a function_call', { function_call: { arguments: piece } }],
    ['a transcript', { audio: { id: 'a', transcript: piece } }],
    ['a refusal', { refusal: piece }],
    ['one text in two fields', { reasoning: piece, reasoning_content: piece }],
    ['a field that nobody knows', { musings: { text: piece } }],
  ];
  for (const [name, delta] of deltas) {
    test(name, async () => {
      const { key } = await gateway.key();
      const chunk = event({ id: 'c', choices: [{ index: 0, delta, finish_reason: null }] });
      upstream.next(sse(chunk, cut));
      const broken = await ask(key, { stream: true });
      assert.match(broken.text, /upstream_error/);
      assert.equal((await entryOf(broken.id)).tokens['output'], 101);

      upstream.next(sse(chunk, stall));
      const id = `usage-${++requests}`;
      const leaving = new AbortController();
      const init = { headers: { 'x-request-id': id }, signal: leaving.signal };
      const response = await gateway.chat(key, { model: 'm', messages, stream: true }, init);
      const reader = response.body!.getReader();
      await reader.read();
      leaving.abort();
      await reader.read().catch(() => {});
      const left = await entryOf(id);
      assert.deepEqual([left.status, left.tokens['output']], [499, 101]);
    });
  }
});

describe('tools of the provider', () => {
  /** What the entry, the report and the budget say it cost. */
  async function charged(key: { id: string }, id: string) {
    const { cost_nusd: parts } = await entryOf(id);
    const sum = Object.entries(parts).reduce((all, [part, nano]) => all + (part === 'total' ? 0 : nano), 0);
    assert.equal(sum, parts['total'], 'the parts are the whole');
    const report = await gateway.admin<{ total: { cost_nusd: number } }>('GET', `/reports/spend?key=${key.id}`);
    assert.equal(report.total.cost_nusd, parts['total']);
    assert.equal((await level(gateway, `key=${key.id}`)).spent, parts['total']);
    return parts;
  }
  const budget = { limits: [{ unit: 'usd', max: 5, per: 'month' }] };

  for (const stream of [false, true]) {
    test(`searches that an answer reports are charged by the catalogue (${stream ? 'stream' : 'whole'})`, async () => {
      const key = await gateway.key(budget);
      const usage = '{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30,"num_search_queries":3}';
      upstream.next(stream ? streamed(usage) : whole(usage));
      const { id, status } = await ask(key.key, { model: 'search', stream });
      assert.equal(status, 200);
      const parts = await charged(key, id);
      assert.deepEqual([parts['input'], parts['output'], parts['request']], [20_000, 160_000, 15_000_000]);
    });
  }

  test("Claude's web searches are charged, and an answer without any has no such part", async () => {
    const message = (uses: string) =>
      `{"id":"m","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"Hello."}],"stop_reason":"end_turn","usage":{"input_tokens":10,"output_tokens":20${uses}}}`;
    const key = await gateway.key(budget);
    claude.next(json(200, message(',"server_tool_use":{"web_search_requests":2}')));
    const searched = await ask(key.key, { model: 'claude' });
    const parts = await charged(key, searched.id);
    assert.deepEqual([parts['input'], parts['output'], parts['request']], [30_000, 300_000, 20_000_000]);
    claude.next(json(200, message('')));
    const { id } = await ask(key.key, { model: 'claude' });
    assert.equal((await entryOf(id)).cost_nusd['request'] ?? 0, 0);
  });

  test('a budget holds the searches that a request allows before they are made', async () => {
    const key = await gateway.key({ limits: [{ unit: 'usd', max: 0.15, per: 'month' }] });
    claude.always(
      json(
        200,
        '{"id":"m","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"Hello."}],"stop_reason":"end_turn","usage":{"input_tokens":10,"output_tokens":20,"server_tool_use":{"web_search_requests":5}}}',
      ),
    );
    const search = (tool: object) =>
      fetch(`${gateway.url}/v1/messages`, {
        method: 'POST',
        headers: { 'x-api-key': key.key, 'content-type': 'application/json' },
        body: JSON.stringify({
          ...{ model: 'claude', max_tokens: 20, messages },
          tools: [{ type: 'web_search_20250305', name: 'web_search', ...tool }],
        }),
      });
    const answers = await Promise.all(Array.from({ length: 30 }, () => search({ max_uses: 5 })));
    const served = answers.filter(({ status }) => status === 200).length;
    assert.equal(served, 2, 'five searches are 0.05 USD, and there are tokens');
    const { spent } = await level(gateway, `key=${key.id}`);
    assert.ok(spent <= 150_000_000, `${spent}`);
    const unbounded = await search({});
    assert.equal(unbounded.status, 429, 'twenty uses are more than what is left');
    assert.match(await unbounded.text(), /Budget exceeded/);
  });
});
