/** However a request ends, its hold is settled once with what it used, and what is left of the budget is right. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { freePort } from '../support/free-port.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { ask, ledgerOf, level, levelIs, priced } from '../support/limits-http.js';
import { contentChunk, event, usageChunk } from '../support/openai-answers.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { type Behaviour, cut, json, openaiError, pause, type Step, sse, stall } from '../support/upstream-steps.js';

let upstream: FakeUpstream;
let gateway: Gateway;

const model = (name: string, provider = 'fake') => ({
  targets: [{ provider, model: name }],
  price: priced,
  retry: { max_attempts: 1 },
  breaker: { min_requests: 1000 },
});

before(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      providers: {
        fake: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' },
        claude: { type: 'anthropic', base_url: upstream.url, api_key: 'sk-upstream' },
        nobody: { type: 'openai-compatible', base_url: `http://127.0.0.1:${await freePort()}/v1`, api_key: 'none' },
      },
      models: {
        'gpt-4o-mini': model('gpt-4o-mini'),
        llama: model('llama-3'),
        claude: model('claude-haiku-4-5', 'claude'),
        unreachable: model('gpt-4o-mini', 'nobody'),
        hasty: { ...model('gpt-4o-mini'), timeout: { first_byte: '200ms', idle: '300ms', total: '600ms' } },
        stubborn: {
          ...model('gpt-4o-mini'),
          timeout: { first_byte: '200ms' },
          retry: { max_attempts: 3, base: '1ms', max: '1ms', on_timeout: 'anywhere' },
        },
        unpriced: { targets: [{ provider: 'fake', model: 'nobody-knows-its-price' }] },
      },
    },
  });
});
after(async () => {
  await gateway.close();
  await upstream.stop();
});

const budget = { limits: [{ unit: 'usd', max: 1, per: 'month' }] };
const hello = { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hello there' }], max_tokens: 50 };
const streamed = { ...hello, stream: true };
const answered = (prompt: number, completion: number): Behaviour =>
  json(200, {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'gpt-4o-mini',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
  });

const answeredInPieces = (prompt: number, completion: number): readonly Step[] =>
  sse(
    contentChunk('Hi'),
    event({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
    usageChunk(prompt, completion),
    'data: [DONE]\n\n',
  );

/** The level once nothing is held, which is what the ledger says too. */
async function settled(id: string): Promise<number> {
  const { spent, remaining, max } = await levelIs(gateway, `key=${id}`, ({ held }) => held === 0);
  assert.equal(remaining, max - spent);
  assert.equal((await ledgerOf(gateway, id)).usdNano, spent);
  return spent;
}

test('the provider’s own usage is what is settled, as far as the request can have used so much', async () => {
  const { key, id } = await gateway.key(budget);
  upstream.next(answered(12, 3));
  assert.equal((await ask(gateway, key, hello)).status, 200);
  assert.equal(await settled(id), 12 * 1000 + 3 * 2000);
  upstream.next(answered(900, 700));
  assert.equal((await ask(gateway, key, hello)).status, 200, 'an upstream may report more than it was allowed');
  assert.equal(await settled(id), 18_000 + 900_000 + hello.max_tokens * 2000);
});

test('an upstream that answers with an error, or that is not there, costs nothing', async () => {
  const { key, id } = await gateway.key(budget);
  upstream.next(openaiError(500, { message: 'broken' }), openaiError(400, { message: 'bad' }));
  assert.equal((await ask(gateway, key, hello)).status, 500);
  assert.equal((await ask(gateway, key, streamed)).status, 400);
  assert.equal((await ask(gateway, key, { ...hello, model: 'unreachable' })).status, 502);
  assert.equal(await settled(id), 0);
});

test('what is refused before it is sent gives everything back, its count as a request too', async () => {
  const { key, id } = await gateway.key({ limits: [{ unit: 'requests', max: 1, per: 'day' }] });
  assert.equal((await ask(gateway, key, { ...hello, model: 'unpriced' })).status, 503);
  assert.equal((await ask(gateway, key, { ...hello, model: 'claude', logit_bias: { 1: 2 } })).status, 400);
  assert.deepEqual(await level(gateway, `key=${id}`), { max: 1, spent: 0, held: 0, remaining: 1 });
});

test('a stream that is cut is settled with what was received, as the ledger has it', async () => {
  const { key, id } = await gateway.key(budget);
  upstream.next(sse(contentChunk('One two three'), pause(20), cut));
  const told = await ask(gateway, key, streamed).catch(() => undefined);
  assert.ok(told === undefined || told.text.includes('error'));
  const spent = await settled(id);
  assert.ok(spent > 3 * 2000 && spent < 20_000, String(spent));
});

test('a client that leaves in the middle is settled with what was received', async () => {
  const { key, id } = await gateway.key(budget);
  const leave = new AbortController();
  upstream.next(sse(contentChunk('One two three'), stall));
  const response = await gateway.chat(key, streamed, { signal: leave.signal });
  const reader = response.body!.getReader();
  await reader.read();
  assert.ok((await level(gateway, `key=${id}`)).held > 50 * 2000, 'the worst case is held while it runs');
  leave.abort();
  await reader.read().catch(() => {});
  const spent = await settled(id);
  assert.ok(spent > 3 * 2000 && spent < 20_000, String(spent));
});

test('a client that leaves before the first byte is settled, with the input', async () => {
  const { key, id } = await gateway.key(budget);
  const leave = new AbortController();
  const arrived = upstream.arrival();
  upstream.next([stall]);
  const asked = gateway.chat(key, hello, { signal: leave.signal }).catch(() => undefined);
  await arrived;
  leave.abort();
  await asked;
  assert.ok((await settled(id)) > 0);
});

test('an upstream that is too slow is settled when its time is up', async () => {
  const { key, id } = await gateway.key(budget);
  upstream.next([stall], sse(contentChunk('One two'), stall));
  assert.equal((await ask(gateway, key, { ...hello, model: 'hasty' })).status, 504);
  const before = await settled(id);
  assert.ok(before > 0, 'it was left working');
  await ask(gateway, key, { ...streamed, model: 'hasty' }).catch(() => {});
  assert.ok((await settled(id)) > before);
});

test('attempts that cost something before the last are held for too: never a nano-dollar over', async () => {
  const { messages } = hello;
  const asked = { model: 'stubborn', messages, max_tokens: 10, stream: true };
  const sizes = await gateway.key(budget);
  upstream.next([stall], [stall], answeredInPieces(9, 10));
  assert.equal((await ask(gateway, sizes.key, asked)).status, 200);
  const whole = await settled(sizes.id);
  assert.equal((await ledgerOf(gateway, sizes.id)).entries, 3);
  const input = (whole - 9000 - 20_000) / 2;
  assert.ok(input > 0, 'an upstream that was left working is billed for the input');

  const max = 3 * input + 8000; // the third attempt has four tokens of output left
  const tight = await gateway.key({ limits: [{ unit: 'usd', max: (max / 1e9).toFixed(9), per: 'month' }] });
  upstream.next([stall], [stall]);
  upstream.always((request) => {
    const most = (request.json() as { max_tokens: number }).max_tokens;
    return answeredInPieces(9, most);
  });
  const told = await ask(gateway, tight.key, asked);
  upstream.always();
  assert.equal(told.status, 200);
  assert.equal(told.headers.get('x-tollgate-max-tokens-clamped'), '4');
  assert.ok((await settled(tight.id)) <= max);

  const less = await gateway.key({
    limits: [{ unit: 'usd', max: ((2 * input + 3000) / 1e9).toFixed(9), per: 'month' }],
  });
  upstream.next([stall], [stall]);
  assert.equal((await ask(gateway, less.key, asked)).status, 504, 'a third attempt is not afforded');
  assert.equal((await ledgerOf(gateway, less.id)).entries, 2);
  await settled(less.id);
});

test('usage that arrives before a stream is cut is not less than what was received', async () => {
  const { key, id } = await gateway.key(budget);
  upstream.next(sse(contentChunk('One two three four'), usageChunk(7, 1), pause(20), cut));
  await ask(gateway, key, streamed).catch(() => {});
  const spent = await settled(id);
  assert.ok(spent >= 7000 + 4 * 2000, String(spent));
});

test('the maximum goes upstream where the caller’s own stands, in its own field, and nothing else changes', async () => {
  const seen = async (body: object) => {
    const { key } = await gateway.key({ limits: [{ unit: 'output_tokens', max: 30, per: 'month' }] });
    const arrived = upstream.arrival();
    const told = await ask(gateway, key, body);
    assert.equal(told.status, 200, told.text);
    return { body: (await arrived).body.toString(), header: told.headers.get('x-tollgate-max-tokens-clamped') };
  };
  const messages = '"messages":[{"role":"user","content":"Hi"}]';
  const raw = (text: string) => JSON.parse(text) as object;
  assert.deepEqual(await seen(raw(`{"max_tokens":50,"model":"gpt-4o-mini",${messages},"x":1.50}`)), {
    body: `{"max_tokens":30,"model":"gpt-4o-mini",${messages},"x":1.5}`,
    header: '30',
  });
  assert.deepEqual(await seen(raw(`{"model":"gpt-4o-mini",${messages},"max_completion_tokens":20}`)), {
    body: `{"model":"gpt-4o-mini",${messages},"max_completion_tokens":20}`,
    header: null,
  });
  assert.deepEqual(await seen(raw(`{"model":"llama","max_tokens":null,${messages}}`)), {
    body: `{"model":"llama-3","max_tokens":30,${messages}}`,
    header: '30',
  });
  assert.deepEqual(await seen(raw(`{"model":"llama",${messages}}`)), {
    body: `{"model":"llama-3",${messages},"max_tokens":30}`,
    header: '30',
  });
  assert.deepEqual(await seen(raw(`{"model":"gpt-4o-mini",${messages},"n":4,"max_tokens":20}`)), {
    body: `{"model":"gpt-4o-mini",${messages},"n":4,"max_tokens":7}`,
    header: '7',
  });
  const claude = await seen(raw(`{"model":"claude",${messages},"max_tokens":50}`));
  assert.equal((JSON.parse(claude.body) as { max_tokens: number }).max_tokens, 30);
  assert.equal(claude.header, '30');
});

test('a budget of tokens is never exceeded by choices that are many', async () => {
  const { key, id } = await gateway.key({ limits: [{ unit: 'output_tokens', max: 3, per: 'month' }] });
  const told = await ask(gateway, key, { ...hello, n: 4 });
  assert.equal(told.status, 429, 'it does not afford one token for each');
  assert.deepEqual(await level(gateway, `key=${id}`), { max: 3, spent: 0, held: 0, remaining: 3 });
});
