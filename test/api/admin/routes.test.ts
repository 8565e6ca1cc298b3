import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ok, refuse, refused } from '../../../src/lib/errors.js';
import { type AdminServer, adminServer, aRouteTarget } from './server.js';

const URL = 'http://10.0.0.5:8080/base';
const path = `/routes/orders/targets/${encodeURIComponent(URL)}`;
let server: AdminServer;
const set: string[] = [];
const shown = [{ id: 'orders', kind: 'upstream', match: { path: '/x' }, targets: [{ ...aRouteTarget, id: URL }] }];

before(async () => {
  server = await adminServer({
    routes: () => shown,
    setRouteBreaker: (route, target, to) => {
      if (route !== 'orders') return refused(refuse('not_found', `There is no route ${route}.`));
      set.push(`${target} ${to}`);
      return ok({ ...aRouteTarget, id: target, breaker: to === 'open' ? 'held_open' : 'closed' });
    },
  });
});
after(() => server.close());

test('routes are shown as they are', async () => {
  assert.deepEqual((await server.call('GET', '/routes')).body, { data: shown, next_cursor: null });
});

test('the breaker of a target is opened and closed by hand, once, and the audit log says who did it', async () => {
  const opened = await server.call('POST', `${path}/open`, undefined, { 'idempotency-key': 'o1' });
  assert.deepEqual([opened.status, opened.body.breaker], [200, 'held_open']);
  const again = await server.call('POST', `${path}/open`, undefined, { 'idempotency-key': 'o1' });
  assert.equal(again.headers.get('idempotent-replayed'), 'true');
  assert.equal((await server.call('POST', `${path}/close`)).body.breaker, 'closed');
  assert.deepEqual(set, [`${URL} open`, `${URL} closed`]);
  const audit = await server.call('GET', `/audit?subject=${encodeURIComponent(`orders ${URL}`)}`);
  assert.deepEqual(
    audit.body.data.map(({ action }: { action: string }) => action),
    ['route_target.close', 'route_target.open'],
  );
});

test('what is not there is told, and nothing is written', async () => {
  const answer = await server.call('POST', '/routes/others/targets/x/open');
  assert.deepEqual([answer.status, answer.body.detail], [404, 'There is no route others.']);
  assert.equal((await server.call('GET', '/audit?subject=others%20x')).body.data.length, 0);
});

test('only the admin may', async () => {
  for (const [method, where] of [
    ['GET', '/routes'],
    ['POST', `${path}/open`],
  ] as const)
    assert.equal((await server.call(method, where, undefined, { authorization: 'Bearer x' })).status, 401);
});
