/** Settings that only some types of providers know: what is refused, what the environment has, what is shown. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { describeConfig } from '../../src/config/describe.js';
import { explainConfig } from '../../src/config/explain.js';
import { lackOf } from '../../src/lib/provider-settings.js';
import { bad, good, providerTypes } from './support.js';

const cloud = (...lines: string[]): string =>
  ['providers:', '  c:', '    type: cloud', ...lines.map((one) => `    ${one}`)].join('\n');
const account = (t: TestContext, lines: string[], env = {}, files = {}) =>
  good(t, cloud(...lines), env, files).providers['c']!;

test('a type takes its own settings and no others, and says which', (t) => {
  const { settings } = account(t, ['region: eu-1', 'api_version: 2024-10-21']);
  assert.deepEqual(settings, { api_version: '2024-10-21', region: 'eu-1' });
  assert.deepEqual(bad(t, cloud('region: eu-1', 'tenant: here')), [
    '5:5 providers.c.tenant: a provider of type cloud has no such setting; it has `region`, `api_version`, ' +
      '`credentials_file`, `access_key_id`, `secret_access_key`, `session_token`',
  ]);
  assert.deepEqual(bad(t, 'providers: { o: { type: openai, region: eu-1 } }'), [
    '1:33 providers.o.region: a provider of type openai has no such setting',
  ]);
});

test('what a type needs and does not have is told, with the variables that could have it', (t) => {
  assert.deepEqual(bad(t, cloud()), [
    '2:3 providers.c.region: is missing: a provider of type cloud needs it, here or as CLOUD_REGION or CLOUD_DEFAULT_REGION',
  ]);
  assert.equal(account(t, [], { CLOUD_DEFAULT_REGION: 'us-2' }).settings.region, 'us-2');
  assert.equal(account(t, [], { CLOUD_REGION: 'eu-3', CLOUD_DEFAULT_REGION: 'us-2' }).settings.region, 'eu-3');
  assert.equal(account(t, ['region: eu-1'], { CLOUD_REGION: 'eu-3' }).settings.region, 'eu-1');
  assert.equal(account(t, ['region: "${WHERE:-}"'], { CLOUD_REGION: 'eu-3' }).settings.region, 'eu-3');
});

test('a value that would become another part of an address is refused', (t) => {
  for (const region of ['eu/../x', 'eu.example.org#', 'EU', 'a b'])
    assert.match(
      bad(t, cloud(`region: "${region}"`))[0]!,
      /^4:\d+ providers\.c\.region: a value that `region` cannot have/,
    );
  assert.match(bad(t, cloud('region: eu-1', 'api_version: "1&x=2"'))[0]!, /providers\.c\.api_version: a value that/);
});

test('a credential of which a part is missing is refused', (t) => {
  assert.deepEqual(bad(t, cloud('region: eu-1', 'access_key_id: AK')), [
    '2:3 providers.c.secret_access_key: is missing: `access_key_id` need it',
  ]);
});

test('credentials of the environment count only where the configuration has none of any kind', (t) => {
  const env = { CLOUD_API_KEY: 'of-env', CLOUD_KEY_ID: 'AKENV', CLOUD_SECRET: 's3' };
  const none = account(t, ['region: eu-1'], env);
  assert.deepEqual([none.api_keys, none.settings.access_key_id], [['of-env'], 'AKENV']);
  const key = account(t, ['region: eu-1', 'api_key: mine'], env);
  assert.deepEqual([key.api_keys, key.settings.access_key_id], [['mine'], undefined]);
  const pair = account(t, ['region: eu-1', 'access_key_id: AK', 'secret_access_key: s'], {
    ...env,
    CLOUD_TOKEN: 'other',
  });
  assert.deepEqual(
    [pair.api_keys, pair.settings],
    [[''], { region: 'eu-1', access_key_id: 'AK', secret_access_key: 's' }],
  );
});

test('a file that is named must be there, is found from the configuration, and what it holds makes the account', (t) => {
  assert.match(
    bad(t, cloud('region: eu-1', 'credentials_file: key.json'))[0]!,
    /credentials_file: cannot read .*key\.json: ENOENT/,
  );
  const of = (content: string) =>
    account(t, ['region: eu-1', 'credentials_file: key.json'], {}, { 'key.json': content });
  const [one, other] = [of('{"a":1}'), of('{"a":2}')];
  assert.match(one.settings.credentials_file!, /^\/.*key\.json$/);
  assert.notEqual(one.files_digest, other.files_digest);
});

test('a type can be told to speak the formats that it has, and no others', (t) => {
  assert.deepEqual(account(t, ['region: eu-1', 'speaks: [anthropic-messages]']).speaks, ['anthropic-messages']);
  assert.deepEqual(bad(t, cloud('region: eu-1', 'speaks: [openai-chats]')), [
    '5:14 providers.c.speaks[0]: a provider of type cloud can speak openai-chat, anthropic-messages; did you mean "openai-chat"?',
  ]);
});

test('secrets among the settings are never shown, and what an account lacks is said aloud', (t) => {
  const config = good(t, cloud('region: eu-1', 'access_key_id: AK', 'secret_access_key: very-secret'));
  const shown = JSON.stringify(describeConfig(config)) + explainConfig(config).join('\n');
  assert.ok(!shown.includes('very-secret'));
  assert.ok(shown.includes('eu-1'));
  const without = good(t, cloud('region: eu-1'));
  const rules = providerTypes['cloud']!;
  const lines = explainConfig(without, undefined, ({ settings }) => lackOf(rules, settings));
  assert.ok(
    lines.includes(
      '  c  cloud, region eu-1, NEVER ASKED: it has no credential; set `api_key`, or `access_key_id` and `secret_access_key`, or `credentials_file`',
    ),
    lines.join('\n'),
  );
});
