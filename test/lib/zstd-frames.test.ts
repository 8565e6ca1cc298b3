/** What a zstd body says of itself, before anything of it is decoded. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { zstdProblem } from '../../src/lib/zstd-frames.js';
import { rawFrame, rleFrame, skippedFrame, WORDS, zstdOdd, zstdWords } from '../support/zstd.js';

const MOST = 1024 * 1024;

test('whole frames are fine: compressed, raw, several, with what is to be passed over', () => {
  for (const body of Object.values(zstdWords)) assert.equal(zstdProblem(body, MOST), null);
  assert.equal(zstdProblem(rawFrame(Buffer.from(WORDS)), MOST), null);
  assert.equal(zstdProblem(zstdOdd.unsized, MOST), null);
  assert.equal(
    zstdProblem(Buffer.concat([skippedFrame(100), rawFrame(Buffer.from('a')), zstdWords.level3]), MOST),
    null,
  );
});

test('a frame that was made with a dictionary is named as such, wherever it stands', () => {
  assert.equal(zstdProblem(zstdOdd.dictionary, MOST), 'dictionary');
  assert.equal(zstdProblem(Buffer.concat([zstdWords.level3, zstdOdd.dictionary]), MOST), 'dictionary');
});

test('a frame that names a large window or a large content is too large, wherever it stands', () => {
  const large = [rawFrame(Buffer.from('a'), { content: 2 ** 31 }), rawFrame(Buffer.from('a'), { window: 0xf8 })];
  for (const frame of large) {
    assert.equal(zstdProblem(frame, MOST), 'too_large');
    assert.equal(zstdProblem(Buffer.concat([rawFrame(Buffer.from('a')), frame]), MOST), 'too_large');
  }
  assert.equal(zstdProblem(rawFrame(Buffer.from('a'), { content: MOST + 1 }), MOST), 'too_large');
});

test('a block that repeats a byte says how often only to who decodes it', () => {
  assert.equal(zstdProblem(rleFrame(100), MOST), null);
});

test('what is cut anywhere is broken, and so is what is none', () => {
  for (const body of [...Object.values(zstdWords), rawFrame(Buffer.from(WORDS)), skippedFrame(9)])
    for (let length = 0; length < body.length; length++)
      assert.equal(zstdProblem(body.subarray(0, length), MOST), 'broken', `${length} of ${body.length}`);
  assert.equal(zstdProblem(Buffer.from('{"model":"m"}'), MOST), 'broken');
});

test('any bytes are read in bounds', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const body = Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), bytes]);
      assert.ok([null, 'broken', 'too_large', 'dictionary'].includes(zstdProblem(body, MOST)));
    }),
  );
});
