/** Connections: when one is used again and when not, how many there are, who waits, who gives up, and how all of them end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { packageRoot } from '../../src/lib/root.js';
import { Connections, type ConnectionsOptions } from '../../src/upstream/http1/connections.js';
import { ask, inPieces, type Scripted, send, startScripted, turn, until } from '../support/http1.js';
import { startRawUpstream } from '../support/raw-upstream.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

async function world(
  options: Partial<ConnectionsOptions> = {},
): Promise<{ server: Scripted; connections: Connections }> {
  const server = await startScripted();
  closing.push(() => server.stop());
  server.script = (socket) => void socket.write(OK);
  const connections = new Connections({ origin: server.origin, connectMs: 5_000, ...options });
  closing.push(() => connections.destroy());
  return { server, connections };
}

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await turn();
};

describe('a connection', () => {
  it('is used again and again, and no more are opened than run at once', async () => {
    const { server, connections } = await world();
    for (let i = 0; i < 20; i++) assert.equal((await ask(connections)).body(), 'ok');
    assert.equal(server.opened, 1);
    await Promise.all(Array.from({ length: 10 }, () => ask(connections)));
    assert.equal(server.opened, 10);
    await Promise.all(Array.from({ length: 10 }, () => ask(connections)));
    assert.equal(server.opened, 10);
  });

  it('over TLS is used again, however fast the answer comes', async () => {
    const file = (name: string): string => JSON.stringify(join(packageRoot, 'test/fixtures/tls', name));
    // In a thread of its own, so that an answer is there before this one has heard that the request is written.
    const server = new Worker(
      `const { readFileSync } = require('node:fs'); const { parentPort } = require('node:worker_threads'); let opened = 0;
      const server = require('node:tls').createServer(
        { cert: readFileSync(${file('valid.pem')}), key: readFileSync(${file('valid.key')}) },
        (socket) => {
          parentPort.postMessage({ opened: ++opened });
          socket.on('data', () => socket.write(${JSON.stringify(OK)})).on('error', () => {});
        },
      );
      server.listen(0, '127.0.0.1', () => parentPort.postMessage({ port: server.address().port }));`,
      { eval: true },
    );
    closing.push(() => server.terminate());
    const [{ port }] = (await once(server, 'message')) as [{ port: number }];
    let opened = 0;
    server.on('message', (told: { opened: number }) => {
      opened = told.opened;
    });
    const tls = { ca: readFileSync(join(packageRoot, 'test/fixtures/tls/ca.pem')), servername: 'api.test' };
    const connections = new Connections({ origin: `https://127.0.0.1:${port}`, connectMs: 5_000, tls });
    closing.push(() => connections.destroy());
    for (let i = 0; i < 500; i++) assert.equal((await ask(connections)).body(), 'ok');
    // One settles while the next request begins.
    assert.ok(opened <= 2, `${opened} connections`);
  });

  it('that was used last is used next', async () => {
    const { server, connections } = await world();
    const used: (number | undefined)[] = [];
    server.script = (socket) => {
      used.push(socket.remotePort);
      socket.write(OK);
    };
    await Promise.all([ask(connections), ask(connections), ask(connections)]);
    used.length = 0;
    for (let i = 0; i < 5; i++) await ask(connections);
    assert.equal(new Set(used).size, 1);
  });

  const notAgain: [string, string, { method?: string; headers?: string[] }?][] = [
    ['Connection: close', 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok'],
    ['close among others', 'HTTP/1.1 200 OK\r\nconnection: x-a,  Close\r\ncontent-length: 2\r\n\r\nok'],
    [
      'close in a second field',
      'HTTP/1.1 200 OK\r\nconnection: keep-alive\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
    ],
    ['HTTP/1.0, also with keep-alive', 'HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok'],
    ['bytes after the body', `${OK}x`],
    ['another answer after it', OK + OK],
    ['bytes after an empty body', 'HTTP/1.1 204 No Content\r\n\r\nx'],
    ['bytes after the last chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nx'],
    ['204 with a length', 'HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n'],
    ['204 in chunks', 'HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['an answer to HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n', { method: 'HEAD' }],
    ['a time to live of a second', 'HTTP/1.1 200 OK\r\nkeep-alive: timeout=1, max=5\r\ncontent-length: 0\r\n\r\n'],
    ['no time to live', 'HTTP/1.1 200 OK\r\nkeep-alive: timeout=0\r\ncontent-length: 0\r\n\r\n'],
    ['an end that the request asked for', OK, { headers: ['connection', 'close'] }],
  ];
  for (const [name, bytes, request] of notAgain) {
    it(`is not used again after ${name}`, async () => {
      const { server, connections } = await world();
      server.script = (socket) => void socket.write(bytes);
      for (let i = 0; i < 3; i++) {
        const one = await ask(connections, request);
        assert.equal(one.events.at(-1), 'end');
      }
      assert.equal(server.opened, 3);
      await until(() => server.open === 0);
    });
  }

  it('on which something comes while it is idle is closed, and what came is nobody’s answer', async () => {
    const { server, connections } = await world();
    let last: Socket | undefined;
    server.script = (socket, head) => {
      last = socket;
      socket.write(OK.replace('ok', head.slice(5, 7)));
    };
    assert.equal((await ask(connections, { path: '/aa' })).body(), 'aa');
    last!.write(OK.replace('ok', 'no'));
    await until(() => server.open === 0);
    assert.equal((await ask(connections, { path: '/bb' })).body(), 'bb');
  });

  it('on which an answer comes just before the next request is sent does not give it that answer', async () => {
    const { server, connections } = await world();
    let last: Socket | undefined;
    server.script = (socket, head) => {
      last = socket;
      socket.write(OK.replace('ok', head.slice(5, 7)));
    };
    for (let i = 0; i < 20; i++) {
      await ask(connections, { path: '/aa' });
      const before = server.opened;
      await turn();
      last!.write(OK.replace('ok', 'no')); // is in the socket already, and not read
      const one = await ask(connections, { path: '/bb' });
      assert.equal(one.body(), 'bb');
      assert.deepEqual(one.events, ['sending', 'head 200', 'data', 'end'], 'it was sent once');
      assert.equal(server.opened, before + 1);
    }
  });

  it('that was closed by the other side just before the next request is sent costs that request nothing', async () => {
    const { server, connections } = await world();
    let last: Socket | undefined;
    server.script = (socket) => {
      last = socket;
      socket.write(OK);
    };
    for (const close of ['end', 'resetAndDestroy'] as const) {
      for (let i = 0; i < 20; i++) {
        await ask(connections);
        await turn();
        last![close]();
        const one = await ask(connections, { method: 'POST', body: Buffer.from('a') });
        assert.deepEqual(one.events, ['sending', 'head 200', 'data', 'end']);
      }
    }
  });

  it('is closed after four idle seconds, or a second before the time that the other side says', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    let now = 1_000;
    t.mock.method(performance, 'now', () => now);
    for (const [header, stays, goes] of [
      ['x-a: b', 3_900, 4_100],
      ['keep-alive: timeout=30', 28_900, 29_100],
      ['Keep-Alive: max=7, Timeout=2', 900, 1_100],
      ['keep-alive: timeout=5000', 599_000, 600_001],
    ] as const) {
      const { server, connections } = await world();
      server.script = (socket) => void socket.write(OK.replace('\r\n', `\r\n${header}\r\n`));
      await ask(connections);
      now += stays;
      t.mock.timers.tick(1_000);
      await ask(connections);
      assert.equal(server.opened, 1, header);
      now += goes;
      const [gone] = [server.open];
      assert.equal(gone, 1);
      await ask(connections);
      assert.equal(server.opened, 2, `${header}: too old to be taken, also where it was not closed yet`);
      now += goes;
      t.mock.timers.tick(1_000);
      for (let i = 0; i < 1_000 && server.open > 0; i++) await turn();
      assert.equal(server.open, 0, `${header}: closed`);
    }
  });
});

describe('with a maximum', () => {
  it('requests are sent in the order they came, and never more at once', async () => {
    const { server, connections } = await world({ maximum: 2 });
    const order: string[] = [];
    let running = 0;
    let most = 0;
    server.script = async (socket, head) => {
      order.push(head.slice(5, 8));
      most = Math.max(most, ++running);
      await turns(3);
      running--;
      socket.write(OK);
    };
    const paths = Array.from({ length: 30 }, (_, i) => String(100 + i));
    const all = await Promise.all(paths.map((path) => ask(connections, { path: `/${path}` })));
    assert.ok(all.every((one) => one.events.at(-1) === 'end'));
    assert.deepEqual([most, server.opened], [2, 2]);
    for (const [i, path] of order.entries()) assert.ok(Math.abs(Number(path) - 100 - i) <= 1, order.join());
  });

  it('one that gives up while it waits is never sent, and those behind it move up', async () => {
    const { server, connections } = await world({ maximum: 1 });
    server.script = () => {};
    const [first, second, third] = ['a', 'b', 'c'].map((path) => send(connections, { path: `/${path}` }));
    await until(() => server.heads.length === 1);
    second!.running.abort();
    server.script = (socket) => void socket.write(OK);
    first!.running.abort();
    await third!.over;
    assert.deepEqual(
      server.heads.map((head) => head[5]),
      ['a', 'c'],
    );
    assert.deepEqual([first!.events, second!.events], [['sending'], []]);
  });

  it('one whose connection is lost before it was sent keeps its turn', async () => {
    const { server, connections } = await world({ maximum: 1 });
    let last: Socket | undefined;
    server.script = (socket) => {
      last = socket;
      socket.write(OK);
    };
    await ask(connections);
    await turn();
    last!.write('surplus');
    const two = [send(connections, { path: '/a' }), send(connections, { path: '/b' })];
    await Promise.all(two.map(({ over }) => over));
    assert.deepEqual(
      server.heads.map((head) => head[5]),
      ['x', 'a', 'b'],
    );
  });

  it('a failed attempt to connect fails its own request, and the next one makes another', async () => {
    const upstream = await startRawUpstream();
    await upstream.stop();
    const connections = new Connections({ origin: upstream.url, connectMs: 1_000, maximum: 1 });
    closing.push(() => connections.destroy());
    const all = await Promise.all([ask(connections), ask(connections), ask(connections)]);
    assert.deepEqual(
      all.map(({ events }) => events),
      [['error ECONNREFUSED'], ['error ECONNREFUSED'], ['error ECONNREFUSED']],
    );
  });

  it('a connection that breaks makes room', async () => {
    const { server, connections } = await world({ maximum: 1 });
    server.script = (socket, head) => (head[5] === 'a' ? socket.resetAndDestroy() : socket.write(OK));
    const [a, b] = [send(connections, { path: '/a' }), send(connections, { path: '/b' })];
    await Promise.all([a.over, b.over]);
    assert.deepEqual([a.events.at(-1), b.events.at(-1)], ['error ECONNRESET', 'end']);
  });
});

describe('an attempt to connect', () => {
  // Accepts and says nothing: with TLS the connection is never there.
  const silent = async (connectMs = 60_000) => {
    const upstream = await startRawUpstream();
    closing.push(() => upstream.stop());
    const connections = new Connections({ origin: upstream.url.replace('http', 'https'), connectMs, maximum: 1 });
    closing.push(() => connections.destroy());
    return { upstream, connections };
  };

  it('ends with the request that is given up, and makes room for the next', async () => {
    const { upstream, connections } = await silent();
    const [first, second] = [send(connections), send(connections)];
    const one = await upstream.next();
    first.running.abort();
    await one.closed;
    await upstream.next();
    assert.deepEqual([first.events, second.events], [[], []]);
  });

  it('that takes too long is an error that says so', async () => {
    const { connections } = await silent(500);
    assert.deepEqual((await ask(connections)).events, ['error UND_ERR_CONNECT_TIMEOUT']);
  });

  it('finds the other address of a name where the first does not answer', async () => {
    const { server } = await world();
    const connections = new Connections({
      origin: `http://upstream.example:${server.port}`,
      connectMs: 5_000,
      lookup: ((_name: string, _options: object, done: (e: null, all: object[]) => void) =>
        done(null, [
          { address: '::1', family: 6 },
          { address: '127.0.0.1', family: 4 },
        ])) as never,
    });
    closing.push(() => connections.destroy());
    const one = await ask(connections);
    assert.equal(one.body(), 'ok');
    assert.match(server.heads[0]!, new RegExp(`host: upstream.example:${server.port}\r\n`));
  });
});

describe('at the end', () => {
  it('retired connections serve what runs and what waits, and nothing is kept', async () => {
    const { server, connections } = await world({ maximum: 1 });
    server.script = async (socket) => {
      await turns(5);
      socket.write(OK);
    };
    const all = [send(connections), send(connections), send(connections)];
    await until(() => server.heads.length === 1);
    connections.retire();
    all.push(send(connections));
    await Promise.all(all.map(({ over }) => over));
    assert.deepEqual(
      all.map((one) => one.events.at(-1)),
      ['end', 'end', 'end', 'end'],
    );
    await until(() => server.open === 0, 1_000);
  });

  it('retiring closes what is idle', async () => {
    const { server, connections } = await world();
    await ask(connections);
    connections.retire();
    await until(() => server.open === 0);
  });

  it('destroyed connections fail what runs, what waits and what comes', async () => {
    const { server, connections } = await world({ maximum: 2 });
    await ask(connections);
    server.script = (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\na');
    const all = [send(connections), send(connections), send(connections)];
    await until(() => all[0]!.body() === 'a');
    connections.destroy();
    all.push(send(connections));
    await Promise.all(all.map(({ over }) => over));
    for (const one of all) assert.equal(one.events.at(-1), 'error SHUT');
    await until(() => server.open === 0);
  });
});

describe('a change of protocol', () => {
  const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n';

  it('hands over the connection with what came already, however it is cut', async () => {
    const { server, connections } = await world({ maximum: 1 });
    await ask(connections); // an idle connection is not what it wants
    for (const pieces of [[`${SWITCH}first`], [...SWITCH, 'fir', 'st'], [SWITCH, 'first']]) {
      let theirs: Socket | undefined;
      server.script = async (socket) => {
        theirs = socket;
        socket.removeAllListeners('data').on('data', (piece) => socket.write(`echo ${piece}`));
        await inPieces(socket, pieces);
      };
      const one = send(connections, { upgrade: 'echo' });
      await one.over;
      assert.deepEqual(one.events, ['sending', 'upgrade 101']);
      assert.deepEqual(one.headers, ['upgrade', 'echo', 'connection', 'Upgrade']);
      let text = '';
      one.socket!.on('data', (piece) => {
        text += piece;
      });
      one.socket!.resume();
      await until(() => text === 'first');
      one.socket!.write('hello');
      await until(() => text === 'firstecho hello');
      assert.match(server.heads.at(-1)!, /connection: upgrade\r\nupgrade: echo\r\n/);
      one.running.abort(); // is not its any more
      theirs!.end();
      await new Promise((resolve) => one.socket!.once('close', resolve));
    }
    server.script = (socket) => void socket.write(OK);
    assert.equal((await ask(connections)).body(), 'ok', 'it does not count as one of those that may be open');
  });

  it('that is refused is an answer like another', async () => {
    const { server, connections } = await world();
    server.script = (socket) => void socket.write('HTTP/1.1 403 No\r\ncontent-length: 2\r\n\r\nno');
    for (let i = 0; i < 2; i++) {
      const one = await ask(connections, { upgrade: 'echo' });
      assert.deepEqual([one.events, one.body()], [['sending', 'head 403', 'data', 'end'], 'no']);
    }
    assert.equal(server.opened, 2);
  });
});

describe('over TLS', () => {
  const file = (name: string) => readFileSync(join(packageRoot, 'test/fixtures/tls', name));
  const secure = async (tls: Record<string, unknown> = {}, certificate = 'valid') => {
    const server = await startScripted({ tls: { key: file(`${certificate}.key`), cert: file(`${certificate}.pem`) } });
    closing.push(() => server.stop());
    server.script = (socket) => void socket.write(OK);
    const connections = new Connections({ origin: server.origin, connectMs: 5_000, tls });
    closing.push(() => connections.destroy());
    return { server, connections };
  };

  it('an authority that is named is believed, and the connection is used again', async () => {
    const { server, connections } = await secure({ ca: file('ca.pem') });
    for (let i = 0; i < 5; i++) assert.equal((await ask(connections)).body(), 'ok');
    assert.equal(server.opened, 1);
  });

  it('one that nobody vouches for, that is too old or of another name is refused', async () => {
    for (const [tls, certificate, code] of [
      [{}, 'valid', /^error (UNABLE_TO|SELF_SIGNED|DEPTH_ZERO)/],
      [{ ca: file('ca.pem') }, 'expired', /^error CERT_HAS_EXPIRED$/],
      [{ ca: file('ca.pem'), servername: 'other.example' }, 'valid', /^error ERR_TLS_CERT_ALTNAME_INVALID$/],
    ] as const) {
      const { server, connections } = await secure(tls, certificate);
      const one = await ask(connections);
      assert.equal(one.events.length, 1);
      assert.match(one.events[0]!, code);
      assert.equal(server.heads.length, 0, 'nothing was sent');
    }
    const { connections } = await secure({ rejectUnauthorized: false });
    assert.equal((await ask(connections)).body(), 'ok');
  });

  it('answers are the same however they are cut, and a slow reader holds them up', async () => {
    const { server, connections } = await secure({ ca: file('ca.pem') });
    const size = 3_000_000;
    server.script = async (socket, head) => {
      if (head[5] === 'x') return inPieces(socket, [...OK]);
      socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${size.toString(16)}\r\n`);
      socket.write(Buffer.alloc(size, 'a'));
      socket.write('\r\n0\r\nx-t: 1\r\n\r\n');
    };
    assert.equal((await ask(connections)).body(), 'ok');
    const one = send(connections, { path: '/large' });
    let received = 0;
    one.take = (piece) => {
      received += piece.length;
      return false;
    };
    await until(() => received > 0);
    await turns(100);
    assert.ok(received <= 64 * 1024, `${received} bytes were handed on`);
    one.take = () => {
      setImmediate(() => one.running.resume());
      return false;
    };
    one.running.resume();
    await one.over;
    assert.deepEqual([one.body().length, one.trailers], [size, ['x-t', '1']]);
    assert.equal((await ask(connections)).body(), 'ok');
    assert.equal(server.opened, 1);
  });

  it('a large request arrives, and a change of protocol hands over the connection', async () => {
    const { server, connections } = await secure({ ca: file('ca.pem') });
    let last = '';
    server.script = (socket) => {
      socket.on('data', (piece) => {
        last = String(piece).slice(-3);
        if (last === 'end') socket.write(OK);
      });
    };
    const one = await ask(connections, { method: 'POST', body: Buffer.from(`${' '.repeat(500_000)}end`) });
    assert.equal(one.body(), 'ok');
    server.script = (socket) => void socket.write('HTTP/1.1 101 S\r\nupgrade: x\r\n\r\nrest');
    const other = await ask(connections, { upgrade: 'x' });
    const text = await new Promise<string>((resolve) =>
      other.socket!.once('data', (piece) => resolve(String(piece))).resume(),
    );
    assert.equal(text, 'rest');
    other.socket!.destroy();
  });
});
