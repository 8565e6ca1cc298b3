/**
 * Plain requests beside node's own reading of them: two servers with one handler, one of them behind the front. Whatever is
 * sent, both say the same.
 */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientRequest, ClientResponse } from '../../src/front/client.js';
import { Closing } from '../../src/front/closing.js';
import { plainFront } from '../../src/front/plain-front.js';
import { PlainRequest } from '../../src/front/plain-request.js';
import { neverAsked, watchSlowClients } from '../../src/routes/slow-clients.js';
import { seeded } from '../router/support.js';
import { rawRequest } from '../support/raw-http.js';

const bodyOf = (request: ClientRequest): Promise<Buffer> =>
  request instanceof PlainRequest
    ? Promise.resolve(request.body)
    : new Promise((resolve) => {
        const pieces: Buffer[] = [];
        request.on('data', (piece: Buffer) => pieces.push(piece)).on('end', () => resolve(Buffer.concat(pieces)));
      });

/** Says what it read. */
async function echo(request: ClientRequest, response: ClientResponse): Promise<void> {
  const body = await bodyOf(request);
  const { method, url, httpVersion, headers, rawHeaders } = request;
  const said = Buffer.from(
    JSON.stringify({ method, url, httpVersion, headers, rawHeaders, body: body.toString('latin1') }),
  );
  response.writeHead(200, ['content-type', 'application/json', 'content-length', String(said.length)]);
  response.end(said);
}

const serve = (request: ClientRequest, response: ClientResponse): boolean => {
  void echo(request, response);
  return true;
};

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const options = { keepAliveTimeout: 75_000, requestTimeout: 0 };
const timeouts = () => ({ headersMs: 60_000, bodyMs: 60_000, sendMs: 60_000 });
const nodes = createServer(options, (request, response) => void echo(request, response));
const fronted = createServer(options, (request, response) => void echo(request, response));
plainFront(
  {
    ...{ server: fronted, closing: new Closing(), neverAsked },
    clients: watchSlowClients(fronted, timeouts, () => performance.now()),
  },
  serve,
);
let nodesUrl: string;
let frontedUrl: string;
before(async () => {
  nodesUrl = await listen(nodes);
  frontedUrl = await listen(fronted);
});
after(() => {
  for (const server of [nodes, fronted]) {
    server.closeAllConnections();
    server.close();
  }
});

/** What a server answers to pieces that are sent one after the other, until the mark of the last request or its own end. */
async function answerTo(url: string, pieces: readonly Buffer[], pauseMs = 0): Promise<string> {
  const client = rawRequest(url, pieces[0]!);
  for (const piece of pieces.slice(1)) {
    await sleep(pauseMs);
    client.socket.write(piece);
  }
  await Promise.race([client.until(/the last one/, 1_500).catch(() => {}), client.closed]);
  client.socket.destroy();
  return client
    .bytes()
    .toString('latin1')
    .replace(/^Date: .*$/gim, 'Date:');
}

const last = 'GET /the%20last HTTP/1.1\r\nhost: a\r\nx-mark: the last one\r\nconnection: close\r\n\r\n';

/**
 * What is wrong is refused by node at once, or after what came before it was answered: that is a question of ticks. Here all
 * that came before is answered.
 */
const REFUSAL = /HTTP\/1\.1 4\d\d [\w ]+\r\nConnection: close\r\n\r\n$/;
const ANSWERS = /^(HTTP\/1\.1 200 OK\r\n([\w-]+:.*\r\n)+\r\n\{"method".*?"body":".*?"\})*$/s;
const both = async (pieces: readonly Buffer[], pauseMs?: number): Promise<void> => {
  const [expected, got] = await Promise.all([
    answerTo(nodesUrl, pieces, pauseMs),
    answerTo(frontedUrl, pieces, pauseMs),
  ]);
  if (REFUSAL.test(expected)) {
    const [said, answered] = [expected.replace(REFUSAL, ''), got.replace(REFUSAL, '')];
    if (answered === said || (said === '' && got !== answered && ANSWERS.test(answered))) return;
  }
  assert.equal(got, expected, JSON.stringify(Buffer.concat(pieces).toString('latin1').slice(0, 2_000)));
};
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

const post = 'POST /a?b=c HTTP/1.1\r\nHost: example.com\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello';
const corpus: Readonly<Record<string, string>> = {
  'a GET': 'GET / HTTP/1.1\r\nhost: a\r\n\r\n',
  'a POST': post,
  'kept alive by name': 'GET / HTTP/1.1\r\nhost: a\r\nConnection: Keep-Alive\r\n\r\n',
  'values with blanks around': 'GET / HTTP/1.1\r\nhost:  a \t\r\nx-empty:\r\nx-blank:   \r\nx-tab:\ta\tb\t\r\n\r\n',
  'a value of bytes above ASCII': 'GET / HTTP/1.1\r\nhost: a\r\nx-name: caf\xe9 \xa0\r\n\r\n',
  'no length of a POST': 'POST / HTTP/1.1\r\nhost: a\r\n\r\n',
  'a length of nothing': 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n',
  'a length with zeros before it': 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0005\r\n\r\nhello',
  'a GET with a body': 'GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc',
  'names of every object':
    'GET / HTTP/1.1\r\nhost: a\r\nconstructor: x\r\n__proto__: y\r\ntoString: z\r\nhasOwnProperty: w\r\n\r\n',
  'a header twice':
    'GET / HTTP/1.1\r\nhost: a\r\nx-a: 1\r\nX-A: 2\r\ncookie: a=1\r\ncookie: b=2\r\nset-cookie: c\r\n\r\n',
  'two hosts': 'GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n',
  'no host': 'GET / HTTP/1.1\r\nx-a: 1\r\n\r\n',
  'no header at all': 'GET / HTTP/1.1\r\n\r\n',
  'an empty host': 'GET / HTTP/1.1\r\nhost:\r\n\r\n',
  'a length that is none': 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: five\r\n\r\nhello',
  'a length with a sign': 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +5\r\n\r\nhello',
  'a length in a list': 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5, 5\r\n\r\nhello',
  'a length twice': 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nContent-Length: 5\r\n\r\nhello',
  'two lengths': 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!',
  'an empty length': 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length:\r\n\r\nhello',
  chunks: 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'chunks and a length':
    'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  'a coding that hides':
    'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n',
  'a coding behind a tab':
    'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding:\tchunked\r\n\r\n0\r\n\r\n',
  'a name with a blank': 'GET / HTTP/1.1\r\nhost: a\r\nx a: 1\r\n\r\n',
  'a blank before the colon': 'GET / HTTP/1.1\r\nhost : a\r\n\r\n',
  'a folded value': 'GET / HTTP/1.1\r\nhost: a\r\nx-a: 1\r\n  2\r\n\r\n',
  'a line without a colon': 'GET / HTTP/1.1\r\nhost: a\r\nwhatever\r\n\r\n',
  'a name that is empty': 'GET / HTTP/1.1\r\nhost: a\r\n: 1\r\n\r\n',
  'a bare line feed': 'GET / HTTP/1.1\nhost: a\n\n',
  'a bare line feed among others': 'GET / HTTP/1.1\r\nhost: a\nx-a: 1\r\n\r\n',
  'a bare carriage return': 'GET / HTTP/1.1\r\nhost: a\r\nx-a: 1\rx-b: 2\r\n\r\n',
  'a zero byte': 'GET / HTTP/1.1\r\nhost: a\r\nx-a: 1\0 2\r\n\r\n',
  'HTTP/1.0': 'GET / HTTP/1.0\r\nhost: a\r\n\r\n',
  'HTTP/1.0 kept alive': 'GET / HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n',
  'HTTP/2.0': 'GET / HTTP/2.0\r\nhost: a\r\n\r\n',
  'no version': 'GET /\r\nhost: a\r\n\r\n',
  'two blanks': 'GET  / HTTP/1.1\r\nhost: a\r\n\r\n',
  'a tab': 'GET\t/ HTTP/1.1\r\nhost: a\r\n\r\n',
  'an absolute target': 'GET http://a/b HTTP/1.1\r\nhost: a\r\n\r\n',
  'an asterisk': 'OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n',
  'a target with a blank': 'GET /a b HTTP/1.1\r\nhost: a\r\n\r\n',
  'a target above ASCII': 'GET /caf\xe9 HTTP/1.1\r\nhost: a\r\n\r\n',
  'another method': 'PROPFIND / HTTP/1.1\r\nhost: a\r\n\r\n',
  'no method': 'NONSENSE / HTTP/1.1\r\nhost: a\r\n\r\n',
  'a method in small letters': 'get / HTTP/1.1\r\nhost: a\r\n\r\n',
  'a line before it': '\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n',
  'a close': 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
  'a connection that names a header': 'GET / HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, x-a\r\nx-a: 1\r\n\r\n',
  'an expectation': 'POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\nhello',
  'an unknown expectation': 'POST / HTTP/1.1\r\nhost: a\r\nexpect: more\r\ncontent-length: 5\r\n\r\nhello',
  'an upgrade': 'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n',
  'not HTTP': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'a long head': `GET / HTTP/1.1\r\nhost: a\r\nx-long: ${'x'.repeat(12_000)}\r\n\r\n`,
  'a head that is too long': `GET / HTTP/1.1\r\nhost: a\r\nx-long: ${'x'.repeat(20_000)}\r\n\r\n`,
  'a long target': `GET /${'x'.repeat(12_000)} HTTP/1.1\r\nhost: a\r\n\r\n`,
  'many headers': `GET / HTTP/1.1\r\nhost: a\r\n${Array.from({ length: 300 }, (_, i) => `x-${i}: ${i}\r\n`).join('')}\r\n`,
  'a large body': `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 60000\r\n\r\n${'b'.repeat(60_000)}`,
  'a larger body': `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n${'b'.repeat(100_000)}`,
};

describe('a request is read as node reads it', () => {
  for (const [name, text] of Object.entries(corpus)) {
    it(`${name}, alone and among others`, async () => {
      await both([bytes(text + last)]);
      await both([bytes(post), bytes(text + last)], 100);
    });
  }

  it('whatever its bytes come in', async () => {
    const whole = bytes(`${post}GET /b HTTP/1.1\r\nhost: a\r\n\r\n${post}${last}`);
    const runs: Promise<void>[] = [];
    for (let at = 1; at < whole.length; at++) runs.push(both([whole.subarray(0, at), whole.subarray(at)], 20));
    await Promise.all(runs);
  });

  it('a byte at a time', async () => {
    const whole = bytes(post + last);
    await both(
      Array.from(whole, (_, i) => whole.subarray(i, i + 1)),
      1,
    );
  });

  it('with whatever bytes changed, left out or doubled', async () => {
    const random = seeded(7);
    const int = (below: number): number => Math.floor(random() * below);
    const texts = Object.values(corpus).filter((text) => text.length < 1_000);
    const odd = ['\r', '\n', '\r\n', '\0', ' ', '\t', ':', ',', '\xff', 'a', '0', ';', '/', '\x7f', '\r\n\r\n'];
    for (let round = 0; round < 40; round++) {
      await Promise.all(
        Array.from({ length: 20 }, () => {
          let text = texts[int(texts.length)]!;
          for (let change = int(3); change >= 0; change--) {
            const at = int(text.length);
            const end = at + int(3);
            text =
              text.slice(0, at) +
              (int(2) === 0 ? odd[int(odd.length)]! : text.slice(at, end).repeat(2)) +
              text.slice(end);
          }
          return both([bytes(text + last)]);
        }),
      );
    }
  });
});
