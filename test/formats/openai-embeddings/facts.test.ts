import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EmbeddingsFacts, type EmbeddingsInput } from '../../../src/formats/openai-embeddings/facts.js';
import { features } from '../../../src/lib/route-spec.js';

const factsOf = (input: EmbeddingsInput): EmbeddingsFacts => new EmbeddingsFacts(input, 100);

test('texts and tokens are counted one by one, in every form that they may have', () => {
  const table: readonly (readonly [input: EmbeddingsInput, inputs: number, pieces: unknown[]])[] = [
    ['a', 1, ['a']],
    [['a', 'b'], 2, ['a', 'b']],
    [[1, 2, 3], 1, [3]],
    [[[1, 2], [3]], 2, [2, 1]],
  ];
  for (const [input, inputs, pieces] of table) {
    const facts = factsOf(input);
    assert.equal(facts.inputs, inputs);
    const read: unknown[] = [];
    for (const one of facts.countables()) {
      if (typeof one === 'string') read.push(one);
      else if (one.kind === 'tokens') read.push(one.count);
    }
    assert.deepEqual(read, pieces);
  }
});

test('nothing is generated, nothing is dearer than text, and nothing has a prefix', () => {
  const facts = factsOf('x');
  assert.equal(facts.maxOutput, 0);
  assert.equal(facts.choices, 1);
  assert.equal(facts.prefix(), null);
  assert.deepEqual(
    features.filter((feature) => facts.has(feature)),
    [],
  );
  assert.ok(Object.values(facts.billable).every((may) => !may));
});

test('the last text is what rules read', () => {
  assert.equal(factsOf('a').lastUserText(), 'a');
  assert.equal(factsOf(['a', 'b']).lastUserText(), 'b');
  assert.equal(factsOf(['a', '']).lastUserText(), 'a');
  assert.equal(factsOf([1, 2]).lastUserText(), '');
  assert.equal(factsOf('x'.repeat(200_000)).lastUserText().length, 100_000);
});
