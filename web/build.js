/** Builds the console's pages into `dist/web`, where what they are made of is newer than what is there. A part of the build. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';

const web = import.meta.dirname;
const root = join(web, '..');
const sources = readdirSync(web, { recursive: true, encoding: 'utf8' }).map((name) => join(web, name));
const newestMs = Math.max(...[...sources, join(root, 'package-lock.json')].map((path) => statSync(path).mtimeMs));
const made = join(root, 'dist/web/index.html');

if (!existsSync(made) || statSync(made).mtimeMs < newestMs) {
  const { build } = await import('vite');
  await build({ configFile: join(web, 'vite.config.ts'), logLevel: 'warn' });
  // Compressed once, and not at each start of a gateway.
  const pages = join(root, 'dist/web');
  for (const name of readdirSync(pages, { recursive: true, encoding: 'utf8' })) {
    const path = join(pages, name);
    if (statSync(path).isFile()) writeFileSync(`${path}.br`, brotliCompressSync(readFileSync(path)));
  }
}
