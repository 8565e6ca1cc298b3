/** Clients and upstreams that behave oddly, over raw sockets: drips, those who leave early, trailers, interim answers. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { parseAnswer, type RawAnswer, rawRequest } from '../support/raw-http.js';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.js';
import { startRoutes, type TestRoutes, type TestRoutesOptions } from '../support/routes.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface World {
  readonly upstream: RawUpstream;
  readonly gateway: TestRoutes;
  send(bytes: string): RawAnswer;
}

async function world(more: object = {}, options: TestRoutesOptions = {}, scheme = 'http'): Promise<World> {
  const upstream = await startRawUpstream();
  closing.push(() => upstream.stop());
  const url = upstream.url.replace('http', scheme);
  const gateway = await startRoutes(
    [
      {
        ...{ name: 'all', match: { path: '/*' }, auth: { none: {} } },
        ...('compose' in more ? {} : { upstream: { targets: [{ url }] } }),
        ...more,
      },
    ],
    options,
  );
  closing.push(() => gateway.stop());
  const send = (bytes: string): RawAnswer => {
    const client = rawRequest(gateway.url, Buffer.from(bytes, 'latin1'));
    closing.push(() => client.socket.destroy());
    return client;
  };
  return { upstream, gateway, send };
}

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const get = (path = '/x') => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;

describe('an upstream that answers 100 Continue unasked', () => {
  for (const [how, pieces] of [
    ['before the answer', [CONTINUE, OK]],
    ['in one piece with it', [CONTINUE + OK]],
    ['more than once', [CONTINUE + CONTINUE, CONTINUE, OK]],
    ['with headers of its own', ['HTTP/1.1 100 Continue\r\nx-a: b\r\n\r\n', OK]],
    ['after another interim answer', [`HTTP/1.1 102 Processing\r\n\r\n${CONTINUE}${OK}`]],
  ] as const) {
    it(`${how} is passed over`, async () => {
      const { send, upstream } = await world();
      const client = send(get());
      const connection = await upstream.next();
      await connection.until(/\r\n\r\n/);
      for (const piece of pieces) {
        connection.write(piece);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const text = await client.until(/ok$/);
      assert.match(text, /^(HTTP\/1\.1 102 Processing\r\n\r\n)?HTTP\/1\.1 200 OK\r\n/);
      assert.doesNotMatch(text, /HTTP\/1\.1 1(00|99)/);
    });
  }

  it('to a POST, on a connection that is used again, leaves the next answers as they are', async () => {
    const { send, upstream } = await world();
    const body = 'HTTP/1.1 100 Continue\r\n\r\n';
    const client = send(`POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello`);
    const connection = await upstream.next();
    await connection.until(/hello/);
    connection.write(CONTINUE);
    connection.write(OK);
    await client.until(/ok$/);
    client.socket.write(get('/again'));
    await connection.until(/GET \/again/);
    // A body that reads like an interim answer, at the beginning of a piece, is a body.
    connection.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length + 3}\r\n\r\n`);
    await new Promise((resolve) => setTimeout(resolve, 50)); // so that the body is a piece of its own
    connection.write(body);
    connection.write('end');
    assert.match(await client.until(/end$/), /\r\n\r\nHTTP\/1\.1 100 Continue\r\n\r\nend$/);
    assert.equal(upstream.connections.length, 1);
  });
});

describe('trailers of a request', () => {
  it('are dropped: the body arrives whole, and they never become headers', async () => {
    for (const size of [5, 100_000]) {
      const { send, upstream } = await world();
      const client = send(
        'POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n' +
          `${size.toString(16)}\r\n${'Z'.repeat(size)}\r\n0\r\nx-sum: 7\r\nx-tollgate-consumer: root\r\n\r\n`,
      );
      const connection = await upstream.next();
      const text = await connection.until(/\r\n0\r\n\r\n$/);
      connection.write(OK);
      await client.until(/ok$/);
      assert.equal(text.split('Z').length - 1, size);
      assert.doesNotMatch(text, /x-sum: 7|x-tollgate-consumer: root/i);
    }
  });
});

describe('clients that drip', () => {
  const fast = { clientTimeouts: { headersMs: 1_000, bodyMs: 1_000 } };

  const drip = (client: RawAnswer, text: string): void => {
    const timer = setInterval(() => client.socket.write(text), 100);
    closing.push(() => clearInterval(timer));
    client.socket.once('close', () => clearInterval(timer));
  };

  it('headers are waited for so long: 408, and the connection is closed', async () => {
    const { send, upstream } = await world({}, fast);
    const client = send('GET /x HTTP/1.1\r\nhost: a\r\nx-a: ');
    drip(client, 'a');
    assert.match(await client.until(/\r\n\r\n/, 5_000), /^HTTP\/1\.1 408 /);
    await client.closed;
    const silent = send('');
    await silent.closed;
    assert.equal(upstream.connections.length, 0);
  });

  for (const [what, more] of [
    ['a small body, which is read before it is sent', { head: 'content-length: 1000', route: {} }],
    ['a body that streams', { head: 'transfer-encoding: chunked', route: {} }],
    [
      'the body of a composition',
      {
        head: 'content-length: 1000',
        route: { compose: [{ url: 'http://127.0.0.1:1/x', group: 'a' }] },
      },
    ],
  ] as const) {
    it(`${what} has its time, and a drip ends with 408`, async () => {
      const { send } = await world(more.route, fast);
      const client = send(`POST /x HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\n${more.head}\r\n\r\n`);
      drip(client, more.head.includes('chunked') ? '1\r\na\r\n' : 'a');
      const text = await client.until(/\r\n\r\n.+/, 8_000);
      assert.match(text, /^HTTP\/1\.1 408 /);
      assert.match(text, /"code":"request_timeout"/);
      assert.match(text, /connection: close/i);
      await client.closed;
    });
  }

  it('a body after a refusal cannot keep the connection either', async () => {
    const { send } = await world({ auth: { key: {} } }, fast);
    const client = send('POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n');
    drip(client, 'a');
    assert.match(await client.until(/\r\n\r\n/), /^HTTP\/1\.1 401 /);
    await client.closed;
  });

  it('a large body over a slow line has the time that it needs', async () => {
    const { send, upstream } = await world({}, fast);
    const client = send('POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n');
    const connection = await upstream.next();
    for (let i = 0; i < 20; i++) {
      client.socket.write('b'.repeat(10_000));
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await connection.until(/b$/);
    connection.write(OK);
    assert.match(await client.until(/ok$/), /HTTP\/1\.1 200 OK/);
  });

  it("an upstream that does not keep up is not the client's fault", async () => {
    const { send, upstream } = await world({ body_limit: '30mb' }, fast);
    const size = 20 * 1024 * 1024;
    const client = send(`POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: ${size}\r\n\r\n`);
    const connection = await upstream.next();
    connection.socket.pause();
    client.socket.write(Buffer.alloc(size, 'c'));
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    connection.socket.resume();
    const until = Date.now() + 10_000;
    while (connection.received < size && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
    connection.write(OK);
    assert.match(await client.until(/ok$/), /HTTP\/1\.1 200 OK/);
  });
});

describe('a client that leaves while the upstream is being connected to', () => {
  // An upstream with TLS that accepts and says nothing: the connection is never there.
  const connecting = (more: object = {}) => world({ ...more }, {}, 'https');

  it('ends the attempt to connect', async () => {
    const { send, upstream, gateway } = await connecting();
    const client = send('GET /x HTTP/1.1\r\nhost: a\r\nx-request-id: leaves\r\n\r\n');
    const connection = await upstream.next();
    await connection.until(/./s);
    client.socket.destroy();
    const left = performance.now();
    await connection.closed;
    assert.ok(performance.now() - left < 1_000);
    assert.equal((await gateway.line('leaves'))['status'], 499);
  });

  it('gives back its place and its limits', async () => {
    const { send, upstream } = await connecting({
      limits: [{ unit: 'concurrent', max: 1, by: 'route' }],
    });
    for (let i = 0; i < 3; i++) {
      const client = send(get());
      const connection = await upstream.next(); // refused by the limit it would never come here
      await connection.until(/./s);
      const second = send(get());
      assert.match(await second.until(/\r\n\r\n/), /^HTTP\/1\.1 429 /);
      client.socket.destroy();
      await connection.closed;
    }
    const held = send(get());
    await (await upstream.next()).until(/./s);
    assert.equal(parseAnswerOrNone(held), undefined);
  });

  it('leaves others who connect alone', async () => {
    const { send, upstream } = await connecting();
    const [one, other] = [send(get('/one')), send(get('/other'))];
    const [first, second] = [await upstream.next(), await upstream.next()];
    one.socket.destroy();
    await Promise.race([first.closed, second.closed]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(upstream.connections.filter(({ socket }) => !socket.closed).length, 1);
    assert.equal(parseAnswerOrNone(other), undefined);
  });

  it('is as one whose time to connect is over: that ends the attempt too', async () => {
    const upstream = await startRawUpstream();
    closing.push(() => upstream.stop());
    const target = { url: upstream.url.replace('http', 'https') };
    const gateway = await startRoutes([
      {
        ...{ name: 'late', match: { path: '/*' }, auth: { none: {} } },
        upstream: { targets: [target], timeout: { connect: '300ms' }, retry: { max_attempts: 1 } },
      },
    ]);
    closing.push(() => gateway.stop());
    const client = rawRequest(gateway.url, get());
    const connection = await upstream.next();
    assert.match(await client.until(/\r\n\r\n/), /^HTTP\/1\.1 504 /);
    const answered = performance.now();
    await connection.closed;
    assert.ok(performance.now() - answered < 500);
    client.socket.destroy();
  });
});

const parseAnswerOrNone = (client: RawAnswer) => (client.bytes().length > 0 ? parseAnswer(client.bytes()) : undefined);
