/** What claims stand for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localPath } from '../../src/api/admin/return-path.js';
import { accessOf, type OidcRules } from '../../src/identity/oidc-access.js';
import { identityOf } from '../../src/identity/oidc-users.js';

const rules: OidcRules = {
  claims: { role: 'realm.roles', teams: 'squads' },
  roles: { ops: 'admin', leads: 'team_admin', '*': 'viewer' },
  teams: null,
};

test('the first role of the configuration that fits counts, whatever the order of the claims', () => {
  for (const roles of [['leads', 'ops'], ['ops', 'leads'], 'ops'])
    assert.deepEqual(accessOf({ realm: { roles } }, rules), { role: 'admin', teams: [] });
  assert.deepEqual(accessOf({ realm: { roles: ['x'] } }, rules), { role: 'viewer', teams: [] });
  assert.deepEqual(accessOf({}, rules), { role: 'viewer', teams: [] });
  const { '*': _, ...roles } = rules.roles;
  for (const claims of [{}, { realm: 'ops' }, { realm: { roles: { ops: true } } }, { realm: { roles: 'ops leads' } }])
    assert.equal(accessOf(claims, { ...rules, roles }), null, JSON.stringify(claims));
  for (const name of ['__proto__', 'constructor', 'toString'])
    assert.equal(accessOf({ realm: { roles: [name] } }, { ...rules, roles }), null);
});

test('teams are the values of their claim, or what the configuration has for them', () => {
  const claims = { realm: { roles: ['leads'] }, squads: ['search', 'search', 'ads', 7, null, 'constructor'] };
  assert.deepEqual(accessOf(claims, rules)?.teams, ['search', 'ads', 'constructor']);
  assert.deepEqual(accessOf(claims, { ...rules, teams: { search: 'team-s' } })?.teams, ['team-s']);
  assert.deepEqual(accessOf(claims, { ...rules, claims: { role: 'realm.roles', teams: null } })?.teams, []);
  const many = Array.from({ length: 5_000 }, (_, i) => `t${i}`);
  assert.equal(accessOf({ ...claims, squads: many }, rules)?.teams.length, 100);
});

test('an identity is issuer and subject; an address counts where the issuer says that it verified it', () => {
  const of = (claims: Record<string, unknown>) => identityOf('https://idp.example', claims);
  const email = 'Ada@example.com';
  assert.equal(of({ sub: 'a', email, email_verified: true })?.email, 'ada@example.com');
  for (const verified of [false, 'true', 1, undefined])
    assert.equal(of({ sub: 'a', email, email_verified: verified })?.email, null);
  assert.equal(of({ sub: 'a', email: 'adа@example.com', email_verified: true })?.email, null, 'Cyrillic');
  for (const sub of [undefined, '', 5, 'x'.repeat(256)]) assert.equal(of({ sub }), null);
  assert.equal(of({ sub: 'a', name: ' \u0000A\nB\ud800 ' })?.name, 'A B');
  assert.equal(of({ sub: 'a', preferred_username: 'ada' })?.name, 'ada');
  assert.equal(of({ sub: 'a', name: 'x'.repeat(9_999) })?.name.length, 200);
});

test('a sign-in leads to a page of the console, whatever it was asked for', () => {
  for (const page of ['/ui', '/ui/', '/ui/keys?q=a%20b#x', '/ui?a=b']) assert.equal(localPath(page), page);
  for (const other of [
    ...[undefined, '', '/', 'ui/', '//evil', '/uix', '/ui\\x', '/ui/../v1/models', '/ui/%2e%2e/admin', '/ui/a b'],
    ...['https://evil/ui/', '/ui/\r\nx', `/ui/${'x'.repeat(600)}`, '/ui/"x', '/ui@evil'],
  ])
    assert.equal(localPath(other), '/ui/', String(other));
});
