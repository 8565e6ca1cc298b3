/** A client that is generated from the gateway's OpenAPI document compiles, strictly, and its calls are answered as its types say. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/lib/root.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { installedFolder } from '../support/installed-folder.js';

const run = promisify(execFile);
let gateway: Gateway;
let folder: string;

/** What somebody writes who has only the types: names that the document does not know do not compile. */
const program = `
import createClient from 'openapi-fetch';
import type { components, paths } from './tollgate.js';

const [baseUrl, adminKey] = process.argv.slice(2) as [string, string];
const admin = createClient<paths>({ baseUrl, headers: { authorization: \`Bearer \${adminKey}\` } });

const created = await admin.POST('/admin/v1/keys', {
  body: { name: 'generated', team: 'search', limits: [{ unit: 'usd', max: 5, per: 'month' }] },
});
if (created.data === undefined) throw new Error(created.error.detail);
if ('data' in created.data) throw new Error('several');
const key: components['schemas']['ShownKey'] = created.data;

const data = createClient<paths>({ baseUrl, headers: { authorization: \`Bearer \${key.key}\` } });
const chat = await data.POST('/v1/chat/completions', {
  body: { model: 'sandbox', messages: [{ role: 'user', content: 'Hello' }] },
});
if (chat.data === undefined) throw new Error(chat.error.error.message);
// Events would be a text.
if (typeof chat.data === 'string') throw new Error('a stream');

const report = await admin.GET('/admin/v1/reports/spend', { params: { query: { group_by: 'team' } } });
const keys = await admin.GET('/admin/v1/keys', { params: { query: { team: 'search', limit: '10' } } });
const refused = await admin.GET('/admin/v1/keys/{id}', { params: { path: { id: 'key_none' } } });
console.log(
  JSON.stringify({
    answered: chat.data.choices.length,
    requests: report.data?.total.requests,
    names: keys.data?.data.map(({ name, limits }) => [name, limits[0]?.unit]),
    refused: refused.error?.code,
  }),
);
`;

before(async () => {
  gateway = await startGateway({
    config: {
      providers: { sandbox: { type: 'sandbox' } },
      models: { sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: { input: 1, output: 1 } } },
    },
  });
  const packages = await installedFolder('generator');
  folder = join(packages, 'made', String(process.pid));
  mkdirSync(folder, { recursive: true });
});
after(async () => {
  if (folder) rmSync(folder, { recursive: true, force: true });
  await gateway?.close();
});

it('is made by openapi-typescript, compiles, and makes calls', async () => {
  const generator = join(folder, '../../node_modules/openapi-typescript/bin/cli.js');
  const types = join(folder, 'tollgate.d.ts');
  await run(process.execPath, [generator, `${gateway.url}/admin/v1/openapi.json`, '-o', types]);
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  writeFileSync(join(folder, 'client.ts'), program);
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        ...{ target: 'es2022', module: 'nodenext', strict: true, noUncheckedIndexedAccess: true, skipLibCheck: false },
        ...{
          lib: ['es2023', 'dom', 'dom.iterable'],
          types: ['node'],
          typeRoots: [join(packageRoot, 'node_modules/@types')],
        },
      },
      files: ['client.ts'],
    }),
  );
  const tsc = join(packageRoot, 'node_modules/.bin/tsc');
  await run(tsc, ['-p', folder]).catch(({ stdout }: { stdout: string }) => assert.fail(stdout));
  const { stdout } = await run(process.execPath, [join(folder, 'client.js'), gateway.url, gateway.adminKey]);
  assert.deepEqual(JSON.parse(stdout), {
    answered: 1,
    requests: 1,
    names: [['generated', 'usd']],
    refused: 'not_found',
  });
});
