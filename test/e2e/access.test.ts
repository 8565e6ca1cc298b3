/** Every operation of the admin API, asked by everybody: what a role does not cover, and what is of other teams, is closed. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { needOf } from '../../src/api/access.js';
import { adminRows, type OperationId, type Row } from '../../src/api/table.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { ask, type MadeUser, madeUser } from '../support/people.js';

const limit = { unit: 'usd', max: 50, per: 'month' };

describe('the admin API by roles', () => {
  let gateway: Gateway;
  const people: Record<string, MadeUser> = {};
  const key: Record<string, { id: string; key: string }> = {};
  let adminToken: { id: string };

  before(async () => {
    gateway = await startGateway({
      database: 'postgres',
      config: {
        providers: { sandbox: { type: 'sandbox' } },
        models: { sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: { input: 1, output: 1 } } },
      },
    });
    for (const name of ['alpha', 'beta']) {
      await gateway.admin('POST', '/teams', { name, limits: [limit], user_limits: [limit] });
      const fields = { name: `${name}-key`, team: name, limits: [limit], user_limits: [limit] };
      key[name] = await gateway.admin('POST', '/keys', fields);
      const body = { model: 'sandbox', user: `${name}-user`, messages: [{ role: 'user', content: 'Hello' }] };
      assert.equal((await gateway.chat(key[name]!.key, body)).status, 200);
    }
    for (const role of ['admin', 'viewer']) people[role] = await madeUser(gateway, { role });
    for (const role of ['team_admin', 'member']) people[role] = await madeUser(gateway, { role, teams: ['alpha'] });
    adminToken = await gateway.admin('POST', '/tokens', { name: 'beta-token', role: 'viewer' });
  });
  after(() => gateway?.close());

  /** What belongs to others, or to nobody, as far as an operation takes it. */
  const paths = ({ path }: Row, own: boolean): string => {
    const of = own ? 'alpha' : 'beta';
    const id = /^\/admin\/v1\/(\w+)/.exec(path)?.[1];
    const ids: Record<string, string> = {
      ...{ keys: key[of]!.id, teams: of, tokens: adminToken.id, users: people['admin']!.id },
    };
    return path
      .slice('/admin/v1'.length)
      .replace('{id}', ids[id ?? ''] ?? 'x')
      .replace(/\{\w+\}/g, 'x');
  };
  const bodies = (): Partial<Record<OperationId, object>> => ({
    createKey: { name: 'made', team: 'beta' },
    updateKey: { name: 'changed' },
    explainRequest: { key: key['beta']!.id, request: { model: 'sandbox', messages: [] } },
    createToken: { name: 'more', role: 'admin' },
  });
  const asked = (row: Row, token: string | undefined) =>
    ask(gateway, token, row.method, paths(row, false), row.method === 'GET' ? undefined : bodies()[row.operationId]);

  const guarded = adminRows.filter(({ access }) => access === 'admin');

  test('nobody is answered without a key, or with one that is none', async () => {
    const wrong = `tg-${'a'.repeat(49)}`;
    for (const row of guarded) assert.equal((await asked(row, undefined)).status, 401, row.operationId);
    // Wrong keys are slowed down: they wait beside each other.
    const reads = guarded.filter(({ method }) => method === 'GET');
    const answers = await Promise.all(reads.map((row) => asked(row, key['alpha']!.key)));
    for (const [i, { status }] of answers.entries()) assert.equal(status, 401, reads[i]!.operationId);
    assert.equal((await ask(gateway, wrong, 'GET', '/keys')).status, 401);
  });

  for (const role of ['viewer', 'team_admin', 'member'] as const)
    test(`a ${role} is refused all that the role does not cover, and nothing of it happens`, async () => {
      const { token } = people[role]!;
      for (const row of guarded) {
        const { roles } = needOf(row.operationId);
        if (roles.includes(role)) continue;
        const answer = await asked(row, token);
        assert.deepEqual([answer.status, answer.body.code], [403, 'insufficient_scope'], row.operationId);
        assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
        assert.match(answer.body.detail, new RegExp(`role ${role} does not cover`));
        const { data } = await gateway.admin<{ data: { actor: string }[] }>(
          'GET',
          `/audit?action=access.denied&subject=${row.operationId}`,
        );
        assert.ok(
          data.some(({ actor }) => actor.startsWith(`user:${people[role]!.id}`)),
          row.operationId,
        );
      }
    });

  for (const role of ['team_admin', 'member'] as const)
    test(`a ${role} is told of other teams what is told of what does not exist`, async () => {
      const { token } = people[role]!;
      for (const row of guarded) {
        const { roles, scope } = needOf(row.operationId);
        // A stream has no end: `e2e/usage-stream` shows whose entries it tells.
        if (!roles.includes(role) || row.operationId === 'streamUsage') continue;
        const answer = await asked(row, token);
        const said = answer.text.replaceAll(key['beta']!.id, '').replaceAll('named beta', '');
        assert.ok(!said.includes('beta'), `${row.operationId}: ${answer.text}`);
        if (!/\{id\}/.test(row.path)) continue;
        assert.equal(answer.status, 404, `${row.operationId} ${scope}`);
        const nothing = row.path.startsWith('/admin/v1/teams') ? 'no-such' : `key_${'0'.repeat(26)}`;
        const path = row.path.slice('/admin/v1'.length).replace('{id}', nothing);
        const other = await ask(gateway, token, row.method, path, bodies()[row.operationId]);
        const place = row.path.slice('/admin/v1'.length).split('/').indexOf('{id}');
        const theirs = paths(row, false).split('/')[place]!;
        assert.equal(other.text.replaceAll(nothing, '*'), answer.text.replaceAll(theirs, '*'), row.operationId);
      }
    });

  test('no filter, grouping, page or format leads to rows of other teams', async () => {
    const beta = key['beta']!.id;
    const { next_cursor: cursor } = await gateway.admin<{ next_cursor: string }>('GET', '/keys?limit=1');
    const { next_cursor: entries } = await gateway.admin<{ next_cursor: string }>('GET', '/usage?limit=1');
    const { next_cursor: lines } = await gateway.admin<{ next_cursor: string }>('GET', '/audit?limit=1');
    const empty = [
      ...[`/keys?team=beta`, `/keys?name=beta`, `/usage?team=beta`, `/usage?key=${beta}`, '/usage?user=beta-user'],
      ...[`/audit?subject=${beta}`, '/audit?subject=beta', '/audit?action=user.create'],
      ...[`/reports/spend?group_by=team&team=beta`, `/reports/spend?group_by=key&key=${beta}`],
      '/reports/spend?group_by=user&user=beta-user',
    ];
    const mine = [
      ...[
        '/keys',
        '/keys?include_revoked=true',
        `/keys?cursor=${cursor}`,
        '/teams',
        '/teams?q=a',
        '/keys?q=key',
        '/limits?of=teams',
        '/usage',
        `/usage?cursor=${entries}`,
      ],
      ...[
        '/audit',
        `/audit?cursor=${lines}`,
        '/limits?user=beta-user',
        '/limits?user=x',
        `/limits?key=${key['alpha']!.id}`,
      ],
      '/reports/spend?group_by=day,team,key,model,provider,user,tag,endpoint',
      ...['/reports/spend?group_by=hour,target', '/reports/spend?team=alpha&team=beta&group_by=team'],
      ...['/reports/spend?format=csv&group_by=team,key,user', '/reports/spend?format=focus', '/tokens'],
    ];
    for (const role of ['team_admin', 'member']) {
      for (const path of empty) {
        const { status, body } = await ask(gateway, people[role]!.token, 'GET', path);
        assert.deepEqual([status, body.data], [200, []], path);
      }
      for (const path of mine) {
        const { status, text } = await ask(gateway, people[role]!.token, 'GET', path);
        assert.equal(status, 200, `${path} ${text}`);
        assert.ok(!text.includes(beta) && !text.replaceAll('beta-user', '').includes('beta'), `${path}: ${text}`);
        if (path === '/limits?user=beta-user') assert.equal(text.match(/"team":"alpha"|"key":/g)?.length, 2, text);
      }
      const { body } = await ask(gateway, people[role]!.token, 'GET', '/reports/spend?group_by=team');
      assert.deepEqual([body.data.length, body.data[0].team, Number(body.total.requests)], [1, 'alpha', 1]);
    }
    for (const path of ['/limits?model=sandbox', '/limits?target=sandbox/sandbox'])
      assert.equal((await ask(gateway, people['member']!.token, 'GET', path)).status, 403, path);
  });

  test('a request is explained with keys of own teams alone, without limits that are of all teams', async () => {
    const explained = async (of: string) => {
      const body = { key: of, request: { model: 'sandbox', messages: [{ role: 'user', content: 'Hi' }] } };
      return (await ask(gateway, people['member']!.token, 'POST', '/explain', body)).body;
    };
    const own = await explained(key['alpha']!.id);
    assert.deepEqual([own.would, own.caller.team], ['send', 'alpha']);
    assert.ok(own.limits.length > 0);
    const secret = await explained(key['beta']!.key);
    const none = await explained(`sk-tg-${'a'.repeat(49)}`);
    assert.deepEqual([secret.would, secret.status, secret.error.code], ['refuse', 401, 'invalid_api_key']);
    assert.deepEqual([secret.caller, none.status], [null, 401]);
  });

  test('a team admin makes and changes keys of own teams, and no other', async () => {
    const { token } = people['team_admin']!;
    const made = await ask(gateway, token, 'POST', '/keys', { name: 'own', team: 'alpha' });
    assert.equal(made.status, 201);
    const { id } = made.body;
    for (const body of [{ name: 'x' }, { name: 'x', team: 'beta' }, { name: 'x', team: 'no-such' }]) {
      const answer = await ask(gateway, token, 'POST', '/keys', body);
      assert.deepEqual([answer.status, answer.body.code], [403, 'insufficient_scope']);
      assert.match(answer.body.detail, /one of your teams: alpha/);
    }
    for (const team of ['beta', 'no-such', null])
      assert.equal((await ask(gateway, token, 'PATCH', `/keys/${id}`, { team })).status, 403);
    const many = [
      { name: 'ok', team: 'alpha' },
      { name: 'no', team: 'beta' },
    ];
    assert.equal((await ask(gateway, token, 'POST', '/keys', many)).status, 403);
    assert.equal((await ask(gateway, token, 'PATCH', `/keys/${id}`, { limits: [limit] })).status, 200);
    // In an overload a key of high priority is served at the cost of other teams.
    for (const [method, path, body] of [
      ['PATCH', `/keys/${id}`, { priority: 'high' }],
      ['POST', '/keys', { name: 'x', team: 'alpha', priority: 'high' }],
    ] as const) {
      const answer = await ask(gateway, token, method, path, body);
      assert.equal(answer.status, 403, method);
      assert.match(answer.body.detail, /^priority: an admin says which keys are `high`/);
    }
    assert.equal((await ask(gateway, token, 'PATCH', `/keys/${id}`, { priority: 'low' })).status, 200);
    await gateway.admin('PATCH', `/keys/${id}`, { priority: 'high' });
    for (const action of ['block', 'unblock', 'rotate'])
      assert.equal((await ask(gateway, token, 'POST', `/keys/${id}/${action}`)).status, 200, action);
    assert.equal((await ask(gateway, token, 'DELETE', `/keys/${id}`)).status, 200);
    const line = await ask(gateway, people['member']!.token, 'GET', `/audit?subject=${id}&action=key.revoke`);
    assert.match(line.body.data[0].actor, new RegExp(`^user:${people['team_admin']!.id}/tok_`));
    assert.equal((await gateway.admin<{ team: string }>('GET', `/keys/${key['beta']!.id}`)).team, 'beta');
  });

  test('the hash of a key of another gateway is taken by admins alone, whether it is taken or not', async () => {
    const of = (sha256: string) => ({ name: 'taken', team: 'alpha', sha256 });
    const free = 'a'.repeat(64);
    await gateway.admin('POST', '/keys', of('b'.repeat(64)));
    for (const body of [of(free), of('b'.repeat(64)), [{ name: 'ok', team: 'alpha' }, of(free)]]) {
      const answer = await ask(gateway, people['team_admin']!.token, 'POST', '/keys', body);
      assert.deepEqual([answer.status, answer.body.code], [403, 'insufficient_scope'], answer.text);
    }
    assert.equal((await ask(gateway, people['admin']!.token, 'POST', '/keys', of(free))).status, 201);
  });

  test('what one user was answered to an Idempotency-Key is no answer for another', async () => {
    const headers = { 'idempotency-key': 'the-same' };
    const body = { name: 'once', team: 'alpha' };
    const first = await ask(gateway, people['team_admin']!.token, 'POST', '/keys', body, headers);
    const again = await ask(gateway, people['team_admin']!.token, 'POST', '/keys', body, headers);
    const admin = await ask(gateway, people['admin']!.token, 'POST', '/keys', body, headers);
    assert.deepEqual([first.status, again.body.id, again.body.key], [201, first.body.id, null]);
    assert.notEqual(admin.body.id, first.body.id);
  });

  test('a team admin cannot make a deleted team anew', async () => {
    await gateway.admin('POST', '/teams', { name: 'gone' });
    const user = await madeUser(gateway, { role: 'team_admin', teams: ['alpha', 'gone'] });
    await gateway.admin('DELETE', '/teams/gone');
    assert.equal((await ask(gateway, user.token, 'POST', '/keys', { name: 'x', team: 'gone' })).status, 403);
    assert.deepEqual((await gateway.admin<{ teams: string[] }>('GET', `/users/${user.id}`)).teams, ['alpha']);
  });
});
