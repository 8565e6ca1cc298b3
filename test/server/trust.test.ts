import assert from 'node:assert/strict';
import { test } from 'node:test';
import { trusts } from '../../src/server/trust.js';

test('addresses and blocks, of both versions, mapped and with a zone', () => {
  const trusted = trusts(() => ['10.0.0.0/8', '::1', 'fe80::/10', '192.168.1.7']);
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '::1', 'fe80::2%eth0', '192.168.1.7'])
    assert.equal(trusted(address), true, address);
  for (const address of ['11.0.0.1', '::2', '192.168.1.8', '', 'nonsense', '::ffff:11.0.0.1'])
    assert.equal(trusted(address), false, address);
});

test('what a block may be written as in the configuration can be used here', () => {
  const trusted = trusts(() => ['10.1', '::ffff:10.2.0.0/112', '0.0.0.0/32']);
  assert.equal(trusted('10.0.0.1'), true);
  assert.equal(trusted('10.2.3.4'), true);
  assert.equal(trusted('10.3.3.4'), false);
  const all = trusts(() => ['0.0.0.0/0', '::/0']);
  assert.deepEqual(['10.0.0.1', '2001:db8::1'].map(all), [true, true]);
});

test('a list that changes is in force at the next question', () => {
  let list: string[] = [];
  const trusted = trusts(() => list);
  assert.equal(trusted('10.0.0.1'), false);
  list = ['10.0.0.0/8'];
  assert.equal(trusted('10.0.0.1'), true);
  list = ['11.0.0.0/8'];
  assert.equal(trusted('10.0.0.1'), false);
});
