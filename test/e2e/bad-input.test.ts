/**
 * Bad input, as raw bytes to a real gateway process: each gets the contract's error in the dialect of its endpoint, in
 * bounded time, without reaching an upstream, and the next request is served.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import OpenAI from 'openai';
import { type Gateway, startGateway } from '../support/gateway.js';
import { chatBytes, type Parsed, parseAnswer, rawRequest } from '../support/raw-http.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';

const messages = [{ role: 'user', content: 'Say hello.' }];
const good = { model: 'm', messages };
const BODY_LIMIT = 256 * 1024;

let upstream: FakeUpstream;
let gateway: Gateway;
let key: string;
let reached: number;

before(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      server: { body_limit: `${BODY_LIMIT / 1024}kb` },
      providers: { fake: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' } },
      models: { m: { targets: [{ provider: 'fake', model: 'm' }], price: { input: 1, output: 4 } } },
    },
  });
  ({ key } = await gateway.key());
});

after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

beforeEach(() => {
  reached = upstream.requests.length;
});

afterEach(async () => {
  const response = await gateway.chat(key, good);
  assert.equal(response.status, 200, 'the next request is not served');
  await response.arrayBuffer();
});

/** Sends bytes and reads one answer; the gateway may close the connection or leave it open. */
async function send(bytes: string | Buffer, withinMs = 5_000): Promise<Parsed & { text: string }> {
  const answer = rawRequest(gateway.url, bytes);
  const head = await answer.until(/\r\n\r\n/, withinMs);
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  if (length)
    await Promise.race([answer.until(new RegExp(`\\r\\n\\r\\n[\\s\\S]{${length}}`), withinMs), answer.closed]);
  const parsed = parseAnswer(answer.bytes());
  answer.socket.destroy();
  return { ...parsed, text: parsed.body.toString() };
}

const post = (body: string | Buffer | object, headers: Record<string, string> = {}) =>
  send(chatBytes(key, body, headers));

function assertOpenAiError(answer: Parsed & { text: string }, status: number, code: string, param?: string): void {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
  assert.ok(answer.headers.get('x-request-id'));
  const { error } = JSON.parse(answer.text) as { error: Record<string, unknown> };
  assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'param', 'type']);
  assert.equal(error['code'], code);
  if (param !== undefined) assert.equal(error['param'], param);
}

describe("a body that is not a chat request is the client's fault", () => {
  const nested = (depth: number) =>
    `{"model":"m","messages":[{"role":"user","content":"x"}],"deep":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  const cases: readonly {
    what: string;
    body: string | Buffer | object;
    code: string;
    param?: string;
    status?: number;
  }[] = [
    { what: 'empty', body: '', code: 'invalid_json' },
    { what: 'not JSON', body: 'hello', code: 'invalid_json' },
    { what: 'JSON that ends too early', body: '{"model":"m","messages":[', code: 'invalid_json' },
    { what: 'JSON with something after it', body: `${JSON.stringify(good)} {}`, code: 'invalid_json' },
    { what: 'null', body: 'null', code: 'invalid_json' },
    { what: 'an array', body: '[]', code: 'invalid_json' },
    {
      what: 'invalid UTF-8',
      body: Buffer.from('{"model":"m","messages":[{"role":"user","content":"\xff\xfe"}]}', 'latin1'),
      code: 'invalid_json',
    },
    { what: 'nested 10,000 deep', body: nested(10_000), code: 'invalid_json' },
    { what: 'nested 100,000 deep', body: nested(100_000), code: 'invalid_json' },
    { what: '100,000 open brackets', body: '['.repeat(100_000), code: 'invalid_json' },
    {
      what: 'two models',
      body: '{"model":"m","messages":[{"role":"user","content":"x"}],"model":"other"}',
      code: 'invalid_value',
      param: 'model',
    },
    {
      what: 'two models, one with an escaped name',
      body: '{"model":"m","messages":[{"role":"user","content":"x"}],"mod\\u0065l":"other"}',
      code: 'invalid_value',
      param: 'model',
    },
    { what: 'no model', body: { messages }, code: 'missing_required_parameter', param: 'model' },
    { what: 'a model that is a number', body: { model: 4, messages }, code: 'invalid_value', param: 'model' },
    {
      what: 'a model that nobody has',
      body: { model: 'gpt-99', messages },
      code: 'model_not_found',
      param: 'model',
      status: 404,
    },
    {
      what: 'a model of the prototype',
      body: { model: '__proto__', messages },
      code: 'model_not_found',
      param: 'model',
      status: 404,
    },
    {
      what: 'a model with a long name',
      body: { model: 'x'.repeat(100_000), messages },
      code: 'model_not_found',
      param: 'model',
      status: 404,
    },
    { what: 'no messages', body: { model: 'm' }, code: 'missing_required_parameter', param: 'messages' },
    { what: 'messages that are text', body: { model: 'm', messages: 'hi' }, code: 'invalid_value', param: 'messages' },
    { what: 'messages without any', body: { model: 'm', messages: [] }, code: 'invalid_value', param: 'messages' },
    {
      what: 'a message that is null',
      body: { model: 'm', messages: [null] },
      code: 'invalid_value',
      param: 'messages[0]',
    },
    {
      what: 'a message without a role',
      body: { model: 'm', messages: [{ content: 'x' }] },
      code: 'invalid_value',
      param: 'messages[0].role',
    },
    {
      what: 'content that is a number',
      body: { model: 'm', messages: [{ role: 'user', content: 7 }] },
      code: 'invalid_value',
      param: 'messages[0].content',
    },
    { what: 'stream that is text', body: { ...good, stream: 'true' }, code: 'invalid_value', param: 'stream' },
    { what: 'n that is zero', body: { ...good, n: 0 }, code: 'invalid_value', param: 'n' },
    { what: 'max_tokens below zero', body: { ...good, max_tokens: -5 }, code: 'invalid_value', param: 'max_tokens' },
    { what: 'tools that are an object', body: { ...good, tools: {} }, code: 'invalid_value', param: 'tools' },
  ];
  for (const { what, body, code, param, status = 400 } of cases) {
    it(what, async () => {
      const before = performance.now();
      const answer = await post(body);
      assert.ok(performance.now() - before < 2_000, 'it took too long');
      assertOpenAiError(answer, status, code, param);
      assert.ok(answer.text.length < 2_000, 'the error repeats what was sent');
      assert.equal(upstream.requests.length, reached, 'the upstream was called');
    });
  }

  it('the openai client throws a BadRequestError with the field at fault, and does not try again', async () => {
    let sent = 0;
    const client = new OpenAI({
      baseURL: `${gateway.url}/v1`,
      apiKey: key,
      fetch: (...args) => {
        sent++;
        return fetch(...args);
      },
    });
    const wrong = {
      model: 'm',
      messages: [{ role: 'user', content: 7 }],
    } as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming;
    await assert.rejects(client.chat.completions.create(wrong), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.param, 'messages[0].content');
      return true;
    });
    assert.equal(sent, 1);
  });
});

describe('a body that is too large is refused', () => {
  it('by its content-length, before it is sent', async () => {
    const answer = await send(chatBytes(key, '', { 'content-length': String(BODY_LIMIT + 1) }));
    assertOpenAiError(answer, 413, 'request_too_large');
  });

  it('while it arrives, where it does not say its length', async () => {
    const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`;
    const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`;
    const answer = await send(head + chunk.repeat(BODY_LIMIT / 0x8000 + 1));
    assertOpenAiError(answer, 413, 'request_too_large');
  });

  it('and one of exactly the limit is served', async () => {
    const empty = Buffer.byteLength(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: '' }] }));
    const content = 'x '.repeat(BODY_LIMIT).slice(0, BODY_LIMIT - empty);
    const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] });
    assert.equal(Buffer.byteLength(body), BODY_LIMIT);
    const response = await gateway.chat(key, body);
    assert.equal(response.status, 200);
    await response.arrayBuffer();
  });
});

describe('headers', () => {
  for (const [what, header] of [
    ['no key', {}],
    ['an empty one', { authorization: 'Bearer ' }],
    ['a malformed one', { authorization: 'Bearer sk-tg-short' }],
    ['one that nobody has', { authorization: `Bearer sk-tg-${'a'.repeat(49)}` }],
    ['another kind of credential', { authorization: 'Basic dXNlcjpwYXNz' }],
    ['a key of 10 kB', { authorization: `Bearer ${'k'.repeat(10_000)}` }],
    ['a key that is no text', { authorization: 'Bearer \u00ff\u00fe' }],
  ] as const) {
    it(`${what}: 401 in the same words, whatever the body`, async () => {
      const lines = Object.entries(header).map(([name, value]) => `${name}: ${value}\r\n`);
      const answer = await send(
        Buffer.from(
          `POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\n${lines.join('')}content-length: 3\r\n\r\n{{{`,
          'latin1',
        ),
      );
      assertOpenAiError(answer, 401, 'invalid_api_key');
      assert.equal(upstream.requests.length, reached);
    });
  }

  it('the key is read from x-api-key and api-key too', async () => {
    for (const name of ['x-api-key', 'api-key']) {
      const answer = await fetch(`${gateway.url}/v1/models`, { headers: { [name]: key } });
      assert.equal(answer.status, 200, name);
      await answer.arrayBuffer();
    }
  });

  it('a request id that could forge a header or a log line is exchanged for our own', async () => {
    for (const id of ['a b', '<script>', 'x'.repeat(200), '"}\\n{"level":"error"', 'caf\u00e9']) {
      const answer = await post(good, { 'x-request-id': id });
      assert.equal(answer.status, 200);
      assert.match(answer.headers.get('x-request-id')!, /^req_[0-9a-z]{26}$/);
      assert.match(String(upstream.requests.at(-1)!.headers['x-request-id']), /^req_[0-9a-z]{26}$/);
    }
    const sane = await post(good, { 'x-request-id': 'order-7:retry.2' });
    assert.equal(sane.headers.get('x-request-id'), 'order-7:retry.2');
  });

  it('a line break in a header is not HTTP', async () => {
    const answer = await send(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nx-request-id: a\rset-cookie: b\r\n\r\n`,
    );
    assert.equal(answer.status, 400);
    assert.equal(answer.headers.get('set-cookie'), undefined);
  });

  it('metadata, tags and a timeout that cannot be understood are refused by name', async () => {
    for (const [name, value] of [
      ['x-tollgate-metadata', '{"a":'],
      ['x-tollgate-metadata', '[1]'],
      ['x-tollgate-tags', Array.from({ length: 100 }, (_, i) => `t${i}`).join()],
      ['x-tollgate-timeout', 'soon'],
    ] as const) {
      assertOpenAiError(await post(good, { [name]: value }), 400, 'invalid_value', name);
    }
  });

  it('headers of 100 kB are refused', async () => {
    const answer = await post(good, { 'x-large': 'x'.repeat(100_000) });
    assert.equal(answer.status, 431);
  });

  it('a compressed body is not taken for JSON', async () => {
    const answer = await post(Buffer.from([0x1f, 0x8b, 8, 0]), { 'content-encoding': 'gzip' });
    assert.ok(answer.status === 400 || answer.status === 415, String(answer.status));
    assert.ok((JSON.parse(answer.text) as { error: unknown }).error);
  });

  it('two lengths, or a length and chunks, are not HTTP: nothing is smuggled', async () => {
    for (const more of ['content-length: 0\r\ncontent-length: 5', 'content-length: 5\r\ntransfer-encoding: chunked']) {
      const answer = await send(
        `POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nauthorization: Bearer ${key}\r\n${more}\r\n\r\n0\r\n\r\n`,
      );
      assert.equal(answer.status, 400);
    }
    assert.equal(upstream.requests.length, reached);
  });
});

describe('what is not there is told in the dialect of the place', () => {
  it('a method that an endpoint does not have: 405', async () => {
    assertOpenAiError(
      await send(`GET /v1/chat/completions HTTP/1.1\r\nhost: g\r\nauthorization: Bearer ${key}\r\n\r\n`),
      405,
      'method_not_allowed',
    );
    assertOpenAiError(
      await send(`DELETE /v1/models HTTP/1.1\r\nhost: g\r\nauthorization: Bearer ${key}\r\n\r\n`),
      405,
      'method_not_allowed',
    );
  });

  it('an unknown path under /v1: 404 as OpenAI says it', async () => {
    const answer = await send(`GET /v1/nothing HTTP/1.1\r\nhost: g\r\nauthorization: Bearer ${key}\r\n\r\n`);
    assertOpenAiError(answer, 404, 'not_found');
  });

  it('an unknown path elsewhere: 404 as problem+json', async () => {
    for (const path of ['/nothing', '/admin/v1/nothing', '/%00', '/..%2f..%2fetc%2fpasswd']) {
      const answer = await send(`GET ${path} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer ${gateway.adminKey}\r\n\r\n`);
      assert.equal(answer.status, 404, path);
      assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/, path);
      const problem = JSON.parse(answer.text) as { status: number; title: string };
      assert.equal(problem.status, 404);
      assert.ok(problem.title);
    }
  });

  it('a path that cannot be decoded is not found or not understood, never a fault', async () => {
    for (const path of ['/v1/models/%zz', '/v1/models/%ff', '/%zz']) {
      const answer = await send(`GET ${path} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer ${key}\r\n\r\n`);
      assert.ok(answer.status === 400 || answer.status === 404, `${path}: ${answer.status}`);
    }
  });

  it('a path of the admin API that cannot be decoded is a problem document', async () => {
    for (const path of ['/admin/v1/keys/%ff', '/admin/v1/keys/%', '/admin/v1/teams/%e0%a4%a/block', '/elsewhere/%ff']) {
      const response = await fetch(gateway.url + path, { headers: { authorization: `Bearer ${gateway.adminKey}` } });
      assert.equal(response.status, 400, path);
      assert.match(response.headers.get('content-type')!, /^application\/problem\+json/);
      const problem = (await response.json()) as { code: string; detail: string };
      assert.equal(problem.code, 'invalid_value');
      assert.equal(problem.detail, 'The path is not percent-encoded as it must be.');
    }
    const ai = await fetch(`${gateway.url}/v1/models/%ff`, { headers: { authorization: `Bearer ${key}` } });
    assert.equal(ai.status, 400);
    assert.equal(((await ai.json()) as { error: { code: string } }).error.code, 'invalid_value');
  });

  it('what is not HTTP: 400, and the connection is closed', async () => {
    for (const bytes of ['hello\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'GET / HTTP/9.9\r\n\r\n']) {
      const answer = rawRequest(gateway.url, Buffer.from(bytes, 'latin1'));
      await answer.closed;
      assert.match(answer.bytes().toString(), /^(HTTP\/1\.1 (400|505)|$)/);
    }
  });
});
