/** The package as a user gets it: packed from a clean copy, installed in an empty folder, served by `npx tollgate serve`. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { packageRoot } from '../../src/lib/root.js';
import { freePort } from '../support/free-port.js';
import { freshCopy, freshEnv } from '../support/fresh-copy.js';
import { type Running, runCommand, startCommand } from '../support/shell.js';

describe('the package', () => {
  let copy: string;
  let folder: string;
  let env: NodeJS.ProcessEnv;
  let tarball: string;
  let running: Running | undefined;

  before(async () => {
    copy = freshCopy();
    folder = mkdtempSync(join(tmpdir(), 'tollgate-package-'));
    env = freshEnv({ PORT: String(await freePort()) });
  });
  after(async () => {
    await running?.end('SIGKILL');
    for (const made of [copy, folder]) rmSync(made, { recursive: true, force: true, maxRetries: 5 });
  });

  it('is packed by `npm pack` from a clean copy, with what a user runs and nothing else', async () => {
    const install = await runCommand('npm ci --no-audit --no-fund', { cwd: copy, env });
    assert.equal(install.code, 0, install.output);
    const { code, output } = await runCommand('npm pack --json', { cwd: copy, env });
    assert.equal(code, 0, output);
    const [packed] = JSON.parse(output.slice(output.indexOf('['))) as [{ filename: string; files: { path: string }[] }];
    tarball = join(copy, packed.filename);
    const paths = packed.files.map(({ path }) => path);
    for (const needed of ['bin/tollgate.js', 'dist/src/main.js', 'config.yaml', 'LICENSE'])
      assert.ok(paths.includes(needed), `${needed} is missing`);
    const needless = paths.filter((path) =>
      /^(?:test|bench|dist\/(?:test|bench)|\.ci|docs)\/|\.(?:ts|map)$/.test(path),
    );
    assert.deepEqual(needless, []);
  });

  it('is installed in an empty folder', async () => {
    const { code, output } = await runCommand(`npm init -y && npm install --no-audit --no-fund ${tarball}`, {
      cwd: folder,
      env,
    });
    assert.equal(code, 0, output);
    assert.ok(!/deprecated/i.test(output), output);
  });

  it('has a bill of materials of all that was installed, made as a release makes it', async () => {
    const release = readFileSync(join(packageRoot, '.github/workflows/release.yml'), 'utf8');
    const command = /npm sbom [^>\n]*/.exec(release)![0].trim();
    const { code, output } = await runCommand(`${command} 2>/dev/null`, { cwd: folder, env });
    assert.equal(code, 0, output);
    const bill = JSON.parse(output) as { bomFormat: string; components: { purl: string; version: string }[] };
    assert.equal(bill.bomFormat, 'CycloneDX');
    const named = new Set(bill.components.map(({ purl }) => decodeURIComponent(/^pkg:npm\/(.+)@/.exec(purl)![1]!)));
    const manifest = readFileSync(join(packageRoot, 'package.json'), 'utf8');
    const { dependencies } = JSON.parse(manifest) as { dependencies: Record<string, string> };
    assert.deepEqual(
      ['tollgate', ...Object.keys(dependencies)].filter((name) => !named.has(name)),
      [],
    );
    assert.ok(!named.has('typescript') && !named.has('knip'));
  });

  it('serves by `npx tollgate serve`, and says which configuration and database it uses', async () => {
    running = startCommand('npx tollgate serve', { cwd: folder, env });
    await running.until(/ready: (http:\S+)/, 240_000);
    const [curl] = (await running.until(/^curl .*$/m, 5_000)) as unknown as [string];
    const printed = running.output();
    assert.match(printed, /Config: {5}\S*tollgate\/config\.yaml \(there is no config\.yaml here/);
    assert.ok(printed.includes(`Database:   embedded, in ${join(folder, 'data')}`), printed);
    const { code, output } = await runCommand(curl.replace('curl', 'curl -sS --fail-with-body'), { cwd: folder, env });
    assert.equal(code, 0, output);
    assert.match(output, /"object":"chat\.completion"/);
  });
});
