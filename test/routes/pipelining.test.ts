/** Several requests at once over one connection, connections that end, and those of upstreams that are stale. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { type HttpUpstream, startHttpUpstream } from '../support/http-upstream.js';
import { rawRequest } from '../support/raw-http.js';
import { startRoutes, type TestRoutes } from '../support/routes.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function route(handler?: HttpUpstream['handler'], more: object = {}) {
  const upstream = await startHttpUpstream(handler);
  closing.push(() => upstream.stop());
  const gateway: TestRoutes = await startRoutes([
    {
      ...{ name: 'r', match: { path: '/*' }, auth: { none: {} } },
      upstream: { targets: [{ url: upstream.url }], ...more },
    },
  ]);
  closing.push(() => gateway.stop());
  return { gateway, upstream };
}

/** Requests that node reads, as it reads all that are not plain. */
const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: x-none\r\n${more}\r\n`;
/** And plain ones. */
const plain = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;
const statuses = (text: string): string[] => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1]!);

describe('requests that come before their turn', () => {
  it('are begun when the answer before them is with the client, and answered in order', async () => {
    const held: ServerResponse[] = [];
    const { gateway, upstream } = await route((seen, response) => {
      if (seen.url === '/first') held.push(response);
      else response.end(seen.url);
    });
    for (const one of [get, plain]) {
      const client = rawRequest(gateway.url, one('/first') + one('/second') + one('/third'));
      while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
      const before = upstream.seen.length;
      await (await fetch(`${gateway.url}/other`)).text();
      assert.equal(upstream.seen.length, before + 1, 'nothing but the other one was begun');
      held.pop()!.end('/first');
      const text = await client.until(/\/third$/);
      assert.ok(text.indexOf('/first') < text.indexOf('/second') && text.indexOf('/second') < text.indexOf('/third'));
      client.socket.destroy();
    }
  });

  it('get their interim answers before their own head and in nobody else’s answer', async () => {
    const held: ServerResponse[] = [];
    const { gateway } = await route((seen, response) => {
      if (seen.url === '/first') return void held.push(response);
      response.writeEarlyHints({ link: '</a.css>; rel=preload' });
      response.end('second');
    });
    const client = rawRequest(
      gateway.url,
      `${get('/first')}POST /second HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n`,
    );
    while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(client.bytes().length, 0, 'nothing is said before its turn');
    held[0]!.end('first');
    await client.until(/HTTP\/1\.1 100/);
    client.socket.write('ab');
    const text = await client.until(/second/);
    assert.deepEqual(statuses(text), ['200', '100', '103', '200']);
  });

  it('whose stream breaks end the connection', async () => {
    const { gateway } = await route((seen, response) => {
      if (seen.url === '/first') return void response.end('first');
      response.writeHead(200, { 'content-length': '100' }).write('half of ');
      setImmediate(() => response.destroy());
    });
    for (const one of [get, plain]) {
      const client = rawRequest(gateway.url, one('/first') + one('/second') + one('/third'));
      await client.closed;
      assert.deepEqual(statuses(client.bytes().toString()), ['200', '200']);
    }
  });

  it('are too many at some point', async () => {
    const { gateway } = await route(() => {});
    const client = rawRequest(gateway.url, get('/x').repeat(1_000));
    await client.closed;
  });
});

describe('what stands behind the end of a connection', () => {
  it('is never executed: behind Connection: close, a refusal, an answer that ends it', async () => {
    const { gateway, upstream } = await route();
    for (const first of [
      get('/first', 'connection: close\r\n'),
      'GET /first HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n',
      'GET /first HTTP/1.1\r\nhost: a b\r\n\r\n',
      'GET /first HTTP/1.0\r\n\r\n',
      'POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    ]) {
      for (const second of [
        get('/second'),
        plain('/second'),
        'POST /second HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n',
      ]) {
        const client = rawRequest(gateway.url, first + second);
        await client.closed;
        assert.equal(statuses(client.bytes().toString()).length, 1, first + client.bytes().toString());
      }
    }
    assert.deepEqual(
      upstream.seen.filter(({ url }) => url === '/second'),
      [],
    );
  });
});

describe('another attempt after a stale connection', () => {
  /** An upstream that answers one request of each connection, and closes it when it gets another one. */
  async function forgetful(): Promise<{ url: string; connections: () => number }> {
    let connections = 0;
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      connections += 1;
      sockets.add(socket);
      let requests = 0;
      socket.on('error', () => {});
      socket.on('data', () => {
        requests += 1;
        if (requests > 1) return void socket.destroy();
        // Answered together, so that each has a connection of its own that is kept.
        setTimeout(() => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'), 50);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const { port } = server.address() as { port: number };
    return { url: `http://127.0.0.1:${port}`, connections: () => connections };
  }

  it('never lands on a second one', async () => {
    const { url, connections } = await forgetful();
    for (const more of [{}, { max_connections: 3 }]) {
      const { gateway } = await route(undefined, { targets: [{ url }], ...more });
      const ask = async (): Promise<number> => (await fetch(`${gateway.url}/x`)).status;
      assert.deepEqual(await Promise.all([ask(), ask(), ask()]), [200, 200, 200]);
      const before = connections();
      assert.equal(await ask(), 200);
      assert.equal(connections(), before + 1, 'a connection of its own');
    }
  });
});

describe('an upstream that speaks no HTTP', () => {
  it('is 502 at once, whatever it says and whether or not it ends', async () => {
    for (const greeting of [
      'SSH-2.0-OpenSSH_9.6\r\n',
      '220 mail ESMTP\r\n',
      'H',
      '\x15\x03\x01\x00\x02\x02\x50',
      '\0',
    ]) {
      const sockets = new Set<Socket>();
      const server = createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => {});
        socket.write(greeting, 'latin1');
        if (greeting === 'H') setTimeout(() => socket.write('ELO world'), 20);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      closing.push(async () => {
        for (const socket of sockets) socket.destroy();
        server.close();
      });
      const { port } = server.address() as { port: number };
      const { gateway } = await route(undefined, { targets: [{ url: `http://127.0.0.1:${port}` }] });
      const started = performance.now();
      const answer = await fetch(`${gateway.url}/x`);
      assert.equal(answer.status, 502, greeting);
      assert.match(((await answer.json()) as { detail: string }).detail, /not HTTP/);
      assert.ok(performance.now() - started < 5_000);
    }
  });
});
