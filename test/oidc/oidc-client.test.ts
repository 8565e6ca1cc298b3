/** The client of an issuer: when it asks, what it keeps, and which answers it does not take. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { OidcClient, OidcFault } from '../../src/oidc/oidc-client.js';

const issuer = 'https://idp.example';
const binding = { redirectUri: 'https://gw.example/cb', state: 's'.repeat(43), nonce: 'n', verifier: 'v'.repeat(43) };

async function world(over: { claims?: object; key?: 'other' | 'none'; metadata?: object } = {}) {
  const [ours, other] = [await generateKeyPair('RS256'), await generateKeyPair('RS256')];
  const asked: string[] = [];
  const sent: { headers: Record<string, string>; body: string }[] = [];
  const state = { away: false, nowMs: 10_000 };
  const idToken = async (): Promise<string> => {
    const claims = { iss: issuer, aud: 'tollgate', sub: 'ada', nonce: 'n', ...over.claims };
    const times = { iat: Math.floor(Date.now() / 1000), exp: Math.floor(Date.now() / 1000) + 60 };
    if (over.key === 'none') {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      return `${part({ alg: 'none' })}.${part({ ...times, ...claims })}.`;
    }
    const key = over.key === 'other' ? other.privateKey : ours.privateKey;
    return new SignJWT({ ...times, ...claims }).setProtectedHeader({ alg: 'RS256', kid: 'k' }).sign(key);
  };
  const answers: Record<string, () => Promise<object>> = {
    '/.well-known/openid-configuration': async () => ({
      ...{ issuer, authorization_endpoint: `${issuer}/auth`, token_endpoint: `${issuer}/token` },
      ...{ jwks_uri: `${issuer}/jwks`, response_types_supported: ['code'], subject_types_supported: ['public'] },
      ...{ id_token_signing_alg_values_supported: ['RS256'], ...over.metadata },
    }),
    '/token': async () => ({ access_token: 'a', token_type: 'Bearer', id_token: await idToken() }),
    '/jwks': async () => ({ keys: [{ ...(await exportJWK(ours.publicKey)), kid: 'k', alg: 'RS256', use: 'sig' }] }),
    '/userinfo': async () => ({ sub: 'ada', groups: ['ops'], email: 'ada@example.com' }),
  };
  const settings = { issuer, client_id: 'tollgate', client_secret: 'hush hush', scopes: [], wanted: ['groups'] };
  const client = new OidcClient(settings, {
    monotonicMs: () => state.nowMs,
    fetch: async (url, { headers, body }) => {
      const { pathname } = new URL(url);
      asked.push(pathname);
      sent.push({ headers: headers as Record<string, string>, body: String(body ?? '') });
      if (state.away) throw new OidcFault('away', 'no connection');
      return Response.json(await answers[pathname]!());
    },
  });
  const end = () => client.claims(`code=c&state=${binding.state}`, binding);
  return { client, asked, sent, state, end };
}
const isFault = (kind: string) => (error: unknown) => error instanceof OidcFault && error.kind === kind;

test('an issuer is asked when somebody signs in, once for many, and is kept while it is away', async () => {
  const { client, asked, state } = await world();
  state.away = true;
  await assert.rejects(client.authorizationUrl(binding), isFault('away'));
  await assert.rejects(client.authorizationUrl(binding), isFault('away'));
  assert.equal(asked.length, 1, 'not again at once');
  state.away = false;
  state.nowMs += 2_000;
  const urls = await Promise.all([1, 2, 3].map(() => client.authorizationUrl(binding)));
  assert.equal(asked.length, 2);
  assert.equal(new URL(urls[0]!).searchParams.get('scope'), 'openid');
  state.nowMs += 3_700_000;
  state.away = true;
  await client.authorizationUrl(binding);
  assert.equal(asked.length, 3);
  assert.equal(await client.endSessionUrl('https://gw.example/ui/'), null);
});

test('an ID token that is signed, meant for this gateway and this sign-in tells who came', async () => {
  const { end, sent } = await world();
  assert.equal((await end()).sub, 'ada');
  const { headers, body } = sent.find((one) => one.body !== '')!;
  assert.match(headers['authorization'] ?? '', /^Basic /);
  assert.match(body, new RegExp(`code_verifier=${binding.verifier}`));
});

test('claims that the ID token lacks are asked of userinfo, and the ID token counts before it', async () => {
  const metadata = { userinfo_endpoint: `${issuer}/userinfo` };
  const { end } = await world({ metadata, claims: { email: 'other@example.com' } });
  const { groups, email } = await end();
  assert.deepEqual([groups, email], [['ops'], 'other@example.com']);
  const whole = await world({ metadata, claims: { groups: ['x'] } });
  assert.deepEqual((await whole.end())['groups'], ['x']);
  assert.ok(!whole.asked.includes('/userinfo'));
});

test('where the issuer takes the secret in the body alone, it goes there', async () => {
  const { end, sent } = await world({ metadata: { token_endpoint_auth_methods_supported: ['client_secret_post'] } });
  await end();
  assert.match(sent.find(({ body }) => body !== '')!.body, /client_secret=hush/);
});

for (const [name, over] of [
  ['another key', { key: 'other' }],
  ['no signature', { key: 'none' }],
  ['another nonce', { claims: { nonce: 'm' } }],
  ['another audience', { claims: { aud: 'other' } }],
  ['another issuer', { claims: { iss: 'https://evil.example' } }],
  ['an end in the past', { claims: { exp: 1 } }],
] as const)
  test(`an ID token with ${name} is none`, async () => {
    const { end } = await world(over);
    await assert.rejects(end(), isFault('invalid'));
  });

test('a configuration of another issuer, and an answer of another sign-in, are none', async () => {
  const { client } = await world({ metadata: { issuer: 'https://evil.example' } });
  await assert.rejects(client.authorizationUrl(binding), isFault('invalid'));
  const { client: good } = await world();
  await assert.rejects(good.claims('code=c&state=other', binding), isFault('invalid'));
  await assert.rejects(good.claims(`error=access_denied&state=${binding.state}`, binding), isFault('denied'));
  await assert.rejects(good.claims(`error=server_error&state=${binding.state}`, binding), isFault('invalid'));
});
