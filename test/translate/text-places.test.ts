import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TextPlaces } from '../../src/translate/text-places.js';

const isWhole = (text: string) => Buffer.from(text).toString() === text;

test('places in a text are the same in characters and in bytes, wherever its pieces begin', () => {
  for (const word of ['a', 'é', '漢', '😀', 'x😀', 'aé漢😀']) {
    for (const length of [0, 1, 4095, 4096, 4097, 8191, 8192, 8193]) {
      const text = word.repeat(Math.ceil(length / word.length)).slice(0, length);
      const whole = isWhole(text) ? text : text.slice(0, -1);
      const places = new TextPlaces(whole);
      for (const at of [0, 1, 2, 3, 4094, 4095, 4096, 4097, 4098, 8190, 8192, 8194].filter(
        (one) => one <= whole.length,
      )) {
        const before = whole.slice(0, at);
        if (!isWhole(before)) continue;
        assert.equal(places.bytesAt(at), Buffer.byteLength(before), `${word} ${length} ${at}`);
        assert.equal(places.charsAt(Buffer.byteLength(before)), at, `${word} ${length} ${at}`);
      }
    }
  }
});

test('what lies outside a text is its beginning or its end', () => {
  const places = new TextPlaces('é漢');
  for (const [bytes, chars] of [
    [-5, 0],
    [Number.NaN, 0],
    [5, 2],
    [6, 2],
    [1e300, 2],
    [Number.POSITIVE_INFINITY, 2],
  ] as const)
    assert.equal(places.charsAt(bytes), chars);
  assert.deepEqual([places.bytesAt(-1), places.bytesAt(2), places.bytesAt(1e300)], [0, 5, 5]);
});
