/**
 * A Redis of a test's own: a `redis-server` on a free port and in a folder of its own, without persistence unless asked.
 * Where `TEST_REDIS_URL` is set, `startRedis` uses that server instead (it is flushed), and only tests that must stop or
 * restart their server start one.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';

export interface TestRedis {
  readonly url: string;
  /** Runs one command. */
  command(name: string, ...args: string[]): Promise<unknown>;
  /** Ends the server process, in good order (it may save) or by force; `url` stays. Own servers only. */
  stop(how?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Starts it again on the same port and folder. Own servers only. */
  start(): Promise<void>;
  /** Makes the process stand still, with its connections open. Own servers only. */
  pause(): void;
  resume(): void;
  /** Ends the server and removes what it left. */
  close(): Promise<void>;
}

export async function startRedis(options: { own?: boolean; config?: readonly string[] } = {}): Promise<TestRedis> {
  const given = process.env['TEST_REDIS_URL'];
  if (given && !options.own) return givenRedis(given);
  const port = await freePort();
  const dir = await mkdtemp(join(tmpdir(), 'tollgate-redis-'));
  const url = `redis://127.0.0.1:${port}`;
  let server: ChildProcess | undefined;
  const start = async () => {
    const args = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      dir,
      '--appendonly',
      'no',
      '--loglevel',
      'warning',
    ];
    server = spawn('redis-server', [...args, ...(options.config ?? ['--save', ''])], { stdio: 'ignore' });
    await waitFor(url);
  };
  const stop = async (how: 'SIGTERM' | 'SIGKILL' = 'SIGTERM') => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill(how);
    await ended;
  };
  await start();
  return {
    url,
    command: (name, ...args) => once1(url, name, args),
    start,
    stop,
    pause: () => void server?.kill('SIGSTOP'),
    resume: () => void server?.kill('SIGCONT'),
    async close() {
      server?.kill('SIGCONT');
      await stop('SIGKILL');
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function givenRedis(url: string): Promise<TestRedis> {
  const notOurs = async () => {
    throw new Error('TEST_REDIS_URL is not a server that a test may stop');
  };
  await once1(url, 'FLUSHALL', []);
  return {
    url,
    command: (name, ...args) => once1(url, name, args),
    start: notOurs,
    stop: notOurs,
    pause: () => void notOurs(),
    resume: () => void notOurs(),
    close: async () => {},
  };
}

async function once1(url: string, name: string, args: readonly string[]): Promise<unknown> {
  const redis = new Redis(url, { protocol: 2, lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on('error', () => {});
  try {
    await redis.connect();
    return await redis.call(name, ...args);
  } finally {
    redis.disconnect();
  }
}

async function waitFor(url: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await once1(url, 'PING', []);
      return;
    } catch (error) {
      if (tries >= 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}
