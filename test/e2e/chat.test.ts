/** The real `openai` client, a real gateway process, a faithful fake upstream. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import OpenAI from 'openai';
import { type Gateway, startGateway } from '../support/gateway.js';
import { completionOf, contentChunk } from '../support/openai-answers.js';
import { eventually } from '../support/reload.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { cut, html, json, openaiError, passedOn, sse, stall } from '../support/upstream-steps.js';

const price = { input: 0.15, cached_input: 0.075, output: 0.6 };
const messages = [{ role: 'user' as const, content: 'Say hello.' }];

let upstream: FakeUpstream;
let claude: FakeUpstream;
let gateway: Gateway;
let secret: string;
let client: OpenAI;

before(async () => {
  upstream = await startUpstream();
  claude = await startUpstream();
  gateway = await startGateway({
    config: {
      // What a failure is to the caller is looked at here, not what is tried instead.
      defaults: { retry: { max_attempts: 1 } },
      providers: {
        fake: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream-secret-1234567890' },
        claude: { type: 'anthropic', base_url: claude.url, api_key: 'sk-ant-upstream-secret' },
      },
      models: {
        'gpt-4o-mini': { targets: [{ provider: 'fake', model: 'gpt-4o-mini-upstream' }], price },
        impatient: {
          targets: [{ provider: 'fake', model: 'm' }],
          price,
          timeout: { first_byte: '300ms', idle: '300ms', total: '2s', keep_alive: '50ms' },
        },
        'claude-sonnet-4-5': { targets: [{ provider: 'claude', model: 'claude-sonnet-4-5' }] },
        unpriced: { targets: [{ provider: 'fake', model: 'nobody-knows-this' }] },
      },
    },
  });
  ({ key: secret } = await gateway.key({ team: 'search', tags: ['prod'] }));
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: secret, maxRetries: 0 });
});

after(async () => {
  await gateway?.close();
  await upstream?.stop();
  await claude?.stop();
});

/** A stream's raw bytes, and whether HTTP ended it cleanly. */
const hello = passedOn();

async function rawStream(
  model: string,
  more: object = {},
): Promise<{ text: string; clean: boolean; requestId: string }> {
  const response = await gateway.chat(secret, { model, messages, stream: true, ...more });
  const requestId = response.headers.get('x-request-id') ?? '';
  let text = '';
  try {
    for await (const piece of response.body!) {
      text += Buffer.from(piece).toString();
      if (text.includes('Hello')) hello.tell();
    }
  } catch {
    return { text, clean: false, requestId };
  }
  return { text, clean: true, requestId };
}

describe('chat completions through the openai client', () => {
  it('answers, prices and records a request', async () => {
    const { data, response } = await client.chat.completions.create({ model: 'gpt-4o-mini', messages }).withResponse();
    assert.ok(data.choices[0]!.message.content);
    const requestId = response.headers.get('x-request-id')!;
    const [entry] = await gateway.entries(requestId);
    assert.equal(entry!.status, 200);
    assert.equal(entry!.tokens['input'], data.usage!.prompt_tokens);
    assert.equal(entry!.tokens['output'], data.usage!.completion_tokens);
    assert.equal(entry!.usage_source, 'provider');
    assert.equal(entry!.cost_nusd['total'], data.usage!.prompt_tokens * 150 + data.usage!.completion_tokens * 600);
    assert.equal(response.headers.get('x-tollgate-cost-usd'), entry!.cost_usd);
  });

  it('keeps what the provider calls a request: whole, streamed and refused, cut to a length, and none where it is our own', async () => {
    const asked = { model: 'gpt-4o-mini', messages };
    const headers = { 'x-request-id': 'mine-7' };
    const given = (id: string) => ({ 'x-request-id': id });
    const idOf = async (answer: Promise<Response>): Promise<string | undefined> => {
      const response = await answer;
      await response.text();
      const [entry] = await gateway.entries(response.headers.get('x-request-id')!);
      return entry!.provider_request_id;
    };
    assert.equal(await idOf(gateway.chat(secret, { ...asked, stream: true })), 'req_upstream');
    upstream.next(json(200, completionOf(asked), given('x'.repeat(5_000))));
    assert.equal(await idOf(gateway.chat(secret, asked)), 'x'.repeat(200));
    upstream.next(json(200, completionOf(asked), given('mine-7')));
    assert.equal(await idOf(gateway.chat(secret, asked, { headers })), undefined);
    assert.equal(await idOf(gateway.chat(secret, { model: 'claude-sonnet-4-5', messages })), 'req_upstream');
    upstream.next(openaiError(400, { message: 'no' }));
    await (await gateway.chat(secret, asked)).text();
    await eventually(
      'the line of the refused one',
      () => /"status":400.*"provider_request_id":"req_upstream"/.exec(gateway.output) ?? undefined,
    );
  });

  it('sends the bytes of the caller with only the model changed', async () => {
    const body = `{ "model":"gpt-4o-mini", "temperature": 1.10, "big": 12345678901234567890, "x_new": {"b":1,"a":[ ]},\n "messages":[{"role":"user","content":"hi"}] }`;
    const arrival = upstream.arrival();
    await (await gateway.chat(secret, body)).text();
    const sent = (await arrival).body.toString();
    assert.equal(sent, body.replace('"gpt-4o-mini"', '"gpt-4o-mini-upstream"'));
  });

  it('streams without usage where the client did not ask, though the upstream was asked', async () => {
    const arrival = upstream.arrival();
    const { text, clean } = await rawStream('gpt-4o-mini');
    assert.ok((await arrival).body.toString().includes('"stream_options":{"include_usage":true}'));
    assert.ok(clean);
    assert.ok(!text.includes('"usage"'));
    assert.ok(text.endsWith('data: [DONE]\n\n'));
  });

  it('streams usage with the cost where the client asked', async () => {
    const stream = await client.chat.completions.create({
      model: 'gpt-4o-mini',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let last: unknown;
    for await (const chunk of stream) last = chunk;
    const { usage, x_tollgate: extra } = last as {
      usage: { prompt_tokens: number };
      x_tollgate: { cost_usd: string; attempts: number };
    };
    assert.ok(usage.prompt_tokens > 0);
    assert.equal(extra.attempts, 1);
    assert.match(extra.cost_usd, /^\d+\.\d{9}$/);
  });

  it('serves the stream helper', async () => {
    const final = await client.chat.completions.stream({ model: 'gpt-4o-mini', messages }).finalChatCompletion();
    assert.equal(final.choices[0]!.finish_reason, 'stop');
  });

  it('translates to the messages dialect and back', async () => {
    const whole = await client.chat.completions.create({ model: 'claude-sonnet-4-5', messages });
    assert.ok(whole.choices[0]!.message.content);
    const final = await client.chat.completions.stream({ model: 'claude-sonnet-4-5', messages }).finalChatCompletion();
    assert.ok(final.choices[0]!.message.content);
    assert.equal(claude.requests.at(-1)!.path, '/v1/messages');
  });

  it('lists and shows only the models that the key may use', async () => {
    const { key } = await gateway.key({ models: ['gpt-4o*'] });
    const limited = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 });
    const { data } = await limited.models.list();
    assert.deepEqual(
      data.map(({ id }) => id),
      ['gpt-4o-mini'],
    );
    assert.equal((await limited.models.retrieve('gpt-4o-mini')).id, 'gpt-4o-mini');
    await assert.rejects(limited.models.retrieve('unpriced'), { status: 404, code: 'model_not_found' });
    await assert.rejects(limited.chat.completions.create({ model: 'unpriced', messages }), {
      status: 403,
      code: 'model_not_allowed',
    });
  });

  it('refuses what nobody priced rather than serving it for nothing', async () => {
    await assert.rejects(client.chat.completions.create({ model: 'unpriced', messages }), {
      status: 503,
      code: 'no_target_available',
    });
  });
});

describe('upstreams that fail', () => {
  it('keeps the status and the words of an upstream error, without credentials and hosts', async () => {
    upstream.next(
      openaiError(429, {
        message: 'Slow down, sk-upstream-secret-1234567890 at 10.0.0.7:8000',
        type: 'rate_limit_error',
        code: 'slow_down',
      }),
    );
    const response = await gateway.chat(secret, { model: 'gpt-4o-mini', messages });
    const text = await response.text();
    assert.equal(response.status, 429);
    assert.match(text, /Slow down/);
    assert.ok(!/sk-upstream|10\.0\.0\.7/.test(text), text);
  });

  it('answers 502 where the answer is a page, or JSON that is no completion', async () => {
    for (const behaviour of [html(200), json(200, { hello: 1 })]) {
      upstream.next(behaviour);
      const response = await gateway.chat(secret, { model: 'gpt-4o-mini', messages });
      assert.equal(response.status, 502);
      assert.equal(((await response.json()) as { error: { code: string } }).error.code, 'upstream_error');
    }
  });

  it('answers 504 where the upstream is silent', async () => {
    upstream.next([stall]);
    const response = await gateway.chat(secret, { model: 'impatient', messages });
    assert.equal(response.status, 504);
    const [entry] = await gateway.entries(response.headers.get('x-request-id')!);
    assert.equal(entry!.error, 'upstream_timeout');
  });

  for (const [what, steps, code] of [
    ['is cut', sse(contentChunk('Hello'), cut), 'upstream_error'],
    ['ends without a finish', sse(contentChunk('Hello')), 'upstream_error'],
    ['turns to garbage', sse(contentChunk('Hello'), hello.step, 'data: {oops\n\n', stall), 'upstream_error'],
    ['stalls', sse(contentChunk('Hello'), stall), 'upstream_timeout'],
  ] as const) {
    it(`ends a stream that ${what} with an error and no clean end`, async () => {
      upstream.next(steps);
      const { text, clean, requestId } = await rawStream('impatient');
      assert.equal(clean, false);
      assert.ok(text.includes('Hello'), text);
      assert.ok(text.includes(`"code":"${code}"`), text);
      assert.ok(!text.includes('[DONE]'));
      const [entry] = await gateway.entries(requestId);
      assert.equal(entry!.error, code);
      assert.ok(entry!.tokens['output']! > 0);
      assert.notEqual(entry!.usage_source, 'provider');
    });
  }

  it('keeps a silent stream alive with comments', async () => {
    upstream.next(sse(contentChunk('Hello'), stall));
    const { text } = await rawStream('impatient');
    assert.match(text, /^: keep-alive$/m);
  });

  it('leaves the upstream within 100 ms of the caller, and says so in the ledger', async () => {
    upstream.next(sse(contentChunk('Hello'), stall));
    const arrival = upstream.arrival();
    const leave = new AbortController();
    const response = await gateway.chat(
      secret,
      { model: 'gpt-4o-mini', messages, stream: true },
      { signal: leave.signal },
    );
    const reader = response.body!.getReader();
    await reader.read();
    const received = await arrival;
    const left = performance.now();
    leave.abort();
    await received.over;
    assert.ok(performance.now() - left < 100, `${performance.now() - left} ms`);
    const [entry] = await gateway.entries(response.headers.get('x-request-id')!);
    assert.equal(entry!.status, 499);
  });
});

describe('bad input', () => {
  const post = (body: string | Buffer, headers: Record<string, string> = {}) =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json', ...headers },
      body,
    });
  const chat = (fields: string) => `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}]${fields}}`;

  for (const [what, body, status, code] of [
    ['no JSON', '{oops', 400, 'invalid_json'],
    ['an empty body', '', 400, 'invalid_json'],
    ['an array', '[]', 400, 'invalid_json'],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 400, 'invalid_json'],
    ['10,000 levels', chat(`,"deep":${'['.repeat(10_000)}${']'.repeat(10_000)}`), 400, 'invalid_json'],
    ['a stream that is a word', chat(',"stream":"yes"'), 400, 'invalid_value'],
    ['messages that are none', '{"model":"gpt-4o-mini","messages":"hi"}', 400, 'invalid_value'],
    ['no model', '{"messages":[{"role":"user","content":"hi"}]}', 400, 'missing_required_parameter'],
    [
      'two models',
      '{"model":"gpt-4o-mini","model":"unpriced","messages":[{"role":"user","content":"hi"}]}',
      400,
      'invalid_value',
    ],
    ['an unknown model', '{"model":"nix","messages":[{"role":"user","content":"hi"}]}', 404, 'model_not_found'],
    ['21 MB', chat(`,"pad":"${'x'.repeat(21 * 1024 * 1024)}"`), 413, 'request_too_large'],
  ] as const) {
    it(`refuses ${what}, and serves the next request`, async () => {
      const response = await post(body);
      assert.equal(response.status, status);
      assert.equal(((await response.json()) as { error: { code: string } }).error.code, code);
      assert.equal(((await (await post(chat(''))).json()) as { object: string }).object, 'chat.completion');
    });
  }

  it('tells a missing, a malformed and an unknown key the same', async () => {
    const words = new Set<string>();
    for (const key of ['', 'nonsense', `${secret.slice(0, -8)}00000000`]) {
      const response = await gateway.chat(key, { model: 'gpt-4o-mini', messages });
      assert.equal(response.status, 401);
      words.add(((await response.json()) as { error: { code: string } }).error.code);
    }
    assert.deepEqual([...words], ['invalid_api_key']);
  });

  it('does not put a hostile request id into its answer', async () => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    const body = chat('');
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${secret}\r\nx-request-id: a b\tc;<script>\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    let answer = '';
    for await (const piece of socket) answer += String(piece);
    assert.match(answer, /^HTTP\/1\.1 200/);
    assert.match(answer, /\r\nx-request-id: req_/);
  });
});

describe('keys', () => {
  it('are refused within a second of being revoked', async () => {
    const { id, key } = await gateway.key();
    assert.equal((await gateway.chat(key, { model: 'gpt-4o-mini', messages })).status, 200);
    await gateway.admin('DELETE', `/keys/${id}`);
    assert.equal((await gateway.chat(key, { model: 'gpt-4o-mini', messages })).status, 401);
  });
});
