/** Providers and models beside those of the file: what they may not take, and what of them is left out. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { azure } from '../../providers/azure.js';
import { bedrock } from '../../providers/bedrock.js';
import { vertex } from '../../providers/vertex.js';
import { providerTypesOf } from '../../src/app/provider-types.js';
import { viaOf } from '../../src/catalog/via.js';
import type { AddedEntry } from '../../src/config/added.js';
import { loadConfig } from '../../src/config/load.js';
import type { ProviderReach } from '../../src/config/outbound.js';
import { NO_PROXIES } from '../../src/lib/proxy-rules.js';
import { folder, providerTypes } from './support.js';

const types = { ...providerTypes, ...providerTypesOf({ azure, bedrock, vertex }) };
const env = {
  ...{ AZURE_OPENAI_API_KEY: 'env-azure', AZURE_TENANT_ID: 'env-t', AZURE_CLIENT_ID: 'env-c' },
  ...{ AZURE_CLIENT_SECRET: 'env-secret', AWS_BEARER_TOKEN_BEDROCK: 'env-bedrock', AWS_REGION: 'env-region' },
  ...{ AWS_ACCESS_KEY_ID: 'env_id', AWS_SECRET_ACCESS_KEY: 'env-secret', AWS_SESSION_TOKEN: 'env-token' },
  ...{ GOOGLE_CLOUD_PROJECT: 'env-project' },
};
const added = (name: string, written: Record<string, unknown>): AddedEntry => ({ kind: 'provider', name, written });
const load = (t: TestContext, entries: readonly AddedEntry[], file = '', vars: Record<string, string> = env) =>
  loadConfig({ env: vars, cwd: folder(t, { 'config.yaml': file }), providerTypes: types, added: entries });
const base_url = 'https://where-the-api-says.example';

test('an added provider takes nothing from the environment, one of the file still does', (t) => {
  const file = `providers: { ours: { type: azure, base_url: "${base_url}" }, cloud: { type: bedrock } }`;
  const loaded = load(
    t,
    [
      added('bare', { type: 'azure', base_url }),
      added('part', { type: 'azure', base_url, tenant: 'own-tenant' }),
      added('keyed', { type: 'bedrock', base_url, region: 'eu-1', api_key: 'own-key' }),
      added('pair', { type: 'bedrock', region: 'eu-1', access_key_id: 'own', secret_access_key: 'own-secret' }),
    ],
    file,
  );
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const { providers } = loaded.config;
  assert.deepEqual([providers['ours']!.api_keys, providers['cloud']!.api_keys], [['env-azure'], ['env-bedrock']]);
  assert.deepEqual([providers['bare']!.api_keys, providers['bare']!.settings], [[''], {}], 'it has no credential');
  assert.deepEqual(providers['keyed']!.api_keys, ['own-key']);
  const { settings } = providers['pair']!;
  assert.deepEqual(settings, { region: 'eu-1', access_key_id: 'own', secret_access_key: 'own-secret' });
  const mine = ['bare', 'part', 'keyed', 'pair'].map((name) => providers[name]);
  assert.doesNotMatch(JSON.stringify(mine), /env[-_]/);
  assert.deepEqual(
    loaded.leftOut.map(({ name, problems }) => [name, problems.map(({ path, message }) => `${path}: ${message}`)]),
    [
      [
        'part',
        [
          'providers.part.client_id: is missing: `tenant` need it',
          'providers.part.client_secret: is missing: `tenant` need it',
        ],
      ],
    ],
  );
});

test('an added provider that would find a credential of the machine is left out', (t) => {
  const loaded = load(t, [
    added('region', { type: 'bedrock', base_url, api_key: 'k' }),
    added('chain', { type: 'bedrock', base_url, region: 'eu-1' }),
    added('role', { type: 'bedrock', region: 'eu-1', role: 'arn:aws:iam::1:role/other' }),
    added('profile', { type: 'bedrock', region: 'eu-1', profile: 'default', api_key: 'k' }),
    added('google', { type: 'vertex', base_url, project: 'p' }),
    added('empty', { type: 'vertex', base_url, api_keys: [''] }),
    added('express', { type: 'vertex', api_key: 'own-key' }),
  ]);
  assert.ok(loaded.ok);
  assert.deepEqual(Object.keys(loaded.config.providers), ['express']);
  const words = loaded.leftOut.map(({ problems }) => `${problems[0]!.path}: ${problems[0]!.message}`);
  const own = 'is missing: made by the API, a provider states its own credential';
  assert.deepEqual(words.sort(), [
    `providers.chain.api_key: ${own} (api_key, or access_key_id and secret_access_key)`,
    `providers.empty.api_key: ${own} (api_key)`,
    `providers.google.api_key: ${own} (api_key)`,
    'providers.profile.profile: a profile of the machine is named in the configuration file alone',
    'providers.region.region: is missing: a provider of type bedrock needs it',
    `providers.role.api_key: ${own} (api_key, or access_key_id and secret_access_key)`,
  ]);
});

test('names are checked when a connection to an added provider is made, and not for those of the file', (t) => {
  const file = `providers: { ours: { type: openai, api_key: k } }`;
  const loaded = load(t, [added('theirs', { type: 'openai', api_key: 'k', base_url })], file);
  assert.ok(loaded.ok);
  const { ours, theirs } = loaded.config.providers;
  const environment = { http: null, https: 'http://proxy.example:3128', except: '' };
  const guarded = (reach: ProviderReach, rules = NO_PROXIES) => viaOf(base_url, reach, rules)?.guarded ?? false;
  assert.deepEqual([guarded(ours!.reach), guarded(theirs!.reach)], [false, true]);
  assert.equal(guarded(theirs!.reach, environment), false, 'the proxy of the operator looks the name up');
  assert.equal(guarded({ ...theirs!.reach, proxy: 'http://own.example:3128' }, environment), true);
});

test('one that makes something of the file wrong is left out alone, and the file comes into force', (t) => {
  const file = `providers: { o: { type: openai } }
models: { plain: { targets: [{ provider: o, model: m }] }, "e*": { targets: [{ provider: o, model: "text-*" }] } }
cache: { embedding: { type: provider, model: e1 } }
`;
  const model = (name: string, written: Record<string, unknown>): AddedEntry => ({ kind: 'model', name, written });
  const target = { targets: [{ provider: 'own', model: 'm' }] };
  const rows = [
    added('own', { type: 'openai', api_key: 'k' }),
    ...Array.from({ length: 30 }, (_, i) => model(`more-${i}`, target)),
    model('e1', { route: [{ use: 'plain' }] }),
    model('last', target),
  ];
  const loaded = load(t, rows, file);
  assert.ok(loaded.ok, JSON.stringify(loaded).slice(0, 500));
  assert.deepEqual(
    loaded.leftOut.map(({ kind, name, problems }) => [kind, name, problems[0]!.file, problems[0]!.path]),
    [['model', 'e1', 'config.yaml', 'cache.embedding.model']],
  );
  assert.deepEqual(Object.keys(loaded.config.models).length, 33);
  const wrong = load(t, rows, file.replace('model: e1', 'model: nothing'));
  assert.ok(!wrong.ok && wrong.leftOut.length === 0, 'a file that is wrong by itself is refused as before');
});
