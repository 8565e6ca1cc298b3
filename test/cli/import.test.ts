/** `tollgate import litellm` and `tollgate check` as processes: the one prints what the other takes. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { packageRoot } from '../../src/lib/root.js';

const cwd = mkdtempSync(join(tmpdir(), 'tollgate-import-'));
after(() => rmSync(cwd, { recursive: true }));

const tollgate = (...args: string[]) =>
  new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const env = { PATH: process.env['PATH'] };
    execFile(process.execPath, [join(packageRoot, 'bin/tollgate.js'), ...args], { cwd, env }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });

const balanced = join(packageRoot, 'test/fixtures/litellm/balanced.yaml');

test('the configuration is on standard output, what has no equivalent on standard error, and check takes it', async () => {
  const { code, out, err } = await tollgate('import', 'litellm', balanced);
  assert.equal(code, 0);
  assert.match(err, /Not taken \(\d+\):\n {2}/);
  assert.doesNotMatch(out, /Not taken/);
  writeFileSync(join(cwd, 'made.yaml'), out);
  const checked = await tollgate('check', 'made.yaml');
  assert.deepEqual([checked.code, checked.err], [0, '']);
  assert.match(checked.out, /gpt-4o {2,}-> azure\/gpt-4o-eu/);
});

test('--json has the configuration, what was not taken and notes', async () => {
  const { code, out, err } = await tollgate('import', 'litellm', balanced, '--json');
  assert.deepEqual([code, err], [0, '']);
  const { config, not_taken, notes, left_out } = JSON.parse(out);
  assert.match(config, /^models:$/m);
  assert.ok(not_taken.some(({ path }: { path: string }) => path === 'environment_variables'));
  assert.ok(notes.length > 0);
  assert.equal(left_out, 0);
});

test('a file that cannot be used is told in one line, with exit code 1', async () => {
  const refused = async (name: string, content: string | Buffer) => {
    writeFileSync(join(cwd, name), content);
    const { code, out, err } = await tollgate('import', 'litellm', name);
    assert.deepEqual([code, out], [1, '']);
    return err;
  };
  assert.match(await refused('bad.yaml', 'model_list:\n  - {a: [\n'), /^bad\.yaml:3:1: .+\n$/);
  assert.match(await refused('long.yaml', Buffer.alloc(5 * 2 ** 20, 'a')), /^long\.yaml is longer than 4 MB\.\n$/);
  assert.match(await refused('bytes.yaml', Buffer.from([0xff, 0xfe, 0])), /^bytes\.yaml is not UTF-8 text\.\n$/);
  const missing = await tollgate('import', 'litellm', 'none.yaml');
  assert.deepEqual([missing.code, missing.err], [1, 'There is no file none.yaml.\n']);
});
