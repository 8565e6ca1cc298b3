/** A text that comes in pieces is read as the whole is: cut anywhere, the same comes of it, and nothing that was found goes out. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PatternFinder } from '../../src/guardrails/pattern.js';
import { PiiFinder } from '../../src/guardrails/pii.js';
import { Placeholders } from '../../src/guardrails/placeholders.js';
import { GuardWords, type TextGuard } from '../../src/guardrails/text-guard.js';
import { TextStream } from '../../src/guardrails/text-stream.js';
import { piiEntities } from '../../src/lib/guard-spec.js';

const guardOf = (finder: TextGuard['finder'], action: TextGuard['action'] = 'redact'): TextGuard => ({
  ...{ name: 'g', on: ['output'], action, message: null, restore: false, finder },
});
const pii = guardOf(new PiiFinder(piiEntities));

/** What is told of the text, piece by piece, each as soon as it is decided. */
function told(pieces: readonly string[], guards: readonly TextGuard[], placeholders = new Placeholders(() => false)) {
  const words = new GuardWords(() => {});
  const stream = new TextStream(guards, { side: 'output', words, placeholders });
  const waiting: { start: number; end: number }[] = [];
  let out = '';
  const take = () => {
    while (waiting.length > 0 && waiting[0]!.end <= stream.decided && !words.blockedBy) {
      const { start, end } = waiting.shift()!;
      out += stream.take(start, end);
      stream.given(end);
    }
  };
  for (const piece of pieces) {
    const start = stream.length;
    stream.push(piece);
    waiting.push({ start, end: stream.length });
    take();
  }
  stream.end();
  take();
  return { out, words };
}

const cutEach = (text: string, length: number): string[] => text.match(new RegExp(`[\\s\\S]{1,${length}}`, 'g')) ?? [];

describe('a text in pieces', () => {
  const filler = 'There is nothing to be seen here, so go on. '.repeat(12);
  const text = `${filler}Mail jo@example.com or +49 30 1234567. ${filler}Card 4111-1111-1111-1111, jo@example.com. ${filler}`;
  const expected = text
    .replaceAll('jo@example.com', '[EMAIL_1]')
    .replace('+49 30 1234567', '[PHONE_1]')
    .replace('4111-1111-1111-1111', '[CARD_1]');

  test('cut into pieces of any length', () => {
    for (const length of [1, 2, 3, 5, 7, 64, 255, 256, 257, 500, 5_000])
      assert.equal(told(cutEach(text, length), [pii]).out, expected, `pieces of ${length}`);
  });

  test('cut in two at every place around a find', () => {
    const short = 'Write to jo@example.com now.';
    for (let at = 1; at < short.length; at++)
      assert.equal(told([short.slice(0, at), short.slice(at)], [pii]).out, 'Write to [EMAIL_1] now.');
  });

  test('what blocks stops it before any of it is out', () => {
    const { out, words } = told(cutEach(`${filler}${filler}the launch code is 1234`, 3), [
      guardOf(new PatternFinder(['launch code is \\d+'], 'X'), 'block'),
    ]);
    assert.equal(words.blockedBy?.name, 'g');
    assert.ok(!out.includes('launch'));
  });

  test('a find of 300 characters is found, and one that never ends is taken at its bound', () => {
    const key = `ghp_${'a'.repeat(251)}`;
    assert.equal(told(cutEach(`x ${key} y`, 9), [pii]).out, 'x [SECRET_1] y');
    const endless = told(cutEach(`-----BEGIN PRIVATE KEY-----\n${'QUJD'.repeat(5_000)}`, 50), [pii]).out;
    assert.match(endless, /^\[SECRET_1\]/);
  });

  test('JSON stays JSON: escapes are undone and done again, and a number becomes a string', () => {
    const json = '{"to":"\\u006ao@example.com","text":"first\\njo@example.com \\"x\\"","n":4111111111111111,"e":"x"}';
    for (const length of [1, 2, 3, 7, 100]) {
      const { out } = told(cutEach(json, length), [pii]);
      assert.deepEqual(JSON.parse(out), { to: '[EMAIL_1]', text: 'first\n[EMAIL_1] "x"', n: '[CARD_1]', e: 'x' });
    }
  });

  test('a placeholder is put back, also where it comes in pieces, escaped in JSON, and only where it is known', () => {
    const placeholders = new Placeholders(() => false);
    placeholders.of('EMAIL', 'jo"@example.com', true);
    const words = 'Sent to [EMAIL_1], not to [EMAIL_2] [x] [';
    for (const length of [1, 2, 3, 9, 100]) {
      assert.equal(told(cutEach(words, length), [], placeholders).out, words.replace('[EMAIL_1]', 'jo"@example.com'));
      const { out } = told(cutEach('{"to":"[EMAIL_1]"}', length), [], placeholders);
      assert.deepEqual(JSON.parse(out), { to: 'jo"@example.com' });
    }
  });

  test('without guards nothing waits but what may be a placeholder', () => {
    const placeholders = new Placeholders(() => false);
    placeholders.of('EMAIL', 'a@b.io', true);
    const stream = new TextStream([], { side: 'output', words: new GuardWords(() => {}), placeholders });
    stream.push('Hello there ');
    assert.equal(stream.decided, 12);
    stream.push('[EMAIL');
    assert.equal(stream.decided, 12);
  });
});
