/** HTTPS by certificate files: everything that is served, other files while it runs, clients that have to show a certificate. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { parse, stringify } from 'yaml';
import { packageRoot } from '../../src/lib/root.js';
import { type Gateway, startGateway, tollgate } from '../support/gateway.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { json } from '../support/upstream-steps.js';

const fixture = (name: string): string => join(packageRoot, 'test/fixtures/tls', name);
const ca = readFileSync(fixture('ca.pem'), 'utf8');
const pair = (name: string) => ({
  cert: readFileSync(fixture(`${name}.pem`), 'utf8'),
  key: readFileSync(fixture(`${name}.key`), 'utf8'),
});

let dir: string;
let upstream: FakeUpstream;
let gateway: Gateway;
let key: string;
let port: number;

/** What the gateway is to show from now on. */
const show = (cert: string, keyOf = cert): void => {
  copyFileSync(fixture(`${cert}.pem`), join(dir, 'cert.pem'));
  copyFileSync(fixture(`${keyOf}.key`), join(dir, 'key.pem'));
};

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tollgate-tls-'));
  show('valid');
  upstream = await startUpstream();
  upstream.always(() => [...json(200, { ok: true })]);
  gateway = await startGateway({
    https: { ca, client: pair('client') },
    config: {
      server: { tls: { cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem') }, drain: '300ms' },
      providers: { box: { type: 'sandbox' } },
      models: { m: { targets: [{ provider: 'box', model: 'sandbox' }], price: { input: 1, output: 10 } } },
      routes: [
        { name: 'r', match: { path: '/r' }, auth: { none: {} }, upstream: { targets: [{ url: upstream.url }] } },
      ],
    },
  });
  ({ key } = await gateway.key());
  port = Number(new URL(gateway.url).port);
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
  await rm(dir, { recursive: true, force: true });
});

interface Answered {
  readonly status: number;
  readonly body: string;
  /** Whose certificate was shown. */
  readonly shown: string;
}

function ask(path: string, options: RequestOptions = {}, body?: string): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const method = body === undefined ? 'GET' : 'POST';
    const sent = httpsRequest(
      { host: '127.0.0.1', port, path, method, headers, ca, agent: false, ...options },
      (response) => {
        const shown = String((response.socket as TLSSocket).getPeerCertificate().subject.CN);
        let text = '';
        response.setEncoding('utf8').on('error', reject);
        response.on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => resolve({ status: response.statusCode!, body: text, shown }));
      },
    );
    sent.on('error', reject).end(body);
  });
}

const chat = (stream = false): string =>
  JSON.stringify({ model: 'm', stream, messages: [{ role: 'user', content: 'Hello' }] });

/** Whose certificate is shown to a client that is answered; `refused` where it is not. */
function handshake(options: ConnectionOptions): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, ca, ...options });
  return new Promise((resolve) => {
    let shown = 'nobody';
    // With TLS 1.3 a client is refused after its own handshake is over.
    socket.on('secureConnect', () => {
      shown = String(socket.getPeerCertificate().subject.CN);
      socket.write('GET /healthz HTTP/1.1\r\nhost: g\r\n\r\n');
    });
    socket.on('data', () => {
      resolve(shown);
      socket.destroy();
    });
    socket.on('error', () => {}).on('close', () => resolve('refused'));
  });
}

/** Waits for a line of the log that comes after the first `from` characters. */
async function logged(wanted: RegExp, from: number): Promise<string> {
  for (let tries = 0; tries < 1_000; tries++) {
    const told = gateway.output.slice(from).split('\n');
    const line = told.find((one) => wanted.test(one));
    if (line) return line;
    await sleep(20);
  }
  throw new Error(`the log does not tell ${wanted}, but:\n${gateway.output.slice(from)}`);
}

async function configure(change: (tls: Record<string, unknown>) => void): Promise<void> {
  const from = gateway.output.length;
  const file = join(gateway.dir, 'config.yaml');
  const config = parse(readFileSync(file, 'utf8')) as { server: { tls: Record<string, unknown> } };
  change(config.server.tls);
  writeFileSync(file, stringify(config));
  await logged(/"status":"reloaded"|reloaded/, from);
}

test('everything is served over HTTPS: model requests, streams, the admin API, the console and routes', async () => {
  assert.match(gateway.output, /Tollgate is ready: https:\/\/127\.0\.0\.1:/);
  const agent = new Agent({ keepAlive: true });
  for (const stream of [false, true, false]) {
    const answered = await ask('/v1/chat/completions', { agent }, chat(stream));
    assert.equal(answered.status, 200, answered.body);
    if (stream) assert.match(answered.body, /data: \[DONE\]/);
  }
  agent.destroy();
  assert.equal((await ask('/ui')).status, 200);
  const shown = await gateway.admin<{ server: { tls: Record<string, unknown> } }>('GET', '/config');
  assert.equal(shown.server.tls['key'], '(hidden)');
  assert.ok(!JSON.stringify(shown).includes('PRIVATE KEY'));
  assert.equal((await ask('/r')).status, 200);
  assert.equal(upstream.requests.at(-1)!.headers['x-forwarded-proto'], 'https');
});

/** The image's health check, and what the doctor says of the port. */
async function fromInside(): Promise<{ healthy: boolean; found: string[] }> {
  const run = (...args: string[]) =>
    new Promise<{ code: number; out: string }>((resolve) => {
      const env = { PATH: process.env['PATH'], PORT: String(port) };
      execFile(process.execPath, args, { env }, (error, out) => resolve({ code: error ? Number(error.code) : 0, out }));
    });
  const [check, doctor] = await Promise.all([
    run(join(packageRoot, 'bin/healthcheck.js')),
    run(tollgate, 'doctor', '--json', '--config', join(gateway.dir, 'config.yaml')),
  ]);
  const { findings } = JSON.parse(doctor.out) as { findings: { check: string; status: string; detail: string }[] };
  const found = findings
    .filter(({ check }) => ['port', 'gateway'].includes(check))
    .map(({ check, status, detail }) => `${check} ${status}: ${detail}`);
  return { healthy: check.code === 0, found };
}

test('the health check of the image and the doctor reach it by HTTPS', async () => {
  const { healthy, found } = await fromInside();
  assert.match(found[0]!, /^port ok: a gateway answers at 127\.0\.0\.1:\d+$/);
  assert.match(found[1] ?? '', /^gateway ok: /, found.join('\n'));
  assert.ok(healthy);
});

test('a large body and a large answer pass, and a client that asks for HTTP/2 gets HTTP/1.1', async () => {
  const content = 'word '.repeat(200_000);
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] });
  const answered = await ask('/v1/chat/completions', { ALPNProtocols: ['h2', 'http/1.1'] } as RequestOptions, body);
  assert.equal(answered.status, 200, answered.body.slice(0, 300));
});

test('what is not TLS, and what is older than TLS 1.2, is refused, and the gateway goes on', async () => {
  const plain = connectTcp(port, '127.0.0.1');
  plain.on('error', () => {});
  plain.write('GET /healthz HTTP/1.1\r\nhost: g\r\n\r\n');
  await once(plain, 'close');
  assert.equal(await handshake({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' }), 'refused');
  assert.equal(await handshake({ maxVersion: 'TLSv1.2' }), '127.0.0.1');
  await configure((tls) => {
    tls['min_version'] = 'TLSv1.3';
  });
  assert.equal(await handshake({ maxVersion: 'TLSv1.2' }), 'refused');
  assert.equal(await handshake({}), '127.0.0.1');
});

test('files that change are shown to new connections, and those that are open go on', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  assert.equal((await ask('/healthz', { agent })).shown, '127.0.0.1');
  const from = gateway.output.length;
  show('renewed');
  await logged(/reloaded/, from);
  assert.equal((await ask('/healthz', { agent })).shown, '127.0.0.1');
  assert.equal((await ask('/healthz')).shown, 'renewed 127.0.0.1');
  agent.destroy();
});

test('a pair that does not belong together changes nothing, and is told by its setting', async () => {
  const from = gateway.output.length;
  show('valid', 'renewed');
  process.kill(gateway.pid, 'SIGHUP');
  const line = await logged(/server\.tls\.key/, from);
  assert.match(line, /is not the key of the certificate/);
  assert.equal((await ask('/healthz')).shown, 'renewed 127.0.0.1');
  const again = gateway.output.length;
  show('valid');
  await logged(/reloaded/, again);
  assert.equal((await ask('/healthz')).shown, '127.0.0.1');
});

test('clients have to show a certificate of client_ca from the moment that it is configured', async () => {
  const before = connect({ host: '127.0.0.1', port, ca });
  before.write('GET /healthz HTTP/1.1\r\nhost: g\r\n\r\n');
  const [[session]] = (await Promise.all([once(before, 'session'), once(before, 'data')])) as [[Buffer], unknown];
  before.destroy();
  await configure((tls) => {
    tls['client_ca'] = fixture('ca.pem');
  });
  for (const [who, options] of [
    ['nobody', {}],
    ['a stranger', pair('stranger')],
    ['a session from before', { session }],
  ] as const)
    assert.equal(await handshake(options), 'refused', who);
  assert.equal(await handshake(pair('client')), '127.0.0.1');
  assert.equal((await ask('/v1/chat/completions', pair('client'), chat())).status, 200);
  const { healthy, found } = await fromInside();
  assert.match(found[0]!, /^port note: a gateway answers at .* clients with a certificate only$/);
  assert.ok(healthy, 'it is there, and its state is not told');
});

test('it ends with its grace, whatever connections are silent or in the middle of a handshake', async () => {
  const silent = connect({ host: '127.0.0.1', port, ca, ...pair('client') });
  silent.on('error', () => {});
  await once(silent, 'secureConnect');
  const begun = connectTcp(port, '127.0.0.1');
  begun.on('error', () => {});
  await once(begun, 'connect');
  begun.write(Buffer.from([0x16, 0x03, 0x01]));
  const startedMs = performance.now();
  assert.equal(await gateway.stop(), 0);
  assert.ok(performance.now() - startedMs < 10_000, `${performance.now() - startedMs} ms`);
  assert.match(gateway.output, /every connection has ended/);
});
