/** Users and their tokens: what they take, and how what changes is in force at once, on every replica. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Command } from 'commander';
import pg from 'pg';
import { registerTokens } from '../../src/cli/tokens.js';
import { registerUsers } from '../../src/cli/users.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { ask, madeUser } from '../support/people.js';

const config = { providers: { sandbox: { type: 'sandbox' } }, models: {} };

describe('users and tokens', () => {
  let gateway: Gateway;
  let other: Gateway;
  before(async () => {
    gateway = await startGateway({ database: 'postgres', config });
    other = await startGateway({ database: gateway.databaseUrl!, config });
    for (const name of ['alpha', 'beta']) await gateway.admin('POST', '/teams', { name });
  });
  after(async () => {
    await other?.close();
    await gateway?.close();
  });
  const admin = (method: string, path: string, body?: unknown) => ask(gateway, gateway.adminKey, method, path, body);

  test('a user is made, listed, changed and deleted, and never shown with a password', async () => {
    const fields = { email: 'Ada@Example.com', name: 'Ada', role: 'viewer', password: 'correct horse battery' };
    const made = await admin('POST', '/users', fields);
    assert.equal(made.status, 201);
    const { id } = made.body;
    assert.deepEqual(
      [made.body.email, made.body.role, made.body.teams, made.body.has_password, made.body.blocked],
      ['ada@example.com', 'viewer', [], true, false],
    );
    assert.ok(!made.text.includes('scrypt') && !made.text.includes('horse'));
    for (const path of [`/users/${id}`, '/users', '/users?q=ADA', '/users?role=viewer']) {
      const { text } = await admin('GET', path);
      assert.ok(text.includes(id) && !text.includes('scrypt'), path);
    }
    assert.deepEqual((await admin('GET', '/users?q=nobody')).body.data, []);
    const changed = await admin('PATCH', `/users/${id}`, { role: 'member', teams: ['beta', 'alpha', 'beta'] });
    assert.deepEqual([changed.status, changed.body.teams], [200, ['alpha', 'beta']]);
    assert.equal((await admin('GET', '/users?team=alpha')).body.data[0].id, id);
    assert.deepEqual((await admin('PATCH', `/users/${id}`, { role: 'viewer' })).body.teams, []);
    assert.equal((await admin('DELETE', `/users/${id}`)).status, 200);
    assert.equal((await admin('GET', `/users/${id}`)).status, 404);
    const { text } = await admin('GET', `/audit?subject=${id}`);
    for (const action of ['user.create', 'user.update', 'user.delete']) assert.ok(text.includes(action), action);
    assert.ok(!text.includes('horse') && !text.includes('scrypt'));
  });

  test('what cannot be a user is refused in words that name the field', async () => {
    await admin('POST', '/users', { email: 'taken@example.com', role: 'viewer' });
    const wrong: [object, number, RegExp][] = [
      [{ email: 'TAKEN@example.com', role: 'viewer' }, 409, /already a user with the address taken@example.com/],
      [{ email: 'to\u212aen@example.com', role: 'viewer' }, 400, /email: not an e-mail address in ASCII/],
      [{ email: '\u0430da@example.com', role: 'viewer' }, 400, /email: not an e-mail address in ASCII/],
      [{ email: 'ada', role: 'viewer' }, 400, /email/],
      [{ email: 'a@b.c', role: 'root' }, 400, /role/],
      [{ email: 'a@b.c', role: 'member' }, 400, /teams: name the teams/],
      [{ email: 'a@b.c', role: 'admin', teams: ['alpha'] }, 400, /teams: admin has to do with all teams/],
      [{ email: 'a@b.c', role: 'member', teams: ['no-such'] }, 400, /no team named no-such/],
      [{ email: 'a@b.c', role: 'viewer', password: 'short' }, 400, /password: at least 12/],
      [{ email: 'a@b.c', role: 'viewer', admin: true }, 400, /admin/],
    ];
    for (const [body, status, words] of wrong) {
      const answer = await admin('POST', '/users', body);
      assert.equal(answer.status, status, answer.text);
      assert.match(answer.body.detail, words);
    }
  });

  test('a user whose only team is gone can be given another name, and a team', async () => {
    await admin('POST', '/teams', { name: 'short-lived' });
    const of = { email: 'left@example.com', role: 'member', teams: ['short-lived'] };
    const { id } = (await admin('POST', '/users', of)).body;
    await admin('DELETE', '/teams/short-lived');
    const renamed = await admin('PATCH', `/users/${id}`, { name: 'Left' });
    assert.deepEqual([renamed.status, renamed.body.name, renamed.body.teams], [200, 'Left', []]);
    assert.equal((await admin('PATCH', `/users/${id}`, { teams: [] })).status, 400);
    assert.equal((await admin('PATCH', `/users/${id}`, { teams: ['alpha'] })).status, 200);
  });

  test('who has to do with a team is told to those who look after it, and of nobody else and of no other team', async () => {
    await admin('POST', '/teams', { name: 'looked-after' });
    const teams = ['looked-after', 'beta'];
    const lead = await madeUser(gateway, { role: 'team_admin', teams });
    const member = await madeUser(gateway, { role: 'member', teams: ['looked-after'] });
    const others = await madeUser(gateway, { role: 'team_admin', teams: ['alpha'] });
    const viewer = await madeUser(gateway, { role: 'viewer' });
    const path = '/teams/looked-after/members';
    for (const token of [gateway.adminKey, viewer.token, lead.token]) {
      const { status, body, text } = await ask(gateway, token, 'GET', path);
      assert.equal(status, 200);
      assert.deepEqual(
        body.data.map(({ id, role, blocked }: Record<string, unknown>) => [id, role, blocked]),
        [
          [member.id, 'member', false],
          [lead.id, 'team_admin', false],
        ],
      );
      assert.ok(!/beta|password|issuer/.test(text), text);
    }
    assert.equal((await ask(gateway, member.token, 'GET', path)).status, 403);
    const hidden = await ask(gateway, others.token, 'GET', path);
    const nowhere = await ask(gateway, others.token, 'GET', '/teams/no-such/members');
    assert.deepEqual([hidden.status, nowhere.status], [404, 404]);
    assert.equal(hidden.body.detail.replace('looked-after', ''), nowhere.body.detail.replace('no-such', ''));
    const page = await admin('GET', `${path}?limit=1`);
    assert.equal((await admin('GET', `${path}?limit=1&cursor=${page.body.next_cursor}`)).body.data[0].id, lead.id);
    const listed = (await ask(gateway, lead.token, 'GET', '/teams')).body.data;
    assert.deepEqual(Object.fromEntries(listed.map(({ id, members }: Record<string, unknown>) => [id, members])), {
      beta: 1,
      'looked-after': 2,
    });
    await admin('PATCH', `/users/${lead.id}`, { role: 'viewer' });
    assert.deepEqual((await admin('GET', path)).body.data.length, 1);
    await admin('DELETE', `/users/${member.id}`);
    assert.deepEqual((await admin('GET', '/teams?q=looked-after')).body.data[0].members, 0);
  });

  test('the last admin goes only where that is said twice', async () => {
    const one = await madeUser(gateway, { role: 'admin' });
    const tries: [string, string, object?][] = [
      ['DELETE', `/users/${one.id}`],
      ['POST', `/users/${one.id}/block`],
      ['PATCH', `/users/${one.id}`, { role: 'viewer' }],
    ];
    for (const [method, path, body] of tries) {
      const answer = await admin(method, path, body);
      assert.deepEqual([answer.status, answer.body.code], [409, 'conflict'], path);
    }
    const two = await madeUser(gateway, { role: 'admin' });
    const both = await Promise.all([
      ask(gateway, two.token, 'PATCH', `/users/${one.id}`, { role: 'viewer' }),
      ask(gateway, one.token, 'PATCH', `/users/${two.id}`, { role: 'viewer' }),
    ]);
    assert.deepEqual(both.map(({ status }) => status === 200).sort(), [false, true]);
    assert.ok(
      both.every(({ status }) => status < 500),
      'they do not wait for each other',
    );
    const left = (await admin('GET', '/users?role=admin')).body.data;
    assert.equal(left.length, 1);
    assert.equal((await admin('DELETE', `/users/${left[0].id}?force=true`)).status, 200);
    assert.equal((await admin('GET', '/keys')).status, 200);
  });

  test('a token is shown once, and is nowhere in clear', async () => {
    const user = await madeUser(gateway, { role: 'viewer' });
    assert.match(user.token, /^tg-[0-9A-Za-z]{49}$/);
    const listed = await admin('GET', `/tokens?user=${user.id}`);
    assert.equal(listed.body.data[0].prefix, user.token.slice(0, 7));
    assert.ok(!listed.text.includes(user.token) && !(await admin('GET', '/audit')).text.includes(user.token));
    assert.equal((await ask(other, user.token, 'GET', '/keys')).status, 200);
    const seen = await admin('GET', `/users/${user.id}`);
    assert.ok(seen.body.last_seen_at);
  });

  test('a revoked token, a blocked, changed or deleted user is refused at once on every replica', async () => {
    const user = await madeUser(gateway, { role: 'viewer' });
    const statuses = async (token: string) =>
      Promise.all([gateway, other].map(async (one) => (await ask(one, token, 'GET', '/users')).status));
    assert.deepEqual(await statuses(user.token), [200, 200]);
    await admin('POST', `/users/${user.id}/block`);
    assert.deepEqual(await statuses(user.token), [401, 401]);
    await admin('POST', `/users/${user.id}/unblock`);
    assert.deepEqual(await statuses(user.token), [200, 200]);
    await admin('PATCH', `/users/${user.id}`, { role: 'member', teams: ['alpha'] });
    assert.deepEqual(await statuses(user.token), [401, 401]); // the token is a viewer's
    await admin('PATCH', `/users/${user.id}`, { role: 'admin' });
    assert.deepEqual(await statuses(user.token), [200, 200]);
    assert.equal((await ask(gateway, user.token, 'POST', '/teams', { name: 'x' })).status, 403);
    await admin('DELETE', `/tokens/${user.tokenId}`);
    assert.deepEqual(await statuses(user.token), [401, 401]);
    const again = (await admin('POST', '/tokens', { name: 'again', user: user.id })).body.token;
    await admin('DELETE', `/users/${user.id}?force=true`);
    assert.deepEqual(await statuses(again), [401, 401]);
  });

  test('a token ends with the tokens that it was made with, also where it was made while these were revoked', async () => {
    const make = async (token: string) => (await ask(gateway, token, 'POST', '/tokens', { name: 'made' })).body;
    const root = await make(gateway.adminKey);
    const child = await make(root.token);
    const grandchild = await make(child.token);
    assert.equal((await ask(gateway, grandchild.token, 'GET', '/keys')).status, 200);
    await admin('DELETE', `/tokens/${root.id}`);
    const client = new pg.Client({ connectionString: gateway.databaseUrl! });
    await client.connect();
    try {
      // As if both had been written while the statement that revokes did not see them.
      await client.query('update tokens set revoked_at = null where id = any($1)', [[child.id, grandchild.id]]);
    } finally {
      await client.end();
    }
    for (const { token } of [root, child, grandchild])
      for (const one of [gateway, other]) assert.equal((await ask(one, token, 'GET', '/keys')).status, 401);
  });

  test('two who make a user of one address at once: one does, the other is told', async () => {
    const of = { email: 'at.once@example.com', role: 'viewer' };
    const answers = await Promise.all(Array.from({ length: 8 }, () => admin('POST', '/users', of)));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [201, ...Array(7).fill(409)]);
    const made = await Promise.all(
      [1, 2].map((n) => admin('POST', '/users', { email: `a${n}@once.example`, role: 'viewer' })),
    );
    const both = made.map(({ body }) => admin('PATCH', `/users/${body.id}`, { email: 'both@once.example' }));
    assert.deepEqual((await Promise.all(both)).map(({ status }) => status).sort(), [200, 409]);
  });

  test('nobody raises their own rights with a token', async () => {
    const viewer = await madeUser(gateway, { role: 'viewer' });
    const lead = await madeUser(gateway, { role: 'team_admin', teams: ['alpha'] });
    const make = (token: string, body: object) => ask(gateway, token, 'POST', '/tokens', { name: 't', ...body });
    for (const [token, body] of [
      [viewer.token, { role: 'admin' }],
      [viewer.token, { role: 'team_admin', teams: ['alpha'] }],
      [viewer.token, { user: lead.id }],
      [lead.token, { role: 'viewer' }],
      [lead.token, { role: 'member', teams: ['beta'] }],
    ] as const)
      assert.equal((await make(token, body)).status, 403, JSON.stringify(body));
    const end = new Date(Date.now() + 300 * 86_400_000).toISOString();
    assert.equal((await make(lead.token, { expires_at: end })).status, 400); // beyond the token's own end
    const made = await make(lead.token, { role: 'member' });
    assert.deepEqual([made.status, made.body.role, made.body.teams], [201, 'member', ['alpha']]);
    assert.equal((await ask(gateway, made.body.token, 'POST', '/keys', { name: 'k', team: 'alpha' })).status, 403);
    const theirs = await ask(gateway, lead.token, 'GET', '/tokens');
    assert.deepEqual(theirs.body.data.map(({ id }: { id: string }) => id).sort(), [lead.tokenId, made.body.id].sort());
    assert.equal((await ask(gateway, made.body.token, 'DELETE', `/tokens/${lead.tokenId}`)).status, 404);
    assert.equal((await ask(gateway, lead.token, 'DELETE', `/tokens/${viewer.tokenId}`)).status, 404);
    await admin('DELETE', `/tokens/${lead.tokenId}`);
    assert.equal((await ask(gateway, made.body.token, 'GET', '/keys')).status, 401);
  });

  test('a token has an end, and is told of it', async () => {
    const soon = new Date(Date.now() + 1_500).toISOString();
    const made = await admin('POST', '/tokens', { name: 'short', role: 'viewer', expires_at: soon });
    assert.equal((await ask(gateway, made.body.token, 'GET', '/keys')).status, 200);
    await new Promise((resolve) => setTimeout(resolve, Date.parse(soon) - Date.now() + 50));
    const answer = await ask(gateway, made.body.token, 'GET', '/keys');
    assert.deepEqual([answer.status, answer.body.code], [401, 'expired_api_key']);
    assert.match(answer.body.detail, /The token ended at/);
    for (const expires_at of ['2020-01-01T00:00:00Z', '2190-01-01T00:00:00Z'])
      assert.equal((await admin('POST', '/tokens', { name: 'x', role: 'viewer', expires_at })).status, 400);
  });

  test('wrong keys are in the audit log, and do not fill it', async () => {
    for (let i = 0; i < 7; i++) await ask(gateway, `wrong-${i}`, 'GET', '/keys');
    const { body } = await admin('GET', '/audit?action=access.wrong_key');
    assert.ok(body.data.length >= 5);
    assert.match(body.data[0].actor, /^address:127\.0\.0\.1$/);
    assert.ok(!JSON.stringify(body).includes('wrong-'));
  });

  test('the verbs of the command line do with users and tokens what the API does', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tollgate-people-'));
    const verb = async (...args: string[]) => {
      const ran = { code: 0, out: '', err: '' };
      const program = new Command('tollgate').exitOverride();
      const world = {
        env: { TOLLGATE_URL: gateway.url, TOLLGATE_ADMIN_KEY: gateway.adminKey },
        ...{ cwd: folder, nowMs: Date.now },
        print: (line: string) => void (ran.out += `${line}\n`),
        printError: (line: string) => void (ran.err += `${line}\n`),
        exit: (code: number) => void (ran.code = code),
      };
      for (const register of [registerUsers, registerTokens]) register(program, world);
      await program.parseAsync(args, { from: 'user' });
      return ran;
    };
    try {
      await writeFile(join(folder, 'password'), 'correct horse battery\nmore');
      const of = ['--role', 'member', '--team', 'alpha', '--password-file', 'password'];
      const made = await verb('users', 'create', 'Verb@Example.com', ...of);
      assert.match(made.out, /verb@example\.com\nmember of alpha, active, signs in by password\n/);
      assert.match((await verb('users', 'create', 'verb@example.com', ...of)).err, /already a user/);
      assert.match((await verb('users', 'create', 'x@example.com')).err, /--role is missing/);
      const read = ['--role', 'viewer'];
      assert.match((await verb('users', 'update', 'verb@example.com', ...read)).out, /viewer, active/);
      assert.match((await verb('users', 'list', '--search', 'verb@')).out, /verb@example\.com +viewer/);
      const given = ['--user', 'verb@example.com', '--expires', '30d'];
      const token = await verb('tokens', 'create', '--name', 'verbs', ...given);
      const secret = /tg-\w{49}/.exec(token.out)?.[0];
      assert.equal((await ask(gateway, secret, 'GET', '/keys')).status, 200);
      await assert.rejects(verb('users', 'sign-out', 'verb@example.com', '--force'), /unknown option '--force'/);
      assert.match((await verb('users', 'block', 'verb@example.com')).out, /blocked/);
      assert.equal((await ask(gateway, secret, 'GET', '/keys')).status, 401);
      assert.match((await verb('users', 'unblock', 'verb@example.com')).out, /active/);
      assert.match((await verb('users', 'password', 'verb@example.com', '--none')).out, /signs in by none/);
      assert.match((await verb('users', 'password', 'verb@example.com')).err, /either --password-file or --none/);
      const { data } = JSON.parse((await verb('tokens', 'list', '--user', 'verb@example.com', '--json')).out);
      assert.match((await verb('tokens', 'revoke', data[0].id)).out, /^Revoked tok_\w+ \(verbs, /);
      assert.match((await verb('tokens', 'list', '--user', 'verb@example.com')).out, /There are no tokens/);
      assert.match((await verb('users', 'delete', 'verb@example.com')).out, /Deleted verb@example\.com\./);
      const gone = await verb('users', 'show', 'verb@example.com');
      assert.deepEqual([gone.code, gone.err], [1, 'There is no user with the address verb@example.com.\n']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
