import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Authenticator, type AuthenticatorOptions, createAuthenticator } from '../../src/identity/authenticate.js';
import { type Changes, localChanges } from '../../src/identity/changes.js';
import type { Caller, Key, Team } from '../../src/identity/key.js';
import type { FoundKey } from '../../src/identity/key-store.js';
import { hashOf, newSecret } from '../../src/identity/secret.js';
import type { Result } from '../../src/lib/errors.js';
import { aKey, aTeam } from '../contract/keys.js';
import { ManualClock } from '../support/clock.js';

/** A store with a switch: what it holds, how often it was asked, and whether it answers. */
function testStore() {
  const held = new Map<string, FoundKey>();
  const waiting: (() => void)[] = [];
  const store = {
    asked: [] as string[],
    mode: 'answers' as 'answers' | 'away' | 'silent',
    put(given: Partial<Key> = {}, team: Team | null = null, secret_ends_at: number | null = null): string {
      const { secret, hash } = newSecret();
      held.set(hash, { caller: { key: aKey({ team: team?.id ?? null, ...given }), team }, secret_ends_at });
      return secret;
    },
    change(secret: string, given: Partial<Key>, team?: Team): void {
      const { caller, secret_ends_at } = held.get(hashOf(secret))!;
      const changed = { key: { ...caller.key, ...given }, team: team ?? caller.team };
      held.set(hashOf(secret), { caller: changed, secret_ends_at });
    },
    add: (secret: string) => held.set(hashOf(secret), { caller: { key: aKey(), team: null }, secret_ends_at: null }),
    /** Lets those go that were asked while the store was silent; they get what was true when they asked. */
    release: () => waiting.splice(0).forEach((go) => void go()),
    async find(hash: string): Promise<FoundKey | null> {
      store.asked.push(hash);
      const found = held.get(hash) ?? null;
      if (store.mode === 'away') throw new Error('the store is away');
      if (store.mode === 'silent') await new Promise<void>((go) => waiting.push(go));
      return found;
    },
  };
  return store;
}

interface World {
  store: ReturnType<typeof testStore>;
  clock: ManualClock;
  changes: Changes;
  auth: Authenticator;
  reasons: string[];
}

function world(options: Partial<AuthenticatorOptions> = {}): World {
  const store = testStore();
  const clock = new ManualClock();
  const changes = options.changes ?? localChanges();
  const reasons: string[] = [];
  const onRefused = (reason: string) => void reasons.push(reason);
  const auth = createAuthenticator({ store, clock, changes, onRefused, ...options });
  return { store, clock, changes, auth, reasons };
}

/** Changes from elsewhere, over a line that the test can cut. */
function remoteChanges(clock: ManualClock) {
  const local = localChanges();
  let up = true;
  let heardAt = 0;
  return {
    ...local,
    heardAt: () => {
      if (up) heardAt = clock.monotonic();
      return heardAt;
    },
    cut: () => {
      heardAt = clock.monotonic();
      up = false;
    },
    mend: () => {
      local.publish({ kind: 'all' });
      up = true;
    },
  };
}

const turn = () => new Promise<void>((done) => setImmediate(done));
const codeOf = (result: Result<Caller>) => (result.ok ? 'ok' : result.refusal.code);
const code = async (auth: Authenticator, token: string | undefined) => codeOf(await auth.authenticate(token));

test('a key is looked up once and then known, synchronously', async () => {
  const { store, auth } = world();
  const secret = store.put({ name: 'mine' });
  const first = await auth.authenticate(secret);
  assert.ok(first.ok && first.value.key.name === 'mine');
  for (let i = 0; i < 100; i++) {
    const again = auth.authenticate(secret);
    assert.ok(!(again instanceof Promise));
    assert.equal(again, first, 'nothing is made anew on the hot path');
  }
  assert.equal(store.asked.length, 1);
});

test('200 requests with one key that is not known yet are one look-up', async () => {
  const { store, auth } = world();
  store.mode = 'silent';
  const [secret, unknown] = [store.put(), newSecret().secret];
  const results = Promise.all(Array.from({ length: 200 }, () => auth.authenticate(secret)));
  const newHashes = Promise.all(Array.from({ length: 200 }, () => auth.authenticate(unknown)));
  await turn();
  store.release();
  assert.ok((await results).every(({ ok }) => ok));
  assert.ok((await newHashes).every(({ ok }) => !ok));
  assert.deepEqual(store.asked, [hashOf(secret), hashOf(unknown)]);
});

test('malformed, unknown and revoked keys are refused in the same words, which hold nothing of the key', async () => {
  const { store, auth } = world();
  const tokens = [
    'sk-tg-nonsense',
    'sk-proj-of-somebody-else',
    'x'.repeat(10_000_000),
    'schlüssel\0',
    newSecret().secret,
    store.put({ revoked_at: 1 }),
    store.put({ revoked_at: 1, blocked_at: 1, expires_at: 1 }),
    store.put({}, null, Date.parse('2026-01-01')), // the old secret of a rotated key, past its end
  ];
  const refusals = await Promise.all(
    tokens.map(async (token) => {
      const result = await auth.authenticate(token);
      return result.ok ? 'accepted' : result.refusal;
    }),
  );
  for (const refusal of refusals) assert.deepEqual(refusal, refusals[0]);
  const again = await Promise.all(tokens.map((token) => auth.authenticate(token)));
  for (const result of again) assert.deepEqual(result, { ok: false, refusal: refusals[0] });
  const told = refusals[0] as { code: string; message: string; headers?: object };
  assert.equal(told.code, 'invalid_api_key');
  assert.deepEqual(told.headers, { 'www-authenticate': 'Bearer' });
  assert.doesNotMatch(told.message, /sk-|unknown|revoked|malformed|exist/);
});

test('what cannot be a key is refused without asking the store', async () => {
  const { store, auth } = world();
  const { secret } = newSecret();
  for (const token of [undefined, '', 'sk-tg-x', `${secret}x`, `${secret.slice(0, -1)}?`, 'a'.repeat(1_000_000)]) {
    assert.ok(!(auth.authenticate(token) instanceof Promise));
    assert.equal(await code(auth, token), 'invalid_api_key');
  }
  assert.equal(store.asked.length, 0);
});

test('each refusal is told with its reason, for counting', async () => {
  const { store, auth, reasons } = world();
  const blocked = aTeam('blocked', { blocked_at: 1 });
  const tokens = [
    undefined,
    'sk-tg-bad',
    newSecret().secret,
    store.put({ revoked_at: 1 }),
    store.put({ expires_at: 1 }),
  ];
  for (const token of [...tokens, store.put({ blocked_at: 1 }), store.put({}, blocked)]) await auth.authenticate(token);
  store.mode = 'away';
  await auth.authenticate(newSecret().secret);
  const expected = [
    'missing',
    'malformed',
    'unknown',
    'revoked',
    'expired',
    'key_blocked',
    'team_blocked',
    'unavailable',
  ];
  assert.deepEqual(reasons, expected);
});

test('a key expires on the millisecond, while it is remembered', async () => {
  const { store, clock, auth } = world();
  const secret = store.put({ expires_at: clock.now() + 1_000 });
  assert.equal(await code(auth, secret), 'ok');
  clock.advance(999);
  assert.equal(await code(auth, secret), 'ok');
  clock.advance(1);
  assert.equal(await code(auth, secret), 'expired_api_key');
  clock.step(-1);
  assert.equal(await code(auth, secret), 'ok', 'the wall clock decides, and it was set back');
  assert.equal(store.asked.length, 1);
});

test('the old secret of a rotated key works until its overlap ends', async () => {
  const { store, clock, auth } = world();
  const secret = store.put({}, null, clock.now() + 60_000);
  assert.equal(await code(auth, secret), 'ok');
  clock.advance(60_000);
  assert.equal(await code(auth, secret), 'invalid_api_key');
});

test('a blocked key and a key of a blocked team are refused with 403', async () => {
  const { store, auth } = world();
  assert.equal(await code(auth, store.put({ blocked_at: 1 })), 'key_blocked');
  assert.equal(await code(auth, store.put({}, aTeam('t', { blocked_at: 1 }))), 'team_blocked');
  assert.equal(await code(auth, store.put({}, aTeam('t'))), 'ok');
});

test('a change of a key is in force with the next request', async () => {
  const { store, changes, auth } = world();
  const secret = store.put();
  const told = () => changes.publish({ kind: 'key', hash: hashOf(secret) });
  assert.equal(await code(auth, secret), 'ok');
  store.change(secret, { blocked_at: 1 });
  told();
  assert.equal(await code(auth, secret), 'key_blocked');
  store.change(secret, { blocked_at: null });
  told();
  assert.equal(await code(auth, secret), 'ok');
  store.change(secret, { revoked_at: 1 });
  told();
  assert.equal(await code(auth, secret), 'invalid_api_key');
});

test('a change of a team is in force for all its keys and looks up no others', async () => {
  const { store, changes, auth } = world();
  const [mine, also, other] = [store.put({}, aTeam('t')), store.put({}, aTeam('t')), store.put({}, aTeam('u'))];
  for (const secret of [mine, also, other]) assert.equal(await code(auth, secret), 'ok');
  for (const secret of [mine, also]) store.change(secret, {}, aTeam('t', { blocked_at: 1 }));
  changes.publish({ kind: 'team', team: 't' });
  assert.equal(await code(auth, mine), 'team_blocked');
  assert.equal(await code(auth, also), 'team_blocked');
  assert.equal(await code(auth, other), 'ok');
  assert.equal(store.asked.length, 5);
});

test('a key that moved to another team follows that one', async () => {
  const { store, changes, auth } = world();
  const secret = store.put({}, aTeam('old'));
  await auth.authenticate(secret);
  store.change(secret, { team: 'new' }, aTeam('new'));
  changes.publish({ kind: 'key', hash: hashOf(secret) });
  await auth.authenticate(secret);
  store.change(secret, {}, aTeam('new', { blocked_at: 1 }));
  changes.publish({ kind: 'team', team: 'old' });
  assert.equal(await code(auth, secret), 'ok', 'the old team is none of its business');
  changes.publish({ kind: 'team', team: 'new' });
  assert.equal(await code(auth, secret), 'team_blocked');
});

test('a key that is made after it was refused is taken', async () => {
  const { store, changes, auth } = world();
  const { secret } = newSecret();
  assert.equal(await code(auth, secret), 'invalid_api_key');
  assert.equal(await code(auth, secret), 'invalid_api_key');
  assert.equal(store.asked.length, 1);
  store.add(secret);
  changes.publish({ kind: 'key', hash: hashOf(secret) });
  assert.equal(await code(auth, secret), 'ok');
});

test('an answer that a revocation overtook on its way is not remembered', async () => {
  for (const change of [{ kind: 'key' }, { kind: 'team', team: 't' }, { kind: 'all' }] as const) {
    const { store, changes, auth } = world();
    const secret = store.put({}, aTeam('t'));
    store.mode = 'silent';
    const before = auth.authenticate(secret);
    await turn();
    store.change(secret, { revoked_at: 1 });
    changes.publish(change.kind === 'key' ? { kind: 'key', hash: hashOf(secret) } : change);
    store.mode = 'answers';
    const after = code(auth, secret);
    store.release();
    assert.equal(codeOf(await before), 'ok', 'it was asked before the change');
    assert.equal(await after, 'invalid_api_key');
    assert.equal(await code(auth, secret), 'invalid_api_key');
  }
});

test('a known key that changed while it was being read again is not remembered as it was', async () => {
  for (const kind of ['key', 'team'] as const) {
    const clock = new ManualClock();
    const announced = remoteChanges(clock);
    const { store, auth } = world({ clock, changes: announced });
    const secret = store.put({}, aTeam('t'));
    assert.equal(await code(auth, secret), 'ok');
    announced.cut();
    clock.advance(1_000); // so that it is read again before it is used
    store.mode = 'silent';
    const before = auth.authenticate(secret);
    await turn();
    store.change(secret, {}, aTeam('t', { blocked_at: 1 }));
    announced.publish(kind === 'key' ? { kind, hash: hashOf(secret) } : { kind, team: 't' });
    store.mode = 'answers';
    const after = code(auth, secret);
    store.release();
    assert.equal(codeOf(await before), 'ok', 'it was asked before the change');
    assert.equal(await after, 'team_blocked', kind);
    assert.equal(await code(auth, secret), 'team_blocked', kind);
  }
});

test('a key that was made while its look-up was on its way is not remembered as unknown', async () => {
  const { store, changes, auth } = world();
  const { secret } = newSecret();
  store.mode = 'silent';
  const before = auth.authenticate(secret);
  await turn();
  store.add(secret);
  changes.publish({ kind: 'key', hash: hashOf(secret) });
  store.release();
  assert.equal(codeOf(await before), 'invalid_api_key');
  store.mode = 'answers';
  assert.equal(await code(auth, secret), 'ok');
});

test('a flood of well-formed unknown keys stays within bounds and pushes out no good key', async () => {
  const { store, auth } = world({ invalidMax: 100, concurrency: 3, maxWaiting: 50, lookupTimeoutMs: 60_000 });
  const good = store.put();
  await auth.authenticate(good);
  store.mode = 'silent';
  // Made before, for it may take longer than a look-up is given.
  const secrets = Array.from({ length: 5_000 }, () => newSecret().secret);
  const flood = secrets.map((secret) => auth.authenticate(secret));
  await turn();
  assert.deepEqual(auth.stats(), { keys: 1, invalid: 0, running: 3, waiting: 50 });
  assert.equal(store.asked.length, 1 + 3);
  store.mode = 'answers';
  store.release();
  const codes = (await Promise.all(flood)).map(codeOf);
  assert.equal(codes.filter((one) => one === 'invalid_api_key').length, 53);
  assert.equal(codes.filter((one) => one === 'unavailable').length, 5_000 - 53, 'the rest could not be checked');
  for (let i = 0; i < 1_000; i++) await auth.authenticate(newSecret().secret);
  assert.deepEqual(auth.stats(), { keys: 1, invalid: 100, running: 0, waiting: 0 });
  const asked = store.asked.length;
  assert.equal(await code(auth, good), 'ok');
  assert.equal(store.asked.length, asked);
});

test('more keys than fit are looked up again, and their teams are forgotten with them', async () => {
  const { store, changes, auth } = world({ cacheMax: 10 });
  const secrets = Array.from({ length: 30 }, (_, i) => store.put({}, aTeam(`t${i}`)));
  for (const secret of secrets) await auth.authenticate(secret);
  assert.equal(auth.stats().keys, 10);
  for (let i = 0; i < 20; i++) changes.publish({ kind: 'team', team: `t${i}` });
  assert.equal(auth.stats().keys, 10, 'the teams of the keys that went are not known any more');
  changes.publish({ kind: 'team', team: 't29' });
  assert.equal(auth.stats().keys, 9);
});

test('with the store away known keys work on as last known, and unknown ones are refused with 503, not 401', async () => {
  const clock = new ManualClock();
  const changes = remoteChanges(clock);
  const { store, auth } = world({ clock, changes });
  const [known, blocked] = [store.put(), store.put({ blocked_at: 1 })];
  const expiring = store.put({ expires_at: clock.now() + 3_600_000 });
  for (const secret of [known, blocked, expiring]) await auth.authenticate(secret);
  store.mode = 'away';
  changes.cut();
  clock.advance(10_000);
  assert.equal(await code(auth, known), 'ok');
  assert.equal(await code(auth, blocked), 'key_blocked');
  clock.advance(3_600_000);
  assert.equal(await code(auth, known), 'ok');
  assert.equal(await code(auth, expiring), 'expired_api_key', 'time goes on');
  const refused = await auth.authenticate(newSecret().secret);
  assert.ok(!refused.ok && refused.refusal.code === 'unavailable');
  assert.deepEqual(refused.ok ? {} : refused.refusal.headers, { 'retry-after': '1' });
  assert.equal(await code(auth, 'sk-tg-malformed'), 'invalid_api_key');
});

test('while the store is away it is tried once a second and nobody waits for it', async () => {
  const clock = new ManualClock();
  const changes = remoteChanges(clock);
  const { store, auth } = world({ clock, changes });
  const secrets = Array.from({ length: 50 }, () => store.put());
  for (const secret of secrets) await auth.authenticate(secret);
  changes.cut();
  clock.advance(5_000);
  store.mode = 'away';
  await auth.authenticate(secrets[0]);
  store.mode = 'silent';
  const asked = store.asked.length;
  for (let i = 0; i < 10; i++) {
    for (const secret of secrets) assert.ok(!(auth.authenticate(secret) instanceof Promise));
    clock.advance(200);
  }
  await turn();
  assert.equal(store.asked.length, asked + 1, 'over two seconds: one, which is still on its way, and joined since');
  store.change(secrets[1]!, { revoked_at: 1 });
  store.mode = 'answers';
  store.release();
  await turn();
  assert.equal(await code(auth, secrets[1]), 'invalid_api_key', 'it answers again, and is asked again');
});

test('while no changes are heard, a key is read again before use once it is 750 ms old', async () => {
  const clock = new ManualClock();
  const changes = remoteChanges(clock);
  const { store, auth } = world({ clock, changes });
  const [secret, unknown] = [store.put(), newSecret().secret];
  await auth.authenticate(secret);
  await auth.authenticate(unknown);
  clock.advance(100_000);
  assert.equal(await code(auth, secret), 'ok');
  assert.equal(store.asked.length, 2, 'with the line up nothing gets old');
  changes.cut();
  store.change(secret, { revoked_at: 1 });
  store.add(unknown);
  clock.advance(749);
  assert.equal(await code(auth, secret), 'ok');
  assert.equal(await code(auth, unknown), 'invalid_api_key');
  clock.advance(1);
  assert.equal(await code(auth, secret), 'invalid_api_key');
  assert.equal(await code(auth, unknown), 'ok');
});

test('when the line is up again, everything is read again once', async () => {
  const clock = new ManualClock();
  const changes = remoteChanges(clock);
  const { store, auth } = world({ clock, changes });
  const [revoked, kept] = [store.put(), store.put()];
  for (const secret of [revoked, kept]) await auth.authenticate(secret);
  changes.cut();
  store.change(revoked, { revoked_at: 1 });
  changes.mend();
  assert.equal(await code(auth, revoked), 'invalid_api_key');
  for (let i = 0; i < 5; i++) assert.equal(await code(auth, kept), 'ok');
  assert.equal(store.asked.length, 4);
});

test('a slow store is not waited for longer than the time allows: known keys go on, unknown ones get 503', async () => {
  const clock = new ManualClock();
  const changes = remoteChanges(clock);
  const errors: unknown[] = [];
  const onLookupError = (error: unknown) => void errors.push(error);
  const { store, auth } = world({ clock, changes, lookupTimeoutMs: 20, onLookupError });
  const known = store.put();
  await auth.authenticate(known);
  store.mode = 'silent';
  changes.cut();
  clock.advance(1_000);
  assert.equal(await code(auth, known), 'ok');
  assert.equal(await code(auth, newSecret().secret), 'unavailable');
  assert.equal(errors.length, 2);
  store.release();
});

test('a closed authenticator hears no changes', async () => {
  const { store, changes, auth } = world();
  const secret = store.put();
  await auth.authenticate(secret);
  auth.close();
  changes.publish({ kind: 'key', hash: hashOf(secret) });
  assert.equal(auth.stats().keys, 1);
});

test('a key that was taken over is found by the hash of what is sent, whatever form that has; one that is too long is not looked up', async () => {
  const { store, auth } = world();
  const foreign = ['sk-1234', 'sk-proj-abc_DEF', 'a key of 30 other characters!!', 'k'.repeat(512)];
  for (const token of foreign) store.add(token);
  for (const token of foreign) assert.equal(await code(auth, token), 'ok');
  for (const token of foreign) assert.ok(!(auth.authenticate(token) instanceof Promise), 'a known one is in memory');
  assert.equal(store.asked.length, foreign.length);
  store.add('k'.repeat(513));
  assert.equal(await code(auth, 'k'.repeat(513)), 'invalid_api_key');
  assert.equal(store.asked.length, foreign.length);
});
