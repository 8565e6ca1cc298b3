/** Builds the console's pages into `dist/web`, where what they are made of is newer than what is there. A part of the build. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './lib/root.js';

const newestOf = (paths: readonly string[]): number => Math.max(0, ...paths.map((path) => statSync(path).mtimeMs));

const web = join(packageRoot, 'web');
const sources = readdirSync(web, { recursive: true, encoding: 'utf8' }).map((name) => join(web, name));
const made = join(packageRoot, 'dist/web/index.html');
if (!existsSync(made) || statSync(made).mtimeMs < newestOf([...sources, join(packageRoot, 'package-lock.json')])) {
  const { build } = await import('vite');
  await build({ configFile: join(web, 'vite.config.ts'), logLevel: 'warn' });
}
