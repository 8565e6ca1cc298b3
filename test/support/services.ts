/**
 * The Postgres and the Redis that the suite runs against: those of `TEST_DATABASE_URL` and `TEST_REDIS_URL`, else those at
 * the usual local ports or private ones from installed binaries, else Debian's packages are installed first (as root or with
 * `sudo -n`), else containers are started. Where none of this is possible, it says in one line what to install.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import { install, NothingToRunAgainst, onPath } from './packages.js';
import { findPostgres, findPostgresBin, startPostgres } from './postgres.js';

export interface Services {
  /** A Postgres on which databases may be made. */
  readonly databaseUrl: string;
  /** A Redis that may be flushed; undefined where `redis-server` is installed and each test file starts its own. */
  readonly redisUrl: string | undefined;
  /** What was found or started, a line for each. */
  readonly told: readonly string[];
  stop(): Promise<void>;
}

interface Provided {
  readonly url: string | undefined;
  readonly told: string;
  readonly stop?: () => Promise<void> | void;
}

export async function provideServices(): Promise<Services> {
  const started: Provided[] = [];
  const stop = async () => {
    for (const one of started.splice(0)) await one.stop?.();
  };
  try {
    const database = await providePostgres();
    started.push(database);
    const redis = await provideRedis();
    started.push(redis);
    return { databaseUrl: database.url!, redisUrl: redis.url, told: [database.told, redis.told], stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function providePostgres(): Promise<Provided> {
  const given = process.env['TEST_DATABASE_URL'];
  const found = await findPostgres();
  if (found) {
    await within('PostgreSQL', found, () => pingPostgres(found));
    return { url: found, told: given ? 'PostgreSQL of TEST_DATABASE_URL' : 'PostgreSQL at the usual local port' };
  }
  if (!findPostgresBin()) install('postgresql');
  if (findPostgresBin()) {
    const server = await startPostgres();
    return { url: server.url, told: 'PostgreSQL started for this run', stop: server.stop };
  }
  return await container(
    'PostgreSQL',
    'postgresql',
    'postgres:17-alpine',
    5432,
    ['-e', 'POSTGRES_HOST_AUTH_METHOD=trust'],
    {
      url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
      ping: pingPostgres,
      env: 'TEST_DATABASE_URL',
    },
  );
}

async function provideRedis(): Promise<Provided> {
  const given = process.env['TEST_REDIS_URL'];
  if (given) {
    await within('Redis', given, () => pingRedis(given));
    return { url: given, told: 'Redis of TEST_REDIS_URL' };
  }
  if (!onPath('redis-server')) install('redis-server');
  // Tests flush and stop their Redis, so a user's own at the usual port is left alone as long as one can be started.
  if (onPath('redis-server')) return { url: undefined, told: 'redis-server, started by each file that needs it' };
  const local = 'redis://127.0.0.1:6379';
  if (await isEmptyRedis(local)) return { url: local, told: 'Redis at the usual local port' };
  return await container('Redis', 'redis-server', 'redis:7-alpine', 6379, [], {
    url: (port) => `redis://127.0.0.1:${port}`,
    ping: pingRedis,
    env: 'TEST_REDIS_URL',
  });
}

async function container(
  name: string,
  packageName: string,
  image: string,
  port: number,
  args: readonly string[],
  how: { url(port: string): string; ping(url: string): Promise<void>; env: string },
): Promise<Provided> {
  if (!onPath('docker') || spawnSync('docker', ['info'], { timeout: 10_000 }).status !== 0) {
    throw new NothingToRunAgainst(
      `${name} is missing: install it (Debian and Ubuntu: apt-get install ${packageName}), start Docker, or set ${how.env}.`,
    );
  }
  const docker = (...words: string[]) => execFileSync('docker', words, { encoding: 'utf8' }).trim();
  const id = docker('run', '-d', '--rm', '-p', `127.0.0.1::${port}`, ...args, image);
  const stop = () => void docker('rm', '-f', id);
  try {
    const url = how.url(docker('port', id, String(port)).split('\n')[0]!.split(':').at(-1)!);
    await within(name, url, () => how.ping(url), 60);
    return { url, told: `${name} in a container`, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

async function pingPostgres(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000 });
  await client.connect();
  await client.query('select 1').finally(() => client.end());
}

async function pingRedis(url: string): Promise<void> {
  await withRedis(url, (redis) => redis.ping());
}

const isEmptyRedis = (url: string): Promise<boolean> =>
  withRedis(url, async (redis) => (await redis.dbsize()) === 0).catch(() => false);

async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: 3_000,
  });
  redis.on('error', () => {});
  try {
    await redis.connect();
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

/** Tries until it works; after `tries` half seconds the last error is told together with where it was tried. */
async function within(name: string, url: string, ping: () => Promise<void>, tries = 1): Promise<void> {
  for (let left = tries; ; left--) {
    try {
      return await ping();
    } catch (error) {
      const { host } = new URL(url);
      if (left <= 1) throw new NothingToRunAgainst(`${name} at ${host} does not answer: ${(error as Error).message}`);
      await sleep(500);
    }
  }
}
