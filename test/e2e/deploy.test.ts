/** What `deploy/` has for those who run gateways, as it is but for names and addresses: nginx and Caddy with traffic, systemd. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { Agent, fetch } from 'undici';
import { packageRoot } from '../../src/lib/root.js';
import { startCaddy, withoutCaddy } from '../support/caddy.js';
import { freePort } from '../support/free-port.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { startNginx, withoutNginx } from '../support/nginx.js';
import { contentChunk, usageChunk } from '../support/openai-answers.js';
import { onPath } from '../support/packages.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { passedOn, sse } from '../support/upstream-steps.js';

const read = (file: string): string => readFileSync(join(packageRoot, file), 'utf8');
const fixture = (name: string): string => join(packageRoot, 'test/fixtures/tls', name);
const ca = readFileSync(fixture('ca.pem'), 'utf8');

let upstream: FakeUpstream;
let sockets: Server;
let gateway: Gateway;
let key: string;
/** Where no gateway listens: the samples name two. */
let nobody: number;

before(async () => {
  upstream = await startUpstream();
  sockets = createServer().on('upgrade', (_request, socket: Socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n');
    socket.on('error', () => {}).pipe(socket);
  });
  await new Promise<void>((listening) => sockets.listen(0, '127.0.0.1', listening));
  const { port } = sockets.address() as AddressInfo;
  gateway = await startGateway({
    config: {
      server: { trust_proxy: ['127.0.0.1'] },
      providers: { fake: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' } },
      models: { m: { targets: [{ provider: 'fake', model: 'm' }], price: { input: 1, output: 1 } } },
      routes: [
        {
          name: 'sockets',
          match: { path: '/sockets' },
          auth: { none: {} },
          upstream: { targets: [{ url: `http://127.0.0.1:${port}` }] },
        },
      ],
    },
  });
  ({ key } = await gateway.key({ allowed_ips: ['127.0.0.1/32'] }));
  nobody = await freePort();
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
  sockets?.closeAllConnections();
  sockets?.close();
});

/** What must pass a proxy: an event of a stream while the upstream waits, a large body, a WebSocket, who the client is. */
async function passes(url: string, host: string): Promise<void> {
  const dispatcher = new Agent({ connect: { ca, servername: 'localhost' } });
  const ask = (body: object) =>
    fetch(`${url}/v1/chat/completions`, {
      dispatcher,
      method: 'POST',
      headers: { host, authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', ...body }),
    });
  try {
    const waits = passedOn();
    upstream.next(
      sse(contentChunk('first'), waits.step, contentChunk(' last', 'stop'), usageChunk(3, 2), 'data: [DONE]\n\n'),
    );
    const stream = await ask({ stream: true, messages: [{ role: 'user', content: 'Hi' }] });
    assert.equal(stream.status, 200);
    let text = '';
    for await (const piece of stream.body!) {
      text += Buffer.from(piece as Uint8Array).toString();
      if (text.includes('first')) waits.tell();
    }
    assert.ok(text.endsWith('data: [DONE]\n\n'), text);
    const large = await ask({ messages: [{ role: 'user', content: 'word '.repeat(230_000) }] });
    assert.equal(large.status, 200, await large.text());
    assert.equal((await fetch(`${url}/metrics`, { dispatcher, headers: { host } })).status, 200, 'from within');
    assert.equal(await echoed(new URL(url), host, 'over a socket'), 'over a socket');
  } finally {
    await dispatcher.close();
  }
}

/** Asks for a WebSocket and answers what comes back of `text`. */
function echoed({ hostname, port, protocol }: URL, host: string, text: string): Promise<string> {
  const at = { host: hostname, port: Number(port) };
  const socket = protocol === 'https:' ? connectTls({ ...at, ca, servername: 'localhost' }) : connectTcp(at);
  socket.write(
    `GET /sockets HTTP/1.1\r\nhost: ${host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  );
  return new Promise((resolve, reject) => {
    let told = '';
    let asked = false;
    socket.on('error', reject).on('close', () => reject(new Error(`ended after: ${told}`)));
    socket.setTimeout(10_000, () => socket.destroy(new Error(`nothing after: ${told}`)));
    socket.on('data', (piece) => {
      told += piece.toString();
      const end = told.indexOf('\r\n\r\n');
      if (end < 0) return;
      if (!asked) socket.write(text);
      asked = true;
      if (told.length - end - 4 < text.length) return;
      resolve(told.startsWith('HTTP/1.1 101') ? told.slice(end + 4) : told);
      socket.destroy();
    });
  });
}

/** A sample with other names and addresses; each must stand in it. */
function withAddresses(text: string, changes: readonly (readonly [from: string, to: string])[]): string {
  return changes.reduce((made, [from, to]) => {
    assert.ok(made.includes(from), `${from} is not in the sample`);
    return made.replaceAll(from, to);
  }, text);
}

describe('the samples for proxies', () => {
  test('nginx passes streams, large bodies and WebSockets on, over one gateway that is away', {
    skip: withoutNginx,
  }, async () => {
    const port = await freePort();
    const sample = withAddresses(read('deploy/nginx/tollgate.conf'), [
      ['127.0.0.1:4000', new URL(gateway.url).host],
      ['127.0.0.1:4001', `127.0.0.1:${nobody}`],
      ['listen 443 ssl http2', `listen 127.0.0.1:${port} ssl http2`],
      ['    listen [::]:443 ssl http2;\n', ''],
      ['/etc/ssl/tollgate/fullchain.pem', fixture('valid.pem')],
      ['/etc/ssl/tollgate/privkey.pem', fixture('valid.key')],
    ]);
    const nginx = await startNginx(sample, port);
    try {
      await passes(`https://127.0.0.1:${port}`, 'gateway.example.com');
    } finally {
      await nginx.stop();
    }
  });

  test('Caddy does so too', { skip: withoutCaddy }, async () => {
    const port = await freePort();
    const sample = withAddresses(read('deploy/caddy/Caddyfile'), [
      ['gateway.example.com {', `http://127.0.0.1:${port} {`],
      ['127.0.0.1:4000', new URL(gateway.url).host],
      ['127.0.0.1:4001', `127.0.0.1:${nobody}`],
    ]);
    const caddy = await startCaddy(`{\n\tadmin off\n\tauto_https off\n}\n${sample}`, `http://127.0.0.1:${port}/`);
    try {
      await passes(`http://127.0.0.1:${port}`, `127.0.0.1:${port}`);
    } finally {
      await caddy.stop();
    }
  });
});

describe('the unit of systemd', () => {
  const unit = read('deploy/systemd/tollgate.service');

  test('is one that systemd takes', { skip: onPath('systemd-analyze') ? false : 'systemd-analyze is missing' }, () => {
    const { status, stderr } = spawnSync(
      'systemd-analyze',
      ['verify', join(packageRoot, 'deploy/systemd/tollgate.service')],
      {
        encoding: 'utf8',
      },
    );
    assert.equal(status, 0, stderr);
    // Programs that are not on this machine are none of the unit's faults.
    assert.deepEqual(
      stderr.split('\n').filter((line) => /tollgate\.service/.test(line) && !/not executable/.test(line)),
      [],
    );
  });

  test('starts the command with the flags of `npm start`, as a user of its own, and waits for the end', () => {
    const flags = /node (--.*?) bin/.exec(
      (JSON.parse(read('package.json')) as { scripts: { start: string } }).scripts.start,
    )![1]!;
    assert.match(unit, new RegExp(`^ExecStart=\\S+node ${flags} \\S+/bin/tollgate\\.js serve --config `, 'm'));
    for (const line of [
      'User=tollgate',
      'NoNewPrivileges=true',
      'ProtectSystem=strict',
      'KillSignal=SIGTERM',
      'UMask=0077',
    ])
      assert.ok(unit.split('\n').includes(line), line);
    // The longer of drain and restart_gap (12 s), shutdown_grace (30 s), and ten seconds.
    assert.ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)![1]) >= 52);
  });
});
