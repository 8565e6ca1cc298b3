/** What ends a start says which setting it was about and what to do; nothing is made before a port is known to be free. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { packageRoot } from '../../src/lib/root.js';
import { freePort } from '../support/free-port.js';

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
    assert.match(said, /There is no verb 'server'\. There are: serve, check, keys, /);
  });
});
