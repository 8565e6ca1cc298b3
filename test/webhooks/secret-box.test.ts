import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secretBox } from '../../src/webhooks/secret-box.js';

const box = secretBox('a master key of these tests, long enough');
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

test('a secret comes back for its owner, and is not to be seen in between', () => {
  const sealed = box.seal(secret, 'wh_1');
  assert.equal(box.open(sealed, 'wh_1'), secret);
  assert.ok(!sealed.toString('latin1').includes('MfKQ9r8G'));
  assert.notDeepEqual(sealed, box.seal(secret, 'wh_1'), 'the same secret is sealed otherwise each time');
});

test('nobody else opens it: another owner, another key, a changed byte', () => {
  const sealed = box.seal(secret, 'wh_1');
  const other = secretBox('another master key of these tests, as long');
  assert.notEqual(other.keyId, box.keyId);
  assert.equal(secretBox('a master key of these tests, long enough').keyId, box.keyId);
  assert.throws(() => box.open(sealed, 'wh_2'));
  assert.throws(() => other.open(sealed, 'wh_1'));
  for (let i = 0; i < sealed.length; i++) {
    const changed = Buffer.from(sealed);
    changed[i]! ^= 1;
    assert.throws(() => box.open(changed, 'wh_1'), `byte ${i}`);
  }
  assert.throws(() => box.open(sealed.subarray(0, 20), 'wh_1'));
});
