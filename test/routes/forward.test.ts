/** Forwarding, over raw sockets on both sides: what arrives upstream, and what comes back, byte by byte. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAnswer, type RawAnswer, rawRequest } from '../support/raw-http.js';
import { type RawConnection, type RawUpstream, startRawUpstream } from '../support/raw-upstream.js';
import { startRoutes, type TestRoutes } from '../support/routes.js';

let upstream: RawUpstream;
let gateway: TestRoutes;
const clients: RawAnswer[] = [];

before(async () => {
  upstream = await startRawUpstream();
  gateway = await startRoutes([
    {
      name: 'all',
      match: { path: '/*' },
      upstream: { targets: [{ url: upstream.url }], timeout: { headers: '20s', idle: '20s' } },
      auth: { none: {} },
      body_limit: '10mb',
    },
  ]);
});

after(async () => {
  for (const { socket } of clients) socket.destroy();
  await gateway?.stop();
  await upstream?.stop();
});

/** Idle connections of earlier tests are closed, so that each test sees its own. */
beforeEach(() => upstream.reset());

function send(bytes: string | Buffer): RawAnswer {
  const client = rawRequest(gateway.url, typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  clients.push(client);
  return client;
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const get = (more = '') => `GET /x HTTP/1.1\r\nhost: api.example.com\r\n${more}\r\n`;

/** What the upstream received for a request that it answers. */
async function forwarded(bytes: string, answer = OK): Promise<{ head: string; body: string; reply: string }> {
  const client = send(bytes);
  const connection = await upstream.next();
  await connection.until(/\r\n\r\n/);
  connection.write(answer);
  const reply = await client.until(/\r\n\r\n/);
  const [head = '', ...body] = connection.text().split('\r\n\r\n');
  client.socket.destroy();
  connection.socket.destroy();
  return { head, body: body.join('\r\n\r\n'), reply };
}

const field = (head: string, name: string): string[] =>
  head
    .split('\r\n')
    .slice(1)
    .filter((line) => line.toLowerCase().startsWith(`${name}:`))
    .map((line) => line.slice(name.length + 1).trim());

async function refused(bytes: string, status: number): Promise<string> {
  const before = upstream.connections.length;
  const client = send(bytes);
  const text = await client.until(/\r\n\r\n/);
  assert.equal(Number(text.split(' ')[1]), status, text);
  await client.closed;
  assert.equal(upstream.connections.length, before, 'nothing may reach the upstream');
  return text;
}

describe('headers of a request', () => {
  for (const name of [
    'keep-alive',
    'proxy-connection',
    'proxy-authenticate',
    'proxy-authorization',
    'te',
    'trailer',
    'upgrade',
    'http2-settings',
  ]) {
    it(`${name} ends here`, async () => {
      const { head } = await forwarded(get(`${name}: timeout=5\r\n`));
      assert.deepEqual(field(head, name), []);
    });
  }

  it('what Connection names ends here, but not what the gateway says', async () => {
    const { head } = await forwarded(
      get('connection: x-a, x-request-id, x-forwarded-for, keep-alive\r\nx-a: 1\r\nx-b: 2\r\n'),
    );
    assert.deepEqual(field(head, 'x-a'), []);
    assert.deepEqual(field(head, 'x-b'), ['2']);
    assert.equal(field(head, 'x-request-id').length, 1);
    assert.deepEqual(field(head, 'x-forwarded-for'), ['127.0.0.1']);
  });

  it('TE: trailers goes on', async () => {
    const { head } = await forwarded(get('te: trailers, deflate\r\n'));
    assert.deepEqual(field(head, 'te'), ['trailers']);
  });

  it('says who asked and what for, and takes nobody else’s word for it', async () => {
    const spoofed =
      'x-forwarded-for: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nx-forwarded-proto: https\r\nx-forwarded-host: evil\r\nx-forwarded-port: 1\r\nforwarded: for=6.6.6.6\r\nx-real-ip: 6.6.6.6\r\nx-tollgate-consumer: root\r\nX_TOLLGATE_CONSUMER: root\r\n';
    const { head } = await forwarded(get(spoofed));
    assert.deepEqual(field(head, 'x-forwarded-for'), ['127.0.0.1']);
    assert.deepEqual(field(head, 'x-forwarded-proto'), ['http']);
    assert.deepEqual(field(head, 'x-forwarded-host'), ['api.example.com']);
    assert.deepEqual(field(head, 'forwarded'), ['for=127.0.0.1;host=api.example.com;proto=http']);
    assert.match(field(head, 'via')[0]!, /^1\.1 tollgate-[0-9a-f]+$/);
    assert.doesNotMatch(head, /6\.6\.6\.6|evil|root/);
    assert.deepEqual(field(head, 'host'), [`127.0.0.1:${upstream.port}`]);
  });

  it('keeps what is repeated, in order, and bytes outside ASCII', async () => {
    const { head } = await forwarded(get('x-m: 1\r\nX-M: 2\r\nx-m: \xe9\r\ncookie: a=1\r\ncookie: b=2\r\n'));
    assert.deepEqual(field(head, 'x-m'), ['1', '2', '\xe9']);
    assert.deepEqual(field(head, 'cookie'), ['a=1', 'b=2']);
  });

  it('keeps a sane request id and replaces another', async () => {
    const kept = await forwarded(get('x-request-id: abc-1\r\n'));
    assert.deepEqual(field(kept.head, 'x-request-id'), ['abc-1']);
    assert.deepEqual(field(kept.reply, 'x-request-id'), ['abc-1']);
    const made = await forwarded(get('x-request-id: a b\r\n'));
    assert.match(field(made.head, 'x-request-id')[0]!, /^req_/);
    assert.deepEqual(field(made.head, 'x-request-id'), field(made.reply, 'x-request-id'));
  });
});

describe('headers of an answer', () => {
  it('hop-by-hop ones end here, others and what is repeated go on', async () => {
    const { reply } = await forwarded(
      get(),
      'HTTP/1.1 200 Fine\r\nconnection: close, x-hop\r\nkeep-alive: timeout=1\r\nproxy-authenticate: x\r\nupgrade: h2c\r\nx-hop: 1\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nx-u: \xe9\r\nserver: s\r\ncontent-length: 2\r\n\r\nok',
    );
    assert.match(reply, /^HTTP\/1\.1 200 Fine\r\n/);
    for (const name of ['proxy-authenticate', 'upgrade', 'x-hop']) assert.deepEqual(field(reply, name), [], name);
    assert.deepEqual(field(reply, 'connection'), ['keep-alive']);
    assert.deepEqual(field(reply, 'set-cookie'), ['a=1', 'b=2']);
    assert.deepEqual(field(reply, 'x-u'), ['\xe9']);
    assert.deepEqual(field(reply, 'server'), ['s']);
  });

  it('a client that asks to close is told so, and the connection is closed', async () => {
    const client = send(get('connection: close\r\n'));
    const connection = await upstream.next();
    await connection.until(/\r\n\r\n/);
    connection.write(OK);
    await client.closed;
    assert.match(client.bytes().toString(), /connection: close/i);
  });

  it('early hints and other informational answers come before the answer', async () => {
    const client = send(get());
    const connection = await upstream.next();
    await connection.until(/\r\n\r\n/);
    connection.write('HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n');
    await client.until(/103 Early Hints\r\n[\s\S]*a\.css/);
    connection.write(OK);
    const text = await client.until(/ok$/);
    assert.match(text, /HTTP\/1\.1 200 OK/);
  });
});

describe('framing', () => {
  const post = (headers: string, body = '') => `POST /x HTTP/1.1\r\nhost: a\r\n${headers}\r\n${body}`;
  const cases: [string, string, number][] = [
    ['two Content-Length that differ', post('content-length: 1\r\ncontent-length: 2\r\n', 'ab'), 400],
    ['two Content-Length that agree', post('content-length: 1\r\ncontent-length: 1\r\n', 'a'), 400],
    ['a list of lengths', post('content-length: 1, 1\r\n', 'a'), 400],
    ['a negative length', post('content-length: -1\r\n'), 400],
    ['a length that is no number', post('content-length: 0x1\r\n', 'a'), 400],
    ['both length and chunked', post('content-length: 3\r\ntransfer-encoding: chunked\r\n', '0\r\n\r\n'), 400],
    ['chunked twice', post('transfer-encoding: chunked, chunked\r\n', '0\r\n\r\n'), 400],
    ['two Transfer-Encoding', post('transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n', '0\r\n\r\n'), 400],
    ['an unknown coding', post('transfer-encoding: gzip, chunked\r\n', '0\r\n\r\n'), 400],
    ['a coding that is not chunked at all', post('transfer-encoding: identity\r\n'), 400],
    ['chunked in HTTP/1.0', 'POST /x HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['two Host', 'GET /x HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n', 400],
    ['the same Host twice', 'GET /x HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n', 400],
    ['no Host', 'GET /x HTTP/1.1\r\n\r\n', 400],
    ['a Host that is none', 'GET /x HTTP/1.1\r\nhost: a b\r\n\r\n', 400],
    ['a Host with a path', 'GET /x HTTP/1.1\r\nhost: a/b\r\n\r\n', 400],
    ['a Host with a user', 'GET /x HTTP/1.1\r\nhost: u@a\r\n\r\n', 400],
    ['a space before the colon', 'GET /x HTTP/1.1\r\nhost: a\r\nx : 1\r\n\r\n', 400],
    ['a folded header', 'GET /x HTTP/1.1\r\nhost: a\r\nx: 1\r\n 2\r\n\r\n', 400],
    ['a bare line feed', 'GET /x HTTP/1.1\nhost: a\n\n', 400],
    ['a null byte in a header', 'GET /x HTTP/1.1\r\nhost: a\r\nx: \0\r\n\r\n', 400],
    ['headers that are too large', `GET /x HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
  ];
  for (const [name, bytes, status] of cases) it(`${name}: ${status}`, () => refused(bytes, status).then(() => {}));

  it('a target that is too long: 414', async () => {
    const client = send(`GET /${'a'.repeat(9_000)} HTTP/1.1\r\nhost: a\r\n\r\n`);
    assert.match(await client.until(/\r\n\r\n/), /^HTTP\/1\.1 414 /);
  });

  it('a chunked body arrives chunked, with extensions and trailers dropped', async () => {
    const client = send(
      post('transfer-encoding: Chunked\r\ntrailer: x-t\r\n', '3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nx-t: 1\r\n\r\n'),
    );
    const connection = await upstream.next();
    const text = await connection.until(/\r\n0\r\n\r\n$/);
    assert.match(text, /transfer-encoding: chunked/i);
    assert.doesNotMatch(text, /content-length|x-t|a=b/i);
    assert.equal(
      parseAnswer(Buffer.from(text.replace(/^POST[^\r]*/, 'HTTP/1.1 200 OK'), 'latin1')).body.toString(),
      'abcde',
    );
    connection.write(OK);
    await client.until(/ok$/);
  });

  it('a body with a length keeps it, also with GET and DELETE', async () => {
    for (const method of ['POST', 'GET', 'DELETE', 'PATCH']) {
      const client = send(`${method} /x HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello`);
      const connection = await upstream.next();
      const text = await connection.until(/hello$/);
      assert.deepEqual(field(text.split('\r\n\r\n')[0]!, 'content-length'), ['5'], method);
      connection.write(OK);
      await client.until(/ok$/);
      connection.socket.destroy();
      await connection.closed;
    }
  });

  it('an answer of HTTP/1.0 without a length ends with its connection', async () => {
    const client = send(get());
    const connection = await upstream.next();
    await connection.until(/\r\n\r\n/);
    connection.write('HTTP/1.0 200 OK\r\n\r\nsome text');
    connection.socket.end();
    const text = await client.until(/0\r\n\r\n$/);
    assert.equal(parseAnswer(client.bytes()).body.toString(), 'some text', text);
  });

  it('a client of HTTP/1.0 gets no chunks', async () => {
    const client = send('GET /x HTTP/1.0\r\nhost: a\r\n\r\n');
    const connection = await upstream.next();
    await connection.until(/\r\n\r\n/);
    connection.write(
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-t\r\n\r\n4\r\nbody\r\n0\r\nx-t: 1\r\n\r\n',
    );
    await client.closed;
    const text = client.bytes().toString();
    assert.match(text, /\r\n\r\nbody$/);
    assert.doesNotMatch(text, /chunked/);
  });

  it('requests that are sent together are answered in order', async () => {
    const client = send(get() + get().replace('/x', '/y'));
    const first = await upstream.next();
    await first.until(/GET \/x/);
    first.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst');
    await client.until(/first/);
    const asked = () => upstream.connections.find((connection) => /GET \/y/.test(connection.text()));
    while (!asked()) await sleep(5);
    asked()!.write('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecond');
    const text = await client.until(/second/);
    assert.ok(text.indexOf('first') < text.indexOf('second'));
  });
});

describe('an answer of an upstream', () => {
  const answered = async (bytes: string, request = get()): Promise<RawAnswer> => {
    const client = send(request);
    const connection = await upstream.next();
    await connection.until(/\r\n\r\n/);
    connection.write(bytes);
    return client;
  };

  it('to HEAD has the length and no body', async () => {
    const client = await answered('HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n', get().replace('GET', 'HEAD'));
    const text = await client.until(/\r\n\r\n/);
    assert.match(text, /content-length: 1234/i);
    assert.ok(text.endsWith('\r\n\r\n'));
  });

  for (const status of ['204 No Content', '304 Not Modified']) {
    it(`${status} has no body`, async () => {
      const client = await answered(`HTTP/1.1 ${status}\r\netag: "a"\r\n\r\n`);
      const text = await client.until(/\r\n\r\n/);
      assert.match(text, new RegExp(`^HTTP/1\\.1 ${status}\\r\\n`));
      assert.match(text, /etag: "a"/);
      assert.doesNotMatch(text, /transfer-encoding/i);
    });
  }

  it('keeps its trailers', async () => {
    const client = await answered(
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n',
      get('te: trailers\r\n'),
    );
    const text = await client.until(/x-sum: 7\r\n\r\n$/i);
    assert.match(text, /trailer: x-sum/i);
  });

  it('cut in the middle is cut for the client too', async () => {
    for (const head of ['content-length: 100\r\n\r\nsome', 'transfer-encoding: chunked\r\n\r\n4\r\nsome\r\n']) {
      const client = send(get());
      const connection = await upstream.next();
      await connection.until(/\r\n\r\n/);
      connection.write(`HTTP/1.1 200 OK\r\n${head}`);
      await client.until(/some/);
      connection.socket.destroy();
      await client.closed;
      assert.equal(parseAnswer(client.bytes()).complete, false);
    }
  });

  it('that is not HTTP is 502', async () => {
    const client = await answered('garbage\r\n\r\n');
    assert.match(await client.until(/\r\n\r\n/), /^HTTP\/1\.1 502 /);
  });

  it('with a length and chunked is not passed on as something that can be read in two ways', async () => {
    const client = await answered(
      'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    );
    const text = await client.until(/\r\n\r\n/);
    assert.ok(!(/content-length: 3/i.test(text) && /chunked/i.test(text)), text);
  });
});

describe('aborts', () => {
  /** The connection that a request is on, once it has arrived. */
  const arrived = async (bytes: string): Promise<{ client: RawAnswer; connection: RawConnection }> => {
    const client = send(bytes);
    const connection = await upstream.next();
    await connection.until(/\r\n\r\n/);
    return { client, connection };
  };

  it('a client that leaves while it waits ends the request upstream', async () => {
    const { client, connection } = await arrived(get());
    client.socket.destroy();
    await connection.closed;
  });

  it('a client that leaves in the middle of the answer ends it upstream', async () => {
    const { client, connection } = await arrived(get());
    connection.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nsome\r\n');
    await client.until(/some/);
    client.socket.destroy();
    await connection.closed;
  });

  it('a client that leaves in the middle of its body ends it upstream', async () => {
    const { client, connection } = await arrived(
      'POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n',
    );
    await connection.until(/abc/);
    client.socket.destroy();
    await connection.closed;
  });

  it('a client that leaves is 499 in the log', async () => {
    const { client, connection } = await arrived(get('x-request-id: left-1\r\n'));
    client.socket.destroy();
    await connection.closed;
    assert.equal((await gateway.line('left-1'))['status'], 499);
  });

  it('an upstream that resets before its answer is 502 to what cannot be repeated', async () => {
    const { client, connection } = await arrived('POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi');
    connection.socket.resetAndDestroy();
    assert.match(await client.until(/\r\n\r\n/), /^HTTP\/1\.1 502 /);
  });

  it('an upstream that answers before it has the whole body: the client reads the answer', async () => {
    const { client, connection } = await arrived(
      'POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n',
    );
    connection.write('HTTP/1.1 413 Too Large\r\ncontent-length: 5\r\nconnection: close\r\n\r\nlarge');
    const text = await client.until(/large/);
    assert.match(text, /connection: close/i);
    await client.closed;
  });

  it('a connection that the upstream closed between two requests: GET is asked again, POST is not', async () => {
    const { client, connection } = await arrived(get());
    connection.write(OK);
    await client.until(/ok$/);
    // It is closed exactly when the next request arrives on it.
    client.socket.write(get());
    await connection.until(/GET[\s\S]*GET/);
    connection.socket.resetAndDestroy();
    const second = await upstream.next();
    await second.until(/GET/);
    second.write('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecond');
    await client.until(/second/);
    client.socket.write('POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi');
    await second.until(/POST/);
    second.socket.resetAndDestroy();
    await client.until(/HTTP\/1\.1 502/);
  });
});

describe('Expect: 100-continue', () => {
  it('is answered here and does not go on', async () => {
    const client = send('POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n');
    await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    client.socket.write('hello');
    const connection = await upstream.next();
    const text = await connection.until(/hello$/);
    assert.deepEqual(field(text, 'expect'), []);
    connection.write(OK);
    assert.match(await client.until(/ok$/), /HTTP\/1\.1 200 OK/);
  });

  it('a body that would be too large is refused before it is sent', async () => {
    const client = send(
      `POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: ${11 * 1024 * 1024}\r\nexpect: 100-continue\r\n\r\n`,
    );
    const text = await client.until(/\r\n\r\n/);
    assert.match(text, /^HTTP\/1\.1 413 /);
  });

  it('anything else that is expected is 417', async () => {
    const client = send(get('expect: miracles\r\n'));
    assert.match(await client.until(/\r\n\r\n/), /^HTTP\/1\.1 417 /);
  });
});

describe('body limit', () => {
  it('a stream is cut off at the limit: 413, and the upstream does not get a whole body', async () => {
    const chunk = `${(64 * 1024).toString(16)}\r\n${'a'.repeat(64 * 1024)}\r\n`;
    const client = send('POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n');
    const connection = await upstream.next();
    const pump = (): void => {
      while (!client.socket.destroyed && client.socket.write(chunk));
    };
    client.socket.on('drain', pump);
    pump();
    assert.match(await client.until(/\r\n\r\n/), /^HTTP\/1\.1 413 /);
    client.socket.off('drain', pump);
    await connection.closed;
    assert.ok(connection.received < 11 * 1024 * 1024);
    assert.doesNotMatch(connection.text().slice(-10), /\r\n0\r\n\r\n/);
  });
});
