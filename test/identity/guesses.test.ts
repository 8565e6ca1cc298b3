/** Guesses of passwords: who waits, how long, and who does not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Guesses } from '../../src/identity/guesses.js';

const fail = (guesses: Guesses, times: number, address: string, account: string, nowMs = 0) => {
  for (let i = 0; i < times; i++) guesses.failed(address, account, nowMs);
};

test('from the fifth failure of an address on it waits, twice as long each time, up to a minute', () => {
  const guesses = new Guesses();
  fail(guesses, 4, '192.0.2.1', 'a@b.c');
  assert.equal(guesses.waitMs('192.0.2.1', 'a@b.c', 0), 0);
  for (const wanted of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
    fail(guesses, 1, '192.0.2.1', 'a@b.c');
    assert.equal(guesses.waitMs('192.0.2.1', 'a@b.c', 0), wanted);
  }
  assert.equal(guesses.waitMs('192.0.2.1', 'other@b.c', 0), 60_000, 'whatever the account is');
  assert.equal(guesses.waitMs('192.0.2.2', 'a@b.c', 0), 0, 'another address does not wait');
  assert.equal(guesses.waitMs('192.0.2.1', 'a@b.c', 600_000), 0, 'after ten minutes all is forgotten');
});

test('a right password forgets the failures of its address', () => {
  const guesses = new Guesses();
  fail(guesses, 9, '192.0.2.1', 'a@b.c');
  guesses.succeeded('192.0.2.1', 'a@b.c');
  assert.equal(guesses.waitMs('192.0.2.1', 'a@b.c', 0), 0);
});

test('while an account is attacked from many addresses, whoever failed there once waits, and its owner does not', () => {
  const guesses = new Guesses();
  for (let i = 0; i < 20; i++) guesses.failed(`192.0.2.${i}`, 'a@b.c', 0);
  assert.equal(guesses.waitMs('192.0.2.7', 'a@b.c', 0), 60_000);
  assert.equal(guesses.waitMs('192.0.2.7', 'a@b.c', 60_000), 0);
  assert.equal(guesses.waitMs('192.0.2.7', 'other@b.c', 0), 0);
  assert.equal(guesses.waitMs('198.51.100.1', 'a@b.c', 0), 0);
});

test('all addresses of an IPv6 network of 64 bits are one, however they are written', () => {
  const guesses = new Guesses();
  for (const address of [
    '2001:db8::1',
    '2001:db8:0:0:5::',
    '2001:DB8:0::ffff:1:2',
    '2001:db8::9%eth0',
    '2001:db8::192.0.2.1',
  ])
    guesses.failed(address, 'a@b.c', 0);
  assert.equal(guesses.waitMs('2001:db8:0:0:ffff::1', 'a@b.c', 0), 1_000);
  assert.equal(guesses.waitMs('2001:db8:0:1::1', 'a@b.c', 0), 0);
  fail(guesses, 5, '::ffff:192.0.2.1', 'a@b.c');
  assert.equal(guesses.waitMs('192.0.2.1', 'a@b.c', 0), 1_000, 'an IPv4 address inside is that address');
});

test('what was not tried after all does not count', () => {
  const guesses = new Guesses();
  for (let i = 0; i < 30; i++) {
    guesses.failed('192.0.2.1', 'a@b.c', i);
    guesses.takenBack('192.0.2.1', 'a@b.c');
  }
  assert.equal(guesses.waitMs('192.0.2.1', 'a@b.c', 30), 0);
  fail(guesses, 6, '192.0.2.1', 'a@b.c', 100);
  guesses.takenBack('192.0.2.1', 'a@b.c');
  assert.equal(guesses.waitMs('192.0.2.1', 'a@b.c', 100), 1_000, 'as after five');
});
