/** Signing in to the console: by admin key and by password, what ends a session, and what other sites and guessers get. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type Answered, ask } from '../support/people.js';

const PASSWORD = 'correct horse battery';
const own = { 'sec-fetch-site': 'same-origin', 'x-tollgate-console': '1' };

const cookieIn = ({ headers }: Answered): string => headers.get('set-cookie')?.split(';', 1)[0] ?? '';

describe('signing in', () => {
  let gateway: Gateway;
  let users = 0;
  before(async () => {
    const config = {
      providers: {},
      models: {},
      admin: { key: 'sk-tg-admin-of-the-tests-0123456789abcdefghijklmnop', session: { idle: '10m', longest: '1h' } },
      server: { trust_proxy: ['127.0.0.1'] },
    };
    gateway = await startGateway({ database: 'postgres', config });
    await gateway.admin('POST', '/teams', { name: 'alpha' });
  });
  after(() => gateway?.close());

  /** Each from an address of its own, which counts the guesses of one test alone. */
  let place = 0;
  const from = () => ({ 'x-forwarded-for': `203.0.113.${++place}` });
  const signIn = (body: object, headers: Record<string, string> = from()) =>
    ask(gateway, undefined, 'POST', '/session', body, headers);
  const withCookie = (cookie: string, method = 'GET', path = '/keys', body?: object, headers: object = own) =>
    ask(gateway, undefined, method, path, body, { cookie, ...headers });
  const made = async (fields: object = { role: 'viewer' }) => {
    const email = `person${++users}@example.com`;
    const user = await gateway.admin<{ id: string }>('POST', '/users', { email, password: PASSWORD, ...fields });
    return { id: user.id, email };
  };
  const status = async (cookie: string) => (await withCookie(cookie)).status;

  test('the admin key is exchanged for a session, which its cookie alone shows', async () => {
    const answer = await signIn({ admin_key: gateway.adminKey });
    assert.equal(answer.status, 200, answer.text);
    const flags = answer.headers.get('set-cookie') ?? '';
    for (const flag of ['HttpOnly', 'SameSite=Strict', 'Path=/']) assert.ok(flags.includes(flag), flags);
    assert.ok(!flags.includes('Secure') && !answer.text.includes(cookieIn(answer).split('=')[1]!));
    const session = (await withCookie(cookieIn(answer), 'GET', '/session')).body.session;
    assert.deepEqual([session.role, session.user], ['admin', null]);
    assert.equal((await withCookie(cookieIn(answer), 'POST', '/teams', { name: 'beta' })).status, 201);
    const audit = await gateway.admin<{ data: { actor: string }[] }>('GET', '/audit?subject=beta');
    assert.match(audit.data[0]!.actor, /^admin:[0-9a-f]{8}$/);
  });

  test('behind TLS the cookie is Secure and of this host alone', async () => {
    const answer = await signIn({ admin_key: gateway.adminKey }, { ...from(), 'x-forwarded-proto': 'https' });
    const flags = answer.headers.get('set-cookie') ?? '';
    assert.match(flags, /^__Host-tollgate_session=[\w-]{43}; Path=\/; .*; Secure$/);
    const planted = cookieIn(answer).replace('__Host-', '');
    const https = { ...own, 'x-forwarded-proto': 'https' };
    assert.equal((await withCookie(planted, 'GET', '/keys', undefined, https)).status, 401);
    assert.equal((await withCookie(cookieIn(answer), 'GET', '/keys', undefined, https)).status, 200);
  });

  test('a user signs in with any case of the address, and signs out', async () => {
    const { id, email } = await made();
    const answer = await signIn({ email: ` ${email.toUpperCase()}`, password: PASSWORD });
    assert.equal(answer.status, 200);
    assert.deepEqual([answer.body.session.user.id, answer.body.session.role], [id, 'viewer']);
    const cookie = cookieIn(answer);
    assert.equal(await status(cookie), 200);
    assert.equal((await withCookie(cookie, 'POST', '/keys', { name: 'x' })).status, 403);
    const out = await withCookie(cookie, 'DELETE', '/session');
    assert.match(out.headers.get('set-cookie') ?? '', /Max-Age=0/);
    assert.equal(await status(cookie), 401);
  });

  test('a wrong password, an unknown address, a blocked user and one without a password are told alike', async () => {
    const { email } = await made();
    const blocked = await made();
    await gateway.admin('POST', `/users/${blocked.id}/block`);
    const without = await gateway.admin<{ email: string }>('POST', '/users', {
      email: 'no@example.com',
      role: 'viewer',
    });
    const answers = [
      await signIn({ email, password: 'wrong wrong wrong' }),
      ...[await signIn({ email: 'nobody@example.com', password: PASSWORD })],
      ...[await signIn({ email: blocked.email, password: PASSWORD })],
      ...[await signIn({ email: without.email, password: PASSWORD })],
      await signIn({ email: `\u212a${email}`, password: PASSWORD }),
    ];
    for (const { status, text } of answers) assert.deepEqual([status, text], [401, answers[0]!.text]);
    const took = async (email: string) => {
      const times = [];
      for (let i = 0; i < 4; i++) {
        const begun = performance.now();
        await signIn({ email, password: 'wrong wrong wrong' });
        times.push(performance.now() - begun);
      }
      return Math.min(...times);
    };
    const [known, unknown] = [await took(email), await took('nobody2@example.com')];
    assert.ok(unknown > known / 3, `a user that there is not: ${unknown} ms, one that there is: ${known} ms`);
  });

  test('what a browser held before is no session after it', async () => {
    const planted = `tollgate_session=${'a'.repeat(43)}`;
    const answer = await signIn({ admin_key: gateway.adminKey }, { ...from(), ...own, cookie: planted });
    assert.notEqual(cookieIn(answer), planted);
    assert.deepEqual([await status(planted), await status(cookieIn(answer))], [401, 200]);
    const again = await signIn({ admin_key: gateway.adminKey }, { ...from(), ...own, cookie: cookieIn(answer) });
    assert.deepEqual([await status(cookieIn(answer)), await status(cookieIn(again))], [401, 200]);
    assert.equal(await status(`${cookieIn(again)}; ${planted}`), 401);
  });

  test('other sites do nothing with the cookie, and sign nobody in', async () => {
    const cookie = cookieIn(await signIn({ admin_key: gateway.adminKey }));
    const write = (headers: object) => withCookie(cookie, 'POST', '/teams', { name: 'planted' }, headers);
    const host = new URL(gateway.url).host;
    for (const headers of [
      {},
      { 'sec-fetch-site': 'cross-site', 'x-tollgate-console': '1' },
      { 'sec-fetch-site': 'same-site', 'x-tollgate-console': '1' },
      { 'sec-fetch-site': 'none', 'x-tollgate-console': '1' },
      { 'sec-fetch-site': 'same-origin' },
      { origin: 'https://evil.example', 'x-tollgate-console': '1' },
      { origin: `http://${host}.evil.example`, 'x-tollgate-console': '1' },
      { origin: 'null', 'x-tollgate-console': '1' },
    ])
      assert.equal((await write(headers)).status, 401, JSON.stringify(headers));
    const read = { 'sec-fetch-site': 'cross-site' };
    assert.equal((await withCookie(cookie, 'GET', '/keys', undefined, read)).status, 401);
    assert.equal((await write({ origin: `http://${host}`, 'x-tollgate-console': '1' })).status, 201);
    const login = await signIn({ admin_key: gateway.adminKey }, { ...from(), 'sec-fetch-site': 'cross-site' });
    assert.deepEqual([login.status, login.headers.get('set-cookie')], [403, null]);
  });

  test('all sessions of a user end with a new password, another role, other teams, a block and a sign-out', async () => {
    const ends: ((id: string) => Promise<unknown>)[] = [
      (id) => gateway.admin('POST', `/users/${id}/password`, { password: 'another horse battery' }),
      (id) => gateway.admin('PATCH', `/users/${id}`, { role: 'viewer' }),
      (id) => gateway.admin('POST', `/users/${id}/block`),
      (id) => gateway.admin('POST', `/users/${id}/sign-out`),
      (id) => gateway.admin('DELETE', `/users/${id}`),
    ];
    for (const end of ends) {
      const { id, email } = await made({ role: 'member', teams: ['alpha'] });
      const cookie = cookieIn(await signIn({ email, password: PASSWORD }));
      assert.equal(await status(cookie), 200);
      await end(id);
      assert.equal(await status(cookie), 401, String(end));
    }
  });

  test('an old password wins over no reset under way: no session begins with it, and it is not changed back', async () => {
    const { id, email } = await made();
    const cookie = cookieIn(await signIn({ email, password: PASSWORD }));
    const client = new pg.Client({ connectionString: gateway.databaseUrl! });
    await client.connect();
    const waiting = async (): Promise<void> => {
      const many = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      while ((await client.query(many)).rowCount! < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    try {
      await client.query('begin');
      await client.query('select 1 from users where id = $1 for update', [id]);
      const begun = signIn({ email, password: PASSWORD });
      const next = { current: PASSWORD, password: 'an attacker has chosen this' };
      const changed = withCookie(cookie, 'POST', '/session/password', next);
      await waiting();
      // The reset, as the admin API writes it.
      await client.query(`update users set password = 'scrypt:none' where id = $1`, [id]);
      await client.query('delete from sessions where user_id = $1', [id]);
      await client.query('commit');
      assert.deepEqual([(await begun).status, (await changed).status], [401, 400]);
      const { rows } = await client.query(
        'select password, (select count(*)::int from sessions where user_id = $1) as sessions from users where id = $1',
        [id],
      );
      assert.deepEqual(rows, [{ password: 'scrypt:none', sessions: 0 }]);
    } finally {
      await client.end();
    }
  });

  test("one's own password is changed by whoever knows it; that session stays and the others end", async () => {
    const { email } = await made();
    const [here, there] = [
      cookieIn(await signIn({ email, password: PASSWORD })),
      cookieIn(await signIn({ email, password: PASSWORD })),
    ];
    const change = (current: string) =>
      withCookie(here, 'POST', '/session/password', { current, password: 'a new horse battery' });
    assert.equal((await change('wrong wrong wrong')).status, 400);
    assert.equal((await change(PASSWORD)).status, 200);
    assert.deepEqual([await status(here), await status(there)], [200, 401]);
    assert.equal((await signIn({ email, password: PASSWORD })).status, 401);
    assert.equal(
      (await ask(gateway, gateway.adminKey, 'POST', '/session/password', { current: 'x', password: PASSWORD })).status,
      400,
    );
  });

  test('a session that is not used ends, one that is used goes on, and ends too', async () => {
    const [idle, used, old] = [
      cookieIn(await signIn({ admin_key: gateway.adminKey })),
      cookieIn(await signIn({ admin_key: gateway.adminKey })),
      cookieIn(await signIn({ admin_key: gateway.adminKey })),
    ];
    const client = new pg.Client({ connectionString: gateway.databaseUrl! });
    await client.connect();
    /** As if it had been used last, or begun, so many minutes earlier. */
    const earlier = async (cookie: string, column: 'seen_at' | 'ends_at', minutes: number) => {
      const hash = createHash('sha256').update(cookie.split('=')[1]!).digest();
      const to = `update sessions set ${column} = ${column} - make_interval(mins => $2) where hash = $1`;
      assert.equal((await client.query(to, [hash, minutes])).rowCount, 1);
    };
    try {
      await earlier(idle, 'seen_at', 11);
      await earlier(used, 'seen_at', 9);
      assert.deepEqual([await status(idle), await status(used)], [401, 200]);
      // Its use a moment ago counts from now on.
      await earlier(used, 'seen_at', 9);
      assert.equal(await status(used), 200);
      await earlier(old, 'ends_at', 61);
      assert.equal(await status(old), 401);
    } finally {
      await client.end();
    }
  });

  test('guesses are slowed by address and account, counted and audited, and the owner gets in from elsewhere', async () => {
    const { email } = await made();
    const guesser = from();
    const tries = Array.from({ length: 12 }, (_, i) => signIn({ email, password: `wrong guess ${i}` }, guesser));
    const answers = await Promise.all(tries);
    assert.ok(answers.filter(({ status }) => status === 401).length >= 5);
    const told = answers.find(({ status }) => status === 429);
    assert.ok(told && Number(told.headers.get('retry-after')) >= 1);
    assert.equal((await signIn({ email, password: PASSWORD })).status, 200);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    assert.match(metrics, /tollgate_auth_failures_total\{reason="password"\} \d/);
    const { data } = await gateway.admin<{ data: { actor: string; subject: string }[] }>(
      'GET',
      '/audit?action=sign_in.refused',
    );
    assert.ok(data.some(({ actor, subject }) => actor.startsWith('address:203.0.113.') && subject === email));
    assert.ok(!JSON.stringify(data).includes('wrong guess'));
  });

  test('bodies that are no sign-in are refused in words', async () => {
    for (const body of [{}, { email: 'a@b.c' }, { admin_key: 'x', email: 'a@b.c', password: 'y' }, { admin_key: '' }])
      assert.equal((await signIn(body)).status, 400, JSON.stringify(body));
    assert.equal((await signIn({ admin_key: 'not the admin key, though it is as long' })).status, 401);
  });
});
