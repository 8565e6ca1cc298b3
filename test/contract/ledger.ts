/** What every store of the ledger promises. One suite, over memory, Postgres and the embedded database. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { noUsage } from '../../src/formats/usage.js';
import type { Entry } from '../../src/ledger/entry.js';
import { EntryRefused, type LedgerFilter, type LedgerStore, type Position } from '../../src/ledger/ledger-store.js';
import { newId } from '../../src/lib/ids.js';

export interface OpenStore {
  readonly store: LedgerStore;
  close(): Promise<void>;
}

const NOON = Date.parse('2026-11-24T12:00:00.000Z');

/** An entry that is like any other, but for what is given. */
export function entry(given: Partial<Entry> = {}): Entry {
  const at = given.at ?? NOON;
  return {
    id: newId('ent', at),
    at,
    request_id: 'req-1',
    attempt: 1,
    key: 'key_01h',
    team: 'search',
    user: null,
    tags: ['prod'],
    metadata: {},
    endpoint: 'chat',
    model: 'gpt-4o-mini',
    served_model: 'gpt-4o-mini-2024-07-18',
    provider: 'openai',
    target: 'openai/gpt-4o-mini',
    status: 200,
    error: null,
    stream: true,
    cache: 'miss',
    tokens: { ...noUsage(), input: 10, output: 9 },
    usage_source: 'provider',
    cost_nusd: { input: 1500, cache_read: 0, cache_write: 0, output: 5400, total: 6900 },
    price_version: '2026-11-20',
    first_byte_ms: 12.1,
    duration_ms: 30.2,
    overhead_ms: 0.4,
    ...given,
  };
}

/** `open` gives an empty store; each test works with entries of a key of its own. */
export function ledgerContract(name: string, open: () => Promise<OpenStore>): void {
  describe(`the ledger's store: ${name}`, () => {
    let opened: OpenStore;
    let store: LedgerStore;
    before(async () => {
      opened = await open();
      store = opened.store;
    });
    after(() => opened.close());

    let keys = 0;
    const newKey = () => `key_${++keys}`;
    const all = (filter: LedgerFilter) => store.page(filter, 1_000, null);
    const ids = async (filter: LedgerFilter) => (await all(filter)).map(({ id }) => id);

    test('an entry comes back with every field as it was', async () => {
      const key = newKey();
      const written = entry({
        key,
        attempt: 3,
        user: 'user "7" \\ {x,y} 猫 🐈',
        tags: ['prod', 'a,b', '{', '"', '', 'NULL', '日本'],
        metadata: { deep: { list: [1, null, true, 'x'] }, 'a.b': 1.5, ключ: 'значение', __proto__x: 0 },
        endpoint: 'responses',
        served_model: null,
        status: 499,
        error: 'client_closed_request',
        stream: false,
        cache: 'semantic',
        tokens: {
          input: 1,
          cache_read: 2,
          cache_write_5m: 3,
          cache_write_1h: 4,
          output: 5,
          reasoning: 6,
          audio_input: 7,
          audio_output: 8,
        },
        usage_source: 'estimated',
        cost_nusd: { input: 11, cache_read: 12, cache_write: 13, output: 14, total: 50 },
        first_byte_ms: null,
        duration_ms: 12345.678901,
        overhead_ms: 0.1 + 0.2,
        decision: 'wo; krm60:1:59',
      });
      await store.insert([written]);
      assert.deepEqual(await all({ key }), [written]);
    });

    test('costs have bounds, both in them; keys are several at once, each page from the newest on', async () => {
      const [a, b, other] = [newKey(), newKey(), newKey()];
      const { cost_nusd } = entry({});
      const costing = (key: string, at: number, total: number) =>
        entry({ key, at, cost_nusd: { ...cost_nusd, total } });
      const written = [
        ...[costing(a, 1_000, 5), costing(b, 2_000, 7), costing(a, 3_000, 0), costing(other, 3_500, 7)],
        ...[costing(b, 4_000, -7), costing(a, 5_000, 9)],
      ];
      await store.insert(written);
      const found = async (filter: LedgerFilter) =>
        (await all({ keys: [a, b, other], ...filter })).map(({ cost_nusd: { total } }) => total);
      assert.deepEqual(await found({}), [9, -7, 7, 0, 7, 5]);
      assert.deepEqual(await found({ least_nusd: 5, most_nusd: 7 }), [7, 7, 5]);
      assert.deepEqual(await found({ most_nusd: 0 }), [-7, 0]);
      assert.deepEqual(await found({ keys: [a, b], least_nusd: 1 }), [9, 7, 5]);
      assert.deepEqual(await found({ keys: [] }), []);
      assert.deepEqual(await found({ keys: [b], key: a }), []);
      assert.deepEqual(
        (await all({ least_nusd: 5, most_nusd: 7, model: written[0]!.model, from: 0, to: 6_000 })).length >= 3,
        true,
        'by the index of costs',
      );
      const newest = await store.page({ keys: [a, b] }, 2, null);
      const next = await store.page({ keys: [a, b] }, 2, newest.at(-1)!);
      assert.deepEqual(
        [...newest, ...next].map(({ at }) => at),
        [5_000, 4_000, 3_000, 2_000],
      );
    });

    test('tokens and costs are exact up to 2^53', async () => {
      const key = newKey();
      const most = Number.MAX_SAFE_INTEGER;
      const tokens = {
        input: most,
        cache_read: most - 1,
        cache_write_5m: most - 2,
        cache_write_1h: 0,
        output: most,
        reasoning: most,
        audio_input: 1,
        audio_output: 0,
      };
      const cost_nusd = { input: most, cache_read: most - 1, cache_write: most - 2, output: most - 3, total: most };
      await store.insert([entry({ key, tokens, cost_nusd })]);
      const [found] = await all({ key });
      assert.deepEqual(found?.tokens, tokens);
      assert.deepEqual(found?.cost_nusd, cost_nusd);
    });

    test('every millisecond is kept', async () => {
      const key = newKey();
      const times = [0, 1, 999, 1_000, NOON, NOON + 1, NOON + 123, NOON + 999, Date.parse('2099-12-31T23:59:59.999Z')];
      await store.insert(times.map((at) => entry({ key, at })));
      assert.deepEqual(
        (await all({ key })).map(({ at }) => at),
        times.toReversed(),
      );
    });

    test('an entry that is written again stays one, and stays as it was first', async () => {
      const key = newKey();
      const first = entry({ key });
      const second = entry({ key });
      await store.insert([first]);
      await store.insert([first, second]);
      await store.insert([{ ...first, status: 500 }]);
      assert.deepEqual(await all({ key }), [second, first]);
    });

    test('the same entry twice in one batch is one', async () => {
      const key = newKey();
      const twice = entry({ key });
      await store.insert([twice, twice]);
      assert.deepEqual(await all({ key }), [twice]);
    });

    test('a batch that holds an entry which does not fit is refused whole, and says so', async () => {
      for (const misfit of [Number.NaN, 1.5]) {
        const key = newKey();
        const bad = entry({ key, tokens: { ...noUsage(), input: misfit } });
        await assert.rejects(store.insert([entry({ key }), bad, entry({ key })]), EntryRefused);
        assert.deepEqual(await all({ key }), []);
      }
    });

    test('an empty batch is nothing', async () => {
      await store.insert([]);
    });

    test('entries are newest first, and within a millisecond the last id first', async () => {
      const key = newKey();
      const entries = [NOON, NOON + 2, NOON + 1, NOON, NOON + 2, NOON].map((at) => entry({ key, at }));
      await store.insert(entries);
      const expected = entries.toSorted((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1));
      assert.deepEqual(
        await ids({ key }),
        expected.map(({ id }) => id),
      );
    });

    test('pages follow one another without a gap or a repeat, whatever their size', async () => {
      const key = newKey();
      await store.insert(Array.from({ length: 23 }, (_, i) => entry({ key, at: NOON + Math.floor(i / 4) })));
      const expected = await ids({ key });
      assert.equal(expected.length, 23);
      for (const size of [1, 4, 5, 22, 23, 24]) {
        const seen: string[] = [];
        let after: Position | null = null;
        while (seen.length <= expected.length) {
          const page: readonly Entry[] = await store.page({ key }, size, after);
          seen.push(...page.map(({ id }) => id));
          if (page.length < size) break;
          after = page.at(-1)!;
        }
        assert.deepEqual(seen, expected, `pages of ${size}`);
      }
    });

    test('entries that are written while someone pages do not move what is still to come', async () => {
      const key = newKey();
      await store.insert([NOON, NOON + 10, NOON + 20].map((at) => entry({ key, at })));
      const [newest] = await store.page({ key }, 1, null);
      const rest = (await ids({ key })).slice(1);
      await store.insert([entry({ key, at: NOON + 30 })]);
      assert.deepEqual(
        (await store.page({ key }, 10, newest!)).map(({ id }) => id),
        rest,
      );
    });

    test('each filter finds its entries and no others', async () => {
      const key = newKey();
      const one = entry({
        key,
        request_id: 'r1',
        team: 'a',
        user: 'u1',
        model: 'm1',
        provider: 'p1',
        status: 200,
        tags: ['x', 'y'],
      });
      const two = entry({
        key,
        request_id: 'r2',
        team: null,
        user: null,
        model: 'm2',
        provider: 'p2',
        status: 429,
        tags: [],
        at: NOON + 5,
      });
      await store.insert([one, two]);
      const found: [LedgerFilter, Entry[]][] = [
        [{}, [two, one]],
        [{ request_id: 'r1' }, [one]],
        [{ team: 'a' }, [one]],
        [{ user: 'u1' }, [one]],
        [{ model: 'm2' }, [two]],
        [{ provider: 'p2' }, [two]],
        [{ status: 429 }, [two]],
        [{ tag: 'y' }, [one]],
        [{ from: NOON + 5 }, [two]],
        [{ from: NOON + 6 }, []],
        [{ to: NOON + 5 }, [one]],
        [{ from: NOON, to: NOON + 1 }, [one]],
        [{ team: 'a', status: 429 }, []],
        [{ team: 'a', tag: 'x', model: 'm1', from: NOON, to: NOON + 1 }, [one]],
        [{ tag: 'x,y' }, []],
        [{ user: "u1' or true --" }, []],
        [{ user: 'U1' }, []],
        [{ model: 'm%' }, []],
      ];
      for (const [filter, expected] of found) {
        assert.deepEqual(
          await ids({ key, ...filter }),
          expected.map(({ id }) => id),
          JSON.stringify(filter),
        );
      }
      assert.deepEqual(await ids({ key: 'key_of_nobody' }), []);
    });

    test('a filter that is undefined matches everything', async () => {
      const key = newKey();
      await store.insert([entry({ key })]);
      assert.equal((await all({ key, team: undefined, from: undefined, status: undefined, tag: undefined })).length, 1);
    });

    test('batches that are written at the same time are all there', async () => {
      const key = newKey();
      const batches = Array.from({ length: 8 }, () =>
        Array.from({ length: 50 }, () => entry({ key, metadata: { filler: 'x'.repeat(2_000) } })),
      );
      await Promise.all(batches.map((batch) => store.insert(batch)));
      assert.deepEqual(new Set(await ids({ key })), new Set(batches.flat().map(({ id }) => id)));
    });
  });
}
