/**
 * Whether HTTP/2 to upstreams would pay: the client's CPU per request and the time that a burst takes from nothing, our HTTP/1.1 client
 * beside undici's by HTTP/1.1 and by HTTP/2, all over TLS to the same nginx. In turn and in one process, so that whatever else
 * the machine does meets all of them alike.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { systemClock } from '../src/lib/clock.js';
import { packageRoot } from '../src/lib/root.js';
import { attempt } from '../src/upstream/attempt.js';
import { Deadlines } from '../src/upstream/deadline.js';
import { Pools } from '../src/upstream/pool.js';
import { freePort } from '../test/support/free-port.js';
import { needs } from '../test/support/packages.js';

const ROUNDS = 7;
const REQUESTS = 4_000;
const AT_ONCE = 32;
const BURST = 64;
const sizes = { 'an answer of 400 bytes': 400, 'an answer of 64 KiB': 65_536 };

const fixture = (name: string): string => join(packageRoot, 'test/fixtures/tls', name);
const ca = readFileSync(fixture('ca.pem'), 'utf8');
const body = Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Hello. '.repeat(40) }] }));
const headers = { 'content-type': 'application/json', authorization: 'Bearer sk-none', 'user-agent': 'tollgate' };

interface Client {
  readonly name: string;
  /** Resolves with how many bytes came. */
  ask(path: string): Promise<number>;
  close(): unknown;
}

export async function run(): Promise<void> {
  needs('nginx');
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
  const { url, stop } = await startUpstream(dir);
  const makers = [() => ours(url), () => undicis(url, false), () => undicis(url, true)];
  try {
    for (const [what, sizeBytes] of Object.entries(sizes)) {
      const clients = makers.map((make) => make());
      const costs = clients.map(() => [] as number[]);
      for (let round = 0; round < ROUNDS; round++)
        for (const [i, client] of clients.entries()) {
          await many(client, `/${sizeBytes}`, REQUESTS / 10);
          const before = process.cpuUsage();
          await many(client, `/${sizeBytes}`, REQUESTS);
          const { user, system } = process.cpuUsage(before);
          if (round > 0) costs[i]!.push((user + system) / REQUESTS);
        }
      for (const [i, { name }] of clients.entries())
        console.log(`${what.padEnd(24)} ${name.padEnd(20)} ${median(costs[i]!).toFixed(0).padStart(5)} us CPU/request`);
      for (const client of clients) await client.close();
    }
    const tooks = makers.map(() => [] as number[]);
    const cpus = makers.map(() => [] as number[]);
    for (let round = 0; round < ROUNDS; round++)
      for (const [i, make] of makers.entries()) {
        const client = make();
        const [before, began] = [process.cpuUsage(), performance.now()];
        await many(client, '/400', BURST, BURST);
        tooks[i]!.push(performance.now() - began);
        const { user, system } = process.cpuUsage(before);
        cpus[i]!.push((user + system) / 1000);
        await client.close();
      }
    for (const [i, make] of makers.entries()) {
      const told = `${median(tooks[i]!).toFixed(0).padStart(5)} ms, ${median(cpus[i]!).toFixed(0)} ms CPU`;
      console.log(`${`${BURST} at once, no connection`.padEnd(24)} ${make().name.padEnd(20)} ${told}`);
    }
  } finally {
    stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function many(client: Client, path: string, requests: number, atOnce = AT_ONCE): Promise<void> {
  let left = requests;
  const worker = async (): Promise<void> => {
    while (left-- > 0) if ((await client.ask(path)) === 0) throw new Error(`${client.name}: an empty answer`);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

function ours(url: string): Client {
  const pools = new Pools();
  const connections = pools.lease().get(url, 5_000, { tls: { ca } });
  const deadlines = new Deadlines(systemClock);
  const timeouts = { connect: 5_000, first_byte: 30_000, idle: 30_000, total: 60_000 };
  const flat = Object.entries(headers).flat();
  return {
    name: 'ours, HTTP/1.1',
    ask: (path) =>
      new Promise((resolve, reject) => {
        let bytes = 0;
        attempt(
          { to: { connections, path }, headers: flat, body, timeouts },
          {
            onHeaders: () => {},
            onData: (piece) => {
              bytes += piece.length;
            },
            onEnd: () => resolve(bytes),
            onFailure: ({ message }) => reject(new Error(message)),
          },
          deadlines,
        );
      }),
    close: () => pools.close(),
  };
}

function undicis(url: string, allowH2: boolean): Client {
  const streams = allowH2 ? { connections: 1, pipelining: 128 } : {};
  const pool = new Pool(url, { allowH2, ...streams, connect: { ca } });
  return {
    name: `undici, HTTP/${allowH2 ? '2' : '1.1'}`,
    ask: (path) =>
      new Promise((resolve, reject) => {
        let bytes = 0;
        pool.dispatch(
          { method: 'POST', path, headers, body },
          {
            onRequestStart: () => {},
            onResponseStart: () => {},
            onResponseData: (_controller, piece) => {
              bytes += piece.length;
            },
            onResponseEnd: () => resolve(bytes),
            onResponseError: (_controller, error) => reject(error),
          },
        );
      }),
    close: () => pool.close(),
  };
}

async function startUpstream(dir: string): Promise<{ url: string; stop(): void }> {
  const port = await freePort();
  const file = join(dir, 'nginx.conf');
  for (const size of Object.values(sizes)) writeFileSync(join(dir, String(size)), 'x'.repeat(size));
  writeFileSync(
    file,
    `user root; worker_processes 1; daemon off; pid ${dir}/nginx.pid; error_log ${dir}/error.log;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 100000000; client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
server { listen 127.0.0.1:${port} ssl http2; ssl_certificate ${fixture('valid.pem')}; ssl_certificate_key ${fixture('valid.key')}; 
root ${dir}; error_page 405 =200 $uri; } }\n`,
  );
  const nginx = spawn('nginx', ['-c', file, '-p', dir], { stdio: 'inherit' });
  const url = `https://localhost:${port}`;
  const looking = undicis(url, false);
  for (let tries = 0; tries < 200; tries++) {
    try {
      if ((await looking.ask('/400')) === 400) {
        await looking.close();
        return { url, stop: () => void nginx.kill() };
      }
    } catch {
      // Not yet.
    }
    await sleep(50);
  }
  nginx.kill();
  throw new Error('nginx did not start');
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
