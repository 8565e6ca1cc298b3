/** The same bytes are refused in the same way, whoever they are for: a route, a handler of the front, the server behind. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { rawRequest } from '../support/raw-http.js';
import { startRoutes, type TestRoutes } from '../support/routes.js';

/** Paths of a route, and of whatever is behind: the model API, the admin API, nothing at all. */
const PATHS = ['/route', '/v1/models', '/v1/chat/completions', '/admin/v1/keys', '/nothing'];

let gateway: TestRoutes;
before(async () => {
  gateway = await startRoutes([{ name: 'r', match: { path: '/route' }, auth: { none: {} }, respond: { body: 'ok' } }]);
});
after(() => gateway.stop());

async function answerTo(bytes: string): Promise<string> {
  const client = rawRequest(gateway.url, bytes);
  await client.closed;
  const text = client.bytes().toString('latin1');
  return text
    .replace(/^date: .*\r\n/im, '')
    .replace(/req_\w+/g, 'req')
    .replace(/content-length: \d+/i, '');
}

describe('a request that two readers could take differently', () => {
  const post =
    (more: string, version = '1.1', host = 'host: a\r\n') =>
    (path: string) =>
      `POST ${path} HTTP/${version}\r\n${host}${more}\r\n`;
  for (const [what, request] of [
    ['two Hosts', post('content-length: 0\r\n', '1.1', 'host: a\r\nHOST: b\r\n')],
    ['two Hosts that are the same', post('content-length: 0\r\n', '1.1', 'host: a\r\nhost: a\r\n')],
    ['no Host', post('content-length: 0\r\n', '1.1', '')],
    ['a Host with a space', post('content-length: 0\r\n', '1.1', 'host: a b\r\n')],
    ['a Host with a user', post('content-length: 0\r\n', '1.1', 'host: me@a\r\n')],
    ['a Host with a path', post('content-length: 0\r\n', '1.1', 'host: a/b\r\n')],
    ['two hosts in one', post('content-length: 0\r\n', '1.1', 'host: a, b\r\n')],
    ['a port that is none', post('content-length: 0\r\n', '1.1', 'host: a:x\r\n')],
    ['HTTP/1.0 with chunks', post('transfer-encoding: chunked\r\n\r\n0\r\n', '1.0')],
    ['gzip, chunked', post('transfer-encoding: gzip, chunked\r\n\r\n0\r\n')],
    ['chunked twice', post('transfer-encoding: chunked, chunked\r\n\r\n0\r\n')],
    ['chunked on two lines', post('transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n')],
    ['a coding that nobody knows', post('transfer-encoding: nonsense\r\n\r\n0\r\n')],
    ['an empty Transfer-Encoding beside a length', post('transfer-encoding:\r\ncontent-length: 0\r\n')],
    ['an empty Transfer-Encoding', post('transfer-encoding:\r\n')],
    ['both lengths', post('transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n')],
    ['two lengths', post('content-length: 0\r\ncontent-length: 0\r\n')],
    ['two lengths in one', post('content-length: 0, 0\r\n')],
    ['HTTP/0.9', post('content-length: 0\r\n', '0.9')],
    ['HTTP/1.2', post('content-length: 0\r\n', '1.2')],
    ['HTTP/2.0', post('content-length: 0\r\n', '2.0')],
    ['HTTP/3.7', post('content-length: 0\r\n', '3.7')],
    ['no version', (path: string) => `GET ${path}\r\nhost: a\r\n\r\n`],
    ['two credentials', post('content-length: 0\r\nauthorization: Bearer a\r\nauthorization: Bearer b\r\n')],
  ] as [string, (path: string) => string][])
    it(`${what}: is 400 and ends the connection, the same everywhere`, async () => {
      const answers = await Promise.all(PATHS.map((path) => answerTo(request(path))));
      for (const [i, answer] of answers.entries()) {
        assert.match(answer, /^HTTP\/1\.1 400 [^\r]*\r\n/, PATHS[i]);
        assert.match(answer, /^connection: close\r$/im);
        assert.equal(answer, answers[0]);
      }
    });

  it('an absolute target with a host that is none is one as well', async () => {
    assert.match(await answerTo('GET http://me@a/route HTTP/1.1\r\nhost: a\r\n\r\n'), /^HTTP\/1\.1 400/);
  });

  it('a TE of nonsense is nobody’s fault: it is for this connection, and goes no further', async () => {
    const answers = await Promise.all(
      PATHS.map((path) => answerTo(`GET ${path} HTTP/1.1\r\nhost: a\r\nte: ((,"\r\nconnection: close, te\r\n\r\n`)),
    );
    for (const answer of answers) assert.doesNotMatch(answer, /^HTTP\/1\.1 400/);
  });

  it('what is clear is served, plain or not', async () => {
    for (const head of [
      'GET /route HTTP/1.1\r\nhost: a:80\r\nconnection: close',
      'GET /route HTTP/1.1\r\nhost: [::1]:80\r\nconnection: close',
      'GET /route HTTP/1.0\r\nhost: a',
      'GET /route HTTP/1.0',
      'GET http://a/route HTTP/1.1\r\nhost: a\r\nconnection: close',
      'GET /route HTTP/1.1\r\nhost: a\r\nte: trailers, gzip;q=0.5\r\nconnection: close, te',
    ])
      assert.match(await answerTo(`${head}\r\n\r\n`), /^HTTP\/1\.1 200/, head);
  });
});
