import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { foldText } from '../../src/router/fold-text.js';
import { anyKeyword } from '../../src/router/keywords.js';

const find = (keywords: readonly string[], text: string) => anyKeyword(keywords)(foldText(text));

describe('keywords', () => {
  const table: readonly (readonly [keyword: string, text: string, found: boolean])[] = [
    // Scripts without spaces, and with endings that join.
    ['证明', '请证明这个定理', true],
    ['バグ', 'このコードのバグを見つけて', true],
    ['ﾊﾞｸﾞ', 'このコードのバグを見つけて', true],
    ['พิสูจน์', 'ช่วยพิสูจน์ทฤษฎีนี้', true],
    ['코드', '이 코드를 고쳐 주세요', true],
    ['코드'.normalize('NFD'), '이 코드를 고쳐 주세요', true],
    ['python', '请用Python写代码', true],
    ['python', '用Pythonic的风格', false],
    ['写代码', '请用Python写代码', true],
    ['吉', '𠮷野家', false],
    ['𠮷野', '新しい𠮷野家です', true],
    ['a𠮷', 'xa𠮷', false],
    ['a𠮷', '本a𠮷', true],
    // One text, several ways to write it.
    ['café', 'un cafe\u0301 noir', true],
    ['cafe\u0301', 'un café noir', true],
    ['cafe', 'un cafe\u0301 noir', false],
    ["don't know", 'I don’t know', true],
    ['don’t know', "I don't  know", true],
    ['"exactly"', 'say “exactly” this', true],
    ['"exactly"', 'say «exactly» this', true],
    ['c++', 'ｃ＋＋ code', true],
    ['prove', 'ｐｒｏｖｅ　ｉｔ', true],
    ['follow-up', 'a follow‑up question', true],
    ['find the bug', 'find\u00a0the\u2009bug', true],
    ['password', 'pass\u00adword', true],
    ['password', 'pass\u200bword', true],
    ['straße', 'DIE STRASSE', true],
    ['STRASSE', 'die straße', true],
    ['ΟΔΟΣ', 'η οδος', true],
    ['οδός', 'Η ΟΔΌΣ', true],
    ['office', 'the oﬃce', true],
    ['ПРИВЕТ', 'ну, привет!', true],
    // Words are whole.
    ['prove', 'to improve', false],
    ['prove', 'proves', false],
    ['prove', 'prove_it', false],
    ['हिन', 'हिन्दी', false],
    ['prove', 'improve, and then prove', true],
    ['c++', 'in C++17', true],
    ['.net', 'asp.net', true],
    ['net', 'asp.net', true],
  ];
  for (const [keyword, text, found] of table) {
    test(`${JSON.stringify(keyword)} is ${found ? '' : 'not '}in ${JSON.stringify(text)}`, () => {
      assert.equal(find([keyword], text), found ? keyword : undefined);
    });
  }

  test('of several the one that ends first is found, also within another that does not fit', () => {
    assert.equal(find(['she', 'he', 'hers'], 'ushers he'), 'he');
    assert.equal(find(['the bug report', 'bug'], 'the bug here'), 'bug');
    assert.equal(find(['ab c', 'b'], 'a b c'), 'b');
    assert.equal(find(['x', ' '], 'y'), undefined);
    assert.equal(find([], 'y'), undefined);
  });

  test('the same as looking for each by itself', () => {
    const words = ['a', 'ab', 'aba', 'b', 'ba', 'bab', 'a b', 'b a'];
    let seed = 1;
    const next = (n: number) => (seed = (seed * 48_271) % 2_147_483_647) % n;
    for (let i = 0; i < 2_000; i++) {
      const text = Array.from({ length: next(12) }, () => 'ab '[next(3)]).join('');
      const folded = foldText(text);
      const one = (word: string) => new RegExp(`(?<![\\p{L}])${word}(?![\\p{L}])`, 'u').test(folded);
      const chosen = words.filter(() => next(2) === 0);
      assert.equal(find(chosen, text) !== undefined, chosen.some(one), `${chosen} in "${text}"`);
    }
  });

  test('of a long message the beginning and the end are looked at', () => {
    const filler = 'lorem ipsum '.repeat(20_000);
    assert.equal(find(['prove'], `Prove this: ${filler}`), 'prove');
    assert.equal(find(['prove'], `${filler}. Prove it.`), 'prove');
    assert.equal(find(['prove'], `${filler} prove ${filler}`), undefined);
    assert.equal(find(['lorem'], filler.slice(1)), 'lorem');
  });

  test('no text costs more than the time of its length', () => {
    const thousand = anyKeyword(Array.from({ length: 1_000 }, (_, i) => `${'a'.repeat(1 + (i % 150))}b${i}`));
    const texts = {
      'marks out of order': `a${'\u0301\u0323'.repeat(500_000)}`,
      'marks by kind': `a${'\u0301'.repeat(20_000)}${'\u0323'.repeat(20_000)}`,
      'ligatures of eighteen letters': '\ufdfa'.repeat(100_000),
      'unseen between marks': 'a\u0301\u200b\u0323\u200d'.repeat(100_000),
      spaces: `${' '.repeat(1_000_000)}é`,
      'beginnings of keywords': 'a'.repeat(1_000_000),
      'half pairs': '\ud842'.repeat(100_000),
    };
    for (const [name, text] of Object.entries(texts)) {
      const flat = Buffer.from(text, 'utf16le').toString('utf16le');
      let best = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 5; i++) {
        const before = performance.now();
        thousand(foldText(flat));
        best = Math.min(best, performance.now() - before);
      }
      assert.ok(best < 250, `${name}: ${best.toFixed(1)} ms`);
    }
  });
});
