import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeConfig } from '../../src/config/describe.js';
import { bad, good } from './support.js';

const jwt = (lines: string) => `auth:
  jwt:
    issuer: https://idp.example.com
    audience: tollgate
${lines}`;

test('without `auth` virtual keys alone are accepted', (t) => {
  assert.equal(good(t, '{}').auth.jwt, null);
});

test('tokens have defaults, and a plan has what it leaves out from outside', (t) => {
  const { auth } = good(
    t,
    jwt(`    models: [small]
    limits: [{ unit: usd, max: 5, per: month }]
    claims: { plan: tier }
    plans: { gold: { models: ['*'] }, tin: { limits: [] } }
`),
  );
  const { algorithms, clock_skew, claims, team, unknown_teams, plans, endpoints } = auth.jwt!;
  assert.deepEqual(
    { algorithms, clock_skew, claims, team, unknown_teams, endpoints },
    {
      algorithms: ['RS256'],
      clock_skew: 60_000,
      claims: { subject: 'sub', plan: 'tier' },
      team: null,
      unknown_teams: 'create',
      endpoints: null,
    },
  );
  assert.deepEqual([plans['gold']!.models, plans['gold']!.limits.length], [['*'], 1]);
  assert.deepEqual([plans['tin']!.models, plans['tin']!.limits.length], [['small'], 0]);
});

test('what is wrong is told at its place', (t) => {
  assert.deepEqual(bad(t, 'auth: { jwt: { issuer: a, jwks_url: "ftp://x" } }'), [
    '1:9 auth.jwt.audience: is missing',
    '1:37 auth.jwt.jwks_url: expected an http or https URL without a user, such as https://idp.example.com/keys',
  ]);
  assert.deepEqual(bad(t, jwt('    algorithms: [none]\n')), [
    '5:18 auth.jwt.algorithms[0]: expected one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256, HS384, HS512; found a text',
  ]);
  assert.deepEqual(bad(t, jwt('    algorithms: [HS256]\n')), [
    '5:5 auth.jwt.algorithms: HS256, HS384 and HS512 need `secret`, the others the public keys of the issuer; not both',
  ]);
  assert.deepEqual(bad(t, jwt('    algorithms: [HS256]\n    secret: short\n')), [
    '6:13 auth.jwt.secret: expected at least 32 random characters',
  ]);
  assert.deepEqual(bad(t, jwt('    claims: { teem: x }\n')), [
    '5:15 auth.jwt.claims.teem: unknown key; did you mean "team"?',
  ]);
  assert.deepEqual(bad(t, jwt('    endpoints: [chatt]\n')), [
    '5:17 auth.jwt.endpoints[0]: expected one of chat, responses, messages, completions, embeddings, moderations, images, audio, rerank, files, batches, passthrough, routes; did you mean chat?',
  ]);
  assert.deepEqual(bad(t, jwt('    plans: { gold: {} }\n')), [
    '5:5 auth.jwt.plans: `plans` and `claims.plan` go together',
  ]);
  assert.deepEqual(bad(t, jwt('    claims: { plan: tier }\n')), [
    '5:21 auth.jwt.claims.plan: `plans` and `claims.plan` go together',
  ]);
  assert.match(bad(t, jwt('    jwks_file: none.json\n'))[0]!, /^5:16 auth\.jwt\.jwks_file: cannot read .*: ENOENT$/);
});

test('a file that is no key set is refused when it is read', (t) => {
  const file = (text: string) => bad(t, jwt('    jwks_file: keys.json\n'), {}, { 'keys.json': text })[0]!;
  assert.match(file('[]'), /is not a JSON Web Key Set/);
  assert.match(file('{'), /is not JSON$/);
});

test('the secret is shown to nobody', (t) => {
  const secret = '0123456789abcdef0123456789abcdef';
  const config = good(t, jwt(`    algorithms: [HS256]\n    secret: ${secret}\n`));
  assert.ok(!JSON.stringify(describeConfig(config)).includes(secret));
});

test('roles of OIDC count in the order in which they are written: one that would lose its place is refused', (t) => {
  const oidc = (roles: string) =>
    `admin: { oidc: { issuer: "https://idp.example", client_id: c, client_secret: s, roles: ${roles} } }`;
  assert.match(bad(t, oidc('{ ops: admin, 100: viewer }'))[0]!, /admin\.oidc\.roles: .*whole numbers lose their place/);
  for (const [roles, order] of [
    ['{ zeta: viewer, ops: admin }', ['zeta', 'ops']],
    ['{ 100: viewer, 7: viewer }', ['7', '100']],
    ['{ b7: viewer, "007": admin }', ['b7', '007']],
  ] as const)
    assert.deepEqual(Object.keys(good(t, oidc(roles)).admin.oidc!.roles), order);
});
