/**
 * Packages that only a test needs, and that cannot lie beside those of this repository: a folder below `test/clients` with a
 * `package.json` and its lock file, installed once into `.cache/`, in a folder named after what the lock file says, so that a
 * changed lock file is a new installation.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/lib/root.js';

const files = ['package.json', 'package-lock.json'];

/** The folder in which the packages of `test/clients/<name>` are installed. */
export async function installedFolder(name: string): Promise<string> {
  const source = join(packageRoot, 'test/clients', name);
  const lock = createHash('sha256');
  for (const file of files) lock.update(readFileSync(join(source, file)));
  const root = join(packageRoot, '.cache', `${name}-${lock.digest('hex').slice(0, 12)}`);
  if (!existsSync(root)) await install(source, root);
  return root;
}

/** Into a folder beside it first, so that an installation that was broken off is never taken for one. */
async function install(source: string, root: string): Promise<void> {
  mkdirSync(join(packageRoot, '.cache'), { recursive: true });
  const half = mkdtempSync(`${root}-`);
  try {
    for (const file of files) copyFileSync(join(source, file), join(half, file));
    const args = ['ci', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', '--force'];
    await promisify(execFile)('npm', args, { cwd: half, timeout: 240_000 });
    renameSync(half, root);
  } catch (error) {
    rmSync(half, { recursive: true, force: true });
    if (!existsSync(root)) throw error;
  }
}
