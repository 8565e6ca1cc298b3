/** What a budget is rebuilt from: the same sum whether it is read from entries, from sums, or from both; after retention too. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Entry } from '../../src/ledger/entry.js';
import { pgLedgerStore } from '../../src/ledger/ledger-pg.js';
import { keepPartitions } from '../../src/ledger/partitions-pg.js';
import { pgSpentStore, piecesOf, type SpentQuery } from '../../src/ledger/spent-pg.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { entry } from '../contract/ledger.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW = Date.parse('2026-11-24T13:20:00Z');
const at = (written: string): number => Date.parse(written);

/** Requests of the last 260 days, some with several attempts, fallbacks, corrections and holds that were taken earlier. */
function requests(count: number): Entry[] {
  let state = 7;
  const below = (most: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % most;
  };
  return Array.from({ length: count }, (_, i): Entry[] => {
    const heldAt = NOW - ((below(3) === 0 ? below(4) : below(260)) * DAY_MS + below(DAY_MS));
    const fields = {
      request_id: `req-${i}`,
      key: `key_${below(3)}`,
      team: [null, 'search', 'ads'][below(3)]!,
      user: [null, 'anna', 'ben'][below(3)]!,
      model: ['gpt-4o', 'gpt-4o-mini', 'claude'][below(3)]!,
      target: ['one/a', 'two/b'][below(2)]!,
      ...(below(4) > 0 && { hold: `hold-${i}`, held_at: heldAt }),
      ...(below(4) === 0 && { limit_model: ['gpt-4o', 'claude'][below(2)]! }),
    };
    const attempts = 1 + (below(5) === 0 ? 1 : 0);
    return Array.from({ length: attempts }, (_, n) =>
      entry({
        ...fields,
        id: `ent_${String(i).padStart(6, '0')}${n}`,
        at: heldAt + (n === 0 ? below(3_000) : 3_000 + below(HOUR_MS - 3_000)),
        attempt: 1 + n,
        tokens: {
          ...entry().tokens,
          input: below(1000),
          cache_read: below(50),
          cache_write_5m: below(9),
          output: below(500),
        },
        cost_nusd: { input: 0, cache_read: 0, cache_write: 0, output: 0, total: below(1_000_000) },
      }),
    );
  }).flat();
}

const heldAt = (one: Entry): number => one.held_at ?? one.at;
const matches = (pattern: string, model: string) =>
  pattern.endsWith('*') ? model.startsWith(pattern.slice(0, -1)) : model === pattern;

/** A `*` of the configuration stands for something, and leaves out who is named otherwise. */
function isNamed(name: string, pattern: string | undefined, not: readonly string[] = []): boolean {
  const is = (one: string) => new RegExp(`^${one.replace('*', '.+')}$`).test(name);
  return pattern === undefined || (is(pattern) && (!pattern.includes('*') || !not.some(is)));
}

/** The same in plain words. */
function expected(all: readonly Entry[], query: SpentQuery): number {
  const counted = all.filter((one) => {
    const model = one.limit_model ?? one.model;
    return (
      (query.key === undefined || one.key === query.key) &&
      (query.team === undefined || one.team === query.team) &&
      (query.user === undefined || one.user === query.user) &&
      isNamed(one.target, query.target, query.not) &&
      isNamed(model, query.model, query.not) &&
      (query.models === null || matches(query.models, model)) &&
      heldAt(one) >= query.fromMs &&
      heldAt(one) < query.toMs &&
      !query.except.includes(one.hold ?? '')
    );
  });
  if (query.unit === 'requests') return new Set(counted.map(({ request_id }) => request_id)).size;
  return counted.reduce((sum, { tokens, cost_nusd }) => {
    const input = tokens.input + tokens.cache_read + tokens.cache_write_5m + tokens.cache_write_1h;
    if (query.unit === 'usd') return sum + cost_nusd.total;
    return sum + (query.unit === 'output_tokens' ? 0 : input) + (query.unit === 'input_tokens' ? 0 : tokens.output);
  }, 0);
}

let database: FreshDatabase;
let store: Store;
const all = requests(3000);
before(async () => {
  database = await freshDatabase();
  store = openStore({ url: database.url });
  await migrate(store.pool);
  await pgLedgerStore(store).insert(all);
});
after(async () => {
  await store.close();
  await database.drop();
});

const spent = (query: Partial<SpentQuery>) => pgSpentStore(store, { now: () => NOW }).spent(whole(query));
const whole = (query: Partial<SpentQuery>): SpentQuery => ({
  models: null,
  unit: 'usd',
  fromMs: Number.NEGATIVE_INFINITY,
  toMs: Number.POSITIVE_INFINITY,
  except: [],
  ...query,
});

const scopes: readonly Partial<SpentQuery>[] = [
  { key: 'key_1' },
  { team: 'search' },
  { user: 'anna', key: 'key_2' },
  { user: 'ben', team: 'ads' },
  { model: 'gpt-4o' },
  { target: 'two/b' },
  { model: 'gpt-4o*', not: ['gpt-4o'] },
  { model: 'gpt-*', not: ['claude', 'gpt-4o-*'] },
  { target: '*/b', not: ['one/*'] },
  { key: 'key_0', models: 'gpt-4o*' },
  { team: 'ads', models: 'claude' },
];
const units = ['requests', 'tokens', 'input_tokens', 'output_tokens', 'usd'] as const;

describe('what the ledger says was spent', () => {
  const windows = {
    total: {},
    month: { fromMs: at('2026-11-01T00:00:00Z'), toMs: at('2026-12-01T00:00:00Z') },
    'month of a time zone': { fromMs: at('2026-10-31T18:30:00Z'), toMs: at('2026-11-30T18:30:00Z') },
    week: { fromMs: at('2026-11-23T00:00:00Z'), toMs: at('2026-11-30T00:00:00Z') },
    day: { fromMs: at('2026-11-23T23:00:00Z'), toMs: at('2026-11-24T23:00:00Z') },
    'a month that is over': { fromMs: at('2026-08-01T00:00:00Z'), toMs: at('2026-09-01T00:00:00Z') },
  };
  for (const [name, window] of Object.entries(windows)) {
    test(`is the same from entries and sums: ${name}`, async () => {
      const except = all.filter(({ hold, at }) => hold && at > NOW - DAY_MS).map(({ hold }) => hold!);
      for (const scope of scopes) {
        for (const unit of units) {
          for (const left of [[], except.slice(0, 40)]) {
            const query = whole({ ...scope, ...window, unit, except: left });
            assert.equal(
              await spent(query),
              expected(all, query),
              JSON.stringify({ ...scope, unit, left: left.length }),
            );
          }
        }
      }
    });
  }

  test('is read from sums where a window is long, and from entries at its ends', () => {
    const kept = Number.NEGATIVE_INFINITY;
    const window = { fromMs: at('2026-10-31T18:30:00Z'), toMs: at('2026-11-30T18:30:00Z') };
    assert.deepEqual(piecesOf(window, kept, NOW), {
      entries: [
        { fromMs: window.fromMs, toMs: at('2026-11-02T00:00:00Z') },
        { fromMs: at('2026-11-20T00:00:00Z'), toMs: window.toMs },
      ],
      hours: [],
      days: [{ fromMs: at('2026-11-02T00:00:00Z'), toMs: at('2026-11-20T00:00:00Z') }],
    });
    assert.deepEqual(piecesOf(window, kept, at('2026-11-03T00:00:00Z')), { entries: [window], hours: [], days: [] });
    assert.deepEqual(piecesOf(window, at('2026-11-01T00:00:00Z'), at('2026-11-03T00:00:00Z')), {
      entries: [{ fromMs: at('2026-11-01T00:00:00Z'), toMs: window.toMs }],
      hours: [{ fromMs: at('2026-10-31T18:00:00Z'), toMs: at('2026-11-01T00:00:00Z') }],
      days: [{ fromMs: at('2026-11-01T00:00:00Z'), toMs: at('2026-11-01T00:00:00Z') }],
    });
  });

  test('an end user whose name looks like a pattern is nobody else', async () => {
    assert.equal(await spent({ user: 'an%', key: 'key_2' }), 0);
    assert.equal(await spent({ key: 'key_2', models: 'gpt_4o' }), 0);
  });

  test('is still the same after retention dropped the entries, for keys, teams, users and targets', async () => {
    const total: number[] = [];
    const queries = scopes.flatMap((scope) =>
      scope.model !== undefined || scope.models ? [] : units.map((unit) => whole({ ...scope, unit })),
    );
    for (const query of queries) total.push(expected(all, query));
    await keepPartitions(store.pool, NOW, null);
    const { dropped } = await keepPartitions(store.pool, NOW, 30 * DAY_MS);
    assert.ok(dropped.length > 5, `dropped: ${dropped}`);
    const { rows } = await store.pool.query<{ first: Date }>('select min(at) as first from entries');
    assert.ok(rows[0]!.first.getTime() >= at('2026-10-01T00:00:00Z'));
    assert.deepEqual(await Promise.all(queries.map(spent)), total);
  });

  test('a budget of models whose entries were dropped counts by the model that was asked for', async () => {
    const keptMs = at('2026-10-01T00:00:00Z');
    const old = all.filter((one) => one.at < keptMs).map(({ limit_model: _, ...one }) => one as Entry);
    const query = whole({ model: 'gpt-4o' });
    assert.equal(await spent(query), expected([...old, ...all.filter((one) => one.at >= keptMs)], query));
  });

  test('is dropped while it is summed: nothing is missed, nothing counted twice', async () => {
    const query = whole({ key: 'key_1' });
    const before = await spent(query);
    const sums = Promise.all(Array.from({ length: 20 }, () => spent(query)));
    await keepPartitions(store.pool, NOW, DAY_MS);
    assert.deepEqual(new Set([...(await sums), await spent(query)]), new Set([before]));
  });
});
