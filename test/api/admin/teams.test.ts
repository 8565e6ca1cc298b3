import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type AdminServer, adminServer } from './server.js';

let server: AdminServer;
before(async () => {
  server = await adminServer();
});
after(() => server.close());

test('a team is made, shown, changed, blocked, unblocked and deleted', async () => {
  const limits = [{ unit: 'usd', max: 100, per: 'month', warn_at: [0.5, 1] }];
  const user_limits = [{ unit: 'tokens', max: 1000, per: 'day', timezone: 'Europe/Berlin' }];
  const made = await server.call('POST', '/teams', {
    name: 'search',
    limits,
    user_limits,
    metadata: { cost_center: 'R7' },
    aliases: { fast: 'gpt-4o-mini', best: 'gpt-4o' },
  });
  assert.equal(made.status, 201);
  const now = '2026-11-24T08:00:00.000Z';
  const expected = {
    id: 'search',
    name: 'search',
    limits,
    markup: null,
    user_limits,
    metadata: { cost_center: 'R7' },
    aliases: { fast: 'gpt-4o-mini', best: 'gpt-4o' },
    capture: null,
    guards: [],
    created_at: now,
    updated_at: now,
    blocked: false,
    blocked_at: null,
  };
  assert.deepEqual(made.body, expected);
  assert.deepEqual((await server.call('GET', '/teams/search')).body, expected);
  const patched = await server.call('PATCH', '/teams/search', {
    limits: null,
    metadata: { cost_center: null, x: 1 },
    aliases: { fast: null, good: 'gpt-4o' },
  });
  assert.deepEqual(patched.body, {
    ...expected,
    limits: [],
    metadata: { x: 1 },
    aliases: { best: 'gpt-4o', good: 'gpt-4o' },
  });
  assert.equal((await server.call('POST', '/teams/search/block')).body.blocked, true);
  assert.equal((await server.call('POST', '/teams/search/unblock')).body.blocked_at, null);
  assert.equal((await server.call('DELETE', '/teams/search')).status, 200);
  assert.equal((await server.call('GET', '/teams/search')).status, 404);
});

test('a team that is there already is a conflict', async () => {
  await server.call('POST', '/teams', { name: 'twice' });
  const again = await server.call('POST', '/teams', { name: 'twice' });
  assert.equal(again.status, 409);
  assert.equal(again.body.code, 'conflict');
});

test('a team that has keys cannot be deleted', async () => {
  await server.call('POST', '/keys', { name: 'k', team: 'busy' });
  assert.equal((await server.call('DELETE', '/teams/busy')).status, 409);
});

test('a team is named as people name teams, and found by that name in a path', async () => {
  for (const name of ['R & D', 'Çözüm/日本 😀', 'a.b', '..', '%2e', 'x'.repeat(100), '日'.repeat(100)]) {
    const made = await server.call('POST', '/teams', { name });
    assert.equal(made.status, 201, name);
    const location = made.headers.get('location')!;
    const path = location.replace('/admin/v1', '');
    if (name === '..') continue; // clients resolve it away before they send it
    const shown = await server.call('GET', path);
    assert.equal(shown.status, 200, name);
    assert.equal(shown.body.id, name);
  }
});

test('teams are listed by name, in pages', async () => {
  for (const name of ['zz-3', 'zz-1', 'zz-2']) await server.call('POST', '/teams', { name });
  const cursor = Buffer.from('zz').toString('base64url');
  const first = await server.call('GET', `/teams?limit=2&cursor=${cursor}`);
  const second = await server.call('GET', `/teams?limit=2&cursor=${first.body.next_cursor}`);
  const names = (page: typeof first) =>
    page.body.data.map(({ id }: { id: string }) => id).filter((id: string) => id < 'zz-9');
  assert.deepEqual([names(first), names(second)[0]], [['zz-1', 'zz-2'], 'zz-3']);
});

test('what is wrong with a team is said', async () => {
  const wrong: [object, string][] = [
    [{}, 'name'],
    [{ name: '' }, 'name'],
    [{ name: 'x'.repeat(101) }, 'name'],
    [{ name: 'a\u0000' }, 'name'],
    [{ name: 't', models: [] }, 'models'],
    [{ name: 't', id: 'u' }, 'id'],
  ];
  for (const [body, field] of wrong) {
    const answer = await server.call('POST', '/teams', body);
    assert.equal(answer.status, 400);
    assert.equal(answer.body.errors[0].field, field);
  }
  assert.equal((await server.call('PATCH', '/teams/twice', { name: 'thrice' })).status, 400, 'a name is for good');
});
