/** The nearest prompts: what is told from memory, and what is read of the store before one of them answers. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { memoryAnswerStore, memoryPurgeStore } from '../../../src/cache/answers-memory.js';
import { Purges } from '../../../src/cache/purges.js';
import type { Question } from '../../../src/cache/recall.js';
import { createSeal } from '../../../src/cache/seal.js';
import { NearPrompts, type Placed } from '../../../src/cache/semantic/near-prompts.js';
import { memoryPromptStore, type PromptStore } from '../../../src/cache/semantic/prompt-store.js';
import type { VectorIndex } from '../../../src/cache/semantic/vector-index.js';
import type { Neighbour } from '../../../src/cache/semantic/vectors.js';
import { answer } from '../../contract/cache.js';
import { ManualClock } from '../../support/clock.js';

const seal = createSeal(Buffer.from('secret'));
const placed: Placed = {
  scope: 's',
  vector: Float32Array.from([1, 0]),
  question: { model: 'm', directives: undefined } as Question,
  tenant: ['team', 't', 1],
  least: 0.75,
};

describe('the nearest prompts', () => {
  let clock: ManualClock;
  let answers: ReturnType<typeof memoryAnswerStore>;
  let store: PromptStore;
  let reads: string[][];
  let found: Neighbour[];
  let forgotten: string[];
  let purges: Purges;
  let prompts: NearPrompts;
  const index = {
    nearest: async () => found,
    forget: (_scope: string, ids: readonly string[]) => void forgotten.push(...ids),
  } as unknown as VectorIndex;

  beforeEach(async () => {
    clock = new ManualClock();
    answers = memoryAnswerStore();
    const prompts_ = memoryPromptStore(answers);
    reads = [];
    store = {
      ...prompts_,
      read: (scope, keys) => {
        reads.push([...keys]);
        return prompts_.read(scope, keys);
      },
    };
    found = [];
    forgotten = [];
    purges = new Purges(memoryPurgeStore(), clock, false);
    await purges.refresh();
    prompts = new NearPrompts({ store, index, seal, purges, clock });
  });

  async function keep(text: string, similarity: number, lives = 60_000): Promise<string> {
    const kept = answer({ model: 'm', team: 't', created_at: clock.now(), expires_at: clock.now() + lives });
    await answers.put([kept]);
    const prompt = seal.close(Buffer.from(text), kept.key);
    const rest = { answer_vector: new Float32Array(0), answer_group: 'g', whole_answer: true };
    await store.put({ key: kept.key, scope: 's', prompt, vector: placed.vector, ...rest });
    found.push({ id: kept.key, similarity });
    return kept.key;
  }
  const read = async () => {
    const near = await prompts.near(placed, 100);
    return (await prompts.read(placed, near!, 100)).map(({ text, similarity }) => [text, similarity]);
  };

  it('are those near enough, nearest first, as the store has them', async () => {
    await keep('How do I reset it?', 0.9);
    await keep('How do I set it?', 0.8);
    await keep('How do I eat it?', 0.7);
    assert.deepEqual(await read(), [
      ['How do I reset it?', 0.9],
      ['How do I set it?', 0.8],
    ]);
  });

  it('are known by their words once they were read or learned, without the store', async () => {
    const key = await keep('How do I reset it?', 0.9);
    const near = (await prompts.near(placed, 100))!;
    assert.equal(prompts.texts(near), undefined);
    assert.deepEqual(reads, []);
    await read();
    assert.deepEqual(reads, [[key]]);
    assert.deepEqual(
      prompts.texts(near)!.map(({ text }) => text),
      ['How do I reset it?'],
    );
    assert.equal(prompts.texts([...near, { id: 'another', similarity: 0.8 }]), undefined);
    assert.deepEqual(prompts.texts([]), []);
    assert.equal(reads.length, 1);
  });

  it('answer only as the store has them: not what is gone, over, purged, or of another', async () => {
    const gone = await keep('This one is gone', 0.99);
    await keep('This one is over', 0.98, 1_000);
    await keep('This one stays', 0.97);
    await read();
    const [{ id }] = [(await answers.get(gone))!];
    await answers.remove(id);
    clock.advance(2_000);
    assert.deepEqual(await read(), [['This one stays', 0.97]]);
    assert.deepEqual(forgotten, [gone]);
    found.shift();
    const other = await prompts.read({ ...placed, tenant: ['team', 'u', 1] }, found, 100);
    assert.deepEqual(other, []);
    await purges.add('team', 't');
    assert.deepEqual(await read(), []);
  });
});
