/**
 * What the gateway adds to a request, and encodings that it did not ask for: plain bytes are asked for, compressed ones are
 * read all the same, and the maximum that is put into a request is in the field and of the kind that its model takes.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { type Gateway, startGateway, textAsFarAsItComes } from '../support/gateway.js';
import { contentChunk, usageChunk } from '../support/openai-answers.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { cut, head, json, write, writeInPieces } from '../support/upstream-steps.js';

const messages = [{ role: 'user', content: 'Say hello.' }];
const completion = JSON.stringify({
  id: 'c',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello. '.repeat(3000) }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 9, completion_tokens: 4 },
});
const stream = [
  contentChunk('Hello, '),
  contentChunk('world.'),
  contentChunk('', 'stop'),
  usageChunk(9, 4),
  'data: [DONE]\n\n',
];
/** `{"hello":"world"}`-like frames are made by no library here: one raw block of at most 2 MB. */
const zstdSync = (bytes: Buffer): Buffer => {
  const blocks: Buffer[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += 65_536) {
    const block = bytes.subarray(at, at + 65_536);
    const last = at + 65_536 >= bytes.length ? 1 : 0;
    const header = Buffer.alloc(3);
    header.writeUIntLE((block.length << 3) | last, 0, 3);
    blocks.push(header, block);
  }
  // Magic, no checksum and no content size, a window of 1 MB.
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x50]), ...blocks]);
};

const encodings: readonly (readonly [name: string, compress: (bytes: Buffer) => Buffer, label?: string])[] = [
  ['gzip', gzipSync],
  ['x-gzip', gzipSync],
  ['br', brotliCompressSync],
  ['deflate', deflateSync],
  ['deflate', deflateRawSync, 'deflate without a frame'],
  ['zstd', zstdSync],
];

let upstream: FakeUpstream;
let gateway: Gateway;
let key: string;
let requests = 0;

before(async () => {
  upstream = await startUpstream();
  const model = (name: string) => ({ targets: [{ provider: 'up', model: name }], retry: { max_attempts: 1 } });
  gateway = await startGateway({
    config: {
      providers: {
        up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' },
        unasked: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream', usage: 'never' },
      },
      defaults: { price: { input: 1, output: 4 }, breaker: { min_requests: 100_000 } },
      models: {
        m: model('llama-3'),
        'gpt-5': model('gpt-5'),
        o3: model('openai/o3-mini'),
        'gpt-4o': model('gpt-4o'),
        unasked: { targets: [{ provider: 'unasked', model: 'llama-3' }] },
        ...Object.fromEntries(['refuses-a', 'refuses-b', 'refuses-c'].map((name) => [name, model(name)])),
      },
    },
  });
  ({ key } = await gateway.key());
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

async function ask(body: object, by = key) {
  const id = `encoded-${++requests}`;
  const response = await gateway.chat(by, { model: 'm', messages, ...body }, { headers: { 'x-request-id': id } });
  return {
    id,
    status: response.status,
    encoding: response.headers.get('content-encoding'),
    text: await textAsFarAsItComes(response),
  };
}

const sentBody = (): Record<string, unknown> => upstream.requests.at(-1)!.json();

test('plain bytes are asked for', async () => {
  await ask({});
  assert.equal(upstream.requests.at(-1)!.headers['accept-encoding'], 'identity');
});

describe('an answer that comes compressed all the same', () => {
  for (const [encoding, compress, label = encoding] of encodings) {
    const headers = (type: string) => ({ 'content-type': type, 'content-encoding': encoding });
    test(`${label}: whole`, async () => {
      upstream.next([head(200, headers('application/json')), writeInPieces(compress(Buffer.from(completion)), 40)]);
      const { status, text, encoding: told, id } = await ask({});
      assert.deepEqual([status, told, text], [200, null, completion]);
      assert.equal((await gateway.entries(id))[0]!.tokens['output'], 4);
    });

    test(`${label}: streamed, in pieces of any size`, async () => {
      const body = compress(Buffer.from(stream.join('')));
      for (const size of [1, 7, body.length]) {
        upstream.next([head(200, headers('text/event-stream')), writeInPieces(body, size)]);
        const { status, text } = await ask({ stream: true });
        assert.equal(status, 200);
        assert.match(text, /Hello, [\s\S]*world\.[\s\S]*\[DONE\]/);
      }
    });

    test(`${label}: an error keeps its words`, async () => {
      const error = JSON.stringify({
        error: { message: 'Too long by far.', type: 'invalid_request_error', code: 'odd' },
      });
      upstream.next([head(400, headers('application/json')), write(compress(Buffer.from(error)))]);
      const { status, text } = await ask({});
      assert.equal(status, 400);
      assert.match(text, /Too long by far\./);
    });

    test(`${label}: bytes that are something else, and ones that end too early, are the upstream's failure`, async () => {
      upstream.next([
        head(200, headers('application/json')),
        write('\x01\x02 not what it says, at some length. '.repeat(20)),
      ]);
      assert.equal((await ask({})).status, 502);
      const half = compress(Buffer.from(completion)).subarray(0, -12);
      upstream.next([head(200, headers('application/json')), write(half)]);
      assert.equal((await ask({})).status, 502);
      assert.equal((await ask({})).status, 200);
    });
  }

  test('what arrived of a stream that is cut is told and counted', async () => {
    const body = gzipSync(Buffer.from(contentChunk('Hello there. ').repeat(200)), { level: 0 });
    upstream.next([
      head(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' }),
      write(body.subarray(0, -10)),
      cut,
    ]);
    const { text, id } = await ask({ stream: true });
    assert.match(text, /Hello there\.[\s\S]*upstream_error/);
    assert.ok((await gateway.entries(id))[0]!.tokens['output']! > 500);
  });

  test('a bomb ends at the largest answer, and the gateway goes on', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024, 0x20));
    upstream.next([head(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }), write(bomb)]);
    const { status, text } = await ask({});
    assert.equal(status, 502);
    assert.match(text, /larger than/);
    assert.equal((await ask({})).status, 200);
  });
});

describe('the maximum that a budget puts into a request', () => {
  for (const [model, field, other] of [
    ['gpt-5', 'max_completion_tokens', 'max_tokens'],
    ['o3', 'max_completion_tokens', 'max_tokens'],
    ['gpt-4o', 'max_tokens', 'max_completion_tokens'],
    ['m', 'max_tokens', 'max_completion_tokens'],
  ] as const) {
    test(`is ${field} for ${model} at a compatible server`, async () => {
      const budgeted = await gateway.key({ limits: [{ unit: 'usd', max: 0.005, per: 'total' }] });
      const { status } = await ask({ model }, budgeted.key);
      assert.equal(status, 200);
      assert.ok((sentBody()[field] as number) > 0);
      assert.equal(sentBody()[other], undefined);
    });
  }
});

describe('a maximum of 0 or -1', () => {
  for (const none of [0, -1]) {
    test(`${none} goes through as no maximum`, async () => {
      assert.equal((await ask({ max_tokens: none })).status, 200);
      assert.equal(sentBody()['max_tokens'], none);
    });

    test(`${none} is made a maximum where a budget needs one`, async () => {
      const budgeted = await gateway.key({ limits: [{ unit: 'usd', max: 0.005, per: 'total' }] });
      assert.equal((await ask({ max_tokens: none }, budgeted.key)).status, 200);
      assert.ok((sentBody()['max_tokens'] as number) > 0 && (sentBody()['max_tokens'] as number) < 1250);
    });
  }

  test('other negative numbers are refused', async () => {
    assert.equal((await ask({ max_tokens: -2 })).status, 400);
    assert.equal((await ask({ n: 0 })).status, 400);
  });
});

describe('the usage of a stream', () => {
  const streamed = (request: { model: string; stream_options?: object }) => ask({ stream: true, ...request });
  const options = () => upstream.requests.map((request) => request.json()['stream_options']);

  test('is asked for, and not where the provider says never', async () => {
    await streamed({ model: 'm' });
    assert.deepEqual(sentBody()['stream_options'], { include_usage: true });
    const { id, status } = await streamed({ model: 'unasked' });
    assert.equal(status, 200);
    assert.equal(sentBody()['stream_options'], undefined);
    const [entry] = await gateway.entries(id);
    assert.ok(entry!.tokens['output']! > 0 && entry!.usage_source !== 'provider');
    // What the caller asks for is the caller's.
    await streamed({ model: 'unasked', stream_options: { include_usage: true } });
    assert.deepEqual(sentBody()['stream_options'], { include_usage: true });
  });

  for (const [model, status, words] of [
    ['refuses-a', 400, { error_code: 'BAD_REQUEST', message: 'Bad request: json: unknown field "stream_options"' }],
    ['refuses-b', 422, { detail: [{ loc: ['body', 'stream_options'], msg: 'Extra inputs are not permitted' }] }],
    ['refuses-c', 400, { error: { message: 'Unrecognized request argument', param: 'stream_options' } }],
  ] as const) {
    test(`is left to be counted where ${JSON.stringify(words)} refuses it, and that is remembered`, async () => {
      const before = upstream.requests.length;
      upstream.next(json(status, words));
      const { id, status: told, text } = await streamed({ model });
      assert.equal(told, 200);
      assert.match(text, /\[DONE\]/);
      const entries = (await gateway.entries(id, 2)).sort((a, b) => a.attempt - b.attempt);
      assert.deepEqual(
        entries.map((entry) => [entry.status, entry.cost_usd === '0.000000000']),
        [
          [status, true],
          [200, false],
        ],
      );
      assert.equal((await streamed({ model })).status, 200);
      assert.deepEqual(options().slice(before), [{ include_usage: true }, undefined, undefined]);
    });
  }

  test('another refusal is told as it is, and one that the caller asked for is the caller\u2019s', async () => {
    const before = upstream.requests.length;
    upstream.next(json(400, { error: { message: 'stop is too long' } }));
    assert.equal((await streamed({ model: 'm' })).status, 400);
    upstream.next(json(400, { error: { message: 'unknown field stream_options' } }));
    assert.equal((await streamed({ model: 'm', stream_options: { include_usage: true } })).status, 400);
    assert.equal(upstream.requests.length, before + 2);
  });
});
