/** The one rule that says what becomes of a field on its way to another dialect. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Findings } from '../../src/translate/findings.js';
import { type Fate, judgeParameters } from '../../src/translate/parameter-fates.js';

const fates: Record<string, Fate> = {
  model: 'carried',
  seed: 'harmless',
  beta: 'silent',
  audio: 'refused',
  n: 'refused',
};
const rules = { fates, noOps: { n: (value: unknown) => value === 1 }, why: { n: 'must be 1' } };

function judged(body: Record<string, unknown>, dropParams = false) {
  const findings = new Findings(dropParams);
  judgeParameters(body, rules, findings);
  return { dropped: findings.dropped, param: findings.refusal?.param, message: findings.refusal?.message };
}

describe('a field', () => {
  test('that is carried, says nothing or asks for what happens anyway is no matter', () => {
    const nothing = { dropped: [], param: undefined, message: undefined };
    assert.deepEqual(judged({ model: 'm', beta: 'x', n: 1, audio: null }), nothing);
  });

  test('that only tunes is left out and named', () => {
    assert.deepEqual(judged({ seed: 1 }).dropped, ['seed']);
  });

  test('that would change the answer is refused by its name, or left out and named where that is allowed', () => {
    assert.equal(judged({ audio: {} }).param, 'audio');
    assert.match(judged({ n: 2 }).message!, /'n' must be 1/);
    assert.deepEqual(judged({ audio: {}, n: 2 }, true).dropped, ['audio', 'n']);
  });

  for (const name of ['nobody-knows', 'constructor', 'toString', '__proto__', 'hasOwnProperty'])
    test(`named ${name} is unknown, and refused`, () => {
      const body = JSON.parse(`{${JSON.stringify(name)}: 1}`) as Record<string, unknown>;
      assert.equal(judged(body).param, name);
    });
});
