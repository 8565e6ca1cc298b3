import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mayComeFrom, mayUseEndpoint, mayUseModel, parseBlock } from '../../src/identity/allow.js';
import { anyOf } from '../../src/lib/patterns.js';
import { aKey } from '../contract/keys.js';
import { processorTime } from '../support/processor-time.js';

test('a key that names no models, endpoints or addresses may use all', () => {
  const key = aKey();
  assert.ok(mayUseModel(key, 'anything/at:all'));
  assert.ok(mayUseEndpoint(key, 'chat'));
  assert.ok(mayComeFrom(key, '203.0.113.9'));
  assert.ok(mayComeFrom(key, undefined));
});

test('a key that names none at all may use none', () => {
  const key = aKey({ models: [], endpoints: [], allowed_ips: [] });
  assert.ok(!mayUseModel(key, 'gpt-4o'));
  assert.ok(!mayUseEndpoint(key, 'chat'));
  assert.ok(!mayComeFrom(key, '127.0.0.1'));
});

test('models match by name and by wildcard, whole and with their case', () => {
  const key = aKey({ models: ['gpt-4o*', 'claude-*-latest', 'exact', '*-mini*x'] });
  for (const model of ['gpt-4o', 'gpt-4o-mini', 'claude-3-latest', 'claude--latest', 'exact', '-minix', 'a-mini-b-x']) {
    assert.ok(mayUseModel(key, model), model);
  }
  for (const model of ['gpt-4', 'xgpt-4o', 'claude-latest', 'exactly', 'GPT-4o', 'a-mini', '', 'minix']) {
    assert.ok(!mayUseModel(key, model), model);
  }
});

test('in a pattern only the star means something', () => {
  const matches = anyOf(['a.c', 'x[0-9]*', '(b|c)*', 'd?e*', '^z*$']);
  for (const name of ['abc', 'x5', 'b', 'dxe', 'e', 'z']) assert.ok(!matches(name), name);
  for (const name of ['a.c', 'x[0-9]1', '(b|c)', 'd?e', '^zz$']) assert.ok(matches(name), name);
});

test('matching is what a regular expression would find', () => {
  const letters = (extra: string[]) =>
    fc.array(fc.constantFrom('a', 'b', ...extra), { maxLength: 12 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(letters(['*']), letters([]), (pattern, name) => {
      const expected = new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(name);
      assert.equal(anyOf([pattern])(name), expected, `${pattern} on ${name}`);
    }),
    { numRuns: 5_000 },
  );
});

test('no pattern and no name takes long', () => {
  const key = aKey({ models: Array.from({ length: 100 }, () => `${'*a'.repeat(99)}*b`) });
  const usedMs = processorTime();
  for (let i = 0; i < 100; i++) assert.ok(!mayUseModel(key, 'a'.repeat(1_000)));
  assert.ok(!mayUseModel(key, 'a'.repeat(10_000_000)));
  assert.ok(!mayUseModel(aKey({ models: ['*'] }), 'a'.repeat(10_000_000)), 'nor is a name of megabytes a model');
  assert.ok(usedMs() < 500);
});

test('addresses match by block, of both kinds', () => {
  const key = aKey({ allowed_ips: ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1'] });
  for (const address of ['10.255.0.1', '192.0.2.7', '2001:db8:ffff::1', '::1', '0:0:0:0:0:0:0:1']) {
    assert.ok(mayComeFrom(key, address), address);
  }
  for (const address of [
    '11.0.0.1',
    '192.0.2.8',
    '2001:db9::1',
    '::2',
    undefined,
    '',
    'localhost',
    '10.0.0.1, 1.1.1.1',
  ]) {
    assert.ok(!mayComeFrom(key, address), address);
  }
});

test('an IPv4 address inside an IPv6 one is the IPv4 address', () => {
  assert.ok(mayComeFrom(aKey({ allowed_ips: ['10.0.0.0/8'] }), '::ffff:10.1.2.3'));
  assert.ok(!mayComeFrom(aKey({ allowed_ips: ['10.0.0.0/8'] }), '::ffff:11.1.2.3'));
  assert.ok(mayComeFrom(aKey({ allowed_ips: ['::ffff:10.0.0.0/104'] }), '10.1.2.3'));
  assert.ok(!mayComeFrom(aKey({ allowed_ips: ['::ffff:10.0.0.0/104'] }), '11.1.2.3'));
  assert.ok(!mayComeFrom(aKey({ allowed_ips: ['::/0'] }), '10.1.2.3'), 'a block of IPv6 does not hold IPv4');
});

test('the zone of a link-local address does not matter', () => {
  assert.ok(mayComeFrom(aKey({ allowed_ips: ['fe80::/10'] }), 'fe80::1%eth0'));
});

test('only plain addresses and blocks can be written', () => {
  for (const good of ['10.0.0.0/8', '0.0.0.0/0', '1.2.3.4', '1.2.3.4/32', '::/0', 'fe80::/10', '::ffff:1.2.3.4']) {
    assert.notEqual(parseBlock(good), null, good);
  }
  const bad = [
    '',
    '/',
    '10',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '0x0a.0.0.1',
    '010.0.0.1',
    '::/129',
  ];
  for (const written of [
    ...bad,
    '10.0.0.0/ 8',
    ' 10.0.0.1',
    'fe80::1%eth0',
    '::ffff:10.0.0.0/8',
    'example.com',
    '10.0.0.1\n',
  ]) {
    assert.equal(parseBlock(written), null, JSON.stringify(written));
  }
});
