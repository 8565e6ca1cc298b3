/** Fields that come on several lines are one list (RFC 9110 5.3), and what the gateway states nobody else states. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { headerList, members } from '../../src/lib/headers.js';
import { withOurs } from '../../src/routes/headers.js';
import { type HttpUpstream, startHttpUpstream } from '../support/http-upstream.js';
import { parseAnswer, rawRequest } from '../support/raw-http.js';
import { startRoutes, type TestRoutes, type TestRoutesOptions } from '../support/routes.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A route to an upstream that answers with these lines. */
async function answering(
  lines: string[],
  more: object = {},
  options?: TestRoutesOptions,
): Promise<{ gateway: TestRoutes; upstream: HttpUpstream }> {
  const upstream = await startHttpUpstream(
    (_seen, response) => void response.writeHead(200, lines).end('x'.repeat(2_000)),
  );
  closing.push(() => upstream.stop());
  const gateway = await startRoutes(
    [
      {
        ...{ name: 'r', match: { path: '/*' }, auth: { none: {} } },
        upstream: { targets: [{ url: upstream.url }] },
        ...more,
      },
    ],
    options,
  );
  closing.push(() => gateway.stop());
  return { gateway, upstream };
}

const raw = async (gateway: TestRoutes, head: string) => {
  const answer = rawRequest(gateway.url, `${head}\r\nconnection: close\r\n\r\n`);
  await answer.closed;
  return { answer: parseAnswer(answer.bytes()), text: answer.bytes().toString('latin1') };
};
const linesOf = (text: string, name: string): string[] =>
  [...text.split('\r\n\r\n')[0]!.matchAll(new RegExp(`^${name}: (.*)$`, 'gim'))].map((match) => match[1]!.trim());

describe('a list on several lines', () => {
  it('keeps an answer out of the cache, whichever line forbids it', async () => {
    for (const lines of [
      ['cache-control', 'max-age=60', 'cache-control', 'no-store'],
      ['cache-control', 'public', 'cache-control', 'private'],
      ['cache-control', 'max-age=60', 'cache-control', 'max-age=0'],
      ['vary', 'accept-encoding', 'vary', 'cookie'],
      ['vary', 'accept', 'vary', '*'],
    ]) {
      const { gateway, upstream } = await answering(lines, { cache: { ttl: '1m', vary: ['accept'] } });
      for (let i = 0; i < 2; i++) await (await fetch(`${gateway.url}/x`)).text();
      assert.equal(upstream.seen.length, 2, lines.join(' '));
    }
  });

  it('of a request asks past the cache, whichever line does', async () => {
    const { gateway, upstream } = await answering([], { cache: { ttl: '1m' } });
    await (await fetch(`${gateway.url}/x`)).text();
    await raw(gateway, 'GET /x HTTP/1.1\r\nhost: a\r\ncache-control: max-age=60\r\ncache-control: no-cache');
    await raw(gateway, 'GET /x HTTP/1.1\r\nhost: a\r\ncache-control: max-stale\r\ncache-control: no-store');
    assert.equal(upstream.seen.length, 3);
  });

  it('of an upstream names what is hop by hop, on every line', async () => {
    const { gateway } = await answering(['connection', 'x-a', 'connection', 'x-b', 'x-a', '1', 'x-b', '2', 'x-c', '3']);
    const { headers } = await fetch(`${gateway.url}/x`);
    assert.deepEqual([headers.get('x-a'), headers.get('x-b'), headers.get('x-c')], [null, null, '3']);
  });

  it('of a client names what is hop by hop, on every line', async () => {
    const { gateway, upstream } = await answering([]);
    await raw(
      gateway,
      'GET /x HTTP/1.1\r\nhost: a\r\nconnection: x-a\r\nconnection: x-b\r\nx-a: 1\r\nx-b: 2\r\nx-c: 3',
    );
    const { headers } = upstream.seen[0]!;
    assert.deepEqual([headers['x-a'], headers['x-b'], headers['x-c']], [undefined, undefined, '3']);
  });

  it('forbids compression, of the answer and of the request alike', async () => {
    const type = ['content-type', 'text/plain'];
    const ask = 'GET /x HTTP/1.1\r\nhost: a\r\naccept-encoding: deflate\r\naccept-encoding: gzip';
    const plain = await answering(type, { compress: true });
    assert.deepEqual(linesOf((await raw(plain.gateway, ask)).text, 'content-encoding'), ['gzip']);
    for (const [lines, more] of [
      [['cache-control', 'public', 'cache-control', 'No-Transform'], ''],
      [[], '\r\ncache-control: max-age=1\r\ncache-control: no-transform'],
    ] as const) {
      const { gateway } = await answering([...type, ...lines], { compress: true });
      assert.deepEqual(linesOf((await raw(gateway, ask + more)).text, 'content-encoding'), []);
    }
  });

  it('of a trusted proxy is told on whole', async () => {
    const { gateway, upstream } = await answering([], {}, { trustProxy: ['127.0.0.1'] });
    await raw(gateway, 'GET /x HTTP/1.1\r\nhost: a\r\nforwarded: for=1.1.1.1\r\nforwarded: for=2.2.2.2');
    assert.match(String(upstream.seen[0]!.headers['forwarded']), /^for=1\.1\.1\.1, for=2\.2\.2\.2, for=127\.0\.0\.1/);
  });
});

describe('what the gateway states', () => {
  it('takes the place of what the upstream said', async () => {
    const { gateway } = await answering(
      [
        ...['x-request-id', 'theirs', 'ratelimit', '"theirs";r=9', 'ratelimit-policy', '"theirs";q=9'],
        ...['x-ratelimit-limit-tokens', '9', 'x-tollgate-cache', 'theirs', 'x-tollgate-anything', 'theirs'],
      ],
      { limits: [{ max: 5, per: 'minute' }], cache: { ttl: '1m' } },
    );
    const { text } = await raw(gateway, 'GET /x HTTP/1.1\r\nhost: a\r\nx-request-id: mine');
    assert.deepEqual(linesOf(text, 'x-request-id'), ['mine']);
    assert.deepEqual(linesOf(text, 'x-tollgate-cache'), ['miss']);
    assert.equal(linesOf(text, 'ratelimit').length, 1);
    assert.ok(!text.includes('theirs'), text);
    assert.deepEqual(linesOf(text, 'x-ratelimit-limit-tokens'), []);
  });

  it('is nothing where it has nothing to say: rate headers of the upstream go on', async () => {
    const { gateway } = await answering(['ratelimit', '"theirs";r=9']);
    assert.equal((await fetch(`${gateway.url}/x`)).headers.get('ratelimit'), '"theirs";r=9');
  });

  it('of what answers vary by is one list with what the upstream said', async () => {
    const { gateway } = await answering(['vary', 'Cookie', 'vary', 'origin', 'content-type', 'text/plain'], {
      compress: true,
      cors: { origins: ['https://a.example'] },
    });
    const { text } = await raw(gateway, 'GET /x HTTP/1.1\r\nhost: a');
    assert.deepEqual(linesOf(text, 'vary'), ['cookie, origin, accept-encoding']);
  });
});

describe('lists', () => {
  it('are read whole, and split outside of quotes', () => {
    assert.equal(headerList(['a', '1', 'b', '2', 'a', '3'], 'a'), '1, 3');
    assert.equal(headerList(['a', '1'], 'b'), undefined);
    assert.deepEqual(members('A, b;q=1 ,,"c, d" , "e\\"f,g'), ['a', 'b', '"c, d"', '"e\\"f,g']);
    const started = performance.now();
    members(`${'"\\'.repeat(40_000)}${',"'.repeat(40_000)}`);
    assert.ok(performance.now() - started < 1_000, 'time grows with the length');
  });

  it('keep cookies apart, and other headers as they are', () => {
    assert.deepEqual(withOurs(['set-cookie', 'a', 'set-cookie', 'b', 'x', '1', 'x', '2'], ['y', '3']), [
      ...['set-cookie', 'a', 'set-cookie', 'b', 'x', '1', 'x', '2', 'y', '3'],
    ]);
  });
});
