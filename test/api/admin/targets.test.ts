import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type AdminServer, adminServer, aTarget } from './server.js';

let server: AdminServer;
const set: [string, string][] = [];
before(async () => {
  server = await adminServer({
    setBreaker: (id, to) => {
      if (id !== 'openai/org/m') return undefined;
      set.push([id, to]);
      return { ...aTarget, id, breaker: to === 'open' ? 'held_open' : 'closed' };
    },
  });
});
after(() => server.close());

test('a breaker is opened and closed by hand, once, and the audit log says who did it', async () => {
  const path = `/targets/${encodeURIComponent('openai/org/m')}`;
  const opened = await server.call('POST', `${path}/open`, undefined, { 'idempotency-key': 'o1' });
  assert.deepEqual([opened.status, opened.body.breaker], [200, 'held_open']);
  const again = await server.call('POST', `${path}/open`, undefined, { 'idempotency-key': 'o1' });
  assert.equal(again.headers.get('idempotent-replayed'), 'true');
  const closed = await server.call('POST', `${path}/close`);
  assert.equal(closed.body.breaker, 'closed');
  assert.deepEqual(set, [
    ['openai/org/m', 'open'],
    ['openai/org/m', 'closed'],
  ]);
  const audit = await server.call('GET', `/audit?subject=${encodeURIComponent('openai/org/m')}`);
  assert.deepEqual(
    audit.body.data.map(({ action }: { action: string }) => action),
    ['target.close', 'target.open'],
  );
});

test('a target that no model has is not found, and nothing is written', async () => {
  const answer = await server.call('POST', '/targets/openai%2Fother/open');
  assert.equal(answer.status, 404);
  assert.match(answer.body.detail, /openai\/other/);
  assert.equal((await server.call('GET', '/audit?subject=openai%2Fother')).body.data.length, 0);
});

test('only the admin may', async () => {
  const answer = await server.call('POST', '/targets/openai%2Forg%2Fm/open', undefined, { authorization: 'Bearer x' });
  assert.equal(answer.status, 401);
});
