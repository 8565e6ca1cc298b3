import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { hashOf, newSecret, wellFormed } from '../../src/identity/secret.js';
import { processorTime } from '../support/processor-time.js';

test('a key reads sk-tg-, 43 base 62 characters and 6 of checksum', () => {
  for (let i = 0; i < 1_000; i++) {
    const { secret, prefix, hash } = newSecret();
    assert.match(secret, /^sk-tg-[0-9A-Za-z]{49}$/);
    assert.equal(prefix, secret.slice(0, 10));
    assert.equal(hash, createHash('sha256').update(secret).digest('hex'));
    assert.equal(wellFormed(secret), true);
  }
});

test('all of the 256 bits are in it: the smallest and the largest fit, and each makes another key', () => {
  const zero = newSecret(Buffer.alloc(32));
  const most = newSecret(Buffer.alloc(32, 0xff));
  assert.ok(zero.secret.startsWith(`sk-tg-${'0'.repeat(43)}`));
  assert.equal(most.secret.length, zero.secret.length);
  const bodies = Array.from({ length: 256 }, (_, bit) => {
    const bytes = Buffer.alloc(32);
    bytes[bit >> 3]! |= 1 << (bit & 7);
    return newSecret(bytes).secret;
  });
  assert.equal(new Set(bodies).size, 256);
});

test('the checksum is the CRC-32 of the 43 characters, the most significant digit first', () => {
  const { secret } = newSecret(Buffer.alloc(32));
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  const crc = [...secret.slice(-6)].reduce((sum, digit) => sum * 62 + digits.indexOf(digit), 0);
  assert.equal(crc, crc32OfZeros(43));
});

test('any single wrong character is noticed', () => {
  const { secret } = newSecret();
  for (let i = 0; i < secret.length; i++) {
    const other = secret[i] === 'x' ? 'y' : 'x';
    assert.equal(wellFormed(secret.slice(0, i) + other + secret.slice(i + 1)), false, `position ${i}`);
  }
});

test('what is not a key at all is not well formed', () => {
  const { secret } = newSecret();
  const hostile = [
    '',
    'sk-tg-',
    'sk-proj-abc',
    secret.slice(0, -1),
    `${secret}0`,
    ` ${secret.slice(1)}`,
    `${secret}\n`,
    `${secret.slice(0, -1)}\n`,
    secret.toUpperCase(),
    secret.replace('sk-tg-', 'sk_tg_'),
    `${secret.slice(0, 20)}é${secret.slice(21)}`,
    `${secret.slice(0, 20)}\0${secret.slice(21)}`,
    '😀'.repeat(27),
    '{"$gt":""}',
  ];
  for (const token of hostile) assert.equal(wellFormed(token), false, JSON.stringify(token));
});

test('a token of many megabytes is refused without being read', () => {
  const huge = `sk-tg-${'a'.repeat(64 * 1024 * 1024)}`;
  const usedMs = processorTime();
  for (let i = 0; i < 1_000; i++) assert.equal(wellFormed(huge), false);
  assert.ok(usedMs() < 100);
});

test('the hash is that of the UTF-8 bytes, in lower-case hexadecimal', () => {
  assert.equal(hashOf('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

/** Bit by bit, as the definition says. */
function crc32OfZeros(count: number): number {
  let crc = 0xffffffff;
  for (let i = 0; i < count; i++) {
    crc ^= '0'.charCodeAt(0);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}
