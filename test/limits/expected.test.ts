import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ExpectedOutput } from '../../src/limits/expected.js';

describe('the expected output', () => {
  it('is all that the request allows at first, then what the model answered', () => {
    const expected = new ExpectedOutput();
    assert.equal(expected.expect('k', 'm', 1000), 1000);
    expected.learn('k', 'm', 100);
    assert.equal(expected.expect('k', 'm', 1000), 100);
    for (let i = 0; i < 100; i++) expected.learn('k', 'm', 501);
    assert.equal(expected.expect('k', 'm', 1000), 501);
    assert.equal(expected.expect('other', 'm', 1000), 501);
    assert.equal(expected.expect('k', 'other', 1000), 1000);
  });

  it('is what long answers come to, however many short ones there are beside them', () => {
    const expected = new ExpectedOutput();
    for (let i = 0; i < 300; i++) expected.learn('k', 'm', i % 100 === 99 ? 16_000 : 20);
    assert.equal(expected.expect('k', 'm', 100_000), 16_000);
    assert.equal(expected.expect('k', 'm', 500), 500);
  });

  it('leaves out what is rare and short of a tenth of all tokens', () => {
    const expected = new ExpectedOutput();
    for (let i = 0; i < 300; i++) expected.learn('k', 'm', i === 150 ? 2000 : 200);
    assert.equal(expected.expect('k', 'm', 100_000), 200);
  });

  it('follows a model whose answers become shorter', () => {
    const expected = new ExpectedOutput();
    for (let i = 0; i < 50; i++) expected.learn('k', 'm', 4000);
    for (let i = 0; i < 2000; i++) expected.learn('k', 'm', 100);
    assert.equal(expected.expect('k', 'm', 100_000), 100);
  });

  it('is never less than the average of the key itself', () => {
    const expected = new ExpectedOutput();
    for (let i = 0; i < 20; i++) expected.learn('long', 'm', 3000);
    for (let i = 0; i < 3000; i++) expected.learn('short', 'm', 50);
    assert.equal(expected.expect('long', 'm', 100_000), 3000);
    assert.equal(expected.expect('short', 'm', 100_000), 50);
  });

  it('is a whole number and never more than may be produced', () => {
    const expected = new ExpectedOutput();
    assert.equal(expected.expect('k', 'm', 10), 10);
    expected.learn('k', 'm', 1);
    expected.learn('k', 'm', 2);
    assert.equal(expected.expect('k', 'm', 10), 2);
    assert.equal(expected.expect('k', 'm', 0), 0);
  });

  it('stays what it is through a million answers, and for sizes of any kind', () => {
    const expected = new ExpectedOutput();
    for (let i = 0; i < 1_000_000; i++) expected.learnOf('m', 77);
    assert.equal(expected.expect('k', 'm', 1000), 77);
    for (const tokens of [1, 1e8, 9e15]) {
      const other = new ExpectedOutput();
      other.learnOf('m', tokens);
      assert.equal(other.expect('k', 'm', 9e15), tokens);
    }
  });
});
