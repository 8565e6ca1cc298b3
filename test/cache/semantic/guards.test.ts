/** What each guard speaks against, and what none does. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { decide } from '../../../src/cache/semantic/decide.js';
import { type Guard, objection, signatureOf } from '../../../src/cache/semantic/guards.js';
import { sameAnswer } from '../../../src/cache/semantic/same-answer.js';
import { unfitText } from '../../../src/cache/semantic/text-fit.js';
import { promptOf } from '../../../src/formats/openai-chat/prompt.js';
import { packageRoot } from '../../../src/lib/root.js';

const between = (one: string, two: string, strict = false) => objection(signatureOf(one), signatureOf(two), strict);

const rejected: [Guard, string, string][] = [
  ['numbers', 'Give me 3 ideas', 'Give me 5 ideas'],
  ['numbers', 'Give me three ideas', 'Give me five ideas'],
  ['numbers', 'What is new in Python 3.11?', 'What is new in Python 3.12?'],
  ['numbers', 'What is $5 in yen?', 'What is €5 in yen?'],
  ['negation', 'Cancel my order', 'Do not cancel my order'],
  ['negation', 'Why does it work?', "Why doesn't it work?"],
  ['opposites', 'Turn on the light', 'Turn off the light'],
  ['opposites', 'How many km is that?', 'How many miles is that?'],
  ['direction', 'Fly from Paris to Rome', 'Fly from Rome to Paris'],
  ['entities', 'Tell me about Paris and its mayor', 'Tell me about London and its mayor'],
  ['entities', 'Ask about the NATO treaty', 'Ask about the OPEC treaty'],
  ['question', 'When was it built?', 'Where was it built?'],
  ['language', 'Wie setze ich das Passwort zurück und wo ist das?', 'How do I reset the password and where is that?'],
  ['language', 'Как дела у тебя', 'How are you doing'],
  ['literals', 'Open https://a.example/x', 'Open https://a.example/y'],
  ['literals', 'Explain `a + b` to me', 'Explain `a - b` to me'],
  ['order', 'Is a lion stronger than a tiger?', 'Is a tiger stronger than a lion?'],
  [
    'length',
    'Garden party ideas',
    'Garden party ideas for many guests, music, food, drinks, games, decoration, lights',
  ],
];

const accepted: [string, string][] = [
  ['How do I reset my password?', 'How can I reset my password?'],
  ['Give me 5 ideas', 'Give me five ideas'],
  ['What is the capital of France?', 'Tell me the capital city of France'],
  ["What's 1,000 plus 2?", 'What is 1000 plus 2?'],
  ["Why isn't my card working?", 'Why is my card not working?'],
];

describe('the guards', () => {
  for (const [guard, one, two] of rejected) {
    it(`${guard}: ${one} / ${two}`, () => {
      assert.equal(between(one, two), guard);
      assert.equal(between(two, one), guard);
    });
  }
  for (const [one, two] of accepted) it(`none: ${one} / ${two}`, () => assert.equal(between(one, two), null));

  it('strict ones see an order and too little in common', () => {
    const [one, two] = ['the cat saw a big dog yesterday', 'a big dog saw the cat'];
    assert.equal(between(one, two), null);
    assert.equal(between('the small cat saw a big dog', 'a big dog saw the small grey cat', true), 'order');
    assert.equal(between('alpha beta gamma', 'delta epsilon zeta', true), 'overlap');
  });

  it('read any text in no time: long, empty, broken', () => {
    for (const text of [
      '',
      '\ud800',
      'a'.repeat(20_000),
      'from '.repeat(5_000),
      '"'.repeat(9_999),
      '1,'.repeat(9_999),
      'a_'.repeat(9_999),
    ]) {
      const begun = performance.now();
      assert.equal(between(text, text), null);
      assert.ok(performance.now() - begun < 1_000, `${text.slice(0, 10)}: ${performance.now() - begun} ms`);
    }
  });

  it('speak against nine of ten of our traps, and let most paraphrases through, before any similarity', () => {
    const pairs = readFileSync(join(packageRoot, 'bench/cache/traps.tsv'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split('\t') as [string, string, string, string]);
    assert.equal(pairs.length, 200);
    const passed = (kind: string) => pairs.filter(([of, , one, two]) => of === kind && !between(one, two)).length;
    const all = (kind: string) => pairs.filter(([of]) => of === kind).length;
    assert.ok(passed('trap') <= 0.1 * all('trap'), `${passed('trap')}`);
    assert.ok(passed('paraphrase') >= 0.8 * all('paraphrase'));
  });
});

describe('the decision', () => {
  const prompt = signatureOf('How do I reset my password?');
  const candidate = (similarity: number, text: string, group = text) => ({
    similarity,
    group,
    signature: signatureOf(text),
  });
  const policy = { margin: 0.1, guards: 'standard' } as const;

  it('takes the nearest that is near enough', () => {
    const best = candidate(0.93, 'How can I reset my password?');
    assert.equal(decide(prompt, [best], policy, 0.9).hit, best);
    const far = decide(prompt, [best], policy, 0.94);
    assert.equal(far.hit, undefined);
    assert.equal(far.near, best);
    assert.deepEqual(decide(prompt, [], policy, 0.9), { hit: undefined, near: undefined, rejections: [] });
  });

  it('goes on behind one that a guard rejects', () => {
    const wrong = candidate(0.97, 'How do I not reset my password?');
    const right = candidate(0.93, 'How can I reset my password?');
    const { hit, rejections } = decide(prompt, [wrong, right], policy, 0.9);
    assert.equal(hit, right);
    assert.deepEqual(rejections, ['negation']);
  });

  it('does not choose between two answers, and sees one answer in a group', () => {
    const one = candidate(0.95, 'How can I reset my password?');
    const rival = candidate(0.9, 'How can I reset my phone?');
    assert.deepEqual(decide(prompt, [one, rival], policy, 0.9).rejections, ['margin']);
    assert.equal(decide(prompt, [one, candidate(0.84, 'How can I reset my phone?')], policy, 0.9).hit, one);
    assert.equal(decide(prompt, [one, candidate(0.94, 'x y z', one.group)], policy, 0.9).hit, one);
  });
});

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
