/** The direction of imports, as data: what each folder may import, and where each framework may appear. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../src/lib/root.js';

const domain = ['keys', 'tokens', 'router', 'limits', 'cache', 'ledger', 'pricing', 'webhooks', 'reports', 'jwt'];
const below = ['protocol', 'lib'];
/** The composition root, in parts. */
const parts = ['cache', 'database', 'keys', 'limits', 'reload', 'routes', 'spend', 'spool', 'tokens', 'webhooks'].map(
  (name) => `app-${name}.ts`,
);
const composed = [
  'front',
  'http',
  'routes',
  'gateway',
  ...domain,
  ...below,
  'upstream',
  'telemetry',
  'config',
  'store',
];

/** Folder of `src` -> folders that it may import besides itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  protocol: ['lib'],
  ...Object.fromEntries(domain.map((folder) => [folder, below])),
  store: ['lib'],
  telemetry: below,
  upstream: below,
  front: ['lib'],
  config: ['lib', 'pricing', 'cache'],
  gateway: [...domain, ...below, 'upstream', 'telemetry', 'config'],
  http: ['front', 'gateway', 'keys', 'ledger', 'cache', 'reports', 'webhooks', ...below],
  routes: ['front', 'config', 'jwt', 'keys', 'limits', 'upstream', 'telemetry', ...below],
  cli: ['config', 'pricing', 'reports', 'protocol', 'lib', 'telemetry', 'app.ts'],
  ...Object.fromEntries(parts.map((part) => [part, composed])),
  'app.ts': [...parts, ...composed],
  'main.ts': ['cli', 'app.ts', 'providers'],
};

const frameworks: readonly { name: RegExp; where: RegExp }[] = [
  { name: /^(fastify|@fastify\/)/, where: /^src\/(http\/|app\.ts)/ },
  { name: /^undici$/, where: /^src\/(upstream\/http1\/connections|webhooks\/deliver)\.ts$/ },
  { name: /^(drizzle-orm|pg)(\/|$)/, where: /^src\/store\/|-pg\.ts$/ },
  { name: /^ioredis$/, where: /^src\/store\/|-redis\.ts$/ },
];

const filesIn = (folder: string): string[] =>
  readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file));

const importsOf = (file: string): string[] =>
  [...readFileSync(join(packageRoot, file), 'utf8').matchAll(/^(?:import|export)\b[^;]*?from '([^']+)'/gms)].map(
    (match) => match[1]!,
  );

/** `src/keys/key.ts` -> `keys`; `src/app.ts` -> `app.ts`; `providers/x.ts` -> `providers`. */
const folderOf = (file: string): string => (file.startsWith('src/') ? file.split('/')[1]! : file.split('/')[0]!);

const inside = (from: string, name: string): string =>
  relative(packageRoot, resolve(packageRoot, from, '..', name)).replace(/\.js$/, '.ts');

test('each folder imports only what lies below it', () => {
  const wrong: string[] = [];
  for (const file of filesIn('src')) {
    const from = folderOf(file);
    const storeToo = /-(pg|redis)\.ts$/.test(file) ? ['store'] : [];
    for (const name of importsOf(file).filter((one) => one.startsWith('.'))) {
      const to = folderOf(inside(file, name));
      if (to !== from && ![...(allowed[from] ?? []), ...storeToo].includes(to)) wrong.push(`${file} imports ${name}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('providers import only wire formats and lib', () => {
  const wrong = filesIn('providers').flatMap((file) =>
    importsOf(file)
      .filter((name) => name.startsWith('.') && !/^(protocol|lib|providers)$/.test(folderOf(inside(file, name))))
      .map((name) => `${file} imports ${name}`),
  );
  assert.deepEqual(wrong, []);
});

test('frameworks stay where they belong', () => {
  const wrong = filesIn('src').flatMap((file) =>
    importsOf(file)
      .filter((name) => frameworks.some((framework) => framework.name.test(name) && !framework.where.test(file)))
      .map((name) => `${file} imports ${name}`),
  );
  assert.deepEqual(wrong, []);
});
