import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audioTokens, documentTokens, imageTokens } from '../../src/tokens/media.js';
import { dataUrl, jpeg, png, wav } from './images.js';

const openai = (name: string) => ({ name, exact: true });
const other = { name: 'claude-opus-4-7', exact: false };
const picture = (width: number, height: number) => dataUrl('image/png', png(width, height));

test('tiles are counted as the documentation counts its examples', () => {
  assert.equal(imageTokens(picture(1024, 1024), 'high', openai('gpt-4o')), 765);
  assert.equal(imageTokens(picture(2048, 4096), 'high', openai('gpt-4o')), 1105);
  assert.equal(imageTokens(picture(4096, 8192), 'low', openai('gpt-4o')), 85);
  assert.equal(imageTokens(picture(128, 64), 'high', openai('gpt-4.1')), 85 + 170);
  assert.equal(imageTokens(picture(1024, 1024), undefined, openai('gpt-4o-mini')), 2833 + 4 * 5667);
  assert.equal(imageTokens(picture(1024, 1024), 'auto', openai('o3')), 75 + 4 * 150);
  assert.equal(imageTokens(picture(1024, 1024), 'high', openai('gpt-5.1')), 70 + 4 * 140);
});

test('patches are counted as the documentation counts its examples', () => {
  assert.equal(imageTokens(picture(1024, 1024), 'high', openai('gpt-4.1-mini')), Math.ceil(1024 * 1.62));
  assert.equal(imageTokens(picture(1800, 2400), 'high', openai('gpt-4.1-mini')), Math.ceil(1452 * 1.62));
  assert.equal(imageTokens(picture(1800, 2400), 'high', openai('o4-mini')), Math.ceil(1452 * 1.72));
  assert.equal(imageTokens(picture(1024, 1024), 'high', openai('gpt-6-astra')), 1229);
  assert.equal(imageTokens(picture(4096, 512), 'high', openai('gpt-6-astra')), 2458);
  assert.equal(imageTokens(picture(8000, 8000), 'high', openai('gpt-5.5')), 12_000);
  assert.equal(imageTokens(picture(33, 65), 'high', openai('gpt-5.6')), 8);
});

test('a floating-point remainder opens neither another row of patches nor another token', () => {
  assert.ok(150 * 1.62 > 243);
  assert.equal(imageTokens(picture(480, 320), 'high', openai('gpt-4.1-mini')), 243);
  // Scaled to 30 x 48.15 squares.
  assert.equal(imageTokens(picture(1000, 1605), 'high', openai('gpt-5.2')), Math.ceil(30 * 49 * 1.2));
});

test('detail matters where the model takes notice of it', () => {
  assert.equal(imageTokens(picture(1024, 1024), 'low', openai('gpt-5-mini')), Math.ceil(1024 * 1.62));
  assert.equal(imageTokens(picture(8000, 8000), 'high', openai('gpt-5.4')), 3000);
  assert.equal(imageTokens(picture(8000, 8000), 'original', openai('gpt-5.4')), 12_000);
});

test('a picture that cannot be measured counts as the largest that the model takes', () => {
  for (const name of ['gpt-4o', 'gpt-4o-mini', 'o1', 'gpt-5', 'gpt-4.1-nano', 'gpt-5.2', 'gpt-5.4', 'gpt-6-astra']) {
    const unknown = imageTokens('https://example.com/cat.png', 'high', openai(name));
    for (const [width, height] of [
      [1, 1],
      [768, 2048],
      [2048, 768],
      [1024, 1024],
      [5000, 200],
      [9999, 9999],
      [60_000, 60_000],
    ]) {
      assert.ok(imageTokens(picture(width!, height!), 'high', openai(name)) <= unknown, `${name} ${width} x ${height}`);
    }
    for (const url of [undefined, null, 7, {}, '', 'data:image/heic;base64,AAAA']) {
      assert.equal(imageTokens(url, 'high', openai(name)), unknown);
    }
  }
  assert.equal(imageTokens('https://example.com/cat.png', 'low', openai('gpt-4o')), 85);
});

test('for other families the largest of their rules holds', () => {
  assert.equal(imageTokens('https://example.com/cat.png', 'low', other), 4784);
  assert.equal(imageTokens(picture(100, 100), 'low', other), 1120);
  assert.equal(imageTokens(picture(1092, 1092), 'high', other), 41 * 41);
  assert.ok(imageTokens(picture(1500, 1000), 'high', other) >= (1500 * 1000) / 750);
  assert.ok(imageTokens(picture(9000, 9000), 'high', other) <= 4784);
});

test('pictures of absurd shapes have a bounded, whole number of tokens', () => {
  for (const name of ['gpt-4o', 'gpt-4.1-mini', 'gpt-6-astra', 'unknown']) {
    for (const exact of [true, false]) {
      for (const [width, height] of [
        [1, 0xffff_ffff],
        [0xffff_ffff, 1],
        [0xffff_ffff, 0xffff_ffff],
        [1, 1],
        [3, 40_000],
      ]) {
        const tokens = imageTokens(picture(width!, height!), 'high', { name, exact });
        assert.ok(
          Number.isInteger(tokens) && tokens > 0 && tokens <= 48_169,
          `${name} ${width} x ${height}: ${tokens}`,
        );
      }
    }
  }
});

test('a JPEG is measured like a PNG', () => {
  const photo = dataUrl('image/jpeg', jpeg(1024, 1024, { metadata: [20_000] }));
  assert.equal(imageTokens(photo, 'high', openai('gpt-4o')), 765);
});

test('a WAV file is counted by its length', () => {
  const ten = wav(10, 48_000).toString('base64');
  assert.ok(Math.abs(audioTokens(ten, openai('gpt-4o-audio-preview')) - 100) <= 1);
  assert.ok(Math.abs(audioTokens(ten, other) - 320) <= 1);
});

test('a WAV file cannot claim a rate that makes it short', () => {
  const file = wav(10, 48_000);
  file.writeUInt32LE(0xffff_ffff, 28);
  assert.ok(audioTokens(file.toString('base64'), openai('gpt-4o-audio-preview')) >= 25);
  file.writeUInt32LE(0, 28);
  assert.ok(audioTokens(file.toString('base64'), openai('gpt-4o-audio-preview')) >= 100);
});

test('other sound is counted by its size', () => {
  const mp3 = Buffer.alloc(160_000, 1).toString('base64'); // ten seconds at 128 kbit/s
  assert.ok(audioTokens(mp3, openai('gpt-4o-audio-preview')) >= 100);
  assert.equal(audioTokens(undefined, other), 0);
});

test('a document counts at least as a page, by its size, and never without bound', () => {
  const pdf = (bytes: number) => dataUrl('application/pdf', Buffer.alloc(bytes, 1));
  assert.equal(documentTokens(pdf(10)), 4600);
  assert.ok(Math.abs(documentTokens(pdf(300_000)) - 150_000) < 10);
  assert.equal(documentTokens(pdf(8_000_000)), 1_000_000);
  assert.equal(documentTokens(undefined), 100_000);
});
