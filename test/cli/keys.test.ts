/** `tollgate keys` against a real admin API. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { Command } from 'commander';
import { registerKeys } from '../../src/cli/keys.js';
import { wellFormed } from '../../src/identity/secret.js';
import { ADMIN_KEY, type AdminServer, adminServer } from '../api/admin/server.js';

let server: AdminServer;
let cwd: string;
before(async () => {
  server = await adminServer();
});
after(() => server.close());
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'tollgate-cli-'));
});
afterEach(() => rmSync(cwd, { recursive: true }));

interface Ran {
  code: number;
  out: string;
  err: string;
}

async function tollgate(args: string[], env?: Record<string, string>): Promise<Ran> {
  const ran: Ran = { code: 0, out: '', err: '' };
  const program = new Command('tollgate').exitOverride().configureOutput({
    writeOut: (text) => void (ran.out += text),
    writeErr: (text) => void (ran.err += text),
  });
  registerKeys(program, {
    env: env ?? { TOLLGATE_URL: server.url, TOLLGATE_ADMIN_KEY: ADMIN_KEY },
    cwd,
    nowMs: () => server.clock.now(),
    print: (line) => void (ran.out += `${line}\n`),
    printError: (line) => void (ran.err += `${line}\n`),
    exit: (code) => void (ran.code = code),
  });
  await program.parseAsync(['keys', ...args], { from: 'user' }).catch((error: { exitCode?: number }) => {
    ran.code = error.exitCode ?? 1;
  });
  return ran;
}

const json = async (args: string[]) => {
  const { code, out, err } = await tollgate([...args, '--json']);
  assert.equal(code, 0, err);
  return JSON.parse(out);
};

test('create makes a key with all that was said, and shows it', async () => {
  const limit = ['--limit', '60 requests/minute', '--limit', '1_000_000 tokens / day', '--limit', '5 concurrent'];
  const more = ['--limit', '{"unit":"usd","max":"0.50","per":"month","model":"gpt-4o*"}', '--expires', '30d'];
  const models = ['--model', 'gpt-4o*', '--model', 'claude-*', '--endpoint', 'chat', '--tag', 'prod'];
  const args = [
    'create',
    '--name',
    'mine',
    '--team',
    'search',
    ...models,
    ...limit,
    ...more,
    '--allow-ip',
    '10.0.0.0/8',
  ];
  const { code, out, err } = await tollgate(args);
  assert.deepEqual([code, err], [0, '']);
  const secret = /sk-tg-\S+/.exec(out)![0];
  assert.ok(wellFormed(secret));
  assert.match(out, /not shown again/);
  const [key] = (await json(['list', '--team', 'search'])).data;
  assert.deepEqual(
    [key.name, key.team, key.models, key.endpoints, key.tags, key.allowed_ips, key.expires_at],
    ['mine', 'search', ['gpt-4o*', 'claude-*'], ['chat'], ['prod'], ['10.0.0.0/8'], '2026-12-24T08:00:00.000Z'],
  );
  assert.deepEqual(key.limits, [
    { unit: 'requests', max: 60, per: 'minute' },
    { unit: 'tokens', max: 1_000_000, per: 'day' },
    { unit: 'concurrent', max: 5 },
    { unit: 'usd', max: 0.5, per: 'month', model: 'gpt-4o*' },
  ]);
});

test('list shows a line for each key, over more than one page, and never a secret', async () => {
  const { key } = await json(['create', '--name', 'first', '--team', 'many']);
  for (let i = 0; i < 205; i++) await server.call('POST', '/keys', { name: `k${i}`, team: 'many' });
  const { out } = await tollgate(['list', '--team', 'many']);
  const lines = out.trimEnd().split('\n');
  assert.equal(lines.length, 207);
  assert.match(lines[0]!, /^ID +NAME +TEAM +KEY +STATE +EXPIRES$/);
  assert.match(lines[206]!, /^key_\w{26} +first +many +sk-tg-\w{4}\.\.\. +active +never$/);
  assert.ok(!out.includes(key));
  assert.equal((await json(['list', '--team', 'many'])).data.length, 206);
  assert.match((await tollgate(['list', '--team', 'nobody'])).out, /no keys/);
});

test('revoke ends a key, and the list says so when it is asked for revoked ones', async () => {
  const { id } = await json(['create', '--name', 'ending', '--team', 'ends']);
  const { code, out } = await tollgate(['revoke', id]);
  assert.equal(code, 0);
  assert.match(out, new RegExp(`Revoked ${id} \\(ending, `));
  assert.deepEqual((await json(['list', '--team', 'ends'])).data, []);
  assert.match((await tollgate(['list', '--team', 'ends', '--revoked'])).out, /revoked/);
});

test('rotate shows a new secret and says what becomes of the old one', async () => {
  const { id, key } = await json(['create', '--name', 'turning']);
  const { out } = await tollgate(['rotate', id, '--overlap', '24h']);
  assert.ok(wellFormed(/sk-tg-\S{49}/.exec(out)![0]) && !out.includes(key));
  assert.match(out, /old secret works for 24h/);
  assert.match((await tollgate(['rotate', id])).out, /old secret works no longer/);
});

test('what the gateway refuses is said in its words, on standard error, with exit code 1', async () => {
  for (const [args, words] of [
    [['revoke', 'key_none'], /There is no key with the id key_none/],
    [['create', '--name', 'k', '--limit', '1 cups/day'], /limits\[0\]\.unit/],
    [['create', '--name', 'k', '--allow-ip', 'here'], /allowed_ips\[0\].*CIDR/],
    [['rotate', 'key_none', '--overlap', 'soon'], /overlap.*duration/],
  ] as [string[], RegExp][]) {
    const { code, out, err } = await tollgate(args);
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, words);
  }
});

test('what cannot be understood is said before anything is sent', async () => {
  for (const [args, words] of [
    [['create', '--name', 'k', '--limit', 'lots'], /"lots": expected such as/],
    [['create', '--name', 'k', '--limit', '{"unit":'], /not valid JSON/],
    [['create', '--name', 'k', '--expires', 'tomorrow'], /--expires tomorrow: expected/],
    [['create', '--name', 'k', '--expires', '2027-13-01'], /no such time/],
    [['create', '--name', 'k', '--url', 'ftp://x'], /ftp:\/\/x is no http/],
    [['create', '--name', 'k', '--url', 'localhost:4000'], /no http or https URL/],
    [['create'], /required option '--name <name>'/],
    [['revoke'], /missing required argument 'id'/],
    [['lists'], /unknown command/],
  ] as [string[], RegExp][]) {
    const { code, err } = await tollgate(args);
    assert.equal(code, 1, args.join(' '));
    assert.match(err, words);
  }
});

test('a gateway that is not there, or is something else, is said to be so', async (t) => {
  const gone = await tollgate(['list', '--url', 'http://127.0.0.1:1']);
  assert.equal(gone.code, 1);
  assert.match(gone.err, /http:\/\/127\.0\.0\.1:1 cannot be reached \(.+\)\. Is the gateway running/);
  const wrong = await tollgate(['list'], { TOLLGATE_URL: server.url, TOLLGATE_ADMIN_KEY: 'wrong' });
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /needs the admin key/);
  const other = createServer((_, response) => response.end('<html>hello</html>')).listen(0, '127.0.0.1');
  t.after(() => void other.close());
  await new Promise((done) => other.once('listening', done));
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  assert.match((await tollgate(['list', '--url', url])).err, /answered 200, and not as the admin API/);
});

test('the admin key comes from the environment, else from .env, else from the file of the first start', async () => {
  const env = { TOLLGATE_URL: server.url };
  const without = await tollgate(['list'], env);
  assert.equal(without.code, 1);
  assert.match(without.err, /The admin key is needed \(.*data\/admin\.key cannot be read\): set TOLLGATE_ADMIN_KEY/);
  mkdirSync(join(cwd, 'data'));
  writeFileSync(join(cwd, 'data', 'admin.key'), `${ADMIN_KEY}\n`);
  assert.equal((await tollgate(['list'], env)).code, 0);
  writeFileSync(join(cwd, '.env'), 'TOLLGATE_ADMIN_KEY=from-dotenv\n');
  assert.equal((await tollgate(['list'], env)).code, 1, '.env wins over the file');
  assert.equal((await tollgate(['list'], { ...env, TOLLGATE_ADMIN_KEY: ADMIN_KEY })).code, 0, 'the environment wins');
  assert.match((await tollgate(['list'], { ...env, TOLLGATE_ADMIN_KEY: 'a\nb' })).err, /cannot be an admin key/);
});

test('the file of the first start is in the data_dir that the configuration says', async () => {
  const env = { TOLLGATE_URL: server.url };
  mkdirSync(join(cwd, 'elsewhere', 'state'), { recursive: true });
  writeFileSync(join(cwd, 'elsewhere', 'state', 'admin.key'), ADMIN_KEY);
  const text = 'data_dir: "${STATE:-./state}"\nproviders: { a: { type: openai, api_key: "${NOT_SET_HERE}" } }\n';
  writeFileSync(join(cwd, 'elsewhere', 'gateway.yaml'), text);
  assert.match((await tollgate(['list'], env)).err, /data\/admin\.key cannot be read/);
  const named = { ...env, TOLLGATE_CONFIG: 'elsewhere/gateway.yaml' };
  assert.equal((await tollgate(['list'], named)).code, 0);
  assert.equal((await tollgate(['list', '--config', 'elsewhere/gateway.yaml'], env)).code, 0);
  assert.match((await tollgate(['list'], { ...named, STATE: './other' })).err, /elsewhere\/other\/admin\.key cannot/);
  writeFileSync(join(cwd, 'elsewhere', '.env'), 'STATE=./third\n');
  assert.match((await tollgate(['list'], named)).err, /elsewhere\/third\/admin\.key cannot/);
  writeFileSync(join(cwd, 'config.yaml'), 'data_dir: elsewhere/state\n');
  assert.equal((await tollgate(['list'], env)).code, 0);
  writeFileSync(join(cwd, 'config.yaml'), 'data_dir: [\n');
  assert.match((await tollgate(['list'], env)).err, /data\/admin\.key cannot be read/);
});

test('the file’s admin key goes to this machine only, unless the file is named', async () => {
  mkdirSync(join(cwd, 'data'));
  const file = join(cwd, 'data', 'admin.key');
  writeFileSync(file, ADMIN_KEY);
  const far = ['list', '--url', 'http://gateway.invalid:4000'];
  assert.match((await tollgate(far, {})).err, /The admin key is needed: set TOLLGATE_ADMIN_KEY/);
  assert.match((await tollgate([...far, '--admin-key-file', file], {})).err, /cannot be reached/);
});
