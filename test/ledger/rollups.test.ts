/** Sums of spend agree with the ledger: as they are written, by several writers at once, after damage and a repair. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Entry } from '../../src/ledger/entry.js';
import { pgLedgerStore } from '../../src/ledger/ledger-pg.js';
import { verifyLedger } from '../../src/ledger/verify-pg.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { entry } from '../contract/ledger.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

const DAY_MS = 86_400_000;
const START = Date.parse('2026-10-30T22:30:00Z');

/** Entries of three months with everything that sums are broken down by, the same for the same seed. */
function varied(count: number, seed = 1): Entry[] {
  let state = seed;
  const below = (most: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % most;
  };
  return Array.from({ length: count }, (_, i) => {
    const cost = [below(1e6), below(1e5), below(1e4), below(1e6)] as const;
    const total = cost[0] + cost[1] + cost[2] + cost[3];
    const team = [null, 'search', 'ads'][below(3)] ?? null;
    return entry({
      at: START + below(40) * DAY_MS + below(DAY_MS),
      request_id: `req-${seed}-${i - below(2)}`,
      attempt: 1 + below(2),
      key: `key_${below(5)}`,
      team,
      user: below(3) ? `user-${below(7)}` : null,
      tags: [[], ['prod'], ['prod', 'batch'], ['a', 'a']][below(4)]!,
      model: ['gpt-4o-mini', 'claude'][below(2)]!,
      served_model: below(4) ? 'gpt-4o-mini-2024-07-18' : null,
      status: [200, 200, 499, 502][below(4)]!,
      cache: (['miss', 'hit', 'semantic', 'off'] as const)[below(4)]!,
      tokens: {
        input: below(1000),
        cache_read: below(50),
        cache_write_5m: below(9),
        cache_write_1h: below(9),
        output: below(500),
        reasoning: below(100),
        audio_input: below(3),
        audio_output: below(3),
        ...(below(5) === 0 && { image_input: 1 + below(10) }),
      },
      cost_nusd: { input: cost[0], cache_read: cost[1], cache_write: cost[2], output: cost[3], total },
      ...(team === 'ads' && { billed_nusd: total + 7 }),
    });
  });
}

let database: FreshDatabase;
let store: Store;
before(async () => {
  database = await freshDatabase();
  store = openStore({ url: database.url });
  await migrate(store.pool);
});
after(async () => {
  await store.close();
  await database.drop();
});

const ledger = () => pgLedgerStore(store);

describe('sums of spend', () => {
  test('agree with the ledger entry by entry, however batches are cut, and writing again adds nothing', async () => {
    const entries = varied(900);
    await ledger().insert(entries.slice(0, 500));
    await ledger().insert(entries.slice(500));
    await ledger().insert(entries.slice(300, 700));
    const verified = await verifyLedger(store.pool);
    assert.deepEqual(verified.differences, []);
    assert.equal(verified.entries, 900);
    assert.equal(verified.cost_nusd, String(entries.reduce((sum, { cost_nusd }) => sum + BigInt(cost_nusd.total), 0n)));
    const { rows } = await store.pool.query<{ n: string }>('select sum(total_nusd)::text as n from spend_hour_user');
    assert.equal(rows[0]?.n, verified.cost_nusd);
  });

  test('agree when eight writers add to the same rows at once, without a deadlock', async () => {
    const batches = Array.from({ length: 24 }, (_, i) => varied(60, i + 2).sort(() => (i % 2 ? 1 : -1)));
    await Promise.all(
      Array.from({ length: 8 }, async (_, writer) => {
        for (const batch of batches.filter((_, i) => i % 8 === writer)) await ledger().insert(batch);
      }),
    );
    assert.deepEqual((await verifyLedger(store.pool)).differences, []);
  });

  test('agree when eight writers supersede estimates of the same keys beside new entries, without a deadlock', async () => {
    const facts = varied(600, 77);
    const all = [...facts, ...varied(600, 78)];
    const { rows } = await store.pool.query<{ n: string }>(
      'select coalesce(sum(total_nusd), 0)::text as n from entries',
    );
    for (let i = 0; i < facts.length; i += 200) {
      const guesses = facts.slice(i, i + 200).map((one): Entry => ({ ...one, estimate: 'intent', status: 500 }));
      assert.deepEqual(await ledger().insert(guesses), []);
    }
    // Each writer has its facts in an order of its own, and the next one brings half of them too.
    const told = await Promise.all(
      Array.from({ length: 8 }, async (_, writer) => {
        const own = all.filter((_, i) => i % 8 === writer || i % 8 === (writer + 1) % 8);
        own.sort((a, b) => ((a.at * (writer + 1)) % 9973) - ((b.at * (writer + 1)) % 9973));
        const late: Entry[] = [];
        for (let i = 0; i < own.length; i += 30) late.push(...(await ledger().insert(own.slice(i, i + 30))));
        return late;
      }),
    );
    assert.deepEqual(new Set(told.flat().map(({ id }) => id)), new Set(facts.map(({ id }) => id)));
    const verified = await verifyLedger(store.pool);
    assert.deepEqual(verified.differences, []);
    const added = all.reduce((sum, { cost_nusd }) => sum + BigInt(cost_nusd.total), 0n);
    assert.equal(BigInt(verified.cost_nusd) - BigInt(rows[0]!.n), added);
  });

  test('a retry counts as an attempt and not as a request, also where the first attempt left no entry', async () => {
    const of = (given: Partial<Entry>) => entry({ key: 'key_retries', at: START, ...given });
    await ledger().insert([of({ request_id: 'a', attempt: 1 }), of({ request_id: 'a', attempt: 2, at: START + 5 })]);
    await ledger().insert([of({ request_id: 'b', attempt: 2 })]);
    await ledger().insert([of({ request_id: 'b', attempt: 3, at: START + 5 })]);
    const { rows } = await store.pool.query(
      `select sum(requests)::int as requests, sum(attempts)::int as attempts from spend_day_main where key_id = 'key_retries'`,
    );
    assert.deepEqual(rows, [{ requests: 2, attempts: 4 }]);
  });

  test('of attempts side by side one is the request, whichever is written first', async () => {
    const hedged: Partial<Entry> = { key: 'key_hedged', at: START, attempt: 1, flags: ['hedged'] };
    const second: Partial<Entry> = { ...hedged, at: START + 5, attempt: 2 };
    for (const more of [{}, { hold: 'hold_hedged' }] satisfies Partial<Entry>[]) {
      const [first, later] = [entry({ ...hedged, request_id: `h${more.hold}`, ...more }), { ...second, ...more }];
      await ledger().insert([entry({ ...later, request_id: first.request_id })]);
      await ledger().insert([first]);
    }
    // Its gateway was killed before the first had ended.
    await ledger().insert([entry({ ...second, request_id: 'killed' })]);
    await ledger().insert([entry({ ...hedged, request_id: 'killed', flags: undefined, estimate: 'intent' })]);
    // Another request under an id that was used before.
    await ledger().insert([entry({ ...hedged, request_id: 'killed', hold: 'hold_other' })]);
    const { rows } = await store.pool.query(
      `select sum(requests)::int as requests, sum(attempts)::int as attempts from spend_day_main where key_id = 'key_hedged'`,
    );
    assert.deepEqual(rows, [{ requests: 4, attempts: 7 }]);
  });

  test('a correction changes money and counts as nothing else', async () => {
    const wrong = entry({
      key: 'key_corrected',
      cost_nusd: { input: 1, cache_read: 0, cache_write: 0, output: 9, total: 10 },
    });
    const correction = entry({
      ...wrong,
      id: entry().id,
      tokens: {
        input: 0,
        cache_read: 0,
        cache_write_5m: 0,
        cache_write_1h: 0,
        output: 0,
        reasoning: 0,
        audio_input: 0,
        audio_output: 0,
      },
      cost_nusd: { input: 0, cache_read: 0, cache_write: 0, output: -4, total: -4 },
      corrects: wrong.id,
    });
    await ledger().insert([wrong, correction]);
    const { rows } = await store.pool.query(
      `select requests::int, attempts::int, output_tokens::int, total_nusd::int from spend_hour_main where key_id = 'key_corrected'`,
    );
    assert.deepEqual(rows, [{ requests: 1, attempts: 1, output_tokens: 9, total_nusd: 6 }]);
  });

  test('the longest texts that an entry can have fit', async () => {
    const long = '猫'.repeat(500);
    await ledger().insert([
      entry({
        key: long,
        team: long,
        user: long,
        tags: [long],
        model: long,
        served_model: long,
        target: long,
        endpoint: long,
      }),
    ]);
  });

  test('damage is found by table and amount, and repaired, while entries arrive', async () => {
    await store.pool.query(
      'update spend_day_main set total_nusd = total_nusd + 5 where ctid = (select min(ctid) from spend_day_main)',
    );
    await store.pool.query(`delete from spend_hour_tag where tag = 'batch'`);
    await store.pool.query(`delete from spend_day_attempt where status = 502`);
    await store.pool.query(`update spend_month_key set total_nusd = 1 where key_id = 'key_3'`);
    const found = await verifyLedger(store.pool);
    assert.deepEqual([...new Set(found.differences.map(({ table }) => table))].sort(), [
      'spend_day_attempt',
      'spend_day_main',
      'spend_hour_tag',
      'spend_month_key',
    ]);
    assert.deepEqual(
      found.differences
        .filter(({ table }) => table === 'spend_day_main')
        .map(({ rows, cost_nusd }) => [rows, cost_nusd]),
      [[1, '5']],
    );
    let running = true;
    const writer = (async () => {
      for (let seed = 100; running; seed++) await ledger().insert(varied(40, seed));
    })();
    const repaired = await verifyLedger(store.pool, { repair: true });
    running = false;
    await writer;
    assert.equal(repaired.repaired, true);
    assert.deepEqual((await verifyLedger(store.pool)).differences, []);
  });

  test('upstreams that claim absurd usage overflow no sum, and the ledger goes on', async () => {
    const most = Number.MAX_SAFE_INTEGER;
    for (let i = 0; i < 4; i++) {
      const absurd = Array.from({ length: 500 }, () =>
        entry({ key: 'key_absurd', cost_nusd: { input: most, cache_read: 0, cache_write: 0, output: 0, total: most } }),
      );
      await ledger().insert(absurd);
    }
    const verified = await verifyLedger(store.pool, { repair: true });
    assert.ok(BigInt(verified.cost_nusd) > 2000n * BigInt(most));
  });
});
