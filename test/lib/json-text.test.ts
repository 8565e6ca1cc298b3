import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jsonText } from '../../src/lib/json-text.js';

test('the pieces together are the JSON of the value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const text = [...jsonText(value)].join('');
      const empty =
        typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
      assert.equal(text, empty ? '' : JSON.stringify(value));
    }),
    { numRuns: 500 },
  );
});

test('a large value comes in pieces of bounded size', () => {
  const value = {
    text: 'x\n"'.repeat(10_000),
    list: Array.from({ length: 5000 }, (_, at) => ({ at, name: `item ${at}` })),
  };
  const pieces = [...jsonText(value)];
  assert.equal(pieces.join(''), JSON.stringify(value));
  assert.ok(pieces.length > 20);
  for (const piece of pieces) assert.ok(piece.length < 8000);
});

test('keys are left out of the outermost object alone', () => {
  const value = { type: 'a', keep: { type: 'b' } };
  assert.equal([...jsonText(value, ['type'])].join(''), '{"keep":{"type":"b"}}');
  assert.deepEqual([...jsonText({ type: 'a' }, ['type'])], []);
});
