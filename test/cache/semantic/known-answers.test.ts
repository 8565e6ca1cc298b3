/** What answers are compared by, and what the model and the store are asked for it. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createSeal } from '../../../src/cache/seal.js';
import type { Embedder } from '../../../src/cache/semantic/embedder.js';
import { KnownAnswers } from '../../../src/cache/semantic/known-answers.js';
import type { KeptAnswer, PromptStore } from '../../../src/cache/semantic/prompt-store.js';

const seal = createSeal(Buffer.from('secret'));
const words = (body: Buffer): string => body.toString('utf8');

describe('known answers', () => {
  let embedded: string[];
  let isAway: boolean;
  let kept: Map<string, KeptAnswer>;
  let errors: string[];
  const embedder: Embedder = {
    identity: 'test',
    embed: () => assert.fail('a request waits for nothing here'),
    async embedIdly(text) {
      if (isAway) throw new Error('away');
      embedded.push(text);
      return Float32Array.from(text.includes('settings') ? [1, 0] : [0, 1]);
    },
  };
  const opened = () =>
    new KnownAnswers({
      store: { answer: async (_scope: string, key: string) => kept.get(key) } as unknown as PromptStore,
      embedder,
      seal,
      onError: (what) => errors.push(what),
    });
  const keep = (key: string, id: string, text: string, vector = new Float32Array(0)) =>
    kept.set(key, { id, body: seal.close(Buffer.from(text), key), vector });

  beforeEach(() => {
    embedded = [];
    isAway = false;
    kept = new Map();
    errors = [];
  });

  it('ask the model only where nothing simpler tells two apart, and once', async () => {
    const answers = opened();
    const one = answers.add('1', 'You can do that in the settings');
    assert.equal(await answers.same(one, answers.add('2', 'you can do that in the settings!')), true);
    assert.equal(await answers.same(one, answers.add('3', 'You can not do that in the settings')), false);
    assert.deepEqual(embedded, []);
    const other = answers.add('4', 'That is done in the settings');
    assert.deepEqual(await Promise.all([1, 2, 3].map(() => answers.same(one, other))), [true, true, true]);
    assert.equal(embedded.length, 2);
    assert.equal(await answers.same(one, answers.add('5', 'That is done by the owner of it')), false);
    assert.equal(embedded.length, 3);
  });

  it('are read from the store where they are not in memory, with their vectors', async () => {
    keep('k1', '1', 'That is done in the settings', Float32Array.from([1, 0]));
    keep('k2', '2', 'It can be done in the settings');
    const answers = opened();
    const [one, two] = [await answers.of('s', 'k1', '1', words), await answers.of('s', 'k2', '2', words)];
    assert.equal(await answers.same(one!, two!), true);
    assert.deepEqual(embedded, ['It can be done in the settings']);
    kept.clear();
    assert.equal(await answers.of('s', 'k1', '1', words), one);
  });

  it('are nothing where there is another answer by now, or none, or one that cannot be opened', async () => {
    keep('k1', '2', 'Another');
    kept.set('k3', { id: '3', body: Buffer.from('no seal'), vector: new Float32Array(0) });
    const answers = opened();
    for (const [key, id] of [
      ['k1', '1'],
      ['k2', '2'],
      ['k3', '3'],
    ] as const)
      assert.equal(await answers.of('s', key, id, words), undefined, key);
  });

  it('keep little of an answer in memory, and of all together', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const answers = opened();
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 100; i++) answers.add(`${i}`, Buffer.alloc(1_000_000, `answer ${i} `).toString());
    gc();
    const grown = process.memoryUsage().heapUsed - before;
    assert.ok(grown < 5_000_000, `${grown} bytes`);
    keep('k', '0', 'That is done in the settings');
    const known = await answers.of('s', 'k', '0', words);
    assert.equal(known!.sketch.chars, 1_000_000);
    for (let i = 0; i < 3_000; i++) answers.add(`more ${i}`, `${i} `.repeat(1_000));
    const anew = await answers.of('s', 'k', '0', words);
    assert.equal(anew!.sketch.chars, 28, 'it had to be read again');
  });

  it('are forgotten when they are told to be', async () => {
    const answers = opened();
    keep('k', '1', 'That is done in the settings');
    const one = await answers.of('s', 'k', '1', words);
    answers.sweep();
    assert.equal(await answers.of('s', 'k', '1', words), one);
    answers.clear();
    assert.notEqual(await answers.of('s', 'k', '1', words), one);
  });

  it('differ while the model is away, and are asked about again', async () => {
    const answers = opened();
    const [one, two] = [answers.add('1', 'You can do that in the settings'), answers.add('2', 'It is in the settings')];
    isAway = true;
    assert.equal(await answers.same(one, two), false);
    assert.ok(errors.includes('answer'));
    isAway = false;
    assert.equal(await answers.same(one, two), true);
  });
});
