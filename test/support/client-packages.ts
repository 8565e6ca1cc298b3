/**
 * Client libraries that only some tests need, from `test/clients/<folder>`: installed once into `.cache/`, in a folder named after
 * what is in theirs, so that a change there is a new installation. Programs (`*.mjs`) come along.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/lib/root.js';

/** The folder in which they are installed. */
export async function clientsIn(folder: string): Promise<string> {
  const source = join(packageRoot, 'test/clients', folder);
  const files = readdirSync(source).filter((name) => /\.(json|mjs)$/.test(name));
  const hash = createHash('sha256');
  for (const file of files) hash.update(file).update(readFileSync(join(source, file)));
  const root = join(packageRoot, '.cache', `${folder}-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(root)) return root;
  mkdirSync(join(packageRoot, '.cache'), { recursive: true });
  // Into a folder beside it first, so that an installation that was broken off is never taken for one.
  const half = mkdtempSync(`${root}-`);
  try {
    for (const file of files) copyFileSync(join(source, file), join(half, file));
    const args = ['ci', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
    await promisify(execFile)('npm', args, { cwd: half, timeout: 300_000 });
    renameSync(half, root);
  } catch (error) {
    rmSync(half, { recursive: true, force: true });
    if (!existsSync(root)) throw error;
  }
  return root;
}
