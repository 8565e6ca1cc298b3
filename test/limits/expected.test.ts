import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ExpectedOutput } from '../../src/limits/expected.js';

describe('the expected output', () => {
  it('is a guess at first, then follows what was answered, per key and model', () => {
    const expected = new ExpectedOutput();
    assert.equal(expected.expect('k', 'm', 1000), 256);
    expected.learn('k', 'm', 100);
    assert.equal(expected.expect('k', 'm', 1000), 100);
    for (let i = 0; i < 100; i++) expected.learn('k', 'm', 501);
    assert.equal(expected.expect('k', 'm', 1000), 501);
    assert.equal(expected.expect('k', 'other', 1000), 256);
    assert.equal(expected.expect('other', 'm', 1000), 256);
  });

  it('is a whole number and never more than may be produced', () => {
    const expected = new ExpectedOutput();
    assert.equal(expected.expect('k', 'm', 10), 10);
    expected.learn('k', 'm', 1);
    expected.learn('k', 'm', 2);
    assert.equal(expected.expect('k', 'm', 10), 2);
    assert.equal(expected.expect('k', 'm', 0), 0);
  });

  it('remembers a bounded number of pairs, those used last', () => {
    const expected = new ExpectedOutput(2);
    expected.learn('a', 'm', 1);
    expected.learn('b', 'm', 2);
    expected.learn('a', 'm', 1);
    expected.learn('c', 'm', 3);
    assert.deepEqual(
      ['a', 'b', 'c'].map((key) => expected.expect(key, 'm', 999)),
      [1, 256, 3],
    );
  });
});
