/** What ends a start says which setting it was about and what to do; nothing is made before a port is known to be free. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import pg from 'pg';
import { packageRoot } from '../../src/lib/root.js';
import { freePort } from '../support/free-port.js';
import { freshDatabase } from '../support/postgres.js';

const bin = join(packageRoot, 'bin/tollgate.js');

interface Ended {
  readonly code: number;
  readonly said: string;
}

function run(args: readonly string[], cwd: string, env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const all = { PATH: process.env['PATH'] ?? '', PORT: '0', ...env };
    execFile(process.execPath, [bin, ...args], { cwd, env: all, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, said: stdout + stderr });
    });
  });
}

describe('a start that cannot be', () => {
  let cwd: string;
  let taken: Server;
  let takenPort: number;

  before(async () => {
    cwd = mkdtempSync(join(tmpdir(), 'tollgate-start-'));
    taken = createServer();
    await new Promise<void>((listening) => taken.listen(0, '127.0.0.1', listening));
    takenPort = (taken.address() as { port: number }).port;
  });
  after(() => {
    taken.close();
    rmSync(cwd, { recursive: true, force: true });
  });

  test('names the port that is in use, and has made nothing', async () => {
    const { code, said } = await run(['serve'], cwd, { PORT: String(takenPort) });
    assert.equal(code, 1, said);
    assert.match(
      said,
      new RegExp(`did not start: server\\.port: ${takenPort} is in use on 127\\.0\\.0\\.1\\. .*another port`),
    );
    assert.equal(existsSync(join(cwd, 'data')), false);
  });

  test('names the database that refuses connections, and keeps its password to itself', async () => {
    const port = await freePort();
    const { code, said } = await run(['serve'], cwd, { DATABASE_URL: `postgres://me:hunter2@127.0.0.1:${port}/shop` });
    assert.equal(code, 1, said);
    assert.match(
      said,
      new RegExp(`database\\.url: connection refused at 127\\.0\\.0\\.1:${port}\\. Is Postgres running`),
    );
    assert.ok(!said.includes('hunter2'), said);
  });

  test('names a host that is not known', async () => {
    const { code, said } = await run(['serve'], cwd, { DATABASE_URL: 'postgres://me@no-such-host.invalid/shop' });
    assert.equal(code, 1, said);
    assert.match(said, /database\.url: .*no-such-host\.invalid/);
  });

  const postgres = new URL(process.env['TEST_DATABASE_URL']!);
  test('names a database that is not there, with the command that makes it', async () => {
    const url = new URL(postgres);
    url.pathname = '/no_such_database';
    const { code, said } = await run(['serve'], cwd, { DATABASE_URL: url.href });
    assert.equal(code, 1, said);
    assert.match(
      said,
      /database\.url: there is no database 'no_such_database' at .*CREATE DATABASE "no_such_database";/,
    );
  });

  /** A role of its own, and a database that belongs to somebody else. */
  async function roleWith(t: TestContext, options: string): Promise<URL> {
    const database = await freshDatabase();
    const name = `start_${randomBytes(4).toString('hex')}`;
    const admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
    t.after(async () => {
      await admin.query(`drop role ${name}`);
      await admin.end();
      await database.drop();
    });
    await admin.query(`create role ${name} ${options} password 'right'`);
    await admin.query('revoke create on schema public from public');
    const url = new URL(database.url);
    url.username = name;
    url.password = 'wrong-hunter2';
    return url;
  }

  test('names a user whom the database does not let in, and keeps the password to itself', async (t) => {
    const url = await roleWith(t, 'nologin');
    const { code, said } = await run(['serve'], cwd, { DATABASE_URL: url.href });
    assert.equal(code, 1, said);
    assert.match(
      said,
      /database\.url: Postgres at \S+ does not let the user 'start_\w+' in\. Correct the user and the/,
    );
    assert.ok(!said.includes('hunter2'), said);
  });

  test('names a user who may make no tables, with the command that gives the right', async (t) => {
    const url = await roleWith(t, 'login');
    url.password = 'right';
    const { code, said } = await run(['serve'], cwd, { DATABASE_URL: url.href });
    assert.equal(code, 1, said);
    assert.match(said, /database\.url: the user 'start_\w+' may not .*GRANT CREATE ON SCHEMA public TO "start_\w+";/);
  });

  for (const [what, option, wanted] of [
    ['is full', 'size=64k', /data_dir: the disk of \S+ is full\. Make room, or use another folder\./],
    [
      'is read-only',
      'ro',
      /data_dir: a folder cannot be made in \S+\. Is its file system read-only\? Use another folder, or mount/,
    ],
  ] as const) {
    const root = process.platform === 'linux' && process.getuid?.() === 0;
    test(`names a data_dir whose disk ${what}`, { skip: root ? false : 'mounting needs root on Linux' }, async (t) => {
      const disk = mkdtempSync(join(cwd, 'disk-'));
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', option, 'tmpfs', disk], { stdio: 'pipe' });
      } catch {
        return t.skip('this system does not let root mount a volume');
      }
      t.after(() => execFileSync('umount', ['-l', disk]));
      if (what === 'is full') writeFileSync(join(disk, 'others'), Buffer.alloc(64 * 1024));
      writeFileSync(join(cwd, 'disk.yaml'), `data_dir: ${disk}\nproviders: {}\nmodels: {}\n`);
      const { code, said } = await run(['serve', '--config', 'disk.yaml'], cwd);
      assert.equal(code, 1, said);
      assert.match(said, wanted);
    });
  }

  test('names a data_dir that is no folder', async () => {
    writeFileSync(join(cwd, 'file'), '');
    writeFileSync(join(cwd, 'file.yaml'), 'data_dir: ./file\nproviders: {}\nmodels: {}\n');
    const { code, said } = await run(['serve', '--config', 'file.yaml'], cwd);
    assert.equal(code, 1, said);
    assert.match(said, /data_dir: .*file is not a folder\. Use another one\./);
  });

  test('names a data_dir that another gateway has', async () => {
    const folder = join(cwd, 'used');
    mkdirSync(folder);
    writeFileSync(join(folder, 'pg.lock'), JSON.stringify({ pid: process.pid, born: null }));
    writeFileSync(join(cwd, 'used.yaml'), 'data_dir: ./used\nproviders: {}\nmodels: {}\n');
    const { code, said } = await run(['serve', '--config', 'used.yaml'], cwd);
    assert.equal(code, 1, said);
    assert.match(said, /did not start: data_dir: .*in use by process \d+\. Stop it, or use another data_dir/);
  });

  test('says of a word that is no verb which there are', async () => {
    const { code, said } = await run(['server'], cwd);
    assert.equal(code, 1);
    assert.match(
      said,
      /There is no verb 'server'; did you mean 'serve'\? There are: serve, check, doctor, migrate, keys, /,
    );
  });
});
