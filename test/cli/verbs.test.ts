/** Verbs that ask a gateway, against a real admin API; `migrate` and words that are none, as processes. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import { Command } from 'commander';
import { registerKeys } from '../../src/cli/keys.js';
import { registerLimits } from '../../src/cli/limits.js';
import { registerReport } from '../../src/cli/report.js';
import { registerTeams } from '../../src/cli/teams.js';
import { packageRoot } from '../../src/lib/root.js';
import { ADMIN_KEY, type AdminServer, adminServer } from '../api/admin/server.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

let server: AdminServer;
let database: FreshDatabase;
const cwd = mkdtempSync(join(tmpdir(), 'tollgate-verbs-'));
before(async () => {
  [server, database] = await Promise.all([adminServer(), freshDatabase()]);
});
after(async () => {
  await server.close();
  await database.drop();
  rmSync(cwd, { recursive: true });
});

async function tollgate(args: string[], url = server.url): Promise<{ code: number; out: string; err: string }> {
  const ran = { code: 0, out: '', err: '' };
  const program = new Command('tollgate').exitOverride().configureOutput({
    writeOut: (text) => void (ran.out += text),
    writeErr: (text) => void (ran.err += text),
  });
  const world = {
    env: { TOLLGATE_URL: url, TOLLGATE_ADMIN_KEY: ADMIN_KEY },
    cwd,
    nowMs: () => server.clock.now(),
    print: (line: string) => void (ran.out += `${line}\n`),
    printError: (line: string) => void (ran.err += `${line}\n`),
    output: new PassThrough().on('data', (piece) => void (ran.out += piece)),
    exit: (code: number) => void (ran.code = code),
  };
  for (const register of [registerKeys, registerTeams, registerLimits, registerReport]) register(program, world);
  await program.parseAsync(args, { from: 'user' }).catch((error: { exitCode?: number }) => {
    ran.code = error.exitCode ?? 1;
  });
  return ran;
}

async function json(...args: string[]) {
  const { code, out, err } = await tollgate([...args, '--json']);
  assert.equal(code, 0, err);
  return JSON.parse(out);
}

const refused = async (...args: string[]): Promise<string> => {
  const { code, out, err } = await tollgate(args);
  assert.deepEqual([code, out], [1, '']);
  return err;
};

test('teams are created, listed, shown, changed, blocked, unblocked and deleted', async () => {
  const made = await tollgate(['teams', 'create', 'search', '--limit', '50 usd/month', '--markup', '1.2']);
  assert.deepEqual([made.code, made.err], [0, '']);
  assert.match(made.out, /^search {2}active\n50 usd\/month\n$/);
  assert.match(await refused('teams', 'create', 'search'), /already a team named search/);
  assert.deepEqual(
    (await json('teams', 'list')).data.map(({ name }: { name: string }) => name),
    ['search'],
  );
  const changed = await json(
    'teams',
    'update',
    'search',
    '--limit',
    '5 concurrent',
    '--user-limit',
    '1 usd/day',
    '--clear',
    'markup',
  );
  assert.deepEqual([changed.limits, changed.markup], [[{ unit: 'concurrent', max: 5 }], null]);
  assert.match(await refused('teams', 'update', 'search'), /Name what is to change/);
  assert.match(await refused('teams', 'update', 'search', '--clear', 'name'), /expected one of limits/);
  assert.match((await tollgate(['teams', 'block', 'search'])).out, /blocked/);
  assert.equal((await json('teams', 'show', 'search')).blocked_at === null, false);
  assert.match((await tollgate(['teams', 'unblock', 'search'])).out, /active/);
  assert.match((await tollgate(['teams', 'delete', 'search'])).out, /Deleted search\./);
  assert.match((await tollgate(['teams', 'list'])).out, /There are no teams/);
  assert.match(await refused('teams', 'show', 'nobody'), /no team named nobody/);
});

test('a key is shown, changed, blocked and unblocked; what is not said stays', async () => {
  const { id } = await json(
    'keys',
    'create',
    '--name',
    'one',
    '--team',
    'a',
    '--tag',
    'x',
    '--limit',
    '60 requests/minute',
  );
  const shown = await tollgate(['keys', 'show', id]);
  assert.match(shown.out, /one\nteam a, active, expires never\nmodels all\n60 requests\/minute\n$/);
  const changed = await json('keys', 'update', id, '--name', 'two', '--model', 'gpt-4o*', '--expires', '1d');
  assert.deepEqual([changed.name, changed.team, changed.models, changed.tags], ['two', 'a', ['gpt-4o*'], ['x']]);
  const cleared = await json('keys', 'update', id, '--clear', 'models', '--clear', 'limits', '--clear', 'team');
  assert.deepEqual([cleared.models, cleared.limits, cleared.team], [null, [], null]);
  assert.match(await refused('keys', 'update', id, '--clear', 'id'), /expected one of team/);
  assert.match(await refused('keys', 'update', id), /Name what is to change/);
  assert.match((await tollgate(['keys', 'block', id])).out, /blocked/);
  assert.match((await tollgate(['keys', 'unblock', id])).out, /active/);
  assert.match(await refused('keys', 'show', 'key_none'), /no key with the id/);
});

test('limits ask whose; a month is a period', async () => {
  assert.match(await refused('limits'), /--key, --team/);
  assert.match((await tollgate(['limits', '--model', 'm'])).out, /no limits/);
  assert.match(await refused('report', '--month', '2026-13'), /expected a month/);
  assert.match(await refused('report', '--month', '2026-11', '--from', '2026-01-01'), /in the place of/);
  const asked: string[] = [];
  const fake = createServer((request, response) => {
    asked.push(request.url!);
    response.end('{}');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => fake.once('listening', resolve));
  const url = `http://127.0.0.1:${(fake.address() as AddressInfo).port}`;
  await tollgate(['report', '--month', '2026-11', '--json'], url);
  await tollgate(['report', '--month', '2026-12', '--json'], url);
  fake.close();
  assert.match(asked[0]!, /from=2026-11-01&to=2026-12-01/);
  assert.match(asked[1]!, /from=2026-12-01&to=2027-01-01/);
});

const command = (...args: string[]) =>
  new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const argv = [join(packageRoot, 'bin/tollgate.js'), ...args];
    const env = { PATH: process.env['PATH'], DATABASE_URL: database.url };
    execFile(process.execPath, argv, { cwd, env }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });

test('migrate says what is missing, applies it, and then nothing is missing', async () => {
  writeFileSync(join(cwd, 'config.yaml'), 'database: { url: "${DATABASE_URL}" }\n');
  const missing = JSON.parse((await command('migrate', '--dry-run', '--json')).out);
  assert.equal(missing.migrations[0], '0001_keys_ledger_audit');
  const applied = JSON.parse((await command('migrate', '--json')).out);
  assert.deepEqual(applied.migrations, missing.migrations);
  assert.doesNotMatch(applied.database, /@/);
  const { code, out } = await command('migrate', '--dry-run');
  assert.equal(code, 0);
  assert.match(out, /nothing is missing/);
  writeFileSync(join(cwd, 'away.yaml'), 'database: { url: "postgres://u:s3cret@127.0.0.1:9/x" }\n');
  const away = await command('migrate', '--config', 'away.yaml');
  assert.equal(away.code, 1);
  assert.match(away.err, /not migrated: .*ECONNREFUSED/);
  assert.doesNotMatch(away.err, /s3cret/);
});

test('a verb that there is not is told with the nearest, and all that there are', async () => {
  const { code, err } = await command('migrat');
  assert.equal(code, 1);
  assert.match(err, /no verb 'migrat'; did you mean 'migrate'\? There are: serve, .*teams/);
});
