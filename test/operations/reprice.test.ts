/** Billing anew: differences become entries, once, and everything that is derived follows. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Entry } from '../../src/ledger/entry.js';
import { pgLedgerStore } from '../../src/ledger/ledger-pg.js';
import { scanLedger } from '../../src/ledger/scan-pg.js';
import { verifyLedger } from '../../src/ledger/verify-pg.js';
import { type RepriceDeps, reprice } from '../../src/operations/reprice.js';
import { writtenPrice, writtenPriceAt } from '../../src/pricing/price.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { entry } from '../contract/ledger.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

const FROM = Date.parse('2026-11-01T00:00:00Z');
const CHANGE = Date.parse('2026-11-10T00:00:00Z');
const TO = Date.parse('2026-11-20T00:00:00Z');

let database: FreshDatabase;
let store: Store;
before(async () => {
  database = await freshDatabase();
  store = openStore({ url: database.url });
  await migrate(store.pool);
});
after(async () => {
  await store?.close();
  await database?.drop();
});

/** One dollar in, four out; from the tenth on two in. */
const prices = [
  { input: 1, output: 4 },
  { input: 2, output: 4, from: CHANGE },
];
const deps = (given: Partial<RepriceDeps> = {}): RepriceDeps => ({
  scan: scanLedger(store),
  insert: (entries) => pgLedgerStore(store).insert(entries),
  priceAt: (model, _, atMs) => (model === 'gone' ? undefined : writtenPriceAt(prices, 'override', atMs).price),
  markupOf: async () => 1_500_000,
  ...given,
});
const request = { fromMs: FROM, toMs: TO, dryRun: false };

const billed = (at: number, given: Partial<Entry> = {}): Entry =>
  entry({
    at,
    tokens: { ...entry().tokens, input: 1000, output: 100 },
    cost_nusd: { input: 1_000_000, cache_read: 0, cache_write: 0, output: 400_000, total: 1_400_000 },
    ...given,
  });

test('what was charged for tools of the provider stays, since how often they were used is not kept', async () => {
  const price = { ...writtenPrice({ input: 2, output: 4 }, 'default'), toolNano: { web_search: 10_000_000 } };
  const searched = billed(FROM + 1, {
    cost_nusd: {
      input: 1_000_000,
      cache_read: 0,
      cache_write: 0,
      output: 400_000,
      request: 30_000_000,
      total: 31_400_000,
    },
  });
  const written: Entry[] = [];
  const done = await reprice(
    deps({
      scan: async () => [{ entry: searched, corrections: [] }],
      insert: async (entries) => void written.push(...entries),
      priceAt: () => price,
    }),
    request,
  );
  assert.equal(done.afterNano, 32_400_000n);
  assert.deepEqual(written[0]?.cost_nusd, {
    input: 1_000_000,
    cache_read: 0,
    cache_write: 0,
    output: 0,
    total: 1_000_000,
  });
});

describe('repricing', () => {
  test('says what would change, writes it once, and nothing when it is run again or twice at once', async () => {
    const entries = [
      billed(FROM + 1),
      billed(CHANGE),
      billed(CHANGE + 5, { team: 'ads', billed_nusd: 1_680_000 }),
      billed(CHANGE + 6, { model: 'gone' }),
      billed(CHANGE + 7, { cache: 'hit', cost_nusd: { input: 0, cache_read: 0, cache_write: 0, output: 0, total: 0 } }),
      billed(TO),
    ];
    await deps().insert(entries);
    const dry = await reprice(deps(), { ...request, dryRun: true });
    assert.deepEqual([dry.entries, dry.corrected, dry.unpriced], [5, 2, 1]);
    assert.equal(dry.afterNano - dry.beforeNano, 2_000_000n);
    assert.equal((await verifyLedger(store.pool)).entries, 6);

    const both = await Promise.all([reprice(deps(), request), reprice(deps(), request)]);
    assert.ok(both.every(({ corrected }) => corrected === 2 || corrected === 0));
    const { rows } = await store.pool.query(
      `select at, corrects, input_nusd::int, output_nusd::int, total_nusd::int, billed_nusd::int, input_tokens::int, requests, price_version
       from entries where corrects is not null order by at`,
    );
    const version = writtenPrice(prices[1]!, 'override').version;
    const common = { input_nusd: 1_000_000, output_nusd: 0, total_nusd: 1_000_000, input_tokens: 0, requests: 0 };
    assert.deepEqual(rows, [
      { at: new Date(CHANGE), corrects: entries[1]!.id, ...common, billed_nusd: null, price_version: version },
      { at: new Date(CHANGE + 5), corrects: entries[2]!.id, ...common, billed_nusd: 1_200_000, price_version: version },
    ]);
    const again = await reprice(deps(), request);
    assert.deepEqual([again.corrected, again.afterNano - again.beforeNano], [0, 0n]);
    const verified = await verifyLedger(store.pool);
    assert.deepEqual(verified.differences, []);
    assert.equal(verified.entries, 8);
  });

  test('a price that goes back is corrected back, and the sum is right each time', async () => {
    const old = deps({ priceAt: () => writtenPrice({ input: 1, output: 4 }, 'override') });
    const back = await reprice(old, request);
    assert.equal(back.corrected, 2);
    const forth = await reprice(deps(), request);
    assert.equal(forth.corrected, 2);
    assert.equal((await reprice(deps(), request)).corrected, 0);
    assert.deepEqual((await verifyLedger(store.pool)).differences, []);
  });

  test('only the entries of the model and the provider that were named', async () => {
    const dear = deps({ priceAt: () => writtenPrice({ input: 9, output: 9 }, 'override') });
    const none = await reprice(dear, { ...request, provider: 'other', dryRun: true });
    assert.deepEqual([none.entries, none.corrected], [0, 0]);
    const some = await reprice(dear, { ...request, model: 'gpt-4o-mini', dryRun: true });
    assert.equal(some.byModel.length, 1);
    assert.equal(some.byModel[0]?.model, 'gpt-4o-mini');
  });

  test('an entry that had no price is billed with the markup that its team has now', async () => {
    const at = FROM + 5_000;
    const free = billed(at, {
      key: 'key_free',
      cost_nusd: { input: 0, cache_read: 0, cache_write: 0, output: 0, total: 0 },
    });
    await deps().insert([free]);
    await reprice(deps(), { ...request, fromMs: at, toMs: at + 1 });
    const { rows } = await store.pool.query(
      `select sum(total_nusd)::int as cost, sum(coalesce(billed_nusd, total_nusd))::int as billed from entries where key_id = 'key_free'`,
    );
    assert.deepEqual(rows, [{ cost: 1_400_000, billed: 2_100_000 }]);
  });
});
