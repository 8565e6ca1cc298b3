/** What every store of keys promises. One suite, over memory, Postgres and the embedded database. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Key, type Team, unstoredKey } from '../../src/identity/key.js';
import type { KeyStore, KeyTx, Once } from '../../src/identity/key-store.js';
import { newSecret } from '../../src/identity/secret.js';
import { ok, refuse, refused } from '../../src/lib/errors.js';
import { newId } from '../../src/lib/ids.js';

export interface OpenStore {
  readonly store: KeyStore;
  close(): Promise<void>;
}

const NOON = Date.parse('2026-11-24T12:00:00.123Z');

/** A key that is like any other, but for what is given. */
export const aKey = (given: Partial<Key> = {}): Key =>
  unstoredKey(newId('key', NOON), {
    name: 'search-prod',
    prefix: 'sk-tg-ab12',
    created_at: NOON,
    updated_at: NOON,
    ...given,
  });

export const aTeam = (id: string, given: Partial<Team> = {}): Team => ({
  id,
  capture: null,
  guards: [],
  limits: [],
  user_limits: [],
  metadata: {},
  markup_ppm: null,
  aliases: {},
  created_at: NOON,
  updated_at: NOON,
  blocked_at: null,
  ...given,
});

const EVERYTHING: Partial<Key> = {
  name: 'naïve "quotes" \\ 日本 😀',
  models: ['gpt-4o*', "o'neill, {braces}", ''],
  endpoints: ['chat'],
  allowed_ips: ['10.0.0.0/8', '2001:db8::/32'],
  limits: [
    {
      unit: 'usd',
      max: 50_000_000_000,
      per: 'month',
      model: null,
      warn_at: [0.5, 1],
      timezone: 'UTC',
      on_exhausted: 'clamp',
    },
  ],
  tags: ['prod', 'a,b', '"'],
  metadata: { nested: { list: [1, null, 'two'] }, price: 0.1 },
  expires_at: NOON + 1,
  blocked_at: NOON + 2,
};

/** `open` gives an empty store. */
export function keysContract(name: string, open: () => Promise<OpenStore>): void {
  describe(`keys in ${name}`, () => {
    let opened: OpenStore;
    let store: KeyStore;
    before(async () => {
      opened = await open();
      store = opened.store;
    });
    after(() => opened.close());

    async function write<T>(work: (tx: KeyTx) => Promise<T>): Promise<T> {
      const result = await store.write(async (tx) => ok(await work(tx)));
      assert.ok(result.ok);
      return result.value;
    }
    async function put(given: Partial<Key> = {}): Promise<{ key: Key; hash: string }> {
      const key = aKey(given);
      const { hash } = newSecret();
      await write(async (tx) => {
        if (key.team !== null) await tx.ensureTeam(aTeam(key.team));
        await tx.insertKey(key, hash);
      });
      return { key, hash };
    }

    test('a key comes back as it was put, by its id and by the hash of its secret', async () => {
      for (const given of [{}, EVERYTHING]) {
        const { key, hash } = await put(given);
        assert.deepEqual(await store.key(key.id), key);
        assert.deepEqual(await store.find(hash), { caller: { key, team: null }, secret_ends_at: null });
      }
    });

    test('what is not there is null', async () => {
      assert.equal(await store.find(newSecret().hash), null);
      assert.equal(await store.key('key_00000000000000000000000000'), null);
      assert.equal(await store.key("' or 1=1 --"), null);
      assert.equal(await store.team('nobody'), null);
      await write(async (tx) => {
        assert.equal(await tx.lockKey('key_none'), null);
        assert.equal(await tx.lockTeam('nobody'), null);
        assert.deepEqual(await tx.hashesOf('key_none'), []);
      });
    });

    test('a key is found with its team', async () => {
      const { hash, key } = await put({ team: 'with-team' });
      const team = aTeam('with-team', { limits: EVERYTHING.limits!, metadata: { a: 1 }, blocked_at: NOON + 5 });
      await write((tx) => tx.updateTeam(team));
      assert.deepEqual(await store.find(hash), { caller: { key, team }, secret_ends_at: null });
    });

    test('an update writes all but the id, the prefix and the time of creation', async () => {
      const { key } = await put({ name: 'before' });
      await write(async (tx) => {
        const locked = await tx.lockKey(key.id);
        assert.deepEqual(locked, key);
        await tx.updateKey({ ...key, ...EVERYTHING, prefix: 'other', created_at: 0, revoked_at: NOON + 9 });
      });
      assert.deepEqual(await store.key(key.id), { ...key, ...EVERYTHING, revoked_at: NOON + 9 });
    });

    test('a new secret replaces the old one at once, and all that were kept working', async () => {
      const { key, hash: first } = await put();
      const [second, third] = [newSecret(), newSecret()];
      await write((tx) => tx.replaceSecret(key, second.hash, NOON + 60_000));
      await write(async (tx) => {
        assert.deepEqual(new Set(await tx.hashesOf(key.id)), new Set([first, second.hash]));
        await tx.replaceSecret({ ...key, prefix: third.prefix }, third.hash, null);
      });
      assert.equal(await store.find(first), null);
      assert.equal(await store.find(second.hash), null);
      const found = await store.find(third.hash);
      assert.deepEqual(found?.caller.key, { ...key, prefix: third.prefix });
    });

    test('with an overlap the old secret leads to the same key, and says when it ends', async () => {
      const { key, hash: old } = await put({ name: 'rotated' });
      const next = newSecret();
      await write((tx) => tx.replaceSecret({ ...key, prefix: next.prefix }, next.hash, NOON + 60_000.0));
      const now = { ...key, prefix: next.prefix };
      assert.deepEqual(await store.find(next.hash), { caller: { key: now, team: null }, secret_ends_at: null });
      assert.deepEqual(await store.find(old), { caller: { key: now, team: null }, secret_ends_at: NOON + 60_000 });
    });

    test('lists are newest first, in pages, filtered, and without revoked keys unless asked', async () => {
      const made: Key[] = [];
      for (const i of [0, 1, 2, 3, 4]) {
        const { key } = await put({ team: 'listed', name: `list_${i % 2}%`, revoked_at: i === 3 ? NOON : null });
        made.unshift(key);
      }
      const ids = (keys: readonly Key[]) => keys.map((key) => key.id);
      const all = await store.keys({ team: 'listed', revoked: true }, { limit: 10, after: null });
      assert.deepEqual(all, made);
      const live = made.filter((key) => key.revoked_at === null);
      const first = await store.keys({ team: 'listed' }, { limit: 2, after: null });
      assert.deepEqual(ids(first), ids(live.slice(0, 2)));
      const second = await store.keys({ team: 'listed' }, { limit: 2, after: first[1]!.id });
      assert.deepEqual(ids(second), ids(live.slice(2, 4)));
      assert.deepEqual(await store.keys({ team: 'listed' }, { limit: 2, after: second[1]!.id }), []);
      const named = await store.keys({ team: 'listed', name: 'list_0%' }, { limit: 10, after: null });
      assert.deepEqual(ids(named), ids(live.filter((key) => key.name === 'list_0%')));
      assert.deepEqual(await store.keys({ name: '%' }, { limit: 10, after: null }), [], 'a name is no pattern');
    });

    test('a team is made once, listed by name, and what it was given comes back', async () => {
      const team = aTeam('team-b', { limits: EVERYTHING.limits!, metadata: { owner: { id: 7 } } });
      assert.equal(await write((tx) => tx.ensureTeam(team)), true);
      assert.equal(await write((tx) => tx.ensureTeam(aTeam('team-b'))), false);
      await write((tx) => tx.ensureTeam(aTeam('team-a')));
      assert.deepEqual(await store.team('team-b'), team);
      const from = await store.teams({ limit: 2, after: 'team' });
      assert.deepEqual(
        from.map((one) => one.id),
        ['team-a', 'team-b'],
      );
      assert.deepEqual(await store.teams({ limit: 1, after: 'team-a' }), [team]);
    });

    test('a deleted team leaves its revoked keys, without a team', async () => {
      const { key: live } = await put({ team: 'going' });
      assert.equal(await write((tx) => tx.hasKeys('going')), true);
      await write((tx) => tx.updateKey({ ...live, revoked_at: NOON }));
      assert.equal(await write((tx) => tx.hasKeys('going')), false);
      await write((tx) => tx.deleteTeam('going'));
      assert.equal(await store.team('going'), null);
      assert.equal((await store.key(live.id))?.team, null);
    });

    test('work that is refused, or throws, changes nothing', async () => {
      const key = aKey();
      const { hash } = newSecret();
      const attempt = async (tx: KeyTx) => {
        await tx.ensureTeam(aTeam('undone'));
        await tx.insertKey({ ...key, team: 'undone' }, hash);
        await tx.audit({ at: NOON, actor: 'admin:1', action: 'undone', subject: key.id, detail: {} });
      };
      const no = refuse('conflict', 'no');
      const result = await store.write(async (tx) => {
        await attempt(tx);
        return refused(no);
      });
      assert.deepEqual(result, refused(no));
      const fault = store.write(async (tx) => {
        await attempt(tx);
        throw new Error('broken');
      });
      await assert.rejects(fault, /broken/);
      assert.equal(await store.key(key.id), null);
      assert.equal(await store.find(hash), null);
      assert.equal(await store.team('undone'), null);
      assert.deepEqual(await store.audit({ action: 'undone' }, { limit: 10, after: null }), []);
    });

    test('changes of one key at the same moment take turns, and none is lost', async () => {
      const { key } = await put({ metadata: { count: 0 } });
      const increment = () =>
        write(async (tx) => {
          const now = (await tx.lockKey(key.id))!;
          await tx.updateKey({ ...now, metadata: { count: Number(now.metadata['count']) + 1 } });
        });
      await Promise.all(Array.from({ length: 20 }, increment));
      assert.deepEqual((await store.key(key.id))?.metadata, { count: 20 });
    });

    test('a team that many make at the same moment is made by one of them', async () => {
      const make = () => write((tx) => tx.ensureTeam(aTeam('raced')));
      const made = await Promise.all(Array.from({ length: 20 }, make));
      assert.equal(made.filter(Boolean).length, 1);
    });

    test('who has to do with named teams alone reads what is of them alone', async () => {
      const teams = new Set(['theirs', 'theirs too']);
      const made = [];
      for (const team of ['theirs', 'others', null]) {
        const user_limits = [{ unit: 'requests', max: 1, per: 'day' }] as unknown as Key['user_limits'];
        if (team !== null) await write((tx) => tx.ensureTeam({ ...aTeam(team), user_limits }));
        made.push((await put({ team, user_limits })).key.id);
        const line = { at: NOON, actor: 'a', action: 'scoped', subject: String(team), detail: {} };
        await write((tx) => tx.audit({ ...line, teams: team === null ? [] : [team, 'more'] }));
      }
      const page = { limit: 100, after: null };
      assert.deepEqual(
        (await store.keys({ teams }, page)).map(({ id }) => id),
        [made[0]],
      );
      assert.deepEqual(await store.keys({ teams, team: 'others' }, page), []);
      assert.deepEqual(
        (await store.teams(page, teams)).map(({ id }) => id),
        ['theirs'],
      );
      const { keys, teams: withLimits } = await store.withUserLimits(teams);
      assert.deepEqual([keys.map(({ id }) => id), withLimits.map(({ id }) => id)], [[made[0]], ['theirs']]);
      const lines = await store.audit({ action: 'scoped', teams }, page);
      assert.deepEqual(
        lines.map(({ subject }) => subject),
        ['theirs'],
      );
      assert.deepEqual(await store.audit({ teams: new Set() }, page), []);
    });

    test('the audit log is newest first, in pages, filtered', async () => {
      const line = (action: string, subject: string) => ({
        at: NOON,
        actor: 'admin:0a1b2c3d',
        action,
        subject,
        detail: { name: 'x', limits: [{ max: 1 }] },
        teams: [],
      });
      const lines = ['one', 'two', 'three'].map((action) => line(action, 'audited'));
      for (const one of [...lines, line('one', 'other')]) await write((tx) => tx.audit(one));
      const found = await store.audit({ subject: 'audited' }, { limit: 2, after: null });
      assert.deepEqual(
        found.map(({ id: _, ...rest }) => rest),
        [lines[2], lines[1]],
      );
      const rest = await store.audit({ subject: 'audited' }, { limit: 2, after: found[1]!.id });
      assert.deepEqual(
        rest.map(({ action }) => action),
        ['one'],
      );
      const ones = await store.audit({ action: 'one', subject: 'other' }, { limit: 9, after: null });
      assert.equal(ones.length, 1);
      assert.match(ones[0]!.id, /^[1-9]\d*$/);
    });

    describe('a write that comes with an idempotency key', () => {
      const once = (key: string): Once => ({ key, route: 'POST /x', request_hash: 'ab'.repeat(32) });
      const answered = { request_hash: 'ab'.repeat(32), status: 201, body: { id: 'key_1', list: [1] } };
      const first = (write: Once, now = NOON) =>
        store.write<unknown>(async (tx) => {
          const prior = await tx.claim(write, now, now - 1_000);
          if (prior) return ok({ status: prior.status, body: prior.body, request_hash: prior.request_hash });
          await tx.remember(write, answered.status, answered.body);
          return ok('first' as const);
        });

      test('is remembered with its answer', async () => {
        assert.deepEqual(await first(once('a')), ok('first'));
        assert.deepEqual(await first(once('a')), ok(answered));
        assert.deepEqual(
          await first({ ...once('a'), route: 'POST /y' }),
          ok('first'),
          'another route is another write',
        );
      });

      test('is forgotten after its time, and may then be another', async () => {
        await first(once('b'));
        assert.deepEqual(await first(once('b'), NOON + 999), ok(answered));
        assert.deepEqual(await first({ ...once('b'), request_hash: 'cd'.repeat(32) }, NOON + 1_000), ok('first'));
        const again = await first(once('b'), NOON + 1_001);
        assert.deepEqual(again, ok({ ...answered, request_hash: 'cd'.repeat(32) }));
      });

      test('is not remembered where it was refused', async () => {
        const result = await store.write(async (tx) => {
          await tx.claim(once('c'), NOON, NOON - 1_000);
          return refused(refuse('conflict', 'no'));
        });
        assert.equal(result.ok, false);
        assert.deepEqual(await first(once('c')), ok('first'));
      });

      test('is done once when it is sent many times at the same moment', async () => {
        const results = await Promise.all(Array.from({ length: 20 }, () => first(once('d'))));
        assert.equal(results.filter((result) => result.ok && result.value === 'first').length, 1);
        assert.equal(results.filter((result) => result.ok && result.value !== 'first').length, 19);
      });
    });
  });
}
