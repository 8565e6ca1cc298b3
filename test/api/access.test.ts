import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needOf } from '../../src/api/access.js';
import { adminRows } from '../../src/api/table.js';

test('every operation of the admin API says what it needs, and an admin may call it', () => {
  for (const { operationId, access } of adminRows)
    if (access === 'admin') assert.ok(needOf(operationId).roles.includes('admin'), operationId);
});

test('what says nothing is closed to everybody', () => {
  for (const operation of [undefined, '', 'noSuchOperation', 'toString', '__proto__'])
    assert.deepEqual(needOf(operation).roles, [], operation);
});

test('roles that only read may call nothing that writes but what is their own, and explain requests, which writes nothing', () => {
  for (const { operationId, method, access } of adminRows) {
    if (access !== 'admin' || method === 'GET') continue;
    const { roles, scope } = needOf(operationId);
    if (operationId !== 'explainRequest' && scope !== 'own')
      assert.ok(!roles.includes('viewer') && !roles.includes('member'), operationId);
  }
});
