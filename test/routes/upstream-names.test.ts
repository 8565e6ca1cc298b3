/** Targets of a route: the names and the certificates by which they are reached. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Backend } from '../../src/routes/backend.js';
import { HostAddresses, type NameSource, type Service } from '../../src/routes/names.js';
import { Upstream } from '../../src/routes/upstream.js';
import { Deadlines } from '../../src/upstream/deadline.js';
import { type HttpUpstream, startHttpUpstream } from '../support/http-upstream.js';
import { ask as askOver } from '../support/http1.js';
import { closing, serving, target, until } from './targets.js';

describe('names', () => {
  const upstreamOn = (names: NameSource, targets: object[], interval = 20): Upstream => {
    const clock = { now: Date.now, monotonic: () => performance.now() };
    const made = new Upstream({ targets, dns: { interval } } as never, undefined, {
      ...{ clock, deadlines: new Deadlines(clock), random: Math.random, onEvent: () => {}, names },
    });
    closing.push(() => made.close());
    return made;
  };
  const ask = async (backend: Backend): Promise<number> =>
    (await askOver(backend.connections, { path: '/', headers: ['host', backend.hostHeader] })).status;

  it('when the records change new connections go to the new address, and what runs ends on the old one', async () => {
    let address = '127.0.0.1';
    // Both listen on the loopback; the second address is another one of it.
    const [first, second] = await twoOnOnePort();
    const source: NameSource = { addresses: async () => [{ address, family: 4 }], services: async () => [] };
    const upstream = upstreamOn(source, [{ url: `http://api.example.internal:${first.port}` }]);
    await upstream.ready();
    const backend = upstream.backends[0]!;
    let release: (() => void) | undefined;
    first.handler = (_seen, response) => {
      release = () => response.end('late');
    };
    const running = ask(backend);
    await until(() => first.seen.length === 1);
    address = '127.0.0.2';
    const before = backend.connections;
    await until(() => backend.connections !== before);
    assert.equal(await ask(backend), 200);
    assert.equal(second.seen.length, 1, 'the new address is asked');
    release!();
    assert.equal(await running, 200, 'and the old request ends as it would have');
  });

  it('a name that cannot be looked up keeps its addresses', async () => {
    let away = false;
    const there = await target();
    const source: NameSource = {
      addresses: () =>
        away ? Promise.reject(new Error('SERVFAIL')) : Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
      services: async () => [],
    };
    const upstream = upstreamOn(source, [{ url: `http://api.example.internal:${there.port}` }]);
    await upstream.ready();
    away = true;
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(await ask(upstream.backends[0]!), 200);
  });

  it('AAAA records are used, in turn with A records', async () => {
    const asked: string[] = [];
    const addresses = new HostAddresses(
      'x',
      {
        addresses: async () => [
          { address: '127.0.0.1', family: 4 },
          { address: '::1', family: 6 },
        ],
        services: async () => [],
      },
      () => {},
    );
    await addresses.refresh();
    for (let i = 0; i < 4; i++)
      addresses.lookup('x', { all: false }, (_error, address) => void asked.push(String(address)));
    assert.deepEqual(asked, ['127.0.0.1', '::1', '127.0.0.1', '::1']);
  });

  it('SRV records name hosts, ports and weights, and are read again', async () => {
    const [a, b] = [await target(), await target()];
    const service = (port: number, weight = 1): Service => ({
      name: 'node.example.internal',
      port,
      priority: 10,
      weight,
    });
    let services = [service(a.port), { ...service(1), priority: 20 }];
    const source: NameSource = {
      addresses: async () => [{ address: '127.0.0.1', family: 4 }],
      services: async () => services,
    };
    const upstream = upstreamOn(source, [{ url: 'http://_api._tcp.example.internal', srv: true }]);
    await upstream.ready();
    assert.deepEqual(
      upstream.backends.map(({ location }) => location.at?.port),
      [a.port],
    );
    const kept = upstream.backends[0]!;
    services = [service(a.port), service(b.port, 3)];
    await until(() => upstream.backends.length === 2);
    assert.equal(upstream.backends[0], kept, 'a host that stays keeps its state');
    assert.deepEqual(
      upstream.backends.map(({ weight }) => weight),
      [1, 3],
    );
    assert.equal(await ask(upstream.backends[1]!), 200);
    assert.equal(b.seen.length, 1);
  });
});

/** Two upstreams on one port, of different addresses. */
async function twoOnOnePort(): Promise<[HttpUpstream, HttpUpstream]> {
  const first = await startHttpUpstream();
  const second = await startHttpUpstream(undefined, { host: '127.0.0.2', port: first.port });
  closing.push(
    () => first.stop(),
    () => second.stop(),
  );
  return [first, second];
}

describe('TLS', () => {
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-tls-'));
  after(() => rmSync(dir, { recursive: true }));
  const [keyFile, certFile] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      keyFile,
      '-out',
      certFile,
      '-days',
      '2',
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost',
    ],
    { stdio: 'ignore' },
  );

  async function secure(): Promise<string> {
    const server = createTlsServer(
      { key: readFileSync(keyFile), cert: readFileSync(certFile) },
      (_req, res) => void res.end('tls'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(
      () =>
        new Promise<void>((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    );
    return `https://localhost:${(server.address() as AddressInfo).port}`;
  }

  it('a certificate that nobody vouches for is refused', async () => {
    const gateway = await serving({ targets: [{ url: await secure() }] });
    const answer = await fetch(`${gateway.url}/x`);
    assert.equal(answer.status, 502);
    assert.match(await answer.text(), /No connection to the upstream/);
  });

  it('its own authority is believed where it is named, and anything where verification is off', async () => {
    const url = await secure();
    for (const tls of [{ ca: certFile }, { verify: false }]) {
      const gateway = await serving({ targets: [{ url }], tls });
      assert.equal(await (await fetch(`${gateway.url}/x`)).text(), 'tls');
    }
  });

  it('a certificate of another name is refused', async () => {
    const url = (await secure()).replace('localhost', '127.0.0.1');
    const gateway = await serving({ targets: [{ url }], tls: { ca: certFile } });
    assert.equal((await fetch(`${gateway.url}/x`)).status, 502);
  });
});
