/** What may be compared by meaning: which part of a request, and whether two answers say the same. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sameAnswer } from '../../../src/cache/semantic/same-answer.js';
import { signatureOf } from '../../../src/cache/semantic/signature.js';
import { unfitText } from '../../../src/cache/semantic/text-fit.js';
import { promptOf } from '../../../src/formats/openai-chat/prompt.js';

describe('the prompt', () => {
  const user = (content: unknown) => ({
    messages: [
      { role: 'system', content: 's' },
      { role: 'user', content },
    ],
  });

  it('is the last words of the user, and all else belongs to the scope', () => {
    const prompt = promptOf({ ...user('hello there you'), temperature: 1 }, 4);
    assert.ok(typeof prompt === 'object');
    assert.equal(prompt.text, 'hello there you');
    assert.deepEqual(prompt.rest, {
      temperature: 1,
      messages: [
        { role: 'system', content: 's' },
        { role: 'user', content: null },
      ],
    });
    assert.equal((promptOf(user([{ type: 'text', text: 'hi' }]), 4) as { text: string }).text, 'hi');
  });

  it('is not there where more than words is asked, or where tools are at work', () => {
    const turn = { role: 'user', content: 'a' };
    const cases: [string, object][] = [
      ['no text', { messages: [] }],
      ['no text', user('')],
      [
        'no text',
        user([
          { type: 'text', text: 'a' },
          { type: 'image_url', image_url: { url: 'x' } },
        ]),
      ],
      ['no text', { messages: [turn, { role: 'assistant', content: 'b' }] }],
      ['tools', { messages: [{ role: 'tool', content: 'x' }, turn] }],
      ['tools', { messages: [{ role: 'assistant', tool_calls: [{}] }, turn] }],
      ['turns', { messages: [turn, turn, turn] }],
      ['details', { ...user('a'), logprobs: true }],
    ];
    for (const [why, json] of cases)
      assert.equal(promptOf(json as Record<string, unknown>, 2), why, JSON.stringify(json));
    assert.equal(unfitText('Hi there', signatureOf('Hi there')), 'short');
    for (const text of ['What is the weather in Rome now?', 'Who won the game yesterday?'])
      assert.equal(unfitText(text, signatureOf(text)), 'volatile');
  });
});

describe('the same answer', () => {
  const said = (text: string, vector = new Float32Array(0), whole = true) => ({ text, vector, whole });
  it('is judged by words, numbers, JSON, and last by meaning', () => {
    assert.ok(sameAnswer(said('Paris.'), said('  paris')));
    assert.ok(sameAnswer(said('1,000'), said('1000.0')));
    assert.ok(!sameAnswer(said('1000'), said('1001')));
    assert.ok(sameAnswer(said('{"a":1,"b":2}'), said('{ "b": 2, "a": 1 }')));
    assert.ok(!sameAnswer(said('{"a":1}'), said('{"a":2}')));
    const near = Float32Array.from([1, 0]);
    assert.ok(sameAnswer(said('You can do that in the settings', near), said('That is done in the settings', near)));
    assert.ok(!sameAnswer(said('You can do that', near), said('You can not do that', near)));
    assert.ok(!sameAnswer(said('It takes 3 days', near), said('It takes 5 days', near)));
    assert.ok(!sameAnswer(said('a b c', near), said('a b c d', Float32Array.from([0, 1]))));
    assert.ok(!sameAnswer(said('a b', near), said('a b c d e f g h i', near)), 'of other length');
    assert.ok(!sameAnswer(said('no vector'), said('none here')));
  });
});
