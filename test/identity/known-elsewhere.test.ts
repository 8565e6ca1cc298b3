/**
 * What another process of this gateway remembers of keys stands in for a store that does not answer, and never for a read of it: a key that
 * was revoked meanwhile is refused as soon as the store answers again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthenticator } from '../../src/identity/authenticate.js';
import { localChanges } from '../../src/identity/changes.js';
import type { Key } from '../../src/identity/key.js';
import type { FoundKey } from '../../src/identity/key-store.js';
import { newSecret } from '../../src/identity/secret.js';
import { aKey } from '../contract/keys.js';
import { ManualClock } from '../support/clock.js';

const found = (given: Partial<Key> = {}): FoundKey => ({
  caller: { key: aKey(given), team: null },
  secret_ends_at: null,
});

/** A worker's authenticator: the store, and what the primary has in memory. `heard`: whether changes arrive. */
function world({ heard = true, maxWaiting = 1_000, lookupTimeoutMs = 20 } = {}) {
  const clock = new ManualClock();
  const local = localChanges();
  const changes = { ...local, heardAt: () => (heard ? clock.monotonic() : 0) };
  const stored = new Map<string, FoundKey>();
  const elsewhere = new Map<string, FoundKey>();
  const held: (() => void)[] = [];
  const asked = { store: 0, elsewhere: 0 };
  const world = { mode: 'answers' as 'answers' | 'away' | 'silent', holdElsewhere: false };
  const errors: unknown[] = [];
  const auth = createAuthenticator({
    ...{ clock, changes, maxWaiting, lookupTimeoutMs },
    store: {
      async find(hash) {
        asked.store++;
        if (world.mode === 'away') throw new Error('the store is away');
        if (world.mode === 'silent') await new Promise<void>((go) => held.push(go));
        return stored.get(hash) ?? null;
      },
    },
    async remembered(hash) {
      asked.elsewhere++;
      const entry = elsewhere.get(hash) ?? null;
      if (world.holdElsewhere) await new Promise<void>((go) => held.push(go));
      return entry;
    },
    onLookupError: (error) => errors.push(error),
  });
  const code = async (secret: string) => {
    const result = await auth.authenticate(secret);
    return result.ok ? 'ok' : result.refusal.code;
  };
  const release = () => held.splice(0).forEach((go) => void go());
  return Object.assign(world, { auth, asked, changes, clock, code, elsewhere, errors, release, stored });
}

const turn = () => new Promise<void>((done) => setImmediate(done));

test('a key that only the other process knows is served while the store is away, and refused once the store says that it was revoked', async () => {
  for (const mode of ['away', 'silent'] as const) {
    const w = world();
    const { secret, hash } = newSecret();
    w.elsewhere.set(hash, found());
    w.stored.set(hash, found({ revoked_at: 1 }));
    w.mode = mode;
    assert.equal(await w.code(secret), 'ok');
    assert.ok(!(w.auth.authenticate(secret) instanceof Promise), 'the next one waits for nobody');
    w.mode = 'answers';
    w.release();
    w.clock.advance(1_000);
    await w.code(secret);
    await turn();
    assert.equal(await w.code(secret), 'invalid_api_key', `the store was ${mode}; changes arrive all the while`);
  }
});

test('once the store is known to be away, other keys wait for nobody either, and it is tried once a second', async () => {
  const w = world();
  const secrets = Array.from({ length: 20 }, () => newSecret());
  for (const { hash } of secrets) w.elsewhere.set(hash, found());
  w.mode = 'silent';
  assert.equal(await w.code(secrets[0]!.secret), 'ok');
  for (let i = 0; i < 3; i++) for (const { secret } of secrets) assert.equal(await w.code(secret), 'ok');
  assert.equal(w.asked.store, 1);
  assert.equal(w.asked.elsewhere, secrets.length, 'each key is asked for once');
  w.clock.advance(1_000);
  for (const { secret } of secrets) assert.equal(await w.code(secret), 'ok');
  await turn();
  assert.equal(w.asked.store, 2);
  assert.equal(await w.code(newSecret().secret), 'unavailable', 'what nobody knows cannot be checked');
  w.release();
});

test('while the store answers, the other process is not asked, and what the store said last counts more', async () => {
  const w = world({ heard: false });
  const { secret, hash } = newSecret();
  w.elsewhere.set(hash, found());
  w.stored.set(hash, found({ revoked_at: 1 }));
  w.clock.advance(10_000);
  assert.equal(await w.code(secret), 'invalid_api_key');
  assert.equal(w.asked.elsewhere, 0);
  w.clock.advance(10_000); // nothing that was read is certain any more
  w.mode = 'away';
  assert.equal(await w.code(secret), 'unavailable', 'it was revoked when it was read');
});

test('a revocation that comes while the other process is asked is not passed over', async () => {
  const w = world({ lookupTimeoutMs: 60_000 });
  const { secret, hash } = newSecret();
  w.elsewhere.set(hash, found());
  w.mode = 'away';
  w.holdElsewhere = true;
  const before = w.code(secret);
  await turn();
  w.elsewhere.delete(hash);
  w.changes.publish({ kind: 'key', hash });
  w.holdElsewhere = false;
  const after = w.code(secret);
  w.release();
  assert.equal(await before, 'ok', 'it was asked before the change');
  assert.equal(await after, 'unavailable');
  assert.equal(await w.code(secret), 'unavailable');
});

test('where new hashes fill their queue, a key that the other process knows is read in the queue of known keys', async () => {
  const w = world({ maxWaiting: 2 });
  const { secret, hash } = newSecret();
  w.elsewhere.set(hash, found());
  w.stored.set(hash, found({ blocked_at: 1 }));
  w.mode = 'silent';
  const flood = Array.from({ length: 10 }, () => w.code(newSecret().secret));
  await turn();
  w.mode = 'answers';
  assert.equal(await w.code(secret), 'key_blocked');
  w.release();
  await Promise.all(flood);
});
