/** Who follows the ledger: where following begins, where the feed lapsed, and where the gateway or the reader ends meanwhile. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import type { EntryFeed } from '../../src/ledger/feed.js';
import { pgEntryFeed } from '../../src/ledger/feed-pg.js';
import { type Follower, LedgerTail } from '../../src/ledger/tail.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { ManualClock } from '../support/clock.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

describe('the feed, while others write', () => {
  let database: FreshDatabase;
  let store: Store;
  before(async () => {
    database = await freshDatabase();
    store = openStore({ url: database.url, max: 4 });
    await migrate(store.pool);
  });
  after(async () => {
    await store?.close();
    await database?.drop();
  });

  it('is on only once nobody writes who may not have seen it', async () => {
    const feed = pgEntryFeed(store);
    const writer = new pg.Client({ connectionString: database.url });
    await writer.connect();
    await writer.query('begin');
    // What a statement holds that writes the ledger, whether it feeds or not.
    await writer.query('insert into entry_feed (tx, at, id) select pg_current_xact_id(), now(), $1 where false', ['x']);
    let isOn = false;
    const keeping = feed.keep().then((since) => {
      isOn = true;
      return since;
    });
    await store.pool.query('select pg_sleep(0.1)');
    assert.equal(isOn, false);
    const { rows } = await writer.query<{ tx: string }>('select pg_current_xact_id()::text as tx');
    await writer.query('commit');
    const since = await keeping;
    assert.ok(since > BigInt(rows[0]!.tx));
    await writer.query('begin');
    await writer.query('insert into entry_feed (tx, at, id) select pg_current_xact_id(), now(), $1 where false', ['x']);
    assert.equal(await feed.keep(), since, 'once it is on nobody is waited for');
    await writer.query('commit');
    await writer.end();
  });
});

describe('a tail', () => {
  /** A feed without entries, of which the test says since when it is on. */
  function tailOf(keep: () => Promise<bigint>) {
    const feed: EntryFeed = {
      keep,
      now: () => Promise.resolve(10n),
      from: () => Promise.resolve({ entries: [], next: 12n, more: false }),
      prune: () => Promise.resolve(),
    };
    return new LedgerTail({ feed, clock: new ManualClock(), log: { error: () => {} } });
  }
  const follower = (gone = false) => {
    const told: string[] = [];
    const one: Follower = {
      gone,
      take: () => told.push('entry'),
      reached: (place) => told.push(place.split('-')[0]!),
      gap: () => told.push('gap'),
      end: () => told.push('end'),
    };
    return { told, one };
  };

  it('that is closed while somebody joins ends with them, and with nobody who comes later', async () => {
    let go!: (since: bigint) => void;
    const tail = tailOf(() => new Promise((resolve) => (go = resolve)));
    const { told, one } = follower();
    const joining = tail.follow(one, undefined);
    await Promise.resolve();
    const closing = tail.close();
    go(5n);
    await Promise.all([joining, closing]);
    assert.deepEqual(told, ['end']);
    const late = follower();
    await tail.follow(late.one, undefined);
    assert.deepEqual([late.told, tail.full], [['end'], true]);
  });

  it('tells where to go on from, says so where the feed lapsed meanwhile, and keeps nobody who left', async () => {
    let since = 5n;
    const tail = tailOf(() => Promise.resolve(since));
    const first = follower();
    await tail.follow(first.one, undefined);
    assert.deepEqual(first.told, ['10']);
    since = 11n;
    await tail.follow(follower(true).one, undefined);
    assert.deepEqual(first.told, ['10', 'gap']);
    const back = follower();
    await tail.follow(back.one, `11-${new ManualClock().now()}`);
    assert.deepEqual(back.told, ['12']);
    for (let n = 0; n < 197; n++) await tail.follow(follower().one, undefined);
    assert.equal(tail.full, false, 'who left takes no place, who follows does');
    const late = Array.from({ length: 3 }, () => follower());
    await Promise.all(late.map(({ one }) => tail.follow(one, undefined)));
    assert.deepEqual(
      late.map(({ told }) => told),
      [['10'], ['end'], ['end']],
      'of those that come at once as many follow as there are places',
    );
    assert.equal(tail.full, true);
    await tail.close();
  });
});
