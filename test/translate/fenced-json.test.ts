import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FencedJson } from '../../src/translate/fenced-json.js';

function unfenced(pieces: readonly string[]): string {
  const fenced = new FencedJson();
  return pieces.map((piece) => fenced.push(piece)).join('') + fenced.end();
}

for (const [text, expected] of [
  ['{"a":1}', '{"a":1}'],
  ['```json\n{"a":1}\n```', '{"a":1}'],
  ['\n ```JSON \r\n{"a":1}\r\n```\n\n', '{"a":1}'],
  ['```\n{"a":"```"}\n```', '{"a":"```"}'],
  ['```json\n{"a":1}', '{"a":1}'],
  ['``', '``'],
  ['```', '```'],
  ['', ''],
  ['  {"a":1}\n', '  {"a":1}\n'],
  ['not ```json\n{}\n```', 'not ```json\n{}\n```'],
] as const) {
  test(`${JSON.stringify(text)} is ${JSON.stringify(expected)}, in whatever pieces it comes`, () => {
    assert.equal(unfenced([text]), expected);
    assert.equal(unfenced([...text]), expected);
  });
}

test('what is known not to be a fence is passed on at once', () => {
  const bare = new FencedJson();
  assert.equal(bare.push('{"a":'), '{"a":');
  const fenced = new FencedJson();
  assert.equal(fenced.push('```json\n{"a":'), '{"a":');
});

test('no more is held back than an end could be', () => {
  const fenced = new FencedJson();
  fenced.push('```json\n');
  assert.ok(fenced.push(' '.repeat(100_000)).length >= 99_900);
});

test('any JSON comes out as it went in, fenced or not, in any pieces', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.array(fc.nat(40), { maxLength: 10 }), fc.boolean(), (value, sizes, inFence) => {
      const json = JSON.stringify(value);
      const text = inFence ? `\`\`\`json\n${json}\n\`\`\`` : json;
      const pieces: string[] = [];
      let at = 0;
      for (const size of sizes) {
        pieces.push(text.slice(at, at + size));
        at += size;
      }
      pieces.push(text.slice(at));
      assert.equal(unfenced(pieces), json);
    }),
  );
});
