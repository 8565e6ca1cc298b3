/** Keys whose secret their callers have already: `POST /admin/v1/keys` with `sha256`. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hashOf } from '../../../src/identity/secret.js';
import { type AdminServer, adminServer } from './server.js';

let server: AdminServer;
before(async () => {
  server = await adminServer();
});
after(() => server.close());

const sha256 = hashOf('sk-of-another-gateway');

test('a key is made for a secret that is known by its hash, which no answer and no line of the audit log has', async () => {
  const made = await server.call('POST', '/keys', {
    name: 'old',
    sha256,
    prefix: 'sk-...eway',
    blocked: true,
    team: 't',
  });
  assert.equal(made.status, 201);
  assert.deepEqual([made.body.key, made.body.prefix, made.body.team], [null, 'sk-...eway', 't']);
  assert.notEqual(made.body.blocked_at, null);
  assert.equal((await server.store.find(sha256))?.caller.key.id, made.body.id);
  const log = JSON.stringify((await server.call('GET', '/audit')).body);
  assert.match(log, /known_secret/);
  assert.equal(`${JSON.stringify(made.body)}${log}`.includes(sha256), false);
});

test('a second key with that secret is refused, also after the first was revoked or its secret was replaced', async () => {
  const again = async () => (await server.call('POST', '/keys', { name: 'again', sha256 })).status;
  assert.equal(await again(), 409);
  const { id } = (await server.store.find(sha256))!.caller.key;
  assert.equal((await server.call('POST', `/keys/${id}/rotate`, { overlap: '1h' })).status, 200);
  assert.equal(await again(), 409);
  assert.equal((await server.call('DELETE', `/keys/${id}`)).status, 200);
  assert.equal(await again(), 409);
});

test('what is no hash, and fields that belong to one, are refused by name', async () => {
  const refused = async (body: object) => {
    const { status, body: answer } = await server.call('POST', '/keys', { name: 'x', ...body });
    assert.equal(status, 400);
    return JSON.stringify(answer);
  };
  for (const bad of ['', 'abc', sha256.toUpperCase(), `${sha256}0`, 5])
    assert.match(await refused({ sha256: bad }), /sha256/);
  assert.match(await refused({ prefix: 'sk-x' }), /sha256/);
  assert.match(await refused({ blocked: true }), /sha256/);
  assert.match(await refused({ sha256, prefix: 'x'.repeat(21) }), /prefix/);
});
