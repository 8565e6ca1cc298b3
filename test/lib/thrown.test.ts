import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loggedError, messageOf, stackOf } from '../../src/lib/thrown.js';

const PROMPT = 'the prompt of somebody';

function thrownBy(fault: () => unknown): unknown {
  try {
    fault();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

const quoting: readonly (readonly [string, () => unknown])[] = [
  ['a parser of JSON', () => JSON.parse(`{"a": ${PROMPT}`)],
  ['a number that is none', () => BigInt(PROMPT)],
  ['a value that cannot be cloned', () => structuredClone({ f: Object.assign(() => PROMPT, { PROMPT }) })],
  ["an argument of node's", () => Buffer.alloc(PROMPT as unknown as number)],
  ['an encoding', () => Buffer.from('x', PROMPT as BufferEncoding)],
  [
    'a query',
    () => {
      throw Object.assign(new Error(`Failed query: insert into x\nparams: ${PROMPT}`), { cause: new Error('no room') });
    },
  ],
  [
    'a database',
    () => {
      throw Object.assign(new Error(`invalid input syntax for type json: "${PROMPT}"`), {
        code: '22P02',
        detail: PROMPT,
      });
    },
  ],
];

describe('what was thrown is told in our own words', () => {
  for (const [what, fault] of quoting)
    it(`by ${what}`, () => {
      const error = thrownBy(fault);
      for (const told of [messageOf(error), stackOf(error), JSON.stringify(loggedError(error))]) {
        assert.ok(told.length > 5, told);
        assert.ok(!told.includes(PROMPT), told);
      }
      assert.match(stackOf(error), /\n {4}at /, 'and where');
    });

  it('and otherwise as it is', () => {
    assert.equal(messageOf(new Error('the disk is full')), 'the disk is full');
    assert.match(stackOf(new TypeError('x is not a function')), /^TypeError: x is not a function\n {4}at /);
    assert.equal(messageOf('a text'), 'a text');
    assert.deepEqual(Object.keys(loggedError(Object.assign(new Error('no'), { code: 'ENOENT' }))), [
      'type',
      'code',
      'message',
      'stack',
    ]);
  });
});
