/** Lines of the audit log about refusals: how many there are, and that strangers and users have theirs apart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusals } from '../../../src/api/admin/refusals.js';
import { localChanges } from '../../../src/identity/changes.js';
import { createKeys } from '../../../src/identity/keys.js';
import { memoryKeyStore } from '../../../src/identity/keys-memory.js';
import { ManualClock } from '../../support/clock.js';

function setUp() {
  const clock = new ManualClock();
  const store = memoryKeyStore();
  const keys = createKeys({ store, clock, changes: localChanges() });
  const refusals = new Refusals({ keys, clock }, (error) => assert.fail(String(error)));
  const lines = async (action: string) =>
    (await keys.read.audit({ action }, { limit: 5_000, after: null })).map(({ actor }) => actor);
  const denied = (actor: string) =>
    refusals.denied({
      ...{ principal: { actor, role: 'viewer' }, method: 'POST', url: '/admin/v1/keys' },
      routeOptions: { config: { operationId: 'createKey' } },
    } as unknown as Parameters<Refusals['denied']>[0]);
  return { clock, refusals, lines, denied };
}
const asked = { method: 'GET', path: '/admin/v1/keys' };

test('strangers from many addresses do not take the lines of users who lack a role', async () => {
  const { refusals, lines, denied } = setUp();
  for (let i = 0; i < 2_100; i++) await refusals.stranger(`10.1.${i >> 8}.${i & 255}`, asked);
  assert.equal((await lines('access.wrong_key')).length, 2_000);
  await denied('user:usr_a');
  assert.deepEqual(await lines('access.denied'), ['user:usr_a']);
});

test('the addresses of an IPv6 network are one stranger, of whom the first ten refusals have a line each', async () => {
  const { refusals, lines } = setUp();
  for (let i = 1; i <= 40; i++) await refusals.stranger(`2001:db8::${i.toString(16)}`, asked);
  assert.equal((await lines('access.wrong_key')).length, 11, 'and the twentieth');
});
