/**
 * The first minutes of a user: a fresh copy of the repository, the README's commands as they are written there, the line
 * that is printed for pasting, and what is left on disk.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { packageRoot } from '../../src/lib/root.js';
import { freePort } from '../support/free-port.js';
import { freshCopy, freshEnv } from '../support/fresh-copy.js';
import { type Running, runCommand, startCommand } from '../support/shell.js';

const START = 'npm install && npm start';

describe('a fresh copy', () => {
  let folder: string;
  let env: NodeJS.ProcessEnv;
  let running: Running;
  let url: string;
  let curl: string;

  before(async () => {
    folder = freshCopy();
    env = freshEnv({ PORT: String(await freePort()) });
  });
  after(async () => {
    await running?.end('SIGKILL');
    if (folder) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  it('is told by the README what it needs', () => {
    assert.ok(readFileSync(join(packageRoot, 'README.md'), 'utf8').includes(`\`\`\`sh\n${START}\n\`\`\``));
  });

  it('installs and starts with the first command, without a warning, and prints where everything is', async () => {
    running = startCommand(START, { cwd: folder, env });
    [, url] = (await running.until(/ready: (http:\S+)/, 240_000)) as unknown as [string, string];
    [curl] = (await running.until(/^curl .*$/m, 5_000)) as unknown as [string];
    assert.equal(url, `http://127.0.0.1:${env['PORT']}`);
    const printed = running.output();
    assert.ok(!/deprecated|EBADENGINE|[1-9]\d* vulnerabilit/i.test(printed), printed);
    assert.ok(!/"level":"(?:warn|error)"/.test(printed), printed);
    assert.match(printed, new RegExp(`Admin key: .*${literally(join(folder, 'data', 'admin.key'))}`));
  });

  it('answers the printed line when it is pasted', async () => {
    const { code, output } = await runCommand(curl.replace('curl', 'curl -sS --fail-with-body'), { cwd: folder, env });
    assert.equal(code, 0, output);
    assert.match(output, /"object":"chat\.completion"/);
  });

  it("keeps its secrets in files that are its own user's alone, and out of what it prints", async () => {
    for (const name of ['admin.key', 'demo.key']) {
      assert.equal((statSync(join(folder, 'data', name)).mode & 0o777).toString(8), '600', name);
    }
    assert.equal((statSync(join(folder, 'data')).mode & 0o777).toString(8), '700');
    assert.ok(!running.output().includes(adminKey(folder)), 'the admin key is printed');
    assert.ok(curl.includes(readFileSync(join(folder, 'data/demo.key'), 'utf8').trim()));
  });

  it('ends in good order when it is told to', async () => {
    await running.end('SIGTERM');
    assert.ok(!/error|exception/i.test(running.output().split('Try it:')[1] ?? ''), running.output());
  });

  it('starts again with the same keys, prints no secret, and still has the entry of the pasted line', async () => {
    const demoKey = readFileSync(join(folder, 'data/demo.key'), 'utf8').trim();
    const admin = adminKey(folder);
    running = startCommand('npm start', { cwd: folder, env });
    await running.until(/ready: http:\S+/, 120_000);
    const authorization = `Bearer ${admin}`;
    const { data } = (await (await fetch(`${url}/admin/v1/usage`, { headers: { authorization } })).json()) as {
      data: { model: string; status: number }[];
    };
    assert.deepEqual(
      data.map(({ model, status }) => [model, status]),
      [['sandbox', 200]],
    );
    const models = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${demoKey}` } });
    assert.equal(models.status, 200);
    await models.arrayBuffer();
    assert.ok(!running.output().includes(demoKey) && !running.output().includes(admin));
    await running.end('SIGTERM');
  });

  it('runs its tests', async () => {
    const { code, output } = await runCommand('npm test -- test/lib pricing/price', { cwd: folder, env });
    assert.equal(code, 0, output);
    assert.match(output, /^[1-9]\d* passed, 0 failed, 0 skipped$/m);
  });

  it('passes its own check', async () => {
    execFileSync('git', ['init', '-q'], { cwd: folder, stdio: 'ignore' }); // it ignores what git ignores
    const { code, output } = await runCommand('npm run check', { cwd: folder, env });
    assert.equal(code, 0, output);
  });
});

const adminKey = (folder: string): string => readFileSync(join(folder, 'data/admin.key'), 'utf8').trim();
const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
