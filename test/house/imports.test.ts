/** The direction of imports, as data: what each folder may import, and where each framework may appear. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../src/lib/root.js';

const domain = [
  ...[
    'identity',
    'tokens',
    'router',
    'limits',
    'cache',
    'ledger',
    'pricing',
    'webhooks',
    'reports',
    'jwt',
    'oidc',
    'responses',
    'guardrails',
    'capture',
  ],
];
/** Wire formats, what providers state, and what everybody may use. */
const below = ['formats', 'provider', 'lib'];

/** Folder of `src` -> folders that it may import besides itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  formats: ['lib'],
  provider: ['formats', 'lib'],
  translate: ['formats', 'lib'],
  ...Object.fromEntries(domain.map((folder) => [folder, below])),
  identity: ['jwt', 'config', ...below],
  store: ['lib'],
  telemetry: below,
  upstream: below,
  front: ['lib'],
  config: ['lib', 'pricing', 'cache'],
  litellm: ['config', 'lib'],
  catalog: [...domain, ...below, 'translate', 'upstream', 'telemetry', 'config'],
  gateway: ['catalog', ...domain, ...below, 'translate', 'upstream', 'telemetry'],
  operations: ['gateway', 'catalog', ...domain, ...below, 'config'],
  api: [
    'front',
    'gateway',
    'catalog',
    'operations',
    'identity',
    'ledger',
    'cache',
    'reports',
    'webhooks',
    'responses',
    'capture',
    ...below,
  ],
  routes: ['front', 'config', 'jwt', 'identity', 'limits', 'upstream', 'telemetry', ...below],
  server: ['api', 'front', ...below],
  workers: ['front', ...domain, ...below],
  app: [
    ...['workers', 'server', 'api', 'front', 'routes', 'operations', 'gateway', 'catalog', ...domain, ...below],
    ...['translate', 'upstream', 'telemetry', 'config', 'store'],
  ],
  cli: ['app', 'config', 'litellm', 'pricing', 'reports', 'telemetry', ...below],
  'main.ts': ['cli', 'app', 'config', 'providers', 'translate', ...below],
  'worker.ts': ['app', 'providers'],
};

/** The table of own addresses is data that who matches and checks paths reads too; it imports nothing but the names of formats. */
const pure = ['src/api/namespaces.ts', 'src/api/table.ts', 'src/api/addresses.ts'];
const readsPure = ['config', 'routes'];

const frameworks: readonly { name: RegExp; where: RegExp }[] = [
  { name: /^(fastify|@fastify\/)/, where: /^src\/(server|api)\// },
  { name: /^undici$/, where: /^src\/(upstream\/http1\/connections|webhooks\/deliver|lib\/outbound-fetch)\.ts$/ },
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

/** `src/limits/hold.ts` -> `limits`; `src/main.ts` -> `main.ts`; `providers/x.ts` -> `providers`. */
const folderOf = (file: string): string => (file.startsWith('src/') ? file.split('/')[1]! : file.split('/')[0]!);

const inside = (from: string, name: string): string =>
  relative(packageRoot, resolve(packageRoot, from, '..', name)).replace(/\.js$/, '.ts');

test('each folder imports only what lies below it', () => {
  const wrong: string[] = [];
  for (const file of filesIn('src')) {
    const from = folderOf(file);
    const storeToo = /-(pg|redis)\.ts$/.test(file) ? ['store'] : [];
    for (const name of importsOf(file).filter((one) => one.startsWith('.'))) {
      const path = inside(file, name);
      if (pure.includes(path) && readsPure.includes(from)) continue;
      const to = folderOf(path);
      if (to !== from && ![...(allowed[from] ?? []), ...storeToo].includes(to)) wrong.push(`${file} imports ${name}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('the table of own addresses imports only itself and the names of formats', () => {
  for (const file of pure) {
    const wrong = importsOf(file).filter((name) => ![...pure, 'src/formats/format-id.ts'].includes(inside(file, name)));
    assert.deepEqual(wrong, [], file);
  }
});

test('providers import only wire formats, what a provider states, and lib', () => {
  const wrong = filesIn('providers').flatMap((file) =>
    importsOf(file)
      .filter(
        (name) => name.startsWith('.') && !/^(formats|provider|lib|providers)$/.test(folderOf(inside(file, name))),
      )
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
