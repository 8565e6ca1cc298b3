/** Bodies of requests that come compressed, at every endpoint that takes one. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { type Gateway, startGateway } from '../support/gateway.js';
import { rawFrame, rleFrame, skippedFrame, WORDS, zstdOdd, zstdWords } from '../support/zstd.js';

const LIMIT_BYTES = 1024 * 1024;

let gateway: Gateway;
let secret: string;

before(async () => {
  gateway = await startGateway({
    config: {
      server: { body_limit: '1mb' },
      providers: { sandbox: { type: 'sandbox' } },
      models: { sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }] } },
      defaults: { unpriced: 'free' },
    },
  });
  ({ key: secret } = await gateway.key());
});
after(() => gateway?.close());

const send = (encoding: string, body: Buffer | ReadableStream, path = '/v1/chat/completions', key = secret) =>
  fetch(gateway.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'content-encoding': encoding },
    body,
    duplex: 'half',
  } as RequestInit);

const encoders: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  deflate: deflateSync,
  'deflate ': deflateRawSync,
  br: brotliCompressSync,
  ZSTD: (bytes) => (bytes.toString() === WORDS ? zstdWords.level3 : rawFrame(bytes)),
  zstd: (bytes) => Buffer.concat([skippedFrame(8), rawFrame(bytes.subarray(0, 9)), rawFrame(bytes.subarray(9))]),
  identity: (bytes) => bytes,
};

const errorOf = async (response: Response): Promise<{ code?: string; type: string; message: string }> =>
  ((await response.json()) as { error: { code?: string; type: string; message: string } }).error;

describe('a compressed body', () => {
  for (const [encoding, encode] of Object.entries(encoders)) {
    it(`is read as what it holds: ${encoding}`, async () => {
      const response = await send(encoding, encode(Buffer.from(WORDS)));
      assert.equal(response.status, 200, await response.clone().text());
      const { usage } = (await response.json()) as { usage: { prompt_tokens: number } };
      assert.ok(usage.prompt_tokens > 100);
    });
  }

  it('that is compressed several times over is read in the order that its header tells', async () => {
    const words = Buffer.from(WORDS);
    for (const [encoding, bytes] of [
      ['zstd, gzip', gzipSync(zstdWords.level3)],
      ['gzip,zstd', rawFrame(gzipSync(words))],
      ['identity, br , GZIP', gzipSync(brotliCompressSync(words))],
      ['identity, identity', words],
    ] as const)
      assert.equal((await send(encoding, bytes)).status, 200, encoding);
    const bomb = gzipSync(gzipSync(Buffer.alloc(200 * LIMIT_BYTES, 0x20)));
    assert.equal((await send('gzip, gzip', bomb)).status, 413);
    assert.equal((await send('gzip, zstd', gzipSync(zstdWords.level3))).status, 400, 'in the other order');
    assert.equal((await send('gzip, gzip, gzip, gzip', gzipSync(words))).status, 415, 'more than anybody needs');
  });

  it('of zstd is read without its size, and refused by name where it needs a dictionary', async () => {
    assert.equal((await send('zstd', zstdOdd.unsized)).status, 200);
    const response = await send('zstd', zstdOdd.dictionary);
    assert.equal(response.status, 400);
    assert.match((await errorOf(response)).message, /dictionary, which is not known here/);
  });

  it('is read at every endpoint, sent with a length and in chunks', async () => {
    const bodies: [string, object][] = [
      ['/v1/chat/completions', { model: 'sandbox', messages: [{ role: 'user', content: 'a' }] }],
      ['/v1/embeddings', { model: 'sandbox', input: 'a' }],
      ['/v1/messages', { model: 'sandbox', max_tokens: 9, messages: [{ role: 'user', content: 'a' }] }],
      ['/v1/messages/count_tokens', { model: 'sandbox', messages: [{ role: 'user', content: 'a' }] }],
    ];
    for (const [path, body] of bodies) {
      const bytes = rawFrame(Buffer.from(JSON.stringify(body)));
      assert.equal((await send('zstd', bytes, path)).status, 200, path);
      assert.equal((await send('zstd', new Blob([bytes as never]).stream(), path)).status, 200, `${path} in chunks`);
    }
  });

  it('with a checksum, and larger than what is read in one turn', async () => {
    assert.equal((await send('zstd', zstdWords.level19)).status, 200);
    const random = Array.from({ length: 200_000 }, (_, i) => ((i * 7919) % 36).toString(36)).join('');
    const large = JSON.stringify({ model: 'sandbox', messages: [{ role: 'user', content: random }] });
    const pieces = [0, 1, 2, 3].map((at) =>
      rawFrame(Buffer.from(large).subarray(at * 60_000, at === 3 ? undefined : (at + 1) * 60_000)),
    );
    for (const [encoding, bytes] of [
      ['zstd', Buffer.concat(pieces)],
      ['gzip', gzipSync(large)],
    ] as const)
      assert.equal((await send(encoding, bytes)).status, 200, encoding);
  });

  it('that is a bomb is refused with 413, and costs no more than what may be read', async () => {
    const bombs: [string, Buffer][] = [
      ['gzip', gzipSync(Buffer.alloc(200 * LIMIT_BYTES, 0x20))],
      ['br', brotliCompressSync(Buffer.alloc(50 * LIMIT_BYTES, 0x20))],
      ['deflate', deflateSync(Buffer.alloc(50 * LIMIT_BYTES, 0x20))],
      ['zstd', rleFrame(8000)],
      ['zstd', rawFrame(Buffer.from('{}'), { content: 2 ** 31 })],
      ['zstd', rawFrame(Buffer.from('{}'), { window: 0xf8 })],
      ['zstd', Buffer.concat([rawFrame(Buffer.from('{}')), rawFrame(Buffer.from('{}'), { window: 0xf8 })])],
    ];
    for (const [encoding, bytes] of bombs) {
      assert.ok(bytes.length < LIMIT_BYTES);
      const response = await send(encoding, bytes);
      assert.equal(response.status, 413, encoding);
      assert.equal((await errorOf(response)).code, 'request_too_large');
    }
  });

  it('at the limit is read, and a byte beyond it is refused', async () => {
    const body = (length: number): Buffer => {
      const start = '{"model":"sandbox","messages":[{"role":"user","content":"a"}]}';
      return Buffer.from(start + ' '.repeat(length - start.length));
    };
    assert.equal((await send('gzip', gzipSync(body(LIMIT_BYTES)))).status, 200);
    assert.equal((await send('gzip', gzipSync(body(LIMIT_BYTES + 1)))).status, 413);
  });

  it('that is broken, cut, or something else is refused with 400', async () => {
    const words = Buffer.from(WORDS);
    const broken: [string, Buffer][] = Object.entries(encoders)
      .filter(([name]) => name !== 'identity')
      .flatMap(([name, encode]): [string, Buffer][] => [
        [name, words],
        [name, encode(words).subarray(0, -5)],
      ]);
    broken.push(['gzip', Buffer.from([0x1f, 0x8b, 8, 0])]);
    for (const [encoding, bytes] of broken) {
      const response = await send(encoding, bytes);
      assert.equal(response.status, 400, `${encoding} ${bytes.length}`);
      assert.match((await errorOf(response)).message, /content-encoding|not valid JSON/);
    }
    assert.match((await errorOf(await send('gzip', Buffer.alloc(0)))).message, /empty/);
  });

  it('holds JSON in the bounds that plain JSON has', async () => {
    const deep = `${'['.repeat(300)}${']'.repeat(300)}`;
    const response = await send('gzip', gzipSync(`{"model":"sandbox","messages":${deep}}`));
    assert.equal(response.status, 400);
    assert.match((await errorOf(response)).message, /nests deeper/);
  });

  it('in an encoding that nobody here knows is refused with 415, which names those that are', async () => {
    for (const encoding of ['compress', 'gzip, x-odd', 'x-odd']) {
      const response = await send(encoding, gzipSync(WORDS));
      assert.equal(response.status, 415, encoding);
      assert.match((await errorOf(response)).message, /gzip, br, deflate, zstd/);
    }
  });

  it('is not looked at before it is known who is calling', async () => {
    assert.equal((await send('zstd', rleFrame(8000), '/v1/chat/completions', 'sk-nobody')).status, 401);
  });
});
