/** Captured content in a real database by a clock that the test moves: how long it is there, what is deleted, what is paged. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Captured, CapturedFacts, ContentStore } from '../../src/capture/captured.js';
import { CapturedContents, sealedContent } from '../../src/capture/captured-contents.js';
import { pgContentStore } from '../../src/capture/content-pg.js';
import { createSeal } from '../../src/lib/seal.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { ManualClock } from '../support/clock.js';
import { freshDatabase } from '../support/postgres.js';

const HOUR_MS = 3_600_000;
const seal = createSeal('x'.repeat(32), 'test');
const content = {
  ...{ request: { say: 'hello' }, answer: { said: 'hi' }, complete: true },
  truncated: { request: false, answer: false },
};

let database: Awaited<ReturnType<typeof freshDatabase>>;
let pg: Store;
let store: ContentStore;
let clock: ManualClock;
let retentionMs: number;
let contents: CapturedContents;

before(async () => {
  database = await freshDatabase();
  pg = openStore({ url: database.url, max: 4 });
  await migrate(pg.pool);
  store = pgContentStore(pg.pool);
});
after(async () => {
  await pg?.close();
  await database?.drop();
});
beforeEach(async () => {
  await pg.pool.query('truncate captured_content, captured_attempts, content_deletions');
  clock = new ManualClock();
  retentionMs = 24 * HOUR_MS;
  contents = new CapturedContents({ store, seal, clock, retentionMs: () => retentionMs });
});

async function put(entry: string, more: Partial<CapturedFacts> = {}, others: readonly string[] = []): Promise<void> {
  const facts: CapturedFacts = {
    ...{ entry, requestId: `req-${entry}`, key: 'key_a', team: null, user: null, model: 'm', endpoint: 'chat' },
    ...{ stream: false, mode: 'on', atMs: clock.now(), ...more },
  };
  await store.insert([{ ...facts, others, body: await sealedContent(seal, facts, JSON.stringify(content)) }]);
}

const all = async (filter: Parameters<CapturedContents['all']>[0] = {}): Promise<string[]> => {
  const entries: string[] = [];
  for await (const { entry } of contents.all(filter)) entries.push(entry);
  return entries;
};
const rows = async (): Promise<number> =>
  Number((await pg.pool.query<{ n: string }>('select count(*) as n from captured_content')).rows[0]!.n);

describe('its time', () => {
  it('is over for readers at the retention in force, and then for the database', async () => {
    await put('a');
    clock.advance(HOUR_MS);
    await put('b');
    retentionMs = HOUR_MS;
    assert.equal(await contents.find('a', null), undefined);
    assert.deepEqual(await all(), ['b']);
    assert.equal(await rows(), 2);
    await contents.sweep();
    assert.equal(await rows(), 1);
    clock.advance(HOUR_MS);
    await contents.sweep();
    assert.equal(await rows(), 0);
  });

  it('is swept whole, however much there is', async () => {
    await pg.pool.query(`insert into captured_content (entry_id, request_id, key_id, model, endpoint, stream, mode, body, at)
      select 'e' || n, 'r', 'k', 'm', 'chat', false, 'on', '', '2020-01-01' from generate_series(1, 1200) n`);
    await contents.sweep();
    assert.equal(await rows(), 0);
  });
});

describe('what is read', () => {
  it('is the content, by the entry of any attempt', async () => {
    await put('told', {}, ['first', 'second']);
    for (const entry of ['told', 'first', 'second']) {
      const found = (await contents.find(entry, null)) as Captured;
      assert.deepEqual([found.entry, found.content], ['told', content]);
    }
    assert.equal(await contents.find('other', null), undefined);
  });

  it('is of named teams alone where somebody has to do with those', async () => {
    await put('a', { team: 'red' });
    await put('b');
    assert.ok(await contents.find('a', ['red', 'blue']));
    for (const entry of ['a', 'b']) assert.equal(await contents.find(entry, ['blue']), undefined);
    assert.deepEqual(await all({ teams: ['red'] }), ['a']);
    assert.deepEqual(await all({ teams: [] }), []);
  });

  it('is not readable with another secret', async () => {
    await put('a');
    const other = new CapturedContents({
      ...{ store, clock, retentionMs: () => retentionMs },
      seal: createSeal('y'.repeat(32), 'test'),
    });
    assert.equal((await other.find('a', null))?.content, null);
  });

  it('comes a page at a time, in order, each once, also where many came at the same moment', async () => {
    const names = Array.from({ length: 70 }, (_, n) => `e${String(n).padStart(3, '0')}`);
    for (const [n, name] of names.entries()) await put(name, { atMs: clock.now() + Math.floor(n / 30) });
    assert.deepEqual(await all(), names);
    assert.deepEqual(await all({ toMs: clock.now() + 1 }), names.slice(0, 30));
    assert.deepEqual(await all({ fromMs: clock.now() + 2 }), names.slice(60));
  });
});

describe('what is deleted', () => {
  it('is not written any more by who captured it before, and what comes after stays', async () => {
    await put('a', { user: 'ada' });
    assert.equal(await contents.remove([{ user: 'ada' }]), 1);
    const lateMs = clock.now() - 1;
    clock.advance(1);
    await put('late', { user: 'ada', atMs: lateMs }, ['attempt']);
    await put('other', { user: 'eve', atMs: lateMs });
    await put('new', { user: 'ada' });
    assert.deepEqual(await all(), ['other', 'new']);
    assert.equal(await contents.find('attempt', null), undefined);
  });

  it('is gone for readers where the work was not done, and is removed by the next sweep', async () => {
    await put('a', { team: 'red' });
    await put('b', { team: 'blue' });
    await store.mark([{ team: 'red' }], clock.now());
    assert.equal(await contents.find('a', null), undefined);
    assert.deepEqual(await all(), ['b']);
    await contents.sweep();
    assert.equal(await rows(), 1);
    // Not forgotten before whoever writes at that moment is done.
    assert.equal((await store.pending()).length, 1);
    clock.advance(2 * 60_000);
    await contents.sweep();
    assert.equal((await store.pending()).length, 0);
    clock.advance(25 * HOUR_MS);
    await contents.sweep();
    assert.equal((await pg.pool.query('select from content_deletions')).rowCount, 0);
  });

  it('is found by whatever it names, among very many others', async () => {
    await pg.pool.query(`insert into content_deletions (end_user, key_id, until, done)
      select 'u' || n, case when n % 2 = 0 then 'k' || n end, now() + interval '1 day', true from generate_series(1, 20000) n`);
    const facts = { requestId: 'r1', user: 'ada', key: 'k1', team: 'red' };
    const each = { entry: 'a', request_id: 'r1', user: 'ada', key: 'k1', team: 'red' };
    await put('a', facts);
    for (const [name, value] of Object.entries({ ...each, none: undefined })) {
      await store.mark(
        [{ [name]: `${value}-not` }, { ...each, [name]: `${value}-not` }].slice(0, value ? 2 : 0),
        clock.now(),
      );
      assert.deepEqual(await all(), ['a'], name);
      await store.mark([value === undefined ? {} : { [name]: value }], clock.now());
      assert.deepEqual(await all(), [], name);
      await pg.pool.query('delete from content_deletions where not done');
    }
  });

  it('fits all that is named', async () => {
    await put('a', { key: 'k1', user: 'ada' });
    await put('b', { key: 'k1', user: 'eve' });
    await put('c', { key: 'k2', user: 'ada' });
    assert.equal(await contents.remove([{ key: 'k1', user: 'ada' }]), 1);
    assert.deepEqual(await all(), ['b', 'c']);
    assert.equal(await contents.remove([{}]), 2);
  });
});

it('writing twice is harmless', async () => {
  await put('a', {}, ['x']);
  await put('a', {}, ['x']);
  assert.equal(await rows(), 1);
});
