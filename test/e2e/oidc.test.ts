/** Signing in by OIDC, at a real issuer, with two gateways of one database behind one address. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { freePort } from '../support/free-port.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import {
  Browser,
  CLIENT_SECRET,
  type IdentityProvider,
  type Person,
  startIdentityProvider,
} from '../support/identity-provider.js';
import { ask } from '../support/people.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

const own = { 'sec-fetch-site': 'same-origin', 'x-tollgate-console': '1' };
const ADMIN = 'sk-tg-admin-of-the-tests-0123456789abcdefghijklmnop';

describe('signing in by OIDC', () => {
  let database: FreshDatabase;
  let one: Gateway;
  let two: Gateway;
  let issuer: IdentityProvider;
  let front: string;

  before(async () => {
    database = await freshDatabase();
    const port = await freePort();
    front = `http://127.0.0.1:${await freePort()}`;
    const config = {
      ...{ providers: {}, models: {}, server: { port: Number(new URL(front).port) } },
      admin: {
        key: ADMIN,
        oidc: {
          ...{ issuer: `http://127.0.0.1:${port}`, client_id: 'tollgate', client_secret: CLIENT_SECRET },
          ...{ name: 'Company', url: front, claims: { role: 'groups', teams: 'squads' } },
          roles: { ops: 'admin', finance: 'viewer', leads: 'team_admin', staff: 'member' },
        },
      },
    };
    // The issuer is not there yet: a start does not ask it.
    one = await startGateway({ database: database.url, config });
    two = await startGateway({ database: database.url, config: { ...config, server: {} } });
    await one.admin('POST', '/teams', { name: 'search' });
    assert.equal(signInOf(await new Browser().follow(`${one.url}/admin/v1/session/oidc`)), 'away');
    issuer = await startIdentityProvider(port, [front]);
    // An issuer that was away is asked again after a moment.
    const begins = (to: string) => to.startsWith(issuer.issuer);
    while (!begins(await new Browser().follow(`${one.url}/admin/v1/session/oidc`, begins)))
      await new Promise((resolve) => setTimeout(resolve, 100));
  });
  after(async () => {
    await one?.close();
    await two?.close();
    await issuer?.stop();
    await database?.drop();
  });

  const signInOf = (address: string) => new URL(address).searchParams.get('sign_in');
  const isCallback = (to: string) => to.includes('/session/oidc/callback');
  const as = (subject: string, person: Person) => {
    issuer.people.set(subject, person);
    issuer.person = subject;
  };
  /** Answers where it led to. */
  const signIn = (browser: Browser, to = '') => browser.follow(`${one.url}/admin/v1/session/oidc${to}`);
  const sessionOf = async (browser: Browser, gateway = one) =>
    (await ask(gateway, undefined, 'GET', '/session', undefined, { ...own, cookie: browser.cookie })).body.session;
  const status = async (browser: Browser, gateway = one) =>
    (await ask(gateway, undefined, 'GET', '/keys', undefined, { ...own, cookie: browser.cookie })).status;

  test('is offered by name, makes a user of issuer and subject, and leads to the page that was asked for', async () => {
    const { body } = await ask(one, undefined, 'GET', '/session');
    assert.equal(body.ways.oidc, 'Company');
    as('ada', { email: 'Ada@Example.com', email_verified: true, name: 'Ada\nL.', groups: ['staff', 'finance', 'x'] });
    const browser = new Browser();
    const end = await signIn(browser, '?to=/ui/keys%3Fteam=a');
    assert.equal(end, `${front}/ui/keys?team=a`);
    const session = await sessionOf(browser);
    const { email, name, role, issuer: by, has_password } = session.user;
    assert.deepEqual([email, name, role], ['ada@example.com', 'Ada L.', 'viewer']);
    assert.deepEqual([by, has_password, session.actor], [issuer.issuer, false, `user:${session.user.id}`]);
    assert.equal(await status(browser, two), 200);
    const lines = (await ask(one, ADMIN, 'GET', `/audit?subject=${session.user.id}`)).body.data;
    assert.deepEqual([lines[0].action, lines[0].actor], ['user.create', 'oidc']);
    const seen = browser.visited.join('\n') + one.output + two.output;
    assert.ok(!seen.includes(CLIENT_SECRET));
    const again = new Browser();
    await signIn(again);
    assert.equal((await sessionOf(again)).user.id, session.user.id);
  });

  test('sends a challenge, a state and a nonce, and sets a cookie that lasts for minutes', async () => {
    const response = await new Browser().ask(`${one.url}/admin/v1/session/oidc`);
    assert.equal(response.status, 302);
    const asked = new URL(response.headers.get('location')!).searchParams;
    assert.deepEqual([asked.get('code_challenge_method'), asked.get('response_type')], ['S256', 'code']);
    for (const name of ['state', 'nonce', 'code_challenge']) assert.match(asked.get(name)!, /^[\w-]{43}$/);
    const cookie = response.headers.get('set-cookie')!;
    assert.match(cookie, /^tollgate_sign_in=[\w-]{43}; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/);
  });

  test('leads to pages of the console alone', async () => {
    as('ada', { groups: ['finance'] });
    for (const to of [
      '//evil.example',
      'https://evil.example/ui/',
      '/ui/../v1',
      '/ui\\evil',
      '/uix',
      '/ui/%0d%0ax',
      '/ui//../..//evil.example',
    ]) {
      const end = new URL(await signIn(new Browser(), `?to=${encodeURIComponent(to)}`));
      assert.equal(end.origin, front, to);
      assert.ok(end.pathname.startsWith('/ui/'), `${to}: ${end.href}`);
    }
  });

  test('begins at one gateway and ends at the other, once, and in the same browser alone', async () => {
    as('grace', { groups: 'ops', name: 'Grace' });
    const browser = new Browser();
    const callback = await browser.follow(`${two.url}/admin/v1/session/oidc`, isCallback);
    const stranger = new Browser();
    await stranger.ask(`${one.url}/admin/v1/session/oidc`);
    for (const other of [new Browser(), stranger]) {
      assert.equal(signInOf((await other.ask(callback)).headers.get('location')!.replace('/', `${front}/`)), 'expired');
      assert.equal(await sessionOf(other), null);
    }
    const ended = await browser.ask(callback.replace(front, one.url));
    assert.deepEqual([ended.status, ended.headers.get('location')], [302, '/ui/']);
    assert.match(ended.headers.get('set-cookie')!, /^tollgate_session=[\w-]{43}; .*HttpOnly; SameSite=Strict$/);
    assert.equal((await sessionOf(browser, two)).role, 'admin');
    const replayed = new Browser();
    const twice = await browser.ask(callback);
    assert.match(twice.headers.get('location')!, /sign_in=expired/);
    assert.equal(await sessionOf(replayed), null);
  });

  test('refuses a code that another sign-in got, and answers that were never asked for', async () => {
    as('grace', { groups: 'ops' });
    const browser = new Browser();
    const first = new URL(await browser.follow(`${one.url}/admin/v1/session/oidc`, isCallback));
    const second = new URL(await browser.follow(`${one.url}/admin/v1/session/oidc`, isCallback));
    second.searchParams.set('code', first.searchParams.get('code')!);
    assert.equal(signInOf(await browser.follow(second.href)), 'invalid');
    assert.equal(await sessionOf(browser), null);
    for (const query of ['', '?code=x', '?state=x&code=y', `?error=access_denied&state=${'x'.repeat(43)}`])
      assert.equal(
        signInOf(await new Browser().follow(`${one.url}/admin/v1/session/oidc/callback${query}`)),
        'expired',
      );
    const metrics = await (await fetch(`${one.url}/metrics`)).text();
    assert.match(metrics, /tollgate_auth_failures_total\{reason="oidc"\} \d/);
  });

  test('takes role and teams from the claims each time: what changes ends sessions, what is gone ends access', async () => {
    as('joan', { groups: ['leads'], squads: ['search', 'no-such-team'], name: 'Joan' });
    const browser = new Browser();
    await signIn(browser);
    const { user, teams, role } = await sessionOf(browser);
    assert.deepEqual([role, teams], ['team_admin', ['search']]);
    const made = await ask(one, undefined, 'POST', '/tokens', { name: 't' }, { ...own, cookie: browser.cookie });
    assert.equal(made.status, 201, made.text);
    as('joan', { groups: ['staff'], squads: ['search'] });
    const later = new Browser();
    await signIn(later);
    assert.deepEqual([await sessionOf(browser), (await sessionOf(later)).role], [null, 'member']);
    as('joan', { groups: ['left'], squads: ['search'] });
    assert.equal(signInOf(await signIn(new Browser())), 'no_access');
    assert.equal(await sessionOf(later, two), null);
    const keys = await ask(two, made.body.token, 'POST', '/keys', { name: 'x', team: 'search' });
    assert.ok(keys.status === 401 || keys.status === 403, String(keys.status));
    const lines = (await ask(one, ADMIN, 'GET', `/audit?subject=${user.id}`)).body.data;
    assert.equal(lines[0].action, 'user.access_ended');
    as('joan', { groups: ['leads'], squads: ['no-such-team'] });
    assert.equal(signInOf(await signIn(new Browser())), 'no_access');
  });

  test('joins a user whom an admin made by a verified address, and by no other', async () => {
    const address = (name: string) => `${name}@example.com`;
    for (const name of ['kept', 'joined'])
      await one.admin('POST', '/users', { email: address(name), role: 'admin', password: 'correct horse battery' });
    as('mallory', { email: address('kept'), email_verified: false, groups: ['finance'] });
    const stranger = new Browser();
    await signIn(stranger);
    assert.deepEqual([(await sessionOf(stranger)).user.email, (await sessionOf(stranger)).role], [null, 'viewer']);
    as('real', { email: address('joined'), email_verified: true, groups: ['finance'] });
    const joined = new Browser();
    await signIn(joined);
    const { user } = await sessionOf(joined);
    assert.deepEqual([user.email, user.role, user.has_password], [address('joined'), 'viewer', true]);
    // Another subject with the same verified address is somebody else.
    as('second', { email: address('joined'), email_verified: true, groups: ['finance'] });
    const second = new Browser();
    await signIn(second);
    assert.notEqual((await sessionOf(second)).user.id, user.id);
    await one.admin('POST', `/users/${user.id}/block`);
    as('real', { email: address('joined'), email_verified: true, groups: ['ops'] });
    assert.equal(signInOf(await signIn(new Browser())), 'blocked');
  });

  test('two windows of one browser, and two first sign-ins of one person at once, make one user', async () => {
    as('twin', { groups: ['finance'], name: 'Twin' });
    const browser = new Browser();
    const callbacks = [
      await browser.follow(`${one.url}/admin/v1/session/oidc`, isCallback),
      await browser.follow(`${two.url}/admin/v1/session/oidc`, isCallback),
    ];
    const ends = await Promise.all(callbacks.map((to, i) => browser.ask(to.replace(front, [one, two][i]!.url))));
    assert.deepEqual(
      ends.map(({ headers }) => headers.get('location')),
      ['/ui/', '/ui/'],
    );
    const { data } = (await ask(one, ADMIN, 'GET', '/users?q=Twin')).body;
    assert.equal(data.length, 1);
  });

  test('signs out at the issuer too, and tells of an issuer that refuses or is away', async () => {
    as('ada', { groups: ['finance'] });
    const browser = new Browser();
    await signIn(browser);
    const out = await ask(one, undefined, 'DELETE', '/session', undefined, { ...own, cookie: browser.cookie });
    const url = new URL(out.body.end_session_url);
    assert.equal(url.origin, issuer.issuer);
    assert.equal(url.searchParams.get('post_logout_redirect_uri'), `${front}/ui/`);
    assert.equal((await fetch(url)).status, 200);
    assert.equal(await status(browser), 401);
    issuer.person = 'nobody';
    assert.equal(signInOf(await signIn(new Browser())), 'denied');
    as('ada', { groups: ['finance'] });
    const waiting = new Browser();
    const callback = await waiting.follow(`${one.url}/admin/v1/session/oidc`, isCallback);
    const there = new Browser();
    await signIn(there);
    await issuer.stop();
    assert.equal(signInOf(await waiting.follow(callback)), 'away');
    assert.equal(await status(there), 200, 'whoever has signed in stays');
    assert.equal((await ask(one, ADMIN, 'GET', '/users')).status, 200);
    await issuer.start();
    await signIn(new Browser());
  });
});
