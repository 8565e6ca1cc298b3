/** What every index of vectors promises, beside the store that it follows. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AnswerStore } from '../../src/cache/cache.js';
import type { PromptStore } from '../../src/cache/semantic/prompt-store.js';
import type { VectorIndex } from '../../src/cache/semantic/vector-index.js';
import { ManualClock } from '../support/clock.js';
import { answer } from './cache.js';

export interface IndexedStores {
  readonly answers: AnswerStore;
  readonly prompts: PromptStore;
  /** An index as one gateway has it. */
  index(
    prompts: PromptStore,
    clock: ManualClock,
    onError: (what: string, error: unknown) => void,
  ): Promise<VectorIndex>;
  close(): Promise<void>;
}

const WITHIN_MS = 20_000;

let seed = 1;
const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647 - 0.5;

/** Of length one. */
export function unit(dims: number): Float32Array {
  const vector = Float32Array.from({ length: dims }, random);
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

export const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

export const keysOf = (found: readonly { readonly id: string }[] | undefined) => found?.map(({ id }) => id);

/** Keeps an answer with its prompt; answers the key. */
export async function kept(
  { answers, prompts }: Pick<IndexedStores, 'answers' | 'prompts'>,
  scope: string,
  vector: Float32Array,
  fields: Parameters<typeof answer>[0] = {},
): Promise<string> {
  const of = answer(fields);
  await answers.put([of]);
  await prompts.put({
    key: of.key,
    scope,
    prompt: Buffer.from('sealed'),
    vector,
    answer_vector: new Float32Array(0),
    answer_group: 'g',
    whole_answer: true,
  });
  return of.key;
}

export function vectorIndexContract(name: string, open: () => Promise<IndexedStores>): void {
  describe(`the index of vectors: ${name}`, () => {
    let stores: IndexedStores;
    let index: VectorIndex;
    const clock = new ManualClock();
    const errors: unknown[] = [];
    const onError = (_: string, error: unknown) => void errors.push(error);
    const nearest = (scope: string, vector: Float32Array, most = 12) => index.nearest(scope, vector, most, WITHIN_MS);
    before(async () => {
      stores = await open();
      index = await stores.index(stores.prompts, clock, onError);
    });
    after(async () => {
      await index?.close();
      await stores?.close();
    });

    it('finds exactly what a plain loop finds, nearest first, after prompts came, went and came again', async () => {
      const all = new Map<string, Float32Array>();
      const ids: string[] = [];
      for (let i = 0; i < 250; i++) {
        const vector = unit(384);
        const fields = { id: `cch_exact${i}`, key: `exact${i}` };
        ids.push(fields.id);
        all.set(await kept(stores, 'exact', vector, fields), vector);
      }
      const query = unit(384);
      const check = async () => {
        const expected = [...all].map(([id, vector]) => [id, dot(query, vector)] as const).sort((a, b) => b[1] - a[1]);
        const found = await nearest('exact', query, 8);
        assert.deepEqual(
          keysOf(found),
          expected.slice(0, 8).map(([id]) => id),
        );
        for (const [i, { similarity }] of found!.entries()) {
          assert.ok(Math.abs(similarity - expected[i]![1]) < 1e-4, `${similarity} ${expected[i]![1]}`);
        }
      };
      await check();
      const gone = [...all.keys()].filter((_, i) => i % 3 === 0);
      for (const key of gone) {
        await stores.answers.remove(`cch_${key}`);
        all.delete(key);
      }
      index.forget('exact', gone);
      await check();
      for (const key of gone.slice(0, 40)) {
        const vector = unit(384);
        all.set(await kept(stores, 'exact', vector, { id: `cch_${key}`, key }), vector);
      }
      await index.refresh('exact');
      await check();
      assert.equal((await nearest('exact', query, 1_000))!.length, all.size);
    });

    it('searches within the scope, and a scope of nobody is empty', async () => {
      const vector = unit(384);
      const one = await kept(stores, 'here', vector);
      const two = await kept(stores, 'there', vector);
      assert.deepEqual(keysOf(await nearest('here', vector)), [one]);
      assert.deepEqual(keysOf(await nearest('there', vector)), [two]);
      assert.deepEqual(await nearest("nowhere' or true --", vector), []);
    });

    it('gives the very same vector a similarity of one', async () => {
      const vector = unit(384);
      await kept(stores, 'same', vector);
      const [{ similarity } = { similarity: 0 }] = (await nearest('same', vector))!;
      assert.ok(Math.abs(similarity - 1) < 1e-5, `${similarity}`);
    });

    it('has vectors of any length, each in a scope of its own', async () => {
      for (const dims of [3, 100, 1_536, 3, 1_536]) {
        const scope = `dims ${dims}`;
        const vector = unit(dims);
        const key = await kept(stores, scope, vector);
        await index.refresh(scope);
        assert.equal(keysOf(await nearest(scope, vector))![0], key, scope);
      }
    });

    it('passes over a vector of another length, rather than failing the scope', async () => {
      const vector = unit(384);
      const key = await kept(stores, 'mixed', vector);
      await kept(stores, 'mixed', unit(100));
      assert.deepEqual(keysOf(await nearest('mixed', vector)), [key]);
    });

    it('knows a prompt once it was told to look, also in a scope that was empty', async () => {
      const vector = unit(384);
      assert.deepEqual(await nearest('new', vector), []);
      const key = await kept(stores, 'new', vector);
      await index.refresh('new');
      assert.deepEqual(keysOf(await nearest('new', vector)), [key]);
    });

    it('follows what another gateway keeps, behind a question and at most once a second', async () => {
      const vector = unit(384);
      await nearest('shared', vector);
      const key = await kept(stores, 'shared', vector);
      for (let i = 0; i < 20; i++) assert.deepEqual(await nearest('shared', vector), []);
      clock.advance(1_001);
      let found = await nearest('shared', vector);
      for (let i = 0; i < 1_000 && found!.length === 0; i++) found = await nearest('shared', vector);
      assert.deepEqual(keysOf(found), [key]);
    });

    it('has a prompt that moved to another scope there, and not where it was once that was seen', async () => {
      const vector = unit(384);
      const key = await kept(stores, 'before', vector, { key: 'mover' });
      assert.deepEqual(keysOf(await nearest('before', vector)), [key]);
      await kept(stores, 'behind', vector, { key });
      assert.deepEqual(keysOf(await nearest('behind', vector)), [key]);
      index.forget('before', [key]);
      assert.deepEqual(await nearest('before', vector), []);
      assert.deepEqual(keysOf(await nearest('behind', vector)), [key]);
    });

    it('takes in a scope of many pages, and tells how much it has', async () => {
      const vectors = Array.from({ length: 450 }, () => unit(3));
      const keys: string[] = [];
      for (const vector of vectors) keys.push(await kept(stores, 'pages', vector));
      const other = await stores.index(stores.prompts, clock, onError);
      const found = await other.nearest('pages', vectors[449]!, 450, WITHIN_MS);
      assert.deepEqual(keysOf(found)!.sort(), keys.sort());
      const { vectors: size, bytes } = await other.size();
      assert.ok(size >= 450 && bytes > 450 * 3 * 4, `${size} ${bytes}`);
      await other.close();
    });

    it('answers many questions at once', async () => {
      const vector = unit(384);
      const key = await kept(stores, 'busy', vector);
      await nearest('busy', vector);
      const all = await Promise.all(Array.from({ length: 20 }, () => nearest('busy', vector)));
      for (const found of all) assert.deepEqual(keysOf(found), [key]);
      assert.deepEqual(errors, []);
    });
  });
}
