import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hashOf, wellFormed } from '../../../src/identity/secret.js';
import { noStanding } from '../../../src/operations/list-standing.js';
import { type AdminServer, adminServer } from './server.js';

let server: AdminServer;
before(async () => {
  server = await adminServer();
});
after(() => server.close());

const create = async (body: object) => {
  const answer = await server.call('POST', '/keys', body);
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return answer.body;
};

test('the key of the contract is made: 201, its secret this once, and what was said', async () => {
  const asked = {
    name: 'search-prod',
    team: 'search',
    models: ['gpt-4o*', 'claude-*'],
    endpoints: ['chat', 'embeddings'],
    limits: [
      { unit: 'requests', max: 60, per: 'minute' },
      { unit: 'tokens', max: 100000, per: 'minute' },
      { unit: 'usd', max: 50, per: 'month' },
    ],
    expires_at: '2027-01-01T00:00:00Z',
    allowed_ips: ['10.0.0.0/8'],
    tags: ['prod'],
    metadata: { owner: 'ada' },
    user_limits: [{ unit: 'requests', max: 5, per: 'minute' }],
    cache: 'team',
    priority: 'high',
    aliases: { 'gpt-4': 'gpt-4o' },
    capture: 'redacted',
    guards: ['g'],
  };
  const answer = await server.call('POST', '/keys', asked);
  assert.equal(answer.status, 201);
  const { key, id, prefix, created_at, updated_at, ...rest } = answer.body;
  assert.ok(wellFormed(key));
  assert.match(id, /^key_[0-9a-z]{26}$/);
  assert.equal(prefix, key.slice(0, 10));
  assert.equal(created_at, '2026-11-24T08:00:00.000Z');
  assert.equal(updated_at, created_at);
  assert.deepEqual(rest, {
    ...asked,
    expires_at: '2027-01-01T00:00:00.000Z',
    blocked: false,
    blocked_at: null,
    revoked_at: null,
  });
  assert.equal(answer.headers.get('location'), `/admin/v1/keys/${id}`);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  const shown = await server.call('GET', `/keys/${id}`);
  const { key: _, ...withoutSecret } = answer.body;
  assert.deepEqual(shown.body, withoutSecret);
});

test('all but the name may be left out, or be null', async () => {
  const nulls = { team: null, models: null, endpoints: null, limits: null, expires_at: null, allowed_ips: null };
  for (const more of [{}, { ...nulls, tags: null, metadata: null }]) {
    const { team, models, endpoints, limits, expires_at, allowed_ips, tags, metadata } = await create({
      name: 'k',
      ...more,
    });
    assert.deepEqual(
      { team, models, endpoints, limits, expires_at, allowed_ips, tags, metadata },
      { ...nulls, limits: [], tags: [], metadata: {} },
    );
  }
});

test('the secret is stored and shown nowhere: not in lists, single answers, the audit log or the log', async () => {
  const { key, id } = await create({ name: 'secretive' });
  const rotated = await server.call('POST', `/keys/${id}/rotate`, { overlap: '1h' });
  const seen: string[] = [...server.logged];
  for (const path of ['/keys', `/keys/${id}`, '/audit', '/config']) {
    const answer = await server.call('GET', path);
    assert.equal(answer.status, 200);
    seen.push(JSON.stringify(answer.body));
  }
  const revoked = await server.call('DELETE', `/keys/${id}`);
  seen.push(JSON.stringify(revoked.body), JSON.stringify(await server.store.find(hashOf(key))));
  for (const secret of [key, rotated.body.key]) {
    for (const text of seen) assert.ok(!text.includes(secret.slice(10)) && !text.includes(hashOf(secret)));
  }
});

test('lists are newest first, in pages that a cursor leads through, filtered by team and beginning of the name', async () => {
  const made: string[] = [];
  for (let i = 0; i < 5; i++) made.unshift((await create({ name: `list-${i % 2}`, team: 'lists' })).id);
  const seen: string[] = [];
  let cursor: string | null = '';
  let pages = 0;
  do {
    const path: string = `/keys?team=lists&limit=2${cursor ? `&cursor=${cursor}` : ''}`;
    const page = await server.call('GET', path);
    assert.equal(page.status, 200);
    assert.ok(page.body.data.length <= 2);
    for (const key of page.body.data) {
      assert.ok(!('key' in key));
      seen.push(key.id);
    }
    cursor = page.body.next_cursor;
    pages++;
  } while (cursor !== null);
  assert.deepEqual(seen, made);
  assert.equal(pages, 3);
  const exact = await server.call('GET', '/keys?team=lists&limit=5');
  assert.equal(exact.body.next_cursor, null, 'no page that would be empty is promised');
  const named = await server.call('GET', '/keys?team=lists&name=list-1');
  assert.equal(named.body.data.length, 2);
});

test('a patch is a merge patch', async () => {
  const { id } = await create({ name: 'p', team: 'a', models: ['m'], metadata: { a: 1, b: { c: 2, d: 3 } } });
  server.clock.advance(1_000);
  const patched = await server.call('PATCH', `/keys/${id}`, {
    models: null,
    metadata: { a: null, b: { c: 9 } },
    limits: [{ unit: 'usd', max: '0.50', per: 'day' }],
  });
  assert.equal(patched.status, 200);
  const { name, team, models, metadata, limits } = patched.body;
  assert.deepEqual(
    { name, team, models, metadata, limits },
    {
      name: 'p',
      team: 'a',
      models: null,
      metadata: { b: { c: 9, d: 3 } },
      limits: [{ unit: 'usd', max: 0.5, per: 'day' }],
    },
  );
  assert.notEqual(patched.body.updated_at, patched.body.created_at);
  const typed = await server.call(
    'PATCH',
    `/keys/${id}`,
    { name: 'q' },
    { 'content-type': 'application/merge-patch+json' },
  );
  assert.equal(typed.body.name, 'q');
});

test('a patch cannot take the name away or write what is not the caller’s to write', async () => {
  const { id } = await create({ name: 'p' });
  for (const field of ['id', 'key', 'prefix', 'created_at', 'revoked_at', 'blocked', 'hash']) {
    const answer = await server.call('PATCH', `/keys/${id}`, { [field]: 'x' });
    assert.equal(answer.status, 400);
    assert.deepEqual(answer.body.errors, [{ field, message: 'there is no such field' }]);
    assert.equal(answer.body.code, 'unsupported_parameter');
  }
  assert.equal((await server.call('PATCH', `/keys/${id}`, { cache: 'x' })).status, 400);
  assert.equal((await server.call('PATCH', `/keys/${id}`, { name: null })).status, 400);
});

test('deleting revokes: the key is answered, shown when asked for, and gone from the list', async () => {
  const { id } = await create({ name: 'd', team: 'deleting' });
  const deleted = await server.call('DELETE', `/keys/${id}`);
  assert.equal(deleted.status, 200);
  assert.equal(deleted.body.revoked_at, new Date(server.clock.now()).toISOString());
  assert.deepEqual((await server.call('DELETE', `/keys/${id}`)).body, deleted.body, 'again is harmless');
  assert.deepEqual((await server.call('GET', `/keys/${id}`)).body, deleted.body);
  assert.deepEqual((await server.call('GET', '/keys?team=deleting')).body.data, []);
  const all = await server.call('GET', '/keys?team=deleting&include_revoked=true');
  assert.deepEqual(all.body.data, [{ ...deleted.body, ...noStanding }]);
  const conflict = await server.call('PATCH', `/keys/${id}`, { name: 'x' });
  assert.equal(conflict.status, 409);
  assert.equal(conflict.body.code, 'conflict');
});

test('keys are blocked and unblocked, with an empty body or none', async () => {
  const { id } = await create({ name: 'b' });
  const blocked = await server.call('POST', `/keys/${id}/block`);
  assert.equal(blocked.status, 200);
  assert.equal(blocked.body.blocked, true);
  assert.ok(blocked.body.blocked_at);
  const unblocked = await server.call('POST', `/keys/${id}/unblock`, '');
  assert.deepEqual([unblocked.status, unblocked.body.blocked, unblocked.body.blocked_at], [200, false, null]);
});

test('a rotation answers a new secret; the old one ends at once, or after the overlap', async () => {
  const { id, key: first } = await create({ name: 'r' });
  const { status, body } = await server.call('POST', `/keys/${id}/rotate`, { overlap: '10m' });
  assert.equal(status, 200);
  assert.ok(wellFormed(body.key) && body.key !== first);
  assert.equal(body.prefix, body.key.slice(0, 10));
  assert.equal((await server.store.find(hashOf(first)))?.secret_ends_at, server.clock.now() + 600_000);
  const atOnce = await server.call('POST', `/keys/${id}/rotate`);
  assert.equal(atOnce.status, 200);
  assert.equal(await server.store.find(hashOf(first)), null);
  assert.equal(await server.store.find(hashOf(body.key)), null);
  for (const overlap of ['soon', '31d', '-1s', '', 5, '1 h']) {
    assert.equal((await server.call('POST', `/keys/${id}/rotate`, { overlap })).status, 400, String(overlap));
  }
});

test('a key that is not there is 404, in a problem document', async () => {
  const calls = [
    ['GET', ''],
    ['PATCH', ''],
    ['DELETE', ''],
    ['POST', '/rotate'],
    ['POST', '/block'],
    ['POST', '/unblock'],
  ] as const;
  for (const id of ['key_00000000000000000000000000', 'x', '%27%20or%201%3D1']) {
    for (const [method, path] of calls) {
      const answer = await server.call(method, `/keys/${id}${path}`, method === 'PATCH' ? {} : undefined);
      assert.equal(answer.status, 404, `${method} ${path}`);
      assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
      assert.deepEqual(Object.keys(answer.body), ['type', 'title', 'status', 'detail', 'code']);
      assert.equal(answer.body.type, 'urn:tollgate:error:not_found');
      assert.equal(answer.body.status, 404);
    }
  }
});

test('what is wrong with a request is said field by field', async () => {
  const wrong: [object, string, RegExp][] = [
    [{}, 'name', /expected string/],
    [{ name: '' }, 'name', /may not be empty/],
    [{ name: 7 }, 'name', /expected string/],
    [{ name: 'x'.repeat(201) }, 'name', /at most 200/],
    [{ name: 'a\nb' }, 'name', /control characters/],
    [{ name: 'k', nmae: 'x' }, 'nmae', /no such field/],
    [{ name: 'k', models: 'gpt-4o' }, 'models', /expected array/],
    [{ name: 'k', models: [] }, 'models', /leave the field out/],
    [{ name: 'k', models: ['ok', ''] }, 'models[1]', /may not be empty/],
    [{ name: 'k', endpoints: ['chats'] }, 'endpoints[0]', /"chat"/],
    [{ name: 'k', allowed_ips: ['10.0.0.0/33'] }, 'allowed_ips[0]', /CIDR/],
    [{ name: 'k', expires_at: 'tomorrow' }, 'expires_at', /2027-01-01T00:00:00Z/],
    [{ name: 'k', expires_at: '2027-01-01T00:00:00' }, 'expires_at', /zone/],
    [{ name: 'k', expires_at: 1_800_000_000 }, 'expires_at', /zone/],
    [{ name: 'k', limits: [{ unit: 'usd', max: 1 }] }, 'limits[0].per', /needs a `per`/],
    [{ name: 'k', limits: [{ unit: 'usd', max: -1, per: 'day' }] }, 'limits[0].max', /0/],
    [{ name: 'k', limits: [{ unit: 'usd', max: 'much', per: 'day' }] }, 'limits[0].max', /expected a number/],
    [{ name: 'k', limits: [{ unit: 'usd', max: 1, per: 'day', extra: 1 }] }, 'limits[0].extra', /no such field/],
    [{ name: 'k', limits: [{ unit: 'requests', max: 1, per: 'day', model: '\0' }] }, 'limits[0].model', /pattern/],
    [{ name: 'k', tags: [1] }, 'tags[0]', /expected string/],
    [{ name: 'k', metadata: [] }, 'metadata', /expected record/],
    [{ name: 'k', team: {} }, 'team', /expected string/],
  ];
  for (const [body, field, message] of wrong) {
    const answer = await server.call('POST', '/keys', body);
    const said = JSON.stringify(answer.body);
    assert.equal(answer.status, 400, said);
    assert.equal(answer.body.errors.length, 1, said);
    assert.equal(answer.body.errors[0].field, field, said);
    assert.match(answer.body.errors[0].message, message);
    assert.ok(answer.body.detail.startsWith(`${field}: `), said);
  }
  const two = await server.call('POST', '/keys', { models: 1, tags: 2 });
  assert.deepEqual(
    two.body.errors.map(({ field }: { field: string }) => field),
    ['name', 'models', 'tags'],
  );
});

test('wrong queries are refused, each in its own words', async () => {
  const wrong = ['limit=0', 'limit=201', 'limit=x', 'limit=', 'limit=1&limit=2', 'cursor=x', 'cursor=', 'teams=x'];
  for (const query of [...wrong, 'team=', 'team=%00', 'include_revoked=yes']) {
    const answer = await server.call('GET', `/keys?${query}`);
    assert.equal(answer.status, 400, query);
    assert.equal(answer.body.errors[0].field, `query.${query.split('=')[0]}`, query);
  }
});
