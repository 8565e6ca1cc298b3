/** Requests as the bytes that an upstream receives: framing, what is refused before anything is sent, and bodies that stream. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, afterEach, before, describe, it } from 'node:test';
import { Connections } from '../../src/upstream/http1/connections.js';
import { type HttpRequest, requestHead } from '../../src/upstream/http1/request-head.js';
import { ask, send, type Told, turn, until } from '../support/http1.js';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.js';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

let upstream: RawUpstream;
let connections: Connections;

before(async () => {
  upstream = await startRawUpstream();
});
after(() => upstream.stop());
afterEach(async () => {
  connections.destroy();
  await upstream.reset();
});

const open = (): Connections => {
  connections = new Connections({ origin: upstream.url, connectMs: 5_000 });
  return connections;
};

/** What arrives, until it matches. */
async function sent(request: Partial<HttpRequest>, pattern = /\r\n\r\n$/): Promise<{ text: string; one: Told }> {
  const one = send(open(), request);
  const connection = await upstream.next();
  const text = await connection.until(pattern);
  connection.write(OK);
  await one.over;
  return { text, one };
}

const stream = (...pieces: (string | Buffer)[]): Readable => Readable.from(pieces.map((piece) => Buffer.from(piece)));

describe('the head of a request', () => {
  it('has the headers as they are given, the host that is said or the place, and no length without a body', async () => {
    const { text } = await sent({ path: '/a?b=c', headers: ['X-A', '1', 'x-a', '\xe9 \t2', 'accept', ''] });
    assert.equal(
      text,
      `GET /a?b=c HTTP/1.1\r\nhost: 127.0.0.1:${upstream.port}\r\nconnection: keep-alive\r\nX-A: 1\r\nx-a: \xe9 \t2\r\naccept: \r\n\r\n`,
    );
    assert.match(
      (await sent({ headers: ['Host', 'api.example.com'] })).text,
      /^GET \/x HTTP\/1.1\r\nhost: api\.example\.com\r\n/,
    );
  });

  it('states the length of a body, and of none where a method is expected to have one', async () => {
    for (const method of ['POST', 'PUT', 'PATCH'])
      assert.match((await sent({ method })).text, /content-length: 0\r\n\r\n$/, method);
    for (const method of ['GET', 'DELETE', 'OPTIONS', 'PURGE'])
      assert.doesNotMatch((await sent({ method })).text, /content-length|transfer-encoding/, method);
    assert.match((await sent({ method: 'GET', body: Buffer.alloc(0) })).text, /connection: keep-alive\r\n\r\n$/);
    const { text } = await sent({ method: 'POST', body: Buffer.from('h\xe9llo') }, /llo$/);
    assert.match(text, /content-length: 6\r\n\r\nh\xc3\xa9llo$/);
  });

  it('a large body arrives whole', async () => {
    const body = Buffer.alloc(300_000, 'abc');
    const { text } = await sent({ method: 'POST', body }, /c$/);
    const [head, received] = text.split('\r\n\r\n');
    if (received!.length < body.length) await until(() => upstream.connections.at(-1)!.received >= body.length);
    assert.match(head!, /content-length: 300000/);
    assert.equal(upstream.connections.at(-1)!.text().split('\r\n\r\n')[1], body.toString());
  });

  it('an end of the connection that is asked for goes on as one, and what else belongs to it does not', async () => {
    const { text } = await sent({ headers: ['connection', 'x-a, Close', 'x-a', '1'] });
    assert.match(text, /connection: close\r\nx-a: 1\r\n\r\n$/);
    assert.match((await sent({ headers: ['connection', 'x-a'] })).text, /connection: keep-alive\r\n\r\n$/);
    assert.match((await sent({ method: 'HEAD' })).text, /connection: close/, 'some send a body after all');
    assert.match((await sent({ body: Buffer.from('a') }, /a$/)).text, /connection: close/, 'some do not read it');
  });
});

describe('what could be read as more than one request is refused before anything is sent', () => {
  const cases: [string, Partial<HttpRequest>][] = [
    ['a line break in a value', { headers: ['x-a', 'b\r\nx-c: d'] }],
    ['a carriage return in a value', { headers: ['x-a', 'b\rc'] }],
    ['a line feed in a value', { headers: ['x-a', 'b\nc'] }],
    ['a null byte in a value', { headers: ['x-a', 'b\0c'] }],
    ['a delete in a value', { headers: ['x-a', 'b\x7f'] }],
    ['a character that is more than a byte', { headers: ['x-a', 'b\u010ac'] }],
    ['a line break in a name', { headers: ['x-a\r\nx-b', 'c'] }],
    ['a colon in a name', { headers: ['x-a:', 'c'] }],
    ['a space in a name', { headers: ['x a', 'c'] }],
    ['an empty name', { headers: ['', 'c'] }],
    ['a name outside ASCII', { headers: ['n\xe4me', 'c'] }],
    ['a line break in the path', { path: '/a HTTP/1.1\r\nx: y' }],
    ['a space in the path', { path: '/a b' }],
    ['a path of characters', { path: '/\u4e2d' }],
    ['a path without a slash', { path: 'a' }],
    ['an empty path', { path: '' }],
    ['a space in the method', { method: 'GET /y HTTP/1.1\r\n\r\nGET' }],
    ['an empty method', { method: '' }],
    ['a line break in the protocol to change to', { upgrade: 'websocket\r\nx: y' }],
    ['an empty protocol', { upgrade: '' }],
    ['a coding of its own', { method: 'POST', headers: ['Transfer-Encoding', 'chunked'], body: Buffer.from('a') }],
    ['a protocol of its own', { headers: ['upgrade', 'h2c'] }],
    ['keep-alive of its own', { headers: ['keep-alive', 'timeout=5'] }],
    ['an expectation', { headers: ['expect', '100-continue'] }],
    ['two hosts', { headers: ['host', 'a', 'Host', 'b'] }],
    ['the same host twice', { headers: ['host', 'a', 'host', 'a'] }],
    [
      'two lengths',
      { method: 'POST', headers: ['content-length', '1', 'content-length', '1'], body: Buffer.from('a') },
    ],
    ['a length that is none', { method: 'POST', headers: ['content-length', '1,1'], body: stream('a') }],
    ['a signed length', { method: 'POST', headers: ['content-length', '+1'], body: stream('a') }],
  ];
  for (const [name, request] of cases) {
    it(name, async () => {
      const one = await ask(open(), request);
      assert.deepEqual(one.events, ['error BAD_REQUEST']);
      assert.doesNotMatch(one.error!.message, /127|example/);
      assert.equal(upstream.connections.length, 0);
    });
  }

  it('another length than the body has', async () => {
    for (const body of [Buffer.from('ab'), null]) {
      const one = await ask(open(), { method: 'POST', headers: ['content-length', '3'], body });
      assert.deepEqual(one.events, ['error BAD_REQUEST_LENGTH']);
    }
  });

  it('whatever goes into a head, it has the lines that were meant', () => {
    const characters = ['\r', '\n', '\0', ' ', ':', 'a', '\t', '\x85', '\u2028', '\u560a', '\u010d', ',', '\x7f'];
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const text = (): string =>
      Array.from({ length: 1 + random(4) }, () => characters[random(characters.length)]).join('');
    let made = 0;
    for (let i = 0; i < 20_000; i++) {
      const request = { method: 'GET', path: `/${text()}`, headers: [`x${text()}`, text(), 'y', text()], body: null };
      const plain = { ...request, path: '/', headers: ['xa', text(), 'y', text()] };
      for (const one of [request, plain]) {
        let head: string;
        try {
          head = requestHead(one, 'h').text;
        } catch {
          continue;
        }
        made++;
        const bytes = Buffer.from(head, 'latin1').toString('latin1');
        assert.equal(bytes, head, 'no character is cut to a byte');
        assert.equal(bytes.split(/\r|\n/).length, 13, JSON.stringify(head));
        assert.equal(bytes.split('\r\n').length, 7);
      }
    }
    assert.ok(made > 300);
  });
});

describe('a body that streams', () => {
  it('goes in chunks where its length is not known', async () => {
    const { text } = await sent({ method: 'POST', body: stream('hello', '', 'w\xf6rld'.repeat(10)) }, /0\r\n\r\n$/);
    const [head, ...rest] = text.split('\r\n\r\n');
    assert.match(head!, /transfer-encoding: chunked$/);
    assert.equal(rest.join('\r\n\r\n'), `5\r\nhello\r\n3c\r\n${'w\xc3\xb6rld'.repeat(10)}\r\n0\r\n\r\n`);
  });

  it('goes as it is where its length is said', async () => {
    const { text } = await sent(
      { method: 'POST', headers: ['content-length', '10'], body: stream('hello', 'world') },
      /world$/,
    );
    assert.match(text, /content-length: 10\r\n\r\nhelloworld$/);
    assert.doesNotMatch(text, /chunked/);
  });

  it('that is empty ends at once', async () => {
    assert.match((await sent({ method: 'POST', body: stream() })).text, /chunked\r\n\r\n0\r\n\r\n$/);
    assert.match(
      (await sent({ method: 'POST', headers: ['content-length', '0'], body: stream() })).text,
      /length: 0\r\n\r\n$/,
    );
  });

  it('that does not come yet does not hold up the head', async () => {
    const body = new Readable({ read: () => {} });
    const one = send(open(), { method: 'POST', body });
    const connection = await upstream.next();
    await connection.until(/chunked\r\n\r\n$/);
    body.push('now');
    await connection.until(/3\r\nnow\r\n$/);
    body.push(null);
    await connection.until(/0\r\n\r\n$/);
    connection.write(OK);
    await one.over;
    assert.equal(one.events.at(-1), 'end');
  });

  it('of another length than was said is an error, and the connection is closed', async () => {
    for (const [length, body] of [
      ['3', stream('hello')],
      ['9', stream('hello')],
    ] as const) {
      const one = send(open(), { method: 'POST', headers: ['content-length', length], body });
      const connection = await upstream.next();
      await one.over;
      assert.equal(one.events.at(-1), 'error BAD_REQUEST_LENGTH');
      await connection.closed;
      assert.doesNotMatch(connection.text(), /hello.*hello/);
      assert.ok(body.destroyed);
    }
  });

  it('that breaks is an error, and the connection is closed', async () => {
    for (const error of [new Error('broken'), undefined]) {
      const body = new Readable({ read: () => {} });
      const one = send(open(), { method: 'POST', body });
      const connection = await upstream.next();
      body.push('a part');
      await connection.until(/a part/);
      body.destroy(error);
      await one.over;
      assert.equal(one.events.at(-1), error ? 'error broken' : 'error BODY_BROKEN');
      await connection.closed;
      assert.doesNotMatch(connection.text(), /\r\n0\r\n/, 'and it does not look whole');
    }
  });

  it('that is broken already is an error', async () => {
    const body = new Readable({ read: () => {} }).on('error', () => {});
    body.destroy(new Error('broken'));
    const one = await ask(open(), { method: 'POST', body });
    assert.equal(one.events.at(-1), 'error broken');
  });

  it('is left alone where no connection was had', async () => {
    const nowhere = await startRawUpstream();
    await nowhere.stop();
    const body = stream('hello');
    connections = new Connections({ origin: nowhere.url, connectMs: 5_000 });
    const one = await ask(connections, { method: 'POST', body });
    assert.deepEqual(one.events, ['error ECONNREFUSED']);
    assert.equal(body.destroyed, false, 'it can be sent to somebody else');
  });

  it('is read no faster than the upstream takes it', async () => {
    let read = 0;
    const size = 40_000_000;
    const body = new Readable({
      highWaterMark: 64 * 1024,
      read() {
        if (read >= size) return void this.push(null);
        read += 50_000;
        this.push(Buffer.alloc(50_000, 'b'));
      },
    });
    const one = send(open(), { method: 'POST', headers: ['content-length', String(size)], body });
    const connection = await upstream.next();
    connection.socket.pause();
    await until(() => read > 1_000_000);
    let last = -1;
    while (last !== read) {
      last = read;
      for (let i = 0; i < 100; i++) await turn();
    }
    assert.ok(read < size / 2, `${read} bytes were read`);
    connection.socket.resume();
    await until(() => connection.received > size, 20_000);
    connection.write(OK);
    await one.over;
    assert.deepEqual([one.events.at(-1), one.body()], ['end', 'ok']);
    assert.ok(body.destroyed);
  });

  it('that is answered early ends with the answer, and its connection is not used again', async () => {
    const body = new Readable({ read: () => {} });
    body.push('a part');
    const one = send(open(), { method: 'POST', body });
    const connection = await upstream.next();
    await connection.until(/a part/);
    connection.write('HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno');
    await one.over;
    assert.deepEqual([one.status, one.body(), one.events.at(-1)], [413, 'no', 'end']);
    assert.ok(body.destroyed);
    await connection.closed;
  });

  it('goes on while its answer comes already', async () => {
    const body = new Readable({ read: () => {} });
    body.push('one');
    const one = send(open(), { method: 'POST', body });
    const connection = await upstream.next();
    await connection.until(/one/);
    connection.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab');
    await until(() => one.body() === 'ab');
    body.push('two');
    body.push(null);
    await connection.until(/two\r\n0\r\n\r\n$/);
    connection.write('cd');
    await one.over;
    assert.deepEqual([one.body(), one.events.at(-1)], ['abcd', 'end']);
    const second = send(connections);
    await connection.until(/GET \/x/);
    connection.write(OK);
    await second.over;
    assert.equal(upstream.connections.length, 1, 'the connection serves again');
  });

  it('ends when its request is given up or its connection is lost', async () => {
    for (const how of ['abort', 'reset'] as const) {
      const body = new Readable({ read: () => {} });
      body.push('a part');
      const one = send(open(), { method: 'POST', body });
      const connection = await upstream.next();
      await connection.until(/a part/);
      if (how === 'abort') one.running.abort();
      else connection.socket.resetAndDestroy();
      await connection.closed;
      await until(() => body.destroyed);
      assert.equal(one.events.at(-1), how === 'abort' ? 'sending' : 'error ECONNRESET');
    }
  });
});
