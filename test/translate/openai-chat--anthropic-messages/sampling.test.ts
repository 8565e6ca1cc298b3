import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dropped, HAIKU_3, OPUS_4_6, OPUS_5, refusal, sent } from './calls.js';

const samplingOf = (body: object, model?: string) => {
  const { temperature, top_p, top_k } = sent(body, model ? { model } : {});
  return { temperature, top_p, top_k };
};
const none = { temperature: undefined, top_p: undefined, top_k: undefined };

test("the answer's maximum is the model's own unless the caller sets one", () => {
  assert.equal(sent({}).max_tokens, 64_000);
  assert.equal(sent({}, { model: HAIKU_3 }).max_tokens, 4096);
  assert.equal(sent({ max_tokens: null, max_completion_tokens: null }).max_tokens, 64_000);
  assert.equal(sent({ max_tokens: 100 }).max_tokens, 100);
  assert.equal(sent({ max_tokens: 100, max_completion_tokens: 200 }).max_tokens, 200);
});

test("the answer's maximum is never more than the model can do", () => {
  assert.equal(sent({ max_tokens: 1_000_000 }, { model: HAIKU_3 }).max_tokens, 4096);
});

test("the gateway's maximum overrides the caller's", () => {
  assert.equal(sent({ max_tokens: 5000 }, { maxOutput: 300 }).max_tokens, 300);
  assert.equal(sent({}, { maxOutput: 1_000_000 }).max_tokens, 64_000);
});

for (const value of [0, -1, 1.5, '100', true]) {
  test(`a maximum of ${JSON.stringify(value)} is refused`, () => {
    assert.equal(refusal({ max_tokens: value }), 'invalid_value max_tokens');
    assert.equal(refusal({ max_completion_tokens: value }), 'invalid_value max_completion_tokens');
  });
}

test('a temperature above the scale is its hottest, one below stays', () => {
  assert.deepEqual(samplingOf({ temperature: 1.7 }), { ...none, temperature: 1 });
  assert.deepEqual(samplingOf({ temperature: 0 }), { ...none, temperature: 0 });
  assert.deepEqual(samplingOf({ temperature: 0.3, top_k: 40 }), { ...none, temperature: 0.3, top_k: 40 });
});

test('top_p stays alone, since it is refused beside a temperature', () => {
  assert.deepEqual(samplingOf({ top_p: 0.5 }), { ...none, top_p: 0.5 });
  assert.deepEqual(samplingOf({ temperature: 0.5, top_p: 0.5 }), { ...none, temperature: 0.5 });
  assert.deepEqual(dropped({ temperature: 0.5, top_p: 0.5 }), ['top_p']);
  assert.deepEqual(dropped({ temperature: 0.5, top_p: 1 }), []);
});

test('a model that takes no sampling is sent none, and the usual values are no loss', () => {
  const settings = { model: OPUS_5 };
  assert.deepEqual(samplingOf({ temperature: 0.2, top_p: 0.9, top_k: 5 }, OPUS_5), none);
  assert.deepEqual(dropped({ temperature: 0.2, top_p: 0.9, top_k: 5 }, settings), ['temperature', 'top_p', 'top_k']);
  assert.deepEqual(samplingOf({ temperature: 1, top_p: 1 }, OPUS_5), none);
  assert.deepEqual(dropped({ temperature: 1, top_p: 1 }, settings), []);
});

test('a model that thinks is sent no sampling', () => {
  const body = { reasoning_effort: 'low', temperature: 0.2 };
  assert.deepEqual(samplingOf(body, OPUS_4_6), none);
  assert.deepEqual(dropped(body, { model: OPUS_4_6 }), ['temperature']);
  assert.deepEqual(samplingOf({ ...body, reasoning_effort: 'none' }, OPUS_4_6), { ...none, temperature: 0.2 });
});

for (const body of [{ temperature: 2.1 }, { temperature: -1 }, { temperature: '1' }, { top_p: 1.1 }, { top_k: -1 }]) {
  test(`${JSON.stringify(body)} is refused`, () => {
    assert.equal(refusal(body), `invalid_value ${Object.keys(body)[0]}`);
  });
}

test('stop is a list of sequences', () => {
  assert.deepEqual(sent({ stop: 'END' }).stop_sequences, ['END']);
  assert.deepEqual(sent({ stop: ['a', '\nb'] }).stop_sequences, ['a', '\nb']);
  assert.ok(!('stop_sequences' in sent({ stop: null })));
  assert.ok(!('stop_sequences' in sent({ stop: [] })));
});

test('a stop of white space cannot be kept, so it is refused or left out', () => {
  assert.equal(refusal({ stop: '\n' }), 'unsupported_parameter stop');
  assert.equal(refusal({ stop: ['a', '  '] }), 'unsupported_parameter stop[1]');
  const settings = { dropParams: true };
  assert.deepEqual(sent({ stop: ['a', '\n\n'] }, settings).stop_sequences, ['a']);
  assert.deepEqual(dropped({ stop: ['a', '\n\n'] }, settings), ['stop[1]']);
});

test('a stop that is no string is refused', () => {
  assert.equal(refusal({ stop: 5 }), 'invalid_value stop');
  assert.equal(refusal({ stop: ['a', null] }), 'invalid_value stop[1]');
});
