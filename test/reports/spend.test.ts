/** Reports over a real database: every format and every source says the same as adding up the entries oneself. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { parquetReadObjects } from 'hyparquet';
import type { Entry } from '../../src/ledger/entry.js';
import { pgLedgerStore } from '../../src/ledger/ledger-pg.js';
import { verifyLedger } from '../../src/ledger/verify-pg.js';
import { parseCsv } from '../../src/reports/csv.js';
import { nanoFrom } from '../../src/reports/provider-export.js';
import { createReports, type Reports } from '../../src/reports/reports.js';
import { type Format, type Grouping, type ReportRequest, readRequest } from '../../src/reports/request.js';
import { pgReportStore } from '../../src/reports/spend-pg.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { sampleEntries } from '../support/ledger-sample.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FROM = Date.parse('2026-10-01T00:00:00Z');
const TO = Date.parse('2026-12-01T00:00:00Z');
const NOW = Date.parse('2026-11-24T12:00:00Z');

let database: FreshDatabase;
let store: Store;
let reports: Reports;
let nowMs = NOW;
/** One key spends most of its money at the beginning, another at the end: left out of a period, they are not among its dearest. */
const entries = sampleEntries(1_500, { fromMs: FROM, toMs: TO }).map((one) => {
  const isDear =
    (one.key === 'key_0' && one.at < FROM + 4 * DAY_MS) || (one.key === 'key_1' && one.at >= TO - 4 * DAY_MS);
  if (!isDear) return one;
  const costs = Object.entries(one.cost_nusd).map(([kind, nano]) => [kind, nano * 100]);
  return { ...one, cost_nusd: Object.fromEntries(costs) as unknown as Entry['cost_nusd'] };
});

before(async () => {
  database = await freshDatabase();
  store = openStore({ url: database.url });
  await migrate(store.pool);
  const ledger = pgLedgerStore(store);
  for (let i = 0; i < entries.length; i += 100) await ledger.insert(entries.slice(i, i + 100));
  reports = createReports(pgReportStore(store.pool, { now: () => nowMs }));
});
after(async () => {
  await store?.close();
  await database?.drop();
});

const asked = (given: Partial<ReportRequest>): ReportRequest => ({
  fromMs: FROM,
  toMs: TO,
  groupBy: [],
  filters: {},
  timezone: 'UTC',
  format: 'json',
  ...given,
});

async function bytesOf(request: ReportRequest): Promise<Buffer> {
  const report = await reports.run(request);
  assert.ok(report.ok, report.ok ? '' : report.refusal.message);
  const pieces: Buffer[] = [];
  for await (const piece of report.value.bytes) pieces.push(piece);
  return Buffer.concat(pieces);
}

interface Figures {
  requests: number;
  attempts: number;
  errors: number;
  cost_nusd: number;
  billed_nusd: number;
  tokens: Record<string, number>;
}

type JsonReport = { data: (Figures & Record<string, unknown>)[]; total: Figures };
const json = async (given: Partial<ReportRequest>): Promise<JsonReport> =>
  JSON.parse((await bytesOf(asked(given))).toString()) as JsonReport;

const added = (some: readonly Entry[]) => ({
  requests: some.length,
  attempts: some.length,
  errors: some.filter(({ status }) => status >= 400).length,
  cost_nusd: some.reduce((sum, { cost_nusd }) => sum + cost_nusd.total, 0),
  billed_nusd: some.reduce((sum, { cost_nusd, billed_nusd }) => sum + (billed_nusd ?? cost_nusd.total), 0),
  output: some.reduce((sum, { tokens }) => sum + tokens.output, 0),
});

const figures = ({ requests, attempts, errors, cost_nusd, billed_nusd, tokens }: Figures) => ({
  requests,
  attempts,
  errors,
  cost_nusd,
  billed_nusd,
  output: tokens['output'],
});

const local = (ms: number, timezone: string, length: number): string =>
  new Intl.DateTimeFormat('sv-SE', { timeZone: timezone, dateStyle: 'short', timeStyle: 'short' })
    .format(ms)
    .slice(0, length);

/** What a grouping says of an entry, worked out apart from the product. */
function groupOf(name: Grouping, one: Entry, timezone: string): unknown {
  if (name === 'day') return local(one.at, timezone, 10);
  if (name === 'month') return local(one.at, timezone, 7);
  if (name === 'hour') {
    const half = timezone === 'Asia/Kolkata' ? HOUR_MS / 2 : 0;
    return Math.floor((one.at + half) / HOUR_MS) * HOUR_MS - half;
  }
  if (name === 'service_tier') return one.service_tier ?? null;
  return one[name as keyof Entry] ?? null;
}

function expectedGroups(
  some: readonly Entry[],
  groupBy: readonly Grouping[],
  timezone: string,
): Map<string, ReturnType<typeof added>> {
  const groups = new Map<string, Entry[]>();
  for (const one of some) {
    const tags = groupBy.includes('tag') ? (one.tags.length === 0 ? [null] : [...new Set(one.tags)]) : [undefined];
    for (const tag of tags) {
      const name = JSON.stringify(groupBy.map((by) => (by === 'tag' ? tag : groupOf(by, one, timezone))));
      groups.set(name, [...(groups.get(name) ?? []), one]);
    }
  }
  return new Map([...groups].map(([name, list]) => [name, added(list)]));
}

function foundGroups({ data }: JsonReport, groupBy: readonly Grouping[]) {
  return new Map(
    data.map((row) => [
      JSON.stringify(groupBy.map((by) => (by === 'hour' ? Date.parse(String(row[by])) : row[by]))),
      figures(row),
    ]),
  );
}

const groupable: readonly Grouping[] = [
  ...(['hour', 'day', 'month', 'team', 'key', 'model', 'served_model', 'provider', 'target', 'user', 'tag'] as const),
  ...(['endpoint', 'status', 'cache', 'stream', 'usage_source', 'service_tier'] as const),
];

const someRequest = fc.record({
  fromMs: fc.integer({ min: FROM - HOUR_MS, max: TO }),
  lengthMs: fc.integer({ min: 0, max: TO - FROM }),
  aligned: fc.constantFrom(1, 1, HOUR_MS, 24 * HOUR_MS),
  groupBy: fc.uniqueArray(fc.constantFrom(...groupable), { maxLength: 3 }),
  timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kolkata', 'America/New_York'),
  team: fc.option(fc.constantFrom<string[]>(['search'], ['search', 'ads'])),
  user: fc.option(fc.constant<string[]>(['anna'])),
  tag: fc.option(fc.constantFrom<string[]>(['prod'], ['prod', 'batch'])),
  status: fc.option(fc.constant<string[]>(['502'])),
});

describe('a report of spend', () => {
  test('says what adding up the entries says, for any period, time zone, grouping and filter', async () => {
    await fc.assert(
      fc.asyncProperty(someRequest, async ({ fromMs, lengthMs, aligned, groupBy, timezone, ...wanted }) => {
        const from = Math.floor(fromMs / aligned) * aligned;
        const to = Math.floor((fromMs + lengthMs) / aligned) * aligned;
        const filters = Object.fromEntries(Object.entries(wanted).filter(([, values]) => values !== null));
        const report = await json({ fromMs: from, toMs: to, groupBy, timezone, filters });
        const inside = entries.filter(
          (one) =>
            one.at >= from &&
            one.at < to &&
            (!wanted.team || wanted.team.includes(one.team ?? '')) &&
            (!wanted.user || wanted.user.includes(one.user ?? '')) &&
            (!wanted.tag || wanted.tag.some((tag) => one.tags.includes(tag))) &&
            (!wanted.status || wanted.status.includes(String(one.status))),
        );
        assert.deepEqual(figures(report.total), added(inside));
        const expected = expectedGroups(inside, groupBy, timezone);
        if (groupBy.includes('tag') && wanted.tag) {
          const at = groupBy.indexOf('tag');
          for (const name of expected.keys()) {
            if (!wanted.tag.includes((JSON.parse(name) as string[])[at]!)) expected.delete(name);
          }
        }
        if (groupBy.length > 0)
          assert.deepEqual(new Map([...foundGroups(report, groupBy)].sort()), new Map([...expected].sort()));
      }),
      { numRuns: 120 },
    );
  });

  test('of the dearest rows says the same of as many as are asked for', async () => {
    const some = fc.constantFrom<Grouping>('day', 'month', 'key', 'user', 'model', 'tag', 'status');
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(some, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(1, 2, 7, 100, 9_999),
        // Of whole months, of most of them, whose rest is taken off, and of little of them; ended long ago, or going on.
        fc.integer({ min: FROM, max: FROM + 20 * DAY_MS }),
        fc.integer({ min: TO - 20 * DAY_MS, max: TO }),
        fc.constantFrom(1, HOUR_MS, DAY_MS, 30 * DAY_MS),
        fc.constantFrom(DAY_MS, 40 * DAY_MS),
        async (groupBy, top, from, to, aligned, ago) => {
          const fromMs = FROM + Math.floor((from - FROM) / aligned) * aligned;
          const toMs = TO - Math.floor((TO - to) / aligned) * aligned;
          nowMs = toMs + ago;
          const all = await json({ groupBy, fromMs, toMs });
          const dearest = await json({ groupBy, fromMs, toMs, top });
          assert.deepEqual(dearest.total, all.total);
          // Rows that cost the same stand in the order of what they are of, as they do where all are read.
          const wanted = [...all.data].sort((a, b) => Number(b.cost_nusd) - Number(a.cost_nusd)).slice(0, top);
          assert.deepEqual(dearest.data, wanted);
        },
      ),
      { numRuns: 100, examples: [[['key'], 1, FROM + 5 * DAY_MS, TO - 5 * DAY_MS, 1, 40 * DAY_MS]] },
    );
  });

  test('totals of JSON, CSV, Parquet, FOCUS, the sums and the ledger agree to the nano-dollar', async () => {
    const period = { fromMs: FROM + 1234, toMs: TO - 4321 };
    const { total } = await json(period);
    const ledger = await store.pool.query<{ nano: string }>(
      'select sum(total_nusd)::text as nano from entries where at >= $1 and at < $2',
      [new Date(period.fromMs), new Date(period.toMs)],
    );
    assert.equal(String(total.cost_nusd), ledger.rows[0]?.nano);
    const groupBy: Grouping[] = ['hour', 'user', 'team', 'status'];
    const of = (format: Format) => bytesOf(asked({ ...period, groupBy, format }));

    const [head, ...rows] = parseCsv((await of('csv')).toString());
    const column = (name: string) => rows.map((row) => row[head!.indexOf(name)]!);
    assert.equal(
      column('cost_nusd').reduce((sum, nano) => sum + BigInt(nano), 0n),
      BigInt(total.cost_nusd),
    );
    assert.equal(
      column('cost_usd').reduce((sum, usd) => sum + nanoFrom(usd)!, 0n),
      BigInt(total.cost_nusd),
    );
    assert.equal(
      column('billed_nusd').reduce((sum, nano) => sum + BigInt(nano), 0n),
      BigInt(total.billed_nusd),
    );

    const file = await of('parquet');
    const objects = await parquetReadObjects({
      file: file.buffer.slice(file.byteOffset, file.byteOffset + file.length) as ArrayBuffer,
    });
    assert.equal(objects.length, rows.length);
    assert.equal(
      objects.reduce((sum, row) => sum + BigInt(row['cost_nusd'] as bigint), 0n),
      BigInt(total.cost_nusd),
    );

    const [focusHead, ...charges] = parseCsv((await of('focus')).toString());
    const charged = (name: string) => charges.reduce((sum, row) => sum + nanoFrom(row[focusHead!.indexOf(name)]!)!, 0n);
    for (const name of ['BilledCost', 'EffectiveCost', 'ContractedCost', 'ListCost']) {
      assert.equal(charged(name), BigInt(total.cost_nusd), name);
    }
    assert.equal(charged('x_BilledOnCost'), BigInt(total.billed_nusd));
    assert.deepEqual((await verifyLedger(store.pool)).differences, []);
  });

  test('cells that a spreadsheet would run as a formula are texts', async () => {
    const text = (await bytesOf(asked({ groupBy: ['user', 'tag'], format: 'csv' }))).toString();
    const cells = parseCsv(text).flat();
    assert.ok(cells.includes("'=cmd|calc"));
    assert.ok(cells.includes("'@x"));
    assert.deepEqual(
      cells.filter((cell) => /^[=+@\t\r]/.test(cell)),
      [],
    );
    assert.ok(cells.includes('zoë, "z"\nnext'));
  });

  test('a sum beyond 2^53 is shown in digits, exact', async () => {
    const most = Number.MAX_SAFE_INTEGER;
    const at = Date.parse('2026-12-20T00:00:00Z');
    const huge = sampleEntries(2, { fromMs: at, toMs: at + 1000, seed: 9 }).map((one) => ({
      ...one,
      cost_nusd: { input: most, cache_read: 0, cache_write: 0, output: 0, total: most },
    }));
    await pgLedgerStore(store).insert(huge);
    const { total } = await json({ fromMs: at, toMs: at + HOUR_MS });
    assert.equal(total.cost_nusd as unknown, String(2n * BigInt(most)));
  });

  test('leaving off in the middle frees the connection', async () => {
    for (let i = 0; i < 12; i++) {
      const report = await reports.run(asked({ groupBy: ['hour', 'user', 'status'] }));
      assert.ok(report.ok);
      if (i % 2 === 0) await report.value.bytes.next();
      await report.value.bytes.return();
    }
    assert.equal(store.pool.idleCount, store.pool.totalCount);
  });

  test('a report that needs entries which retention dropped is refused, and one that sums answer is not', async () => {
    await store.pool.query(`insert into ledger_kept (since) values ('2026-11-01T00:00:00Z')`);
    try {
      const refused = await reports.run(asked({ groupBy: ['status'] }));
      assert.ok(!refused.ok);
      assert.match(refused.refusal.message, /kept since 2026-11-01T00:00:00.000Z/);
      assert.ok(!(await reports.run(asked({ format: 'focus' }))).ok);
      // The rows of several tags are sums, and their total, in which an entry counts once, is not.
      assert.ok(!(await reports.run(asked({ groupBy: ['tag'], filters: { tag: ['prod', 'batch'] } }))).ok);
      assert.ok((await json({ groupBy: ['tag'], filters: { tag: ['prod'] } })).data.length > 0);
      assert.equal((await json({ groupBy: ['day', 'team'] })).total.requests, entries.length);
    } finally {
      await store.pool.query('delete from ledger_kept');
    }
  });
});

describe('what is asked of a report', () => {
  const read = (given: object) => readRequest({ filters: {}, ...given }, NOW);
  const iso = (ms: number) => new Date(ms).toISOString();

  test('left out, it is this month until now in the time zone', () => {
    const request = read({ timezone: 'America/New_York' });
    assert.ok(request.ok);
    assert.equal(iso(request.value.fromMs), '2026-11-01T04:00:00.000Z');
    assert.equal(request.value.toMs, NOW);
  });

  test('dates begin at midnight of the time zone, also where clocks change', () => {
    const from = (written: string, timezone: string) => {
      const request = read({ from: written, timezone, to: '2027-01-01' });
      return request.ok ? iso(request.value.fromMs) : null;
    };
    assert.equal(from('2026-03-29', 'Europe/Berlin'), '2026-03-28T23:00:00.000Z');
    assert.equal(from('2026-03-30', 'Europe/Berlin'), '2026-03-29T22:00:00.000Z');
    assert.equal(from('2026-11-01', 'America/New_York'), '2026-11-01T04:00:00.000Z');
    assert.equal(from('2026-11-02', 'America/New_York'), '2026-11-02T05:00:00.000Z');
    assert.equal(from('2026-11-01', 'Asia/Kolkata'), '2026-10-31T18:30:00.000Z');
    // Midnight is skipped on the day on which the clocks go forward.
    assert.equal(from('2026-09-06', 'America/Santiago'), '2026-09-06T04:00:00.000Z');
  });

  for (const [what, given, param] of [
    ['no grouping', { group_by: 'team,planet' }, 'group_by'],
    ['twice the same', { group_by: 'team,team' }, 'group_by'],
    ['no time', { from: 'yesterday' }, 'from'],
    ['no such day', { from: '2026-02-30' }, 'from'],
    ['a time without a zone', { from: '2026-02-03T00:00:00' }, 'from'],
    ['an end before its beginning', { from: '2026-02-03', to: '2026-02-02' }, 'to'],
    ['no time zone', { timezone: 'Mars/Olympus' }, 'timezone'],
    ['no status', { filters: { status: ['fine'] } }, 'status'],
  ] as const) {
    test(`${what} is refused by name`, () => {
      const request = read(given);
      assert.ok(!request.ok);
      assert.equal(request.refusal.param, param);
    });
  }
});
