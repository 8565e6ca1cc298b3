/** Signers of accounts: one for each account, kept from one configuration to the next. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AccountConfig, accountLack, Signers } from '../../src/provider/accounts.js';
import type { ProviderType } from '../../src/provider/provider-type.js';
import { headerOrNone, type SigningAccount } from '../../src/provider/signers.js';

const made: SigningAccount[] = [];
const type: ProviderType = {
  type: 'cloud',
  baseUrl: ({ region }) => `https://${region}.example.org`,
  speaks: { 'openai-chat': '/chat' },
  auth: headerOrNone('api-key'),
  needsCredential: true,
  insteadOfKey: [['access_key_id', 'secret_access_key']],
  sign: (account) => {
    made.push(account);
    return account.hasKey ? null : { headers: async () => ({ signed: account.settings.access_key_id ?? '' }) };
  },
  catalogue: null,
  failures: [],
  limitHeaders: [],
  counting: () => ({ encoding: 'quarter_bytes', factor: 1, exact: false }),
};
const account = (more: Partial<AccountConfig> = {}): AccountConfig => ({
  ...{ api_keys: [''], settings: { access_key_id: 'AK', secret_access_key: 's' }, files_digest: null, headers: {} },
  ...more,
});
const ports = { fetch, nowMs: () => 0 };

test('an account has one signer, however often it is asked for', () => {
  const signers = new Signers(ports);
  const first = signers.of(type, account(), 'https://a.example.org');
  assert.ok(first);
  assert.equal(
    signers.of(type, account({ settings: { secret_access_key: 's', access_key_id: 'AK' } }), 'https://a.example.org'),
    first,
  );
  for (const other of [
    signers.of(type, account({ settings: { access_key_id: 'AK', secret_access_key: 't' } }), 'https://a.example.org'),
    signers.of(type, account({ files_digest: 'other' }), 'https://a.example.org'),
    signers.of(type, account(), 'https://b.example.org'),
  ])
    assert.notEqual(other, first);
});

test('an account with a key is told so, and may need no signer', () => {
  assert.equal(new Signers(ports).of(type, account({ api_keys: ['k'] }), 'https://a.example.org'), null);
  assert.equal(made.at(-1)!.hasKey, true);
});

test('what an account lacks', () => {
  const settings = {};
  assert.equal(accountLack(account({ settings }), type), 'set `api_key`, or `access_key_id` and `secret_access_key`');
  assert.equal(accountLack(account(), type), undefined);
  assert.equal(accountLack(account({ settings, api_keys: ['k'] }), type), undefined);
  assert.equal(accountLack(account({ settings, headers: { 'api-key': 'k' } }), type), undefined);
  assert.equal(accountLack(account({ settings, headers: { authorization: 'Bearer k' } }), type), undefined);
  assert.ok(accountLack(account({ settings, headers: { 'x-other': 'k' } }), type));
  assert.equal(accountLack(account({ settings }), { ...type, insteadOfKey: [[]] }), undefined);
});
