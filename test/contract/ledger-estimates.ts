/** What every store of the ledger does with estimates, and with what is known later. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { noUsage, type Usage } from '../../src/formats/usage.js';
import type { Entry } from '../../src/ledger/entry.js';
import type { LedgerStore } from '../../src/ledger/ledger-store.js';
import type { CostNano } from '../../src/lib/money.js';
import { entry, type OpenStore } from './ledger.js';

const costOf = (input: number, output: number): CostNano => ({
  ...{ input, cache_read: 0, cache_write: 0, output, total: input + output },
});

/** What is entered of one attempt as more and more is known of it. */
export function attempt(given: Partial<Entry> = {}) {
  const fact = entry({
    ...given,
    hold: 'hold_1',
    held_at: Date.parse('2026-11-24T11:59:59.000Z'),
    limit_model: 'dear',
    tokens: { ...noUsage(), input: 10, output: 1_000 },
    cost_nusd: costOf(10_000, 10_000_000),
  });
  const guessed = { status: 500, error: 'interrupted', usage_source: 'estimated', served_model: null } as const;
  const intent: Entry = {
    ...fact,
    ...guessed,
    tokens: { ...noUsage(), input: 9 },
    cost_nusd: costOf(9_000, 0),
    estimate: 'intent',
  };
  const progress = (output: number): Entry => ({
    ...intent,
    tokens: { ...noUsage(), input: 10, output },
    cost_nusd: costOf(10_000, output * 10_000),
    estimate: 'progress',
  });
  return { intent, progress, fact };
}

type Figures = Pick<Entry, 'tokens' | 'cost_nusd'>;

/** What all entries come to. */
export function sumOf(entries: readonly Figures[]): { tokens: Usage; cost_nusd: CostNano } {
  const sum = (of: (one: Figures) => object) => {
    const all: Record<string, number> = {};
    for (const one of entries) {
      for (const [kind, count] of Object.entries(of(one))) all[kind] = (all[kind] ?? 0) + Number(count);
    }
    return all;
  };
  return { tokens: sum(({ tokens }) => tokens), cost_nusd: sum(({ cost_nusd }) => cost_nusd) } as never;
}

/** `open` gives an empty store. */
export function estimatesContract(name: string, open: () => Promise<OpenStore>): void {
  describe(`estimates in the ledger's store: ${name}`, () => {
    let opened: OpenStore;
    let store: LedgerStore;
    before(async () => {
      opened = await open();
      store = opened.store;
    });
    after(() => opened.close());

    let keys = 0;
    const newKey = () => `key_${++keys}`;
    const all = (key: string) => store.page({ key }, 1_000, null);
    const amounts = ({ tokens, cost_nusd }: Entry) => ({ tokens, cost_nusd });
    const stands = async (key: string, entry: Entry, what?: string) =>
      assert.deepEqual(sumOf(await all(key)), amounts(entry), what);

    test('a fact takes the place of an estimate, by two correcting entries', async () => {
      const key = newKey();
      const { intent, fact } = attempt({ key, metadata: { a: 1 } });
      await store.insert([intent]);
      await store.insert([fact]);
      const found = await all(key);
      const [original, reversal, replacement] = [undefined, 'reversal', 'replacement'].map((correction) =>
        found.find((one) => one.correction === correction),
      );
      assert.equal(found.length, 3);
      assert.equal(original!.id, intent.id);
      assert.equal(original!.estimate, 'intent');
      assert.deepEqual(amounts(original!), amounts(intent), 'what was entered stays');
      for (const one of [reversal!, replacement!]) {
        assert.equal(one.corrects, intent.id);
        assert.equal(one.at, intent.at);
        assert.match(one.id, /^ent_[0-9a-z]{26}$/);
      }
      assert.equal(reversal!.status, 500);
      assert.equal(reversal!.error, 'interrupted');
      assert.equal(reversal!.estimate, 'intent');
      assert.deepEqual(reversal!.tokens, { ...noUsage(), input: -9 });
      assert.deepEqual(reversal!.cost_nusd, costOf(-9_000, 0));
      assert.equal(replacement!.status, 200);
      assert.equal(replacement!.error, null);
      assert.equal(replacement!.estimate, undefined);
      assert.equal(replacement!.served_model, fact.served_model);
      assert.equal(replacement!.usage_source, 'provider');
      assert.deepEqual(replacement!.metadata, { a: 1 });
      assert.deepEqual(amounts(replacement!), amounts(fact));
      await stands(key, fact);
    });

    test('who knows more comes after who knows less, and never the other way round', async () => {
      const key = newKey();
      const { intent, progress, fact } = attempt({ key });
      const steps: [told: Entry, stands: Entry, entries: number][] = [
        [{ ...intent, flags: ['sent_unknown'] }, intent, 1],
        [{ ...intent, flags: ['sent_unknown'] }, intent, 1],
        [intent, intent, 3],
        [intent, intent, 3],
        [progress(5), progress(5), 5],
        [intent, progress(5), 5],
        [progress(4), progress(5), 5],
        [progress(7), progress(7), 7],
        [progress(5), progress(7), 7],
        [fact, fact, 9],
        [fact, fact, 9],
        [progress(2_000), fact, 9],
        [{ ...fact, status: 502, tokens: noUsage() }, fact, 9],
        [intent, fact, 9],
      ];
      for (const [i, [told, standing, count]] of steps.entries()) {
        await store.insert([told]);
        assert.equal((await all(key)).length, count, `step ${i}`);
        await stands(key, standing, `step ${i}`);
      }
    });

    test('a fact that was first stays as it was', async () => {
      const key = newKey();
      const { intent, progress, fact } = attempt({ key });
      assert.deepEqual(await store.insert([fact]), []);
      assert.deepEqual(await store.insert([intent, progress(3)]), []);
      assert.equal((await all(key)).length, 1);
      await stands(key, fact);
    });

    test('estimate and fact may come in one batch, beside others, and twice', async () => {
      const key = newKey();
      const { intent, progress, fact } = attempt({ key });
      const other = entry({ key });
      await store.insert([intent, other, progress(3), fact, fact, intent]);
      const found = await all(key);
      assert.deepEqual(sumOf(found), sumOf([fact, other]));
      assert.equal(found.length, 6);
    });

    test('who wrote is told which of the entries found an estimate, also when all was written before', async () => {
      const key = newKey();
      const { intent, fact } = attempt({ key });
      const other = entry({ key });
      assert.deepEqual(await store.insert([intent]), []);
      for (let i = 0; i < 2; i++) {
        assert.deepEqual(
          (await store.insert([other, fact])).map(({ id }) => id),
          [fact.id],
        );
      }
    });

    test('fees, images and what a team is billed are superseded too', async () => {
      const key = newKey();
      const { intent, fact } = attempt({ key });
      const told: Entry = {
        ...fact,
        tokens: { ...fact.tokens, image_input: 4 },
        cost_nusd: { ...fact.cost_nusd, request: 500, total: fact.cost_nusd.total + 500 },
        billed_nusd: 12_000_000,
        service_tier: 'flex',
      };
      await store.insert([{ ...intent, billed_nusd: 10_800 }]);
      await store.insert([told]);
      const found = await all(key);
      assert.deepEqual(sumOf(found), sumOf([told]));
      assert.equal(
        found.reduce((sum, { billed_nusd }) => sum + billed_nusd!, 0),
        12_000_000,
      );
    });

    test('a correction of its price goes with the estimate that it corrected', async () => {
      const key = newKey();
      const { intent, fact } = attempt({ key });
      const price = entry({
        ...intent,
        id: entry().id,
        corrects: intent.id,
        tokens: noUsage(),
        cost_nusd: costOf(5, 0),
      });
      await store.insert([intent, price]);
      await store.insert([fact]);
      await stands(key, fact);
    });

    test('flags come back', async () => {
      const key = newKey();
      await store.insert([{ ...attempt({ key }).intent, flags: ['sent_unknown'] }]);
      assert.deepEqual((await all(key))[0]!.flags, ['sent_unknown']);
    });

    test('many who bring the same at once write it once', async () => {
      const key = newKey();
      const attempts = Array.from({ length: 10 }, () => attempt({ key }));
      const facts = attempts.map(({ fact }) => fact);
      await store.insert(attempts.map(({ intent }) => intent));
      const tellers = Array.from({ length: 8 }, (_, i) =>
        i % 4 === 0 ? attempts.map(({ progress }) => progress(i)) : i % 2 === 0 ? facts.toReversed() : facts,
      );
      const tries = tellers.map(async (told) => {
        // Two that lock each other out are told so; what was not written is tried again, as the drain does.
        while (!(await store.insert(told).then(() => true, isDeadlock)));
      });
      await Promise.all(tries);
      const found = await all(key);
      assert.deepEqual(sumOf(found), sumOf(facts));
      assert.equal(new Set(found.map(({ id }) => id)).size, found.length);
      assert.equal(found.filter(({ correction, estimate }) => correction === 'replacement' && !estimate).length, 10);
    });

    test('in whatever order and however often it is told, what stands is what is known best', async () => {
      const moves = fc.array(fc.constantFrom('intent', 3, 7, 1_500, 'fact' as const), { minLength: 1, maxLength: 8 });
      await fc.assert(
        fc.asyncProperty(moves, fc.integer({ min: 1, max: 4 }), async (told, size) => {
          const key = newKey();
          const { intent, progress, fact } = attempt({ key });
          const entries = told.map((one) =>
            one === 'fact' ? fact : one === 'intent' ? intent : progress(one as number),
          );
          for (let i = 0; i < entries.length; i += size) await store.insert(entries.slice(i, i + size));
          const best = entries.toSorted((a, b) => rank(b) - rank(a))[0]!;
          await stands(key, best);
        }),
        { numRuns: 40 },
      );
    });
  });
}

const rank = ({ estimate, tokens }: Entry): number =>
  estimate === undefined ? Number.POSITIVE_INFINITY : tokens.output;

function isDeadlock(error: unknown): false {
  if ((error as { code?: string }).code !== '40P01') throw error;
  return false;
}
