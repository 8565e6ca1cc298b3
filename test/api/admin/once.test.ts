/** Idempotency-Key, over a real Postgres: two servers, as two replicas. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pgKeyStore } from '../../../src/identity/keys-pg.js';
import { migrate } from '../../../src/store/migrate.js';
import { openStore, type Store } from '../../../src/store/pg.js';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.js';
import { type AdminServer, adminServer } from './server.js';

let database: FreshDatabase;
let store: Store;
let servers: AdminServer[];
before(async () => {
  database = await freshDatabase();
  store = openStore({ url: database.url, max: 8 });
  await migrate(store.pool);
  servers = [await adminServer({ store: pgKeyStore(store.db) }), await adminServer({ store: pgKeyStore(store.db) })];
});
after(async () => {
  for (const server of servers) await server.close();
  await store.close();
  await database.drop();
});

const once = (key: string) => ({ 'idempotency-key': key });
const keysOf = async (team: string) => (await servers[0]!.call('GET', `/keys?team=${team}`)).body.data.length;

test('the same write again is not done again, and answered the same but for the secret', async () => {
  const body = { name: 'k', team: 'replayed' };
  const first = await servers[0]!.call('POST', '/keys', body, once('a'));
  assert.equal(first.status, 201);
  assert.equal(first.headers.get('idempotent-replayed'), null);
  assert.match(first.body.key, /^sk-tg-/);
  for (const server of servers) {
    const again = await server.call('POST', '/keys', body, once('a'));
    assert.equal(again.status, 201);
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    assert.deepEqual(again.body, { ...first.body, key: null });
  }
  assert.equal(await keysOf('replayed'), 1);
});

test('nothing that is stored holds the secret', async () => {
  const { body } = await servers[0]!.call('POST', '/keys', { name: 'k' }, once('hidden'));
  const rotated = await servers[0]!.call('POST', `/keys/${body.id}/rotate`, {}, once('hidden'));
  for (const table of ['keys', 'teams', 'idempotency', 'audit_log', 'retired_secrets']) {
    const { rows } = await store.pool.query(`select t::text as line from ${table} t`);
    for (const secret of [body.key, rotated.body.key]) {
      assert.ok(!JSON.stringify(rows).includes(secret.slice(10)), table);
    }
  }
});

test('sent 40 times at the same moment to two replicas, it is done once', async () => {
  const body = { name: 'k', team: 'raced' };
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) => servers[i % 2]!.call('POST', '/keys', body, once('raced'))),
  );
  assert.ok(answers.every(({ status }) => status === 201));
  assert.equal(new Set(answers.map(({ body: { id } }) => id)).size, 1);
  assert.equal(answers.filter(({ body: { key } }) => key !== null).length, 1);
  assert.equal(await keysOf('raced'), 1);
});

test('the same key with another body is a conflict, and is another write on another path', async () => {
  await servers[0]!.call('POST', '/keys', { name: 'k', team: 'other' }, once('b'));
  const other = await servers[1]!.call('POST', '/keys', { name: 'l', team: 'other' }, once('b'));
  assert.equal(other.status, 409);
  assert.equal(other.body.code, 'conflict');
  assert.equal(other.body.errors[0].field, 'header.idempotency-key');
  assert.equal((await servers[1]!.call('POST', '/teams', { name: 'k' }, once('b'))).status, 201);
  assert.equal(await keysOf('other'), 1);
});

test('a patch, a rotation and a revocation are done once too', async () => {
  const { body: key } = await servers[0]!.call('POST', '/keys', { name: 'k' });
  const path = `/keys/${key.id}`;
  for (const [method, at, body] of [
    ['PATCH', path, { name: 'l' }],
    ['POST', `${path}/rotate`, undefined],
    ['DELETE', path, undefined],
  ] as const) {
    const [first, again] = [
      await servers[0]!.call(method, at, body, once('each')),
      await servers[1]!.call(method, at, body, once('each')),
    ];
    assert.equal(first.status, 200, method);
    assert.deepEqual(again.body, 'key' in first.body ? { ...first.body, key: null } : first.body);
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
  }
  const audit = await servers[0]!.call('GET', `/audit?subject=${key.id}`);
  assert.deepEqual(
    audit.body.data.map(({ action }: { action: string }) => action),
    ['key.revoke', 'key.rotate', 'key.update', 'key.create'],
  );
});

test('a write that was refused may be sent again under the same key', async () => {
  const refused = await servers[0]!.call('DELETE', '/teams/late', undefined, once('c'));
  assert.equal(refused.status, 404);
  await servers[0]!.call('POST', '/teams', { name: 'late' });
  assert.equal((await servers[0]!.call('DELETE', '/teams/late', undefined, once('c'))).status, 200);
});

test('an answer is remembered for a day', async (t) => {
  const server = await adminServer({ store: pgKeyStore(store.db) });
  t.after(() => server.close());
  const ids: string[] = [];
  for (const ms of [0, 86_399_999, 1]) {
    server.clock.advance(ms);
    ids.push((await server.call('POST', '/keys', { name: 'k' }, once('daily'))).body.id);
  }
  assert.equal(ids[0], ids[1]);
  assert.notEqual(ids[1], ids[2]);
  const other = await server.call('POST', '/keys', { name: 'k' }, once('other'));
  assert.equal(other.status, 201);
  const { rows } = await store.pool.query(
    `select key from idempotency where key in ('a', 'daily', 'other') order by key`,
  );
  assert.deepEqual(rows, [{ key: 'daily' }, { key: 'other' }], 'what is older is swept away');
});

test('a key that is no sane header is refused', async () => {
  for (const key of ['', 'a b', 'é', 'x'.repeat(256)]) {
    const answer = await servers[0]!.call('POST', '/keys', { name: 'k' }, once(key));
    assert.equal(answer.status, 400, JSON.stringify(key));
    assert.equal(answer.body.errors[0].field, 'header.idempotency-key');
  }
});
