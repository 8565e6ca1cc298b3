/** The rules of keys and teams, over memory. What the databases promise is in the contract suite. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Change, localChanges } from '../../src/identity/changes.js';
import type { Key } from '../../src/identity/key.js';
import { createKeys, type KeyWrites } from '../../src/identity/keys.js';
import { memoryKeyStore } from '../../src/identity/keys-memory.js';
import { hashOf, wellFormed } from '../../src/identity/secret.js';
import type { Result } from '../../src/lib/errors.js';
import { limitSpec } from '../../src/lib/limit-spec.js';
import { ManualClock } from '../support/clock.js';

function world() {
  const store = memoryKeyStore();
  const clock = new ManualClock();
  const changes = localChanges();
  const told: Change[] = [];
  changes.subscribe((change) => void told.push(change));
  const keys = createKeys({ store, clock, changes });
  const write = <T>(work: (writes: KeyWrites) => Promise<Result<T>>) => keys.write('admin:test', work);
  const value = async <T>(work: (writes: KeyWrites) => Promise<Result<T>>): Promise<T> => {
    const result = await write(work);
    assert.ok(result.ok, JSON.stringify(result));
    return result.value;
  };
  const audit = () => store.audit({}, { limit: 100, after: null });
  return { store, clock, keys, told, write, value, audit };
}

const codeOf = (result: Result<unknown>) => (result.ok ? 'ok' : result.refusal.code);
const key = (hash: string): Change => ({ kind: 'key', hash });

test('a new key has what was said, and all else is open', async () => {
  const { value, clock, store } = world();
  const limits = [limitSpec.parse({ unit: 'usd', max: 50, per: 'month' })];
  const { key, secret } = await value((w) => w.createKey({ name: 'search-prod', limits, models: ['gpt-4o*'] }));
  const now = clock.now();
  assert.deepEqual(key, {
    id: key.id,
    name: 'search-prod',
    prefix: secret.slice(0, 10),
    team: null,
    models: ['gpt-4o*'],
    endpoints: null,
    allowed_ips: null,
    limits,
    user_limits: [],
    cache: null,
    priority: 'normal',
    tags: [],
    metadata: {},
    aliases: {},
    capture: null,
    guards: [],
    expires_at: null,
    created_at: now,
    updated_at: now,
    blocked_at: null,
    revoked_at: null,
  } satisfies Key);
  assert.match(key.id, /^key_[0-9a-z]{26}$/);
  assert.ok(wellFormed(secret));
  assert.deepEqual((await store.find(hashOf(secret)))?.caller.key, key);
});

test('a team is made by its first key, and left alone by the next', async () => {
  const { value, store, told, clock } = world();
  const first = await value((w) => w.createKey({ name: 'a', team: 'search' }));
  const made = await store.team('search');
  assert.deepEqual(told, [{ kind: 'team', team: 'search' }, key(hashOf(first.secret))]);
  clock.advance(1_000);
  await value((w) => w.blockTeam('search'));
  await value((w) => w.createKey({ name: 'b', team: 'search' }));
  const team = await store.team('search');
  assert.deepEqual(team, { ...made, blocked_at: clock.now(), updated_at: clock.now() });
});

test('a patch changes what it names, null empties, and the rest stays', async () => {
  const { value, clock } = world();
  const limits = [limitSpec.parse({ unit: 'requests', max: 1, per: 'minute' })];
  const { key: before } = await value((w) =>
    w.createKey({
      name: 'before',
      team: 'a',
      models: ['m'],
      limits,
      tags: ['t'],
      metadata: { keep: 1, drop: 2, deep: { x: 1, y: 2 } },
      expires_at: 5,
    }),
  );
  clock.advance(10);
  assert.deepEqual(await value((w) => w.patchKey(before.id, {})), { ...before, updated_at: clock.now() });
  const renamed = await value((w) =>
    w.patchKey(before.id, { name: 'after', metadata: { drop: null, deep: { x: 9 } }, team: 'b' }),
  );
  const metadata = { keep: 1, deep: { x: 9, y: 2 } };
  assert.deepEqual(renamed, { ...before, name: 'after', metadata, team: 'b', updated_at: clock.now() });
  const nulls = {
    team: null,
    models: null,
    endpoints: null,
    allowed_ips: null,
    limits: null,
    tags: null,
    expires_at: null,
  };
  const emptied = await value((w) => w.patchKey(before.id, { ...nulls, metadata: null }));
  assert.deepEqual(emptied, { ...renamed, ...nulls, limits: [], tags: [], metadata: {} });
});

test('a revoked key stays to be seen, revoking it again is harmless, and nothing else can be done with it', async () => {
  const { value, write, store, clock } = world();
  const { key, secret } = await value((w) => w.createKey({ name: 'k' }));
  const revoked = await value((w) => w.revokeKey(key.id));
  clock.advance(1_000);
  assert.deepEqual(await value((w) => w.revokeKey(key.id)), revoked);
  assert.deepEqual(await store.key(key.id), revoked);
  assert.equal((await store.find(hashOf(secret)))?.caller.key.revoked_at, revoked.revoked_at);
  assert.equal(codeOf(await write((w) => w.patchKey(key.id, { name: 'x' }))), 'conflict');
  assert.equal(codeOf(await write((w) => w.rotateKey(key.id, 0))), 'conflict');
  assert.equal(codeOf(await write((w) => w.blockKey(key.id))), 'conflict');
  assert.equal(codeOf(await write((w) => w.unblockKey(key.id))), 'conflict');
});

test('blocking keeps when it was blocked first, and unblocking ends it', async () => {
  const { value, clock } = world();
  const { key } = await value((w) => w.createKey({ name: 'k' }));
  const { blocked_at } = await value((w) => w.blockKey(key.id));
  clock.advance(1_000);
  assert.equal((await value((w) => w.blockKey(key.id))).blocked_at, blocked_at);
  assert.equal((await value((w) => w.unblockKey(key.id))).blocked_at, null);
});

test('a rotated key is the same key with another secret; the old one ends at once or after the overlap', async () => {
  const { value, store, clock, told } = world();
  const { key: before, secret: first } = await value((w) => w.createKey({ name: 'k' }));
  const { key: after, secret: second } = await value((w) => w.rotateKey(before.id, 60_000));
  assert.equal(after.id, before.id);
  assert.equal(after.prefix, second.slice(0, 10));
  assert.deepEqual(await store.key(before.id), after);
  assert.equal((await store.find(hashOf(first)))?.secret_ends_at, clock.now() + 60_000);
  assert.equal((await store.find(hashOf(second)))?.secret_ends_at, null);
  told.length = 0;
  const { secret: third } = await value((w) => w.rotateKey(before.id, 0));
  assert.equal(await store.find(hashOf(first)), null);
  assert.equal(await store.find(hashOf(second)), null);
  assert.ok(await store.find(hashOf(third)));
  const changed = new Set(told.map((change) => (change.kind === 'key' ? change.hash : '')));
  assert.deepEqual(changed, new Set([first, second, third].map(hashOf)), 'every secret is told of');
});

test('a change of a key is told for the old secrets that still work too', async () => {
  const { value, told } = world();
  const { key: made, secret: first } = await value((w) => w.createKey({ name: 'k' }));
  const { secret: second } = await value((w) => w.rotateKey(made.id, 60_000));
  told.length = 0;
  await value((w) => w.revokeKey(made.id));
  assert.deepEqual(new Set(told), new Set([key(hashOf(second)), key(hashOf(first))]));
});

test('a change is told only once it is committed', async () => {
  const { keys, store, told } = world();
  const { refusal } = { refusal: { code: 'conflict', message: 'no' } as const };
  const result = await keys.write('admin:test', async (w) => {
    const made = await w.createKey({ name: 'k', team: 't' });
    assert.ok(made.ok);
    assert.deepEqual(told, []);
    return { ok: false, refusal };
  });
  assert.deepEqual(result, { ok: false, refusal });
  assert.deepEqual(told, []);
  assert.deepEqual(await store.keys({}, { limit: 10, after: null }), []);
});

test('teams are made, changed, blocked and deleted', async () => {
  const { value, write, store, clock } = world();
  const limits = [limitSpec.parse({ unit: 'tokens', max: 5, per: 'day' })];
  const made = await value((w) => w.createTeam('t', { limits, metadata: { a: 1 } }));
  assert.equal(codeOf(await write((w) => w.createTeam('t', {}))), 'conflict');
  clock.advance(5);
  const patched = await value((w) => w.patchTeam('t', { limits: null, metadata: { b: 2 } }));
  assert.deepEqual(patched, { ...made, limits: [], metadata: { a: 1, b: 2 }, updated_at: clock.now() });
  assert.equal((await value((w) => w.blockTeam('t'))).blocked_at, clock.now());
  assert.equal((await value((w) => w.unblockTeam('t'))).blocked_at, null);
  await value((w) => w.deleteTeam('t'));
  assert.equal(await store.team('t'), null);
});

test('a team with keys is not deleted; with revoked ones alone it is', async () => {
  const { value, write, store } = world();
  const { key } = await value((w) => w.createKey({ name: 'k', team: 't' }));
  assert.equal(codeOf(await write((w) => w.deleteTeam('t'))), 'conflict');
  await value((w) => w.revokeKey(key.id));
  await value((w) => w.deleteTeam('t'));
  assert.equal((await store.key(key.id))?.team, null);
});

test('what does not exist is not found', async () => {
  const { write } = world();
  const attempts: ((w: KeyWrites) => Promise<Result<unknown>>)[] = [
    (w) => w.patchKey('key_none', {}),
    (w) => w.revokeKey('key_none'),
    (w) => w.rotateKey('key_none', 0),
    (w) => w.blockKey('key_none'),
    (w) => w.unblockKey('key_none'),
    (w) => w.patchTeam('none', {}),
    (w) => w.blockTeam('none'),
    (w) => w.unblockTeam('none'),
    (w) => w.deleteTeam('none'),
  ];
  for (const attempt of attempts) assert.equal(codeOf(await write(attempt)), 'not_found');
});

test('every write is in the audit log: who, what, on what, which fields, and no secret', async () => {
  const { value, audit, clock } = world();
  const limits = [limitSpec.parse({ unit: 'usd', max: '0.5', per: 'day' })];
  const { key, secret } = await value((w) =>
    w.createKey({ name: 'k', team: 't', limits, expires_at: Date.parse('2027-01-01') }),
  );
  await value((w) => w.patchKey(key.id, { tags: ['x'], models: null }));
  const { secret: second } = await value((w) => w.rotateKey(key.id, 5_000));
  for (const does of ['blockKey', 'unblockKey', 'revokeKey'] as const) await value((w) => w[does](key.id));
  await value((w) => w.createTeam('u', {}));
  await value((w) => w.deleteTeam('u'));
  const lines = [...(await audit())].reverse();
  assert.deepEqual(
    lines.map(({ action, subject, detail }) => [action, subject, detail]),
    [
      ['team.create', 't', { by_key: true }],
      [
        'key.create',
        key.id,
        {
          name: 'k',
          team: 't',
          limits: [{ unit: 'usd', max: 0.5, per: 'day' }],
          expires_at: '2027-01-01T00:00:00.000Z',
        },
      ],
      ['key.update', key.id, { tags: ['x'], models: null }],
      ['key.rotate', key.id, { overlap_ms: 5_000 }],
      ['key.block', key.id, {}],
      ['key.unblock', key.id, {}],
      ['key.revoke', key.id, {}],
      ['team.create', 'u', {}],
      ['team.delete', 'u', {}],
    ],
  );
  assert.ok(lines.every(({ actor, at }) => actor === 'admin:test' && at === clock.now()));
  const text = JSON.stringify(lines);
  for (const one of [secret, second]) assert.ok(!text.includes(one) && !text.includes(hashOf(one)));
});
