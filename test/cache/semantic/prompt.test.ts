/** What may be compared by meaning: which part of a request, and whether two answers say the same. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareAnswers, nearByMeaning, sketchOf } from '../../../src/cache/semantic/same-answer.js';
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
  const compared = (one: string, two: string) => compareAnswers(sketchOf(one), sketchOf(two));

  it('is judged by numbers, JSON and words, and last by meaning', () => {
    const cases: [string, string, ReturnType<typeof compareAnswers>][] = [
      ['Paris.', '  paris', true],
      ['1,000', '1000.0', true],
      ['1000', '1001', false],
      ['{"a":1,"b":2}', '{ "b": 2, "a": 1 }', true],
      ['{"a":1}', '{"a":2}', false],
      ['You can do that in the settings', 'That is done in the settings', 'by meaning'],
      ['You can do that', 'You can not do that', false],
      ['It takes 3 days', 'It takes 5 days', false],
      ['a b', 'a b c d e f g h i', false],
    ];
    for (const [one, two, same] of cases) assert.equal(compared(one, two), same, `${one} / ${two}`);
  });

  it('has the same signs, units and digits', () => {
    const differing = [
      ['-5', '5'],
      ['It is -5 degrees', 'It is 5 degrees'],
      ['$5', '5%'],
      ['1.5', '15'],
      ['12345678901234567890', '12345678901234567891'],
    ] as const;
    for (const [one, two] of differing) assert.equal(compared(one, two), false, `${one} / ${two}`);
    const filled = (text: string, chars: number) =>
      `${'The same words again and again. '.repeat(chars / 64)}${text} ${'Others follow here. '.repeat(chars / 40)}`;
    const details = [
      ['It is -5 degrees', 'It is 5 degrees'],
      ['It costs $x', 'It costs x'],
      ['Write `-5` there', 'Write `5` there'],
      ['See "a = -b"', 'See "a = +b"'],
      ['It takes three days', 'It takes four days'],
      ['You must not do that', 'You must do that'],
      ['Das ist nicht erlaubt', 'Das ist erlaubt'],
    ] as const;
    for (const chars of [0, 2_000, 15_000])
      for (const [one, two] of details) {
        assert.equal(compared(filled(one, chars), filled(two, chars)), false, `${one} / ${two} in ${chars}`);
        assert.equal(compared(filled(one, chars), filled(`"${one}"`, chars).toUpperCase()), true, `${one} in ${chars}`);
      }
  });

  it('is told by the very text where it is long, so that it holds up nobody', () => {
    const long = 'The same words again and again. '.repeat(30_000);
    const asLong = long.toUpperCase();
    assert.equal(compared(long, long), true);
    assert.equal(compared(long, asLong), false, 'what is not read is not judged by its beginning');
    const read = ["don't ", '- ', '"a" ', 'no more than ', 'a/b ', '„5'].map((part) =>
      part.repeat(16_000).slice(0, 16_000),
    );
    const json = JSON.stringify(Array.from({ length: 100_000 }, (_, i) => i));
    const begun = process.cpuUsage();
    sketchOf(json);
    sketchOf(asLong);
    const { user, system } = process.cpuUsage(begun);
    assert.ok(user + system < 50_000, `${user + system} us`);
    const readBegun = process.cpuUsage();
    for (const text of read) sketchOf(text);
    const taken = process.cpuUsage(readBegun);
    assert.ok(taken.user + taken.system < 500_000, `${taken.user + taken.system} us`);
  });

  it('by meaning needs vectors that are near', () => {
    const [one, two] = [Float32Array.from([1, 0]), Float32Array.from([0, 1])];
    assert.ok(nearByMeaning(one, one));
    assert.ok(!nearByMeaning(one, two));
    assert.ok(!nearByMeaning(new Float32Array(0), new Float32Array(0)));
  });
});
