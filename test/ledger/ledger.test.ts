import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { noUsage } from '../../src/formats/usage.js';
import type { Entry } from '../../src/ledger/entry.js';
import { createLedger, type LedgerOptions } from '../../src/ledger/ledger.js';
import { memoryLedgerStore } from '../../src/ledger/ledger-memory.js';
import { EntryRefused, type LedgerStore } from '../../src/ledger/ledger-store.js';
import { entry } from '../contract/ledger.js';

/** A ledger whose time stands still until a test moves it, over a store in memory that can be told to fail. */
function setUp(options: Partial<LedgerOptions> = {}) {
  const memory = memoryLedgerStore();
  const written: Entry[] = [];
  const sizes: number[] = [];
  const logged: { level: string; fields: Record<string, unknown>; message: string }[] = [];
  const timers = new Set<{ at: number; run: () => void }>();
  const state = {
    now: 0,
    away: false,
    busy: 0,
    mostBusy: 0,
    tries: 0,
    fate: null as null | ((batch: readonly Entry[]) => Promise<void>),
  };
  const store: LedgerStore = {
    async insert(batch) {
      state.busy += 1;
      state.tries += 1;
      state.mostBusy = Math.max(state.mostBusy, state.busy);
      try {
        await turn();
        if (state.away) throw new Error('connect ECONNREFUSED');
        const poisoned = batch.find(({ model }) => model === 'poison');
        if (poisoned) throw new EntryRefused(`${poisoned.id} does not fit`);
        sizes.push(batch.length);
        const late = await memory.insert(batch);
        written.push(...batch);
        await state.fate?.(batch);
        return late;
      } finally {
        state.busy -= 1;
      }
    },
    page: async (...asked) => {
      if (state.away) throw new Error('connect ECONNREFUSED');
      return memory.page(...asked);
    },
  };
  const log = (level: string) => (fields: object, message: string) =>
    logged.push({ level, fields: { ...fields }, message });
  const ledger = createLedger({
    store,
    clock: { now: () => state.now, monotonic: () => state.now },
    log: { info: log('info'), error: log('error') },
    after: (ms, run) => {
      const timer = { at: state.now + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    ...options,
  });
  return {
    ledger,
    state,
    written,
    sizes,
    logged,
    append: (...entries: Entry[]) => {
      for (const one of entries) ledger.append(one);
    },
    pauses: () => [...timers].map(({ at }) => at - state.now),
    /** Lets time pass, and what is due happen. */
    async pass(ms: number) {
      state.now += ms;
      for (const timer of [...timers]) {
        if (timer.at > state.now) continue;
        timers.delete(timer);
        timer.run();
      }
      await quiet(state);
    },
    quiet: () => quiet(state),
  };
}

async function quiet(state: { busy: number }): Promise<void> {
  for (let idle = 0; idle < 3; idle = state.busy === 0 ? idle + 1 : 0) await turn();
}

const many = (count: number, given: Partial<Entry> = {}) =>
  Array.from({ length: count }, (_, i) => entry({ request_id: `r${i}`, ...given }));
const ids = (entries: readonly Entry[]) => entries.map(({ id }) => id);

describe('appending', () => {
  test('the store is not touched while entries are appended, and gets them as one batch once they have waited', async () => {
    const { append, written, sizes, pass, ledger } = setUp();
    const entries = many(20);
    append(...entries);
    await pass(99);
    assert.equal(written.length, 0);
    assert.equal(ledger.queued, 20);
    await pass(1);
    assert.deepEqual(ids(written), ids(entries));
    assert.deepEqual(sizes, [20]);
    assert.equal(ledger.queued, 0);
  });

  test('a full batch does not wait', async () => {
    const { append, sizes, quiet: settle, pass } = setUp({ batchMax: 10 });
    append(...many(25));
    await settle();
    assert.deepEqual(sizes, [10, 10]);
    await pass(100);
    assert.deepEqual(sizes, [10, 10, 5]);
  });

  test('an entry that comes while a batch is written waits its time, and no two batches are under way at once', async () => {
    const { append, sizes, pass, state } = setUp({ batchMax: 10 });
    append(...many(10));
    append(...many(3));
    await pass(0);
    assert.deepEqual(sizes, [10]);
    append(...many(3));
    await pass(100);
    assert.deepEqual(sizes, [10, 6]);
    assert.equal(state.mostBusy, 1);
  });

  test('what no ledger could take does not throw, and is reported', () => {
    const { ledger, logged } = setUp();
    for (const nothing of [undefined, null, {}, { ...entry(), tags: null }, { ...entry(), request_id: 7 }]) {
      ledger.append(nothing as unknown as Entry);
    }
    assert.equal(ledger.lost, 5);
    assert.equal(logged.filter(({ level }) => level === 'error').length, 5);
  });

  test('an entry is as durable as it gets when it is appended: there is nothing to wait for', () => {
    const { ledger } = setUp();
    ledger.append(entry());
    assert.equal(ledger.durable(), undefined);
  });
});

describe('while the store is away', () => {
  test('entries wait, are tried again with pauses that double up to two seconds, and all arrive in order', async () => {
    const { append, state, pass, pauses, written, ledger } = setUp({ batchMax: 10 });
    const entries = many(35);
    state.away = true;
    append(...entries.slice(0, 25));
    await pass(0);
    const seen: number[] = [];
    for (let i = 0; i < 8; i++) {
      const [pause] = pauses();
      seen.push(pause!);
      await pass(pause!);
    }
    assert.deepEqual(seen, [100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000]);
    append(...entries.slice(25));
    assert.equal(ledger.queued, 35);
    state.away = false;
    await pass(5_000);
    await pass(100);
    assert.deepEqual(ids(written), ids(entries));
    assert.equal(ledger.lost, 0);
  });

  test('a full batch that comes meanwhile does not hurry the store', async () => {
    const { append, state, pass, pauses } = setUp({ batchMax: 10 });
    state.away = true;
    append(...many(10));
    await pass(0);
    const before = pauses();
    append(...many(50));
    assert.deepEqual(pauses(), before);
    assert.equal(state.busy, 0);
  });

  test('its going and its coming back are each reported once', async () => {
    const { append, state, pass, logged } = setUp();
    state.away = true;
    append(...many(3));
    await pass(100);
    await pass(100);
    await pass(200);
    state.away = false;
    await pass(400);
    assert.deepEqual(
      logged.map(({ level }) => level),
      ['error', 'info'],
    );
    assert.equal((logged[0]!.fields['err'] as Error).message, 'connect ECONNREFUSED');
    assert.equal(logged[1]?.fields['away_ms'], 700);
  });

  test('when the queue is full the oldest stay, and the newest are dropped, counted, and reported once in ten seconds', async () => {
    const { append, state, pass, ledger, written, logged } = setUp({ maxQueued: 10 });
    const entries = many(10);
    state.away = true;
    append(...entries, ...many(7));
    assert.equal(ledger.queued, 10);
    assert.equal(ledger.lost, 7);
    assert.deepEqual(
      logged.map(({ fields }) => fields),
      [{ queued: 10, lost: 1 }],
    );
    state.now += 10_000;
    append(...many(2));
    assert.deepEqual(logged.at(-1)?.fields, { queued: 10, lost: 8 });
    state.away = false;
    await pass(0);
    assert.deepEqual(ids(written), ids(entries));
    append(entry());
    await pass(100);
    assert.equal(written.length, 11);
    assert.equal(ledger.lost, 9);
  });

  test('a batch that was written though its answer was lost is there once', async () => {
    const { append, state, pass, ledger } = setUp();
    append(...many(5, { key: 'once' }));
    state.fate = async () => {
      state.fate = null;
      throw new Error('read ECONNRESET');
    };
    await pass(100);
    assert.equal(ledger.queued, 5);
    await pass(100);
    assert.equal(ledger.queued, 0);
    const found = await ledger.query({ key: 'once' }, { limit: 100 });
    assert.equal(found.ok && found.value.entries.length, 5);
  });
});

describe('an entry that the store refuses', () => {
  test('is left out and reported without its metadata, and all others are written in order', async () => {
    const { append, pass, written, ledger, logged } = setUp();
    const entries = many(40);
    entries.splice(17, 0, entry({ model: 'poison', request_id: 'bad', metadata: { prompt: 'my secret' } }));
    append(...entries);
    await pass(100);
    assert.deepEqual(ids(written), ids(entries.filter(({ model }) => model !== 'poison')));
    assert.equal(ledger.queued, 0);
    assert.equal(ledger.lost, 1);
    assert.equal(logged.length, 1);
    assert.equal((logged[0]!.fields['entry'] as Entry).request_id, 'bad');
    assert.ok(!JSON.stringify(logged).includes('my secret'));
  });

  test('costs a few writes to find, not one per entry', async () => {
    const { append, pass, ledger, state } = setUp();
    const entries = many(500);
    for (const bad of [0, 1, 249, 250, 251, 333, 499]) entries[bad] = entry({ model: 'poison' });
    append(...entries);
    await pass(100);
    assert.equal(ledger.lost, 7);
    assert.ok(state.tries < 7 * 3 * 9, `${state.tries} writes`);
  });

  test('does not hold up others when a whole batch is refused', async () => {
    const { append, pass, written, ledger } = setUp({ batchMax: 8 });
    const good = many(5);
    append(...many(8, { model: 'poison' }), ...good);
    await pass(100);
    await pass(100);
    assert.deepEqual(ids(written), ids(good));
    assert.equal(ledger.lost, 8);
  });
});

describe('whatever happens', () => {
  test('what is written is what was appended, in order, once, but for what is refused', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 12 }) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('poison' as const) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('away' as const), away: fc.boolean() }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 500 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('lost answer' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.integer({ min: 1, max: 9 }), async (steps, batchMax) => {
        const { append, state, pass, written, ledger } = setUp({ batchMax });
        const expected: Entry[] = [];
        let poisoned = 0;
        for (const next of steps) {
          if (next.kind === 'append') {
            const entries = many(next.count);
            expected.push(...entries);
            append(...entries);
          } else if (next.kind === 'poison') {
            poisoned += 1;
            append(entry({ model: 'poison' }));
          } else if (next.kind === 'away') state.away = next.away;
          else if (next.kind === 'pass') await pass(next.ms);
          else {
            state.fate = async () => {
              state.fate = null;
              throw new Error('read ECONNRESET');
            };
          }
        }
        state.away = false;
        state.fate = null;
        const flushed = ledger.flush();
        await pass(5_000);
        await flushed;
        assert.deepEqual(ids([...new Set(written)]), ids(expected));
        assert.equal(ledger.lost, poisoned);
        assert.equal(state.mostBusy <= 1, true);
      }),
      { numRuns: 100 },
    );
  });
});

describe('flushing', () => {
  test('nothing to flush is done at once, and what waits is written without waiting for its time', async () => {
    const { append, ledger, written } = setUp({ batchMax: 10 });
    await ledger.flush();
    append(...many(25));
    await ledger.flush();
    assert.equal(written.length, 25);
  });

  test('it does not wait for what is appended later', async () => {
    const { append, ledger, written } = setUp({ batchMax: 10 });
    append(...many(12));
    const flushed = ledger.flush();
    append(...many(3));
    await flushed;
    assert.ok(written.length >= 12);
    await ledger.flush();
    assert.equal(written.length, 15);
  });

  test('a refused entry is done with', async () => {
    const { append, ledger } = setUp();
    append(entry({ model: 'poison' }));
    await ledger.flush();
    assert.equal(ledger.queued, 0);
  });

  test('it tries a store that is away at once, and waits for it', async () => {
    const { append, ledger, state, pass, written, quiet: settle } = setUp();
    state.away = true;
    append(...many(3));
    await pass(100);
    let done = false;
    const flushed = ledger.flush().then(() => {
      done = true;
    });
    await settle();
    assert.equal(done, false);
    state.away = false;
    await pass(5_000);
    await flushed;
    assert.equal(written.length, 3);
  });
});

describe('asking', () => {
  test('what was appended before the question is in the answer', async () => {
    const { append, ledger } = setUp();
    const one = entry();
    append(one);
    assert.deepEqual(await ledger.query({}, { limit: 10 }), { ok: true, value: { entries: [one], next_cursor: null } });
  });

  test('pages follow one another by their cursor, and the last one has none', async () => {
    const { append, ledger } = setUp();
    append(...many(5));
    const seen: string[] = [];
    let cursor: string | null = null;
    for (const expected of [2, 2, 1]) {
      const page = await ledger.query({}, { limit: 2, cursor });
      assert.ok(page.ok);
      assert.equal(page.value.entries.length, expected);
      seen.push(...ids(page.value.entries));
      cursor = page.value.next_cursor;
    }
    assert.equal(cursor, null);
    assert.equal(new Set(seen).size, 5);
  });

  test('a page that ends with the last entry has no cursor', async () => {
    const { append, ledger } = setUp();
    append(...many(4));
    const page = await ledger.query({}, { limit: 4 });
    assert.equal(page.ok && page.value.next_cursor, null);
  });

  test('a cursor, a time or a status that cannot be is refused with its name', async () => {
    const { ledger } = setUp();
    const asked: [string, object, string | null][] = [
      ['cursor', {}, 'nonsense'],
      ['cursor', {}, ''],
      ['from', { from: Number.NaN }, null],
      ['to', { to: 1e18 }, null],
      ['from', { from: -1 }, null],
      ['status', { status: 2 ** 40 }, null],
      ['status', { status: 200.5 }, null],
    ];
    for (const [param, filter, cursor] of asked) {
      const answer = await ledger.query(filter, { limit: 10, cursor });
      assert.equal(!answer.ok && answer.refusal.code, 'invalid_value', `${param} ${JSON.stringify(filter)}`);
      assert.equal(!answer.ok && answer.refusal.param, param);
    }
  });

  test('a user that cannot be stored as written is found by the same words', async () => {
    const { append, ledger } = setUp();
    append(entry({ user: 'a\0b' }), entry({ user: 'x'.repeat(9_000) }));
    for (const user of ['a\0b', 'x'.repeat(9_000)]) {
      const found = await ledger.query({ user }, { limit: 10 });
      assert.equal(found.ok && found.value.entries.length, 1);
    }
  });

  test('with the store away it fails at once and does not wait for it', async () => {
    const { append, ledger, state } = setUp();
    append(entry());
    state.away = true;
    await assert.rejects(ledger.query({}, { limit: 10 }), /ECONNREFUSED/);
    await assert.rejects(ledger.query({}, { limit: 10 }), /ECONNREFUSED/);
    assert.equal(ledger.queued, 1);
  });
});

describe('closing', () => {
  test('everything that waits is written first, and nothing is left running', async () => {
    const { append, ledger, written, pauses } = setUp({ batchMax: 10 });
    append(...many(25));
    await ledger.close();
    assert.equal(written.length, 25);
    assert.deepEqual(pauses(), []);
  });

  test('with the store away it gives up in time, and says how many entries are lost', async () => {
    const { append, ledger, state, pass, logged, pauses } = setUp({ closeMs: 1_000 });
    state.away = true;
    append(...many(3));
    const closed = ledger.close();
    await pass(0);
    await pass(1_000);
    await closed;
    assert.equal(ledger.lost, 3);
    assert.deepEqual(logged.at(-1), {
      level: 'error',
      fields: { entries: 3 },
      message: 'the ledger was closed before all entries were written: they are lost',
    });
    assert.deepEqual(pauses(), []);
  });

  test('a store that comes back in time gets everything', async () => {
    const { append, ledger, state, pass, written } = setUp({ closeMs: 1_000 });
    state.away = true;
    append(...many(3));
    const closed = ledger.close();
    await pass(0);
    state.away = false;
    await pass(500);
    await closed;
    assert.equal(written.length, 3);
    assert.equal(ledger.lost, 0);
  });

  test('what comes after is dropped and counted, and closing again changes nothing', async () => {
    const { append, ledger, written } = setUp();
    await ledger.close();
    append(entry());
    await ledger.close();
    assert.equal(written.length, 0);
    assert.equal(ledger.lost, 1);
  });
});

test('tokens and money reach the store untouched', async () => {
  const { append, ledger, written } = setUp();
  const tokens = { ...noUsage(), input: Number.MAX_SAFE_INTEGER };
  append(entry({ tokens }));
  await ledger.flush();
  assert.deepEqual(written[0]?.tokens, tokens);
});
