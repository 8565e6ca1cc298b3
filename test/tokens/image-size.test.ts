import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { imageSize } from '../../src/tokens/image-size.js';
import { dataUrl, gif, jpeg, png, webp } from './images.js';

const size = { width: 1234, height: 567 };

test('the size of each format is read from its header', () => {
  assert.deepEqual(imageSize(dataUrl('image/png', png(1234, 567))), size);
  assert.deepEqual(imageSize(dataUrl('image/gif', gif(1234, 567))), size);
  assert.deepEqual(imageSize(dataUrl('image/jpeg', jpeg(1234, 567))), size);
  for (const kind of ['VP8X', 'VP8 ', 'VP8L'] as const) {
    assert.deepEqual(imageSize(dataUrl('image/webp', webp(kind, 1234, 567))), size, kind);
  }
});

test('the bytes decide, not the media type', () => {
  assert.deepEqual(imageSize(dataUrl('image/jpeg', png(1234, 567))), size);
  assert.deepEqual(imageSize(dataUrl('text/plain', gif(1234, 567))), size);
});

test('a JPEG frame is found behind large metadata, at any alignment', () => {
  for (const last of [0, 1, 2, 3, 4, 5]) {
    const file = jpeg(1234, 567, { metadata: [65_000, 65_000, 30_000, last] });
    assert.deepEqual(imageSize(dataUrl('image/jpeg', file)), size, `${last}`);
  }
});

test('a JPEG may be progressive and may have fill bytes, and its tables are not frames', () => {
  assert.deepEqual(imageSize(dataUrl('image/jpeg', jpeg(1234, 567, { frame: 0xc2 }))), size);
  assert.deepEqual(imageSize(dataUrl('image/jpeg', jpeg(1234, 567, { fill: 5 }))), size);
  for (const table of [0xc4, 0xc8, 0xcc]) {
    assert.equal(imageSize(dataUrl('image/jpeg', jpeg(1234, 567, { frame: table }))), null);
  }
});

test('a JPEG without a frame is given up after a bounded number of segments', () => {
  const segments = (count: number) => jpeg(1234, 567, { metadata: new Array<number>(count).fill(0) });
  assert.deepEqual(imageSize(dataUrl('image/jpeg', segments(400))), size);
  assert.equal(imageSize(dataUrl('image/jpeg', segments(100_000))), null);
  assert.equal(imageSize(dataUrl('image/jpeg', jpeg(1234, 567, { fill: 100_000 }))), null);
});

test('parameters and letter case of a data URL do not matter', () => {
  const base64 = png(1234, 567).toString('base64');
  for (const head of [
    'data:image/png;charset=utf-8;base64,',
    'DATA:image/png;BASE64,',
    'data:;base64,',
    'data:image/png; base64 ,',
  ]) {
    assert.deepEqual(imageSize(head + base64), size, head);
  }
});

test('what is not a picture in base64 has no size', () => {
  const cut = png(1234, 567).subarray(0, 20);
  for (const url of [
    '',
    'data:',
    'data:image/png;base64',
    'data:image/png;base64,',
    'data:image/png;base64,!!!!',
    'data:image/svg+xml,<svg width="9" height="9"/>',
    'https://example.com/a.png',
    `data:image/png,${png(1, 1).toString('base64')}`,
    dataUrl('image/png', cut),
    dataUrl('image/png', png(0, 10)),
    dataUrl('image/jpeg', jpeg(10, 10).subarray(0, 24)),
    dataUrl('image/webp', webp('VP8X', 10, 10).subarray(0, 28)),
    dataUrl('audio/wav', Buffer.from('RIFF....WAVEfmt .................')),
    dataUrl('image/bmp', Buffer.from(`BM${'\0'.repeat(60)}`)),
  ]) {
    assert.equal(imageSize(url), null, url.slice(0, 60));
  }
});

test('any bytes behind any signature are read without an error', () => {
  const signatures = [png(1, 1), gif(1, 1), jpeg(1, 1), webp('VP8X', 1, 1), webp('VP8 ', 1, 1), webp('VP8L', 1, 1)];
  const file = fc
    .tuple(fc.constantFrom(...signatures), fc.nat(40), fc.uint8Array({ maxLength: 80 }))
    .map(([signature, keep, rest]) => Buffer.concat([signature.subarray(0, keep), rest]));
  fc.assert(
    fc.property(file, fc.string(), (bytes, noise) => {
      const found = imageSize(dataUrl('image/png', bytes));
      assert.ok(found === null || (found.width > 0 && found.height > 0));
      imageSize(`data:image/png;base64,${noise}`);
      imageSize(noise);
    }),
    { numRuns: 1000 },
  );
});
