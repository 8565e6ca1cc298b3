/** Reports of a ledger whose estimates were superseded say what those of a ledger say that had the facts at once. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parquetReadObjects } from 'hyparquet';
import { noUsage } from '../../src/formats/usage.js';
import type { Entry } from '../../src/ledger/entry.js';
import { pgLedgerStore } from '../../src/ledger/ledger-pg.js';
import { scanLedger } from '../../src/ledger/scan-pg.js';
import { pgSpentStore, type SpentQuery } from '../../src/ledger/spent-pg.js';
import { verifyLedger } from '../../src/ledger/verify-pg.js';
import { systemClock } from '../../src/lib/clock.js';
import { markedUp } from '../../src/lib/money.js';
import { reprice } from '../../src/operations/reprice.js';
import { writtenPrice } from '../../src/pricing/price.js';
import { parseCsv } from '../../src/reports/csv.js';
import { nanoFrom } from '../../src/reports/provider-export.js';
import { createReports } from '../../src/reports/reports.js';
import { type Format, type Grouping, groupings, type ReportRequest } from '../../src/reports/request.js';
import { pgReportStore } from '../../src/reports/spend-pg.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { entry } from '../contract/ledger.js';
import { sampleEntries } from '../support/ledger-sample.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

const FROM = Date.parse('2026-11-01T00:00:00Z');
const TO = Date.parse('2026-11-03T00:00:00Z');
const MONTH_MS = 30 * 86_400_000;

const spentIn = (store: Store, nowMs = TO) => pgSpentStore(store, { now: () => nowMs });

const facts = sampleEntries(200, { fromMs: FROM, toMs: TO, seed: 7 }).map((one, i): Entry => {
  if (one.cache === 'hit' || one.cache === 'semantic') return one;
  return { ...one, hold: `hold_${i}`, held_at: one.at - 5, ...(i % 3 === 0 && { limit_model: 'served-for' }) };
});
const guess = (fact: Entry, output: number, estimate: Entry['estimate']): Entry => {
  const cost_nusd = { input: 900, cache_read: 0, cache_write: 0, output: output * 7, total: 900 + output * 7 };
  const { service_tier: _, billed_nusd, ...known } = fact;
  return {
    ...known,
    ...{ status: 500, error: 'interrupted', served_model: null, usage_source: 'estimated', estimate, cost_nusd },
    tokens: { ...noUsage(), input: 9, output },
    ...(billed_nusd !== undefined && { billed_nusd: markedUp(cost_nusd.total, 1_200_000) }),
  };
};

const databases: FreshDatabase[] = [];
const stores: Store[] = [];
let plain: Store;
let superseded: Store;

before(async () => {
  for (let i = 0; i < 2; i++) {
    const database = await freshDatabase();
    databases.push(database);
    const store = openStore({ url: database.url });
    stores.push(store);
    await migrate(store.pool);
  }
  [plain, superseded] = stores as [Store, Store];
  await pgLedgerStore(plain).insert(facts);
  const ledger = pgLedgerStore(superseded);
  const tried = facts.filter(({ cache }) => cache === 'miss' || cache === 'off');
  await ledger.insert(tried.filter((_, i) => i % 2 === 0).map((fact) => guess(fact, 0, 'intent')));
  await ledger.insert(tried.filter((_, i) => i % 3 === 0).map((fact) => guess(fact, 3, 'progress')));
  for (let i = 0; i < facts.length; i += 50) await ledger.insert(facts.slice(i, i + 50));
});
after(async () => {
  for (const store of stores) await store.close();
  for (const database of databases) await database.drop();
});

async function bytesOf(store: Store, given: Partial<ReportRequest>): Promise<Buffer> {
  const asked = {
    fromMs: FROM,
    toMs: TO,
    groupBy: [],
    filters: {},
    timezone: 'UTC',
    format: 'json',
    ...given,
  } as const;
  const report = await createReports(pgReportStore(store.pool, systemClock)).run(asked);
  assert.ok(report.ok);
  const pieces: Buffer[] = [];
  for await (const piece of report.value.bytes) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe('a ledger whose estimates were superseded', () => {
  test('has the estimates, and what took their place', async () => {
    const { rows } = await superseded.pool.query<{ n: number }>(
      `select count(*)::int as n from entries group by correction order by correction nulls first`,
    );
    const [first, replaced, reversed] = rows.map(({ n }) => n);
    assert.equal(first, facts.length);
    assert.ok(replaced! > 50);
    assert.equal(replaced, reversed);
  });

  test('is reported as one that had the facts at once, by whatever it is broken down', async () => {
    const wanted: readonly Grouping[][] = [
      [],
      ...groupings.map((one): Grouping[] => [one]),
      ['day', 'status', 'served_model'],
    ];
    for (const groupBy of wanted) {
      for (const timezone of ['UTC', 'Asia/Kolkata']) {
        const [expected, found] = await Promise.all(
          [plain, superseded].map((one) => bytesOf(one, { groupBy, timezone })),
        );
        assert.deepEqual(JSON.parse(String(found)), JSON.parse(String(expected)), `${groupBy} ${timezone}`);
      }
    }
  });

  test('and in every format', async () => {
    const of = (format: Format) =>
      Promise.all([plain, superseded].map((store) => bytesOf(store, { format, groupBy: ['status', 'served_model'] })));
    const csv = await of('csv');
    assert.equal(String(csv[1]), String(csv[0]));
    const rows = await Promise.all(
      (await of('parquet')).map((bytes) => {
        const file = new Uint8Array(bytes);
        return parquetReadObjects({ file: file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength) });
      }),
    );
    assert.deepEqual(rows[1], rows[0]);
    const [expected, found] = (await of('focus')).map(focusSums);
    assert.deepEqual(found, expected);
  });

  test("corrects quantities and costs in FOCUS's words", async () => {
    const lines = parseFocus(await bytesOf(superseded, { format: 'focus' }));
    const corrections = lines.filter((line) => line['ChargeClass'] === 'Correction');
    assert.ok(corrections.some((line) => Number(line['ConsumedQuantity']) < 0));
    for (const line of corrections) {
      if (line['ListUnitPrice'] === '') continue;
      assert.ok(Number(line['ListUnitPrice']) >= 0);
      const product = Number(line['ListUnitPrice']) * Number(line['PricingQuantity']);
      assert.ok(Math.abs(product - Number(line['ListCost'])) < 1e-9);
    }
  });

  test('agrees with its sums', async () => {
    const verified = await verifyLedger(superseded.pool);
    assert.deepEqual(verified.differences, []);
    assert.equal(verified.cost_nusd, (await verifyLedger(plain.pool)).cost_nusd);
    const repaired = await verifyLedger(superseded.pool, { repair: true });
    assert.equal(repaired.repaired, false);
  });

  test('says the same of what budgets spent, in every unit and scope', async () => {
    const scopes: Partial<SpentQuery>[] = [
      { key: 'key_1' },
      { team: 'ads' },
      { user: 'anna' },
      { model: 'served-for' },
      { model: 'claude' },
    ];
    for (const scope of [...scopes, { target: facts[0]!.target, models: 'serv*' }]) {
      for (const unit of ['requests', 'tokens', 'input_tokens', 'output_tokens', 'usd'] as const) {
        const query = { models: null, ...scope, unit, fromMs: FROM + 7_200_000, toMs: TO };
        const [expected, found] = await Promise.all(
          [plain, superseded].map((one) => spentIn(one).spent({ ...query, except: ['hold_3', 'hold_9'] })),
        );
        assert.equal(found, expected, `${JSON.stringify(scope)} ${unit}`);
        // A month later the same is read from the sums.
        const total = { ...query, fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY, except: [] };
        const sums = await Promise.all(
          [spentIn(plain), spentIn(superseded, TO + MONTH_MS)].map((one) => one.spent(total)),
        );
        assert.equal(sums[1], sums[0], `${JSON.stringify(scope)} ${unit}, from sums`);
      }
    }
  });

  test('says the same of what a hold came to', async () => {
    const holds = facts.flatMap(({ hold, request_id }) => (hold ? [{ hold, requestId: request_id }] : []));
    const [expected, found] = await Promise.all([plain, superseded].map((one) => spentIn(one).ofHolds(holds)));
    assert.ok(expected!.size > 50);
    assert.deepEqual(found, expected);
  });

  test('is billed anew from what is known now, and then not once more', async () => {
    const again = (store: Store) =>
      reprice(
        {
          scan: scanLedger(store),
          insert: (entries) => pgLedgerStore(store).insert(entries),
          priceAt: () => writtenPrice({ input: 3, output: 9 }, 'override'),
          markupOf: async () => null,
        },
        { fromMs: FROM, toMs: TO, dryRun: false },
      );
    const requests = { models: null, key: 'key_1', unit: 'requests', fromMs: FROM, toMs: TO, except: [] } as const;
    const before = await spentIn(plain).spent(requests);
    const [expected, found] = [await again(plain), await again(superseded)];
    assert.ok(expected.corrected > 50);
    assert.equal(found.afterNano, expected.afterNano);
    assert.equal(found.beforeNano, expected.beforeNano);
    assert.equal((await again(superseded)).corrected, 0);
    assert.deepEqual((await verifyLedger(superseded.pool)).differences, []);
    const [total, other] = await Promise.all(
      [plain, superseded].map((one) => bytesOf(one, { groupBy: ['team', 'status'] })),
    );
    assert.equal(String(other), String(total));
    for (const store of stores) assert.equal(await spentIn(store).spent(requests), before, 'a price is no request');
  });
});

test('later attempts of a request stay no requests, however they are corrected', async () => {
  const database = await freshDatabase();
  const store = openStore({ url: database.url });
  await migrate(store.pool);
  const ledger = pgLedgerStore(store);
  const first = entry({ request_id: 'r', attempt: 1, at: FROM, status: 502 });
  const second = entry({ request_id: 'r', attempt: 2, at: FROM + 5 });
  await ledger.insert([first, guess(second, 0, 'intent')]);
  await ledger.insert([second]);
  const { rows } = await store.pool.query(
    'select sum(requests)::int as requests, sum(attempts)::int as attempts, sum(errors)::int as errors from spend_day_team',
  );
  assert.deepEqual(rows, [{ requests: 1, attempts: 2, errors: 1 }]);
  await store.close();
  await database.drop();
});

function parseFocus(bytes: Buffer): Record<string, string>[] {
  const [names, ...lines] = parseCsv(String(bytes));
  return lines.map((cells) => Object.fromEntries(names!.map((name, i) => [name, cells[i]!])));
}

/** Quantities and costs of each price and model, which is all that may be read off several rows together. */
function focusSums(bytes: Buffer): Record<string, readonly bigint[]> {
  const sums: Record<string, bigint[]> = {};
  const add = (name: string, ...amounts: bigint[]) => {
    const sum = (sums[name] ??= amounts.map(() => 0n));
    for (const [i, amount] of amounts.entries()) sum[i]! += amount;
  };
  for (const line of parseFocus(bytes)) {
    const of = ['ChargePeriodStart', 'ResourceId', 'x_ServedModel', 'Tags', 'x_EndUser']
      .map((name) => line[name])
      .join();
    add(
      `${of} ${line['SkuId']} ${line['SkuPriceDetails']}`,
      BigInt(line['ConsumedQuantity'] || 0),
      nanoFrom(line['BilledCost']!)!,
    );
    // A markup is on the whole, and rounded once: its share of each kind is not told apart.
    add(of, nanoFrom(line['x_BilledOnCost']!)!);
  }
  return Object.fromEntries(
    Object.entries(sums)
      .filter(([, sum]) => sum.some((one) => one !== 0n))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
