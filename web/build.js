/** Builds the console's pages into `dist/web`, where what they are made of is newer than what is there. A part of the build. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const web = import.meta.dirname;
const root = join(web, '..');
const sources = readdirSync(web, { recursive: true, encoding: 'utf8' }).map((name) => join(web, name));
const newestMs = Math.max(...[...sources, join(root, 'package-lock.json')].map((path) => statSync(path).mtimeMs));
const made = join(root, 'dist/web/index.html');

if (!existsSync(made) || statSync(made).mtimeMs < newestMs) {
  const { build } = await import('vite');
  await build({ configFile: join(web, 'vite.config.ts'), logLevel: 'warn' });
}
