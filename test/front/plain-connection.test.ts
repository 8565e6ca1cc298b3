/** Connections over which plain requests come: what becomes of them, and of the answers on them. */
import assert from 'node:assert/strict';
import { createServer, type Server, type ServerOptions } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientRequest, ClientResponse } from '../../src/front/client.js';
import { Closing } from '../../src/front/closing.js';
import { plainFront } from '../../src/front/plain-front.js';
import { neverAsked, watchSlowClients } from '../../src/routes/slow-clients.js';
import { parseAnswer, type RawAnswer, rawRequest } from '../support/raw-http.js';

type Handler = (request: ClientRequest, response: ClientResponse) => void;

interface Started {
  readonly closing: Closing;
  readonly server: Server;
  readonly sockets: Socket[];
  /** Requests that node read. */
  readonly byNode: string[];
  send(bytes: string): RawAnswer;
}

async function start(t: TestContext, handler: Handler, options: ServerOptions = {}): Promise<Started> {
  const byNode: string[] = [];
  const sockets: Socket[] = [];
  const server = createServer({ requestTimeout: 0, ...options }, (request, response) => {
    byNode.push(request.url!);
    handler(request, response);
  });
  const closing = new Closing();
  const timeouts = () => ({ headersMs: 60_000, bodyMs: 60_000, sendMs: 60_000 });
  const clients = watchSlowClients(server, timeouts, () => performance.now());
  plainFront({ server, closing, clients, neverAsked }, (request, response) => {
    handler(request, response);
    return true;
  });
  server.on('connection', (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { server, closing, sockets, byNode, send: (bytes) => rawRequest(url, bytes) };
}

const get = (path = '/', more = ''): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n${more}\r\n`;
const whole = (response: ClientResponse, text: string): void => {
  response.writeHead(200, ['content-length', String(text.length)]);
  response.end(Buffer.from(text));
};

describe('a connection', () => {
  it('answers what is sent together one after the other', async (t) => {
    let running = 0;
    const seen: string[] = [];
    const { send, byNode } = await start(t, (request, response) => {
      running += 1;
      assert.equal(running, 1);
      seen.push(request.url!);
      setTimeout(() => {
        running -= 1;
        whole(response, `<${request.url}>`);
      }, 5);
    });
    const paths = Array.from({ length: 20 }, (_, i) => `/${i}`);
    const client = send(paths.map((path) => get(path)).join(''));
    await client.until(/<\/19>/);
    assert.deepEqual(seen, paths);
    assert.deepEqual(byNode, []);
  });

  it('is read no further than a little ahead of its answers', async (t) => {
    let answer: (() => void) | undefined;
    const { send, sockets } = await start(t, (_request, response) => {
      answer = () => whole(response, 'x');
    });
    const client = send(get() + get('/b', `x-long: ${'x'.repeat(4_000)}\r\n`).repeat(2_000));
    await sleep(300);
    assert.ok(sockets[0]!.bytesRead < 1_000_000, String(sockets[0]!.bytesRead));
    let answered = 0;
    while (answered < 2_001) {
      const now = answer;
      answer = undefined;
      if (now) {
        now();
        answered += 1;
      } else await sleep(0);
    }
    while (client.bytes().toString().split('\r\n\r\nx').length <= 2_001) await sleep(5);
  });

  it('whose client leaves in the middle of an answer says so once', async (t) => {
    const closes: boolean[] = [];
    const { send } = await start(t, (_request, response) => {
      response.on('close', () => closes.push(response.writableFinished));
      response.writeHead(200, []);
      response.write(Buffer.from('part'));
    });
    const client = send(get());
    await client.until(/part/);
    client.socket.destroy();
    while (closes.length === 0) await sleep(5);
    await sleep(50);
    assert.deepEqual(closes, [false]);
  });

  it('tells that an answer is with the client', async (t) => {
    const closes: boolean[] = [];
    const { send } = await start(t, (_request, response) => {
      response.on('close', () => closes.push(response.writableFinished));
      whole(response, 'all');
    });
    const client = send(get());
    await client.until(/all/);
    client.socket.destroy();
    await sleep(50);
    assert.deepEqual(closes, [true]);
  });

  it('writes no faster than the client reads', async (t) => {
    const piece = Buffer.alloc(256 * 1024, 'p');
    let written = 0;
    const { send, sockets } = await start(t, (_request, response) => {
      response.writeHead(200, ['content-length', String(200 * piece.length)]);
      const more = (): void => {
        while (written < 200) {
          written += 1;
          if (written === 200) return void response.end(piece);
          if (!response.write(piece)) return;
        }
      };
      response.on('drain', more);
      more();
    });
    const client = send(get());
    client.socket.pause();
    await sleep(300);
    assert.ok(written < 100, String(written));
    assert.ok(sockets[0]!.writableLength <= 2 * piece.length);
    client.socket.resume();
    while (client.bytes().length < 200 * piece.length) await sleep(20);
    assert.equal(written, 200);
  });

  it('that is idle is closed after its time', async (t) => {
    const { send } = await start(t, (_request, response) => whole(response, 'x'), { keepAliveTimeout: 2_000 });
    const client = send(get());
    assert.match(await client.until(/\r\n\r\nx/), /Keep-Alive: timeout=2\r\n/);
    const begin = Date.now();
    await client.closed;
    assert.ok(Date.now() - begin > 1_500 && Date.now() - begin < 5_000);
  });

  it('that sends nothing, or a head in drips, has the time that node gives it', async (t) => {
    const { send } = await start(t, (_request, response) => whole(response, 'x'), {
      headersTimeout: 1_000,
      connectionsCheckingInterval: 100,
    });
    const silent = send('');
    const drips = send('GET / HT');
    const begun = send(`${get()}GET /b HTTP/1.1\r\nhos`);
    await Promise.all([silent.closed, drips.closed, begun.closed]);
    for (const client of [silent, drips, begun]) assert.match(client.bytes().toString(), /HTTP\/1\.1 408 /);
    assert.match(begun.bytes().toString(), /^HTTP\/1\.1 200 /);
  });

  it('that brings a body slowly becomes one of node', async (t) => {
    const { send, byNode } = await start(t, (request, response) => {
      if ('body' in request) return whole(response, 'plain');
      request.on('data', () => {}).on('end', () => whole(response, 'slow'));
    });
    const client = send('POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\na');
    for (const byte of 'bcd') {
      await sleep(1_200);
      client.socket.write(byte);
    }
    await client.until(/slow/);
    assert.deepEqual(byNode, ['/slow']);
  });

  it('becomes one of node with a larger body, or a head in many pieces', async (t) => {
    const { send, byNode } = await start(t, (request, response) => {
      if ('body' in request) return whole(response, 'plain');
      request.on('data', () => {}).on('end', () => whole(response, 'node'));
    });
    const post = (path: string, size: number) =>
      `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: ${size}\r\n\r\n${'b'.repeat(size)}`;
    await send(post('/small', 64 * 1024)).until(/plain/);
    await send(post('/large', 64 * 1024 + 1)).until(/node/);
    const pieces = send('GET /pieces HT');
    for (const piece of ['TP/1.1\r\n', 'host', ': a\r\n', 'x: 1\r\n', '\r\n']) {
      await sleep(20);
      pieces.socket.write(piece);
    }
    await pieces.until(/node/);
    assert.deepEqual(byNode, ['/large', '/pieces']);
  });

  it('that ends its side is ended', async (t) => {
    const { send } = await start(t, (_request, response) => whole(response, 'x'));
    const client = send(get());
    await client.until(/\r\n\r\nx/);
    client.socket.end();
    await client.closed;
  });
});

describe('a server that closes', () => {
  it('ends idle connections, lets an answer be finished, and says that it was the last', async (t) => {
    let answer: (() => void) | undefined;
    const { server, closing, send } = await start(t, (request, response) => {
      if (request.url === '/idle') return whole(response, 'x');
      answer = () => whole(response, 'late');
    });
    const idle = send(get('/idle'));
    await idle.until(/\r\n\r\nx/);
    const running = send(get('/running'));
    while (!answer) await sleep(5);
    closing.begin(0);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await idle.closed;
    assert.equal(running.bytes().length, 0);
    answer();
    assert.match(await running.until(/late/), /Connection: close\r\n/);
    await running.closed;
    await closed;
  });

  it('ends a connection whose answer had begun when it has ended', async (t) => {
    let finish: (() => void) | undefined;
    const { server, closing, send } = await start(t, (_request, response) => {
      response.writeHead(200, []);
      response.write(Buffer.from('begun'));
      finish = () => response.end(Buffer.from('done'));
    });
    const client = send(get());
    await client.until(/begun/);
    closing.begin(0);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    finish!();
    await client.closed;
    await closed;
    assert.equal(parseAnswer(client.bytes()).complete, true);
  });

  it('cuts what it is told to cut', async (t) => {
    let begun = false;
    const { server, send } = await start(t, (_request, response) => {
      begun = true;
      response.writeHead(200, ['content-length', '10']);
      response.write(Buffer.from('part'));
    });
    const client = send(get());
    while (!begun) await sleep(5);
    server.closeAllConnections();
    await client.closed;
  });
});

describe('an answer', () => {
  const answered = async (t: TestContext, handler: (response: ClientResponse) => void, request = get()) => {
    const { send } = await start(t, (_request, response) => handler(response));
    const client = send(request + get('/next'));
    return client;
  };

  it('without a length is chunked, with trailers', async (t) => {
    const client = await answered(t, (response) => {
      response.writeHead(200, 'Fine', ['x-a', '1']);
      assert.equal(response.chunkedEncoding, true);
      response.write(Buffer.from('hello '));
      response.write(Buffer.alloc(0));
      response.write(Buffer.from('you'));
      response.addTrailers([['x-end', 'yes']]);
      response.end(Buffer.from('!'));
    });
    const text = await client.until(/x-end: yes\r\n\r\n.*x-end: yes\r\n\r\n/s);
    const [head, body] = text.split('\r\n\r\n', 2);
    assert.match(head!, /^HTTP\/1\.1 200 Fine\r\nx-a: 1\r\nTransfer-Encoding: chunked\r\nDate: [^\r]+ GMT\r\n/);
    assert.match(body!, /^6\r\nhello \r\n3\r\nyou\r\n1\r\n!\r\n0\r\nx-end: yes$/);
  });

  for (const [what, status, request] of [
    ['to HEAD', 200, get().replace('GET', 'HEAD')],
    ['of 204', 204, get()],
    ['of 304', 304, get()],
  ] as const) {
    it(`${what} has no body`, async (t) => {
      const client = await answered(
        t,
        (response) => {
          response.writeHead(status, status === 200 ? ['content-length', '4'] : []);
          response.write(Buffer.from('bo'));
          response.end(Buffer.from('dy'));
        },
        request,
      );
      const text = await client.until(/HTTP\/1\.1 .*HTTP\/1\.1 .*\r\n\r\n/s);
      assert.match(text, /^HTTP\/1\.1 .*?\r\n\r\nHTTP\/1\.1 /s);
      assert.doesNotMatch(text, /chunked/);
    });
  }

  it('sends its head alone where that is wanted, and hints before it', async (t) => {
    const client = await answered(t, (response) => {
      response.writeEarlyHints({ link: ['</a>; rel=preload', '</b>; rel=preload'] });
      response.writeProcessing();
      response.writeHead(200, ['content-length', '2']);
      response.flushHeaders();
      response.flushHeaders();
    });
    const text = await client.until(/content-length: 2.*\r\n\r\n/s);
    assert.ok(
      text.startsWith(
        'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload, </b>; rel=preload\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n',
      ),
    );
  });

  it('of any size arrives as it was given', async (t) => {
    for (const size of [0, 1, 1_000, 32 * 1024, 32 * 1024 + 1, 3_000_000]) {
      const body = Buffer.alloc(size, 'ab');
      for (const length of [true, false]) {
        const { send } = await start(t, (_request, response) => {
          response.writeHead(200, [...(length ? ['content-length', String(size)] : []), 'connection', 'close']);
          response.end(body);
        });
        const client = send(get());
        await client.closed;
        const parsed = parseAnswer(client.bytes());
        assert.equal(parsed.body.length, size);
        assert.ok(Buffer.from(parsed.body).equals(body));
      }
    }
  });

  it('that is not as long as it says breaks the connection off', async (t) => {
    for (const [size, more] of [
      [3, ''],
      [5, 'x'],
    ] as const) {
      const client = await answered(t, (response) => {
        response.writeHead(200, ['content-length', '4']);
        response.write(Buffer.alloc(size - more.length, 'b'));
        response.end(Buffer.from(more));
      });
      await client.closed;
      assert.doesNotMatch(client.bytes().toString(), /HTTP.*HTTP/s);
    }
  });

  it('takes no header that could be read as two', async (t) => {
    const refused: unknown[] = [];
    const wrong: (readonly [string, string])[] = [
      ['x-a', 'a\r\nx-b: b'],
      ['x-a', 'a\nb'],
      ['x-a', 'a\0'],
      ['x-a', 'a\u010d\u010ab'],
      ['x a', 'b'],
      ['x-a:', 'b'],
      ['', 'b'],
      ['x\r\ny', 'b'],
    ];
    const client = await answered(t, (response) => {
      for (const pair of wrong) {
        assert.throws(() => response.writeHead(200, [...pair]), TypeError, JSON.stringify(pair));
        refused.push(pair);
      }
      assert.throws(() => response.writeHead(200, 'O\r\nK', []), TypeError);
      assert.throws(() => response.addTrailers([['x-a', 'a\r\n']]), TypeError);
      whole(response, 'fine');
    });
    const text = await client.until(/fine.*fine/s);
    assert.ok(text.startsWith('HTTP/1.1 200 OK\r\ncontent-length: 4\r\nDate'));
    assert.equal(refused.length, 2 * wrong.length);
  });
});
