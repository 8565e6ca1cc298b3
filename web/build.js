/**
 * Builds what browsers load, where what it is made of is newer than what is there: the console's pages into `dist/web`, the
 * reference of the API into `dist/reference`. A part of the build.
 */
import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';

const web = import.meta.dirname;
const root = join(web, '..');
const sources = readdirSync(web, { recursive: true, encoding: 'utf8' }).map((name) => join(web, name));
const newestMs = Math.max(...[...sources, join(root, 'package-lock.json')].map((path) => statSync(path).mtimeMs));
const isOld = (made) => !existsSync(made) || statSync(made).mtimeMs < newestMs;

/** Compressed once, and not at each start of a gateway. */
function compress(folder) {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    if (statSync(path).isFile() && !path.endsWith('.br'))
      writeFileSync(`${path}.br`, brotliCompressSync(readFileSync(path)));
  }
}

if (isOld(join(root, 'dist/web/index.html'))) {
  const { build } = await import('vite');
  await build({ configFile: join(web, 'vite.config.ts'), logLevel: 'warn' });
  compress(join(root, 'dist/web'));
}

/** What Redoc's bundle does otherwise than a page that is offline and has a strict policy needs it. */
const changes = [
  // The styles that it makes as it loads have no nonce yet.
  ['var t=n.nc;t&&e.setAttribute("nonce",t)', 'e.setAttribute("nonce",document.querySelector("script[nonce]").nonce)'],
  // An image from another host.
  ['"https://cdn.redoc.ly/redoc/logo-mini.svg"', '"/ui/icon.svg"'],
];

const reference = join(root, 'dist/reference');
if (isOld(join(reference, 'redoc.js'))) {
  cpSync(join(web, 'reference'), reference, { recursive: true });
  let bundle = readFileSync(createRequire(import.meta.url).resolve('redoc/bundles/redoc.standalone.js'), 'utf8');
  for (const [theirs, ours] of changes) {
    if (!bundle.includes(theirs)) throw new Error(`Redoc's bundle has no ${theirs} any more: see web/build.js.`);
    bundle = bundle.replaceAll(theirs, ours);
  }
  writeFileSync(join(reference, 'redoc.js'), bundle);
  compress(reference);
}
