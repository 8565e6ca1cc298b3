/** Tokens of an issuer in the place of virtual keys: a real gateway, a real server with the issuer's keys, the `openai` client. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SignJWT } from 'jose';
import OpenAI from 'openai';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type Issuer, startIssuer } from '../support/issuer.js';
import { configFile, editAndWait, edited, reloadByApi, replaceFile } from '../support/reload.js';

let issuer: Issuer;
let gateway: Gateway;

const free = { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: { input: 1, output: 2 } };
const jwt = () => ({
  issuer: issuer.issuer,
  audience: 'tollgate',
  jwks_url: issuer.jwksUrl,
  claims: {
    team: 'org.team',
    user: 'email',
    models: 'models',
    endpoints: 'endpoints',
    tags: 'groups',
    plan: 'plan',
  },
  team: 'guests',
  models: ['small*'],
  endpoints: ['chat'],
  tags: ['by-token'],
  limits: [{ unit: 'requests', max: 10, per: 'hour' }],
  plans: { gold: { limits: [{ unit: 'requests', max: 1_000, per: 'hour' }], models: ['*'] } },
});

before(async () => {
  issuer = await startIssuer();
  gateway = await startGateway({
    config: {
      providers: { sandbox: { type: 'sandbox' } },
      models: { small: free, 'small-2': free, large: free },
      routes: [{ name: 'by-key', match: { path: '/by-key' }, auth: { key: {} }, respond: { status: 200, body: 'ok' } }],
      auth: { jwt: jwt() },
    },
  });
});
after(async () => {
  await gateway?.close();
  await issuer?.stop();
});

const client = (token: string) => new OpenAI({ apiKey: token, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
const ask = (token: string, more: { model?: string; id?: string; user?: string } = {}) =>
  client(token)
    .chat.completions.create(
      { model: more.model ?? 'small', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 5 },
      {
        headers: {
          ...(more.id ? { 'x-request-id': more.id } : {}),
          ...(more.user ? { 'x-tollgate-user': more.user } : {}),
        },
      },
    )
    .then(
      () => ({ status: 200, code: '', message: '' }),
      (error: unknown) => {
        if (!(error instanceof OpenAI.APIError)) throw error;
        return { status: error.status as number, code: error.code as string, message: error.message };
      },
    );
const outcome = async (token: string, more?: Parameters<typeof ask>[1]) => {
  const { status, code } = await ask(token, more);
  return code ? `${status} ${code}` : String(status);
};

let subjects = 0;
const newSubject = (): string => `subject-${++subjects}`;
const gold = { plan: 'gold' };

test('a good token is served, and the ledger says whose it is: subject, team, end user and tags', async () => {
  const sub = newSubject();
  const token = await issuer.sign({ sub, org: { team: 'search' }, email: 'ada@example.com', groups: ['red', 'blue'] });
  assert.equal(await outcome(token, { id: 'whose-1', user: 'somebody-else' }), '200');
  const [entry] = (await gateway.entries('whose-1')) as unknown as Record<string, unknown>[];
  const { key, team, user, tags, model } = entry!;
  assert.deepEqual(
    { key, team, user, tags, model },
    {
      key: `jwt:https://idp.example.com:${sub}`,
      team: 'search',
      user: 'ada@example.com',
      tags: ['by-token', 'red', 'blue'],
      model: 'small',
    },
  );
  const listed = await gateway.admin<{ data: unknown[] }>('GET', `/usage?key=${encodeURIComponent(String(key))}`);
  assert.equal(listed.data.length, 1);
  const created = await gateway.admin<{ data: { actor: string }[] }>('GET', '/audit?subject=search&action=team.create');
  assert.deepEqual(
    created.data.map(({ actor }) => actor),
    [key],
  );
});

test('without a claim of its own a token has the team, the models and the user that the configuration and the request say', async () => {
  const token = await issuer.sign({ sub: newSubject() });
  assert.equal(await outcome(token, { id: 'whose-2', user: 'bob' }), '200');
  const [entry] = (await gateway.entries('whose-2')) as unknown as Record<string, unknown>[];
  assert.deepEqual([entry!['team'], entry!['user'], entry!['tags']], ['guests', 'bob', ['by-token']]);
  assert.equal(await outcome(token, { model: 'large' }), '403 model_not_allowed');
});

test('claims restrict models and endpoints, and GET /v1/models lists what is left', async () => {
  const names = async (claims: object) => {
    const { data } = await client(await issuer.sign({ sub: newSubject(), ...claims })).models.list();
    return data.map(({ id }) => id);
  };
  assert.deepEqual(await names({}), ['small', 'small-2']);
  assert.deepEqual(await names({ models: 'large small-2' }), ['small-2', 'large']);
  assert.deepEqual(await names({ models: [] }), []);
  assert.deepEqual(await names(gold), ['small', 'small-2', 'large']);
  const embeds = await issuer.sign({ sub: newSubject(), endpoints: ['embeddings'] });
  assert.equal(await outcome(embeds), '403 endpoint_not_allowed');
});

test('what is not a good token of the issuer for this gateway is refused in one wording', async () => {
  const sub = newSubject();
  const base = () => new SignJWT({ sub }).setIssuer(issuer.issuer).setAudience('tollgate').setExpirationTime('5m');
  const claims = { sub, iss: issuer.issuer, aud: 'tollgate', exp: 9e9 };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const bad: Record<string, string> = {
    'another audience': await issuer.sign({ sub }, { audience: 'orders' }),
    'another issuer': await issuer.sign({ sub }, { issuer: 'https://evil.example.com' }),
    'another key of the same name': await issuer.sign({ sub }, { key: await issuer.makeKey('k1') }),
    'no signature': `${part({ alg: 'none' })}.${part(claims)}.`,
    'the public key as a secret': await base()
      .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
      .sign(new TextEncoder().encode(issuer.first.pem)),
    'not yet': await base()
      .setNotBefore('5m')
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .sign(issuer.first.privateKey),
    'without an end': await new SignJWT({ sub })
      .setIssuer(issuer.issuer)
      .setAudience('tollgate')
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .sign(issuer.first.privateKey),
    garbage: 'eyJ.eyJ.eyJ',
  };
  const words = new Set<string>();
  for (const [what, token] of Object.entries(bad)) {
    const { status, code, message } = await ask(token);
    assert.equal(`${status} ${code}`, '401 invalid_api_key', what);
    words.add(message);
  }
  assert.equal(words.size, 1, [...words].join('\n'));
  assert.doesNotMatch([...words][0]!, /idp|keys|RS256/);
  assert.equal(await outcome(await issuer.sign({ sub }, { expires: '-2m' })), '401 expired_api_key');
  assert.equal(await outcome(await issuer.sign({ sub }, { expires: '-30s' })), '200', 'clocks may differ by a minute');
});

test('a token whose claims do not fit is refused and told which claim', async () => {
  for (const [claims, named] of [
    [{}, 'sub'],
    [{ sub: 7 }, 'sub'],
    [{ sub: newSubject(), org: { team: 'x'.repeat(101) } }, 'org.team'],
    [{ sub: newSubject(), models: [1] }, 'models'],
    [{ sub: newSubject(), email: 'a\u0000b' }, 'email'],
  ] as const) {
    const { status, code, message } = await ask(await issuer.sign(claims));
    assert.equal(`${status} ${code}`, '401 invalid_api_key');
    assert.ok(message.includes(`'${named}'`), message);
  }
});

test('a blocked team is blocked for tokens too, at once, and an unblocked one is not', async () => {
  const token = await issuer.sign({ sub: newSubject(), org: { team: 'blockable' } });
  assert.equal(await outcome(token), '200');
  await gateway.admin('POST', '/teams/blockable/block');
  assert.equal(await outcome(token), '403 team_blocked');
  await gateway.admin('POST', '/teams/blockable/unblock');
  assert.equal(await outcome(token), '200');
});

test('on another replica too, within a second; and an end user has limits that a header cannot escape', async () => {
  const replica = await startGateway({
    database: gateway.databaseUrl!,
    config: {
      providers: { sandbox: { type: 'sandbox' } },
      models: { small: free },
      auth: { jwt: { ...jwt(), user_limits: [{ unit: 'requests', max: 2, per: 'hour' }] } },
    },
  });
  try {
    const there = async (token: string, user = '') => {
      const body = { model: 'small', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 5 };
      return (await replica.chat(token, body, { headers: user ? { 'x-tollgate-user': user } : {} })).status;
    };
    const sub = newSubject();
    const ofUser = (email: string) => issuer.sign({ sub, email });
    assert.deepEqual(
      [await there(await ofUser('a')), await there(await ofUser('a'), 'b'), await there(await ofUser('a'), 'c')],
      [200, 200, 429],
    );
    assert.equal(await there(await ofUser('b')), 200);
    const token = await issuer.sign({ sub: newSubject(), org: { team: 'afar' } });
    assert.equal(await there(token), 200);
    await gateway.admin('POST', '/teams/afar/block');
    const blockedAt = performance.now();
    while ((await there(token)) === 200)
      assert.ok(performance.now() - blockedAt < 1_000, 'still served after a second');
    assert.equal(await there(token), 403);
  } finally {
    await replica.close();
  }
});

test('limits of the team hold for all its tokens and keys together', async () => {
  const team = 'shared';
  await gateway.admin('POST', '/teams', { name: team, limits: [{ unit: 'requests', max: 3, per: 'hour' }] });
  const { key } = await gateway.key({ team });
  const tokens = await Promise.all([1, 2, 3].map(() => issuer.sign({ sub: newSubject(), org: { team } })));
  assert.equal(await outcome(key), '200');
  assert.deepEqual(await Promise.all(tokens.slice(0, 2).map((token) => outcome(token))), ['200', '200']);
  assert.equal(await outcome(tokens[2]!), '429 rate_limit_exceeded');
});

test('50 at once with several tokens of two subjects: each subject gets its limit, and not one more', async () => {
  const subs = [newSubject(), newSubject()];
  const tokens = await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      issuer.sign({ sub: subs[i % 2]!, org: { team: `race-${i % 2}` }, jti: `${i % 10}` }),
    ),
  );
  const outcomes = await Promise.all(tokens.map((token) => outcome(token)));
  for (const i of [0, 1]) {
    const own = outcomes.filter((_, at) => at % 2 === i);
    assert.equal(own.filter((one) => one === '200').length, 10);
    assert.equal(own.filter((one) => one === '429 rate_limit_exceeded').length, 40);
  }
});

test('a plan that a claim names has limits of its own, which the admin API shows', async () => {
  const sub = newSubject();
  const token = await issuer.sign({ sub, ...gold });
  const all = await Promise.all(Array.from({ length: 15 }, () => outcome(token, { model: 'large' })));
  assert.deepEqual(new Set(all), new Set(['200']));
  const of = (id: string) =>
    gateway.admin<{ data: { max: number; spent: number }[] }>('GET', `/limits?key=${encodeURIComponent(id)}`);
  const { data } = await of(`jwt:${issuer.issuer}:${sub}`);
  assert.deepEqual([data[0]!.max, data[0]!.spent], [1_000, 15]);
  await assert.rejects(of(`jwt:${issuer.issuer}:nobody`), /404/);
});

test('a subject of any length and any characters is told by a name that the ledger and limits can hold', async () => {
  const odd = ['räksmörgås med blanksteg', 'x'.repeat(5_000), 'a%20b', 'a b', '~tilde', `${'x'.repeat(4_999)}y`];
  const keys = new Set<string>();
  for (const [i, sub] of odd.entries()) {
    assert.equal(await outcome(await issuer.sign({ sub }), { id: `odd-${i}` }), '200');
    const [entry] = await gateway.entries(`odd-${i}`);
    assert.match(entry!.key, /^jwt:https:\/\/idp\.example\.com:[\x21-\x7e]{1,120}$/);
    keys.add(entry!.key);
  }
  assert.equal(keys.size, odd.length);
});

test('a virtual key stays a virtual key', async () => {
  const { key, id } = await gateway.key();
  assert.equal(await outcome(key, { id: 'by-key', model: 'large' }), '200');
  assert.equal((await gateway.entries('by-key'))[0]!.key, id);
  assert.equal(await outcome('sk-tg-wrong'), '401 invalid_api_key');
});

test('a route that asks for a virtual key takes no token for one', async () => {
  const by = async (credential: string) =>
    (await fetch(`${gateway.url}/by-key`, { headers: { authorization: `Bearer ${credential}` } })).status;
  assert.equal(await by((await gateway.key()).key), 200);
  assert.equal(await by(await issuer.sign({ sub: newSubject() })), 401);
});

test('explain tells what would happen to a request with a token', async () => {
  const sub = newSubject();
  const key = await issuer.sign({ sub, org: { team: 'search' } });
  const request = { model: 'small', messages: [{ role: 'user', content: 'Hello' }] };
  const told = await gateway.admin<{ would: string; caller: object }>('POST', '/explain', { key, request });
  assert.deepEqual(
    [told.would, told.caller],
    ['send', { key: `jwt:${issuer.issuer}:${sub}`, name: sub, team: 'search' }],
  );
});

test('a key that the issuer rotated in is fetched when it is first met; unknown keys are not fetched for over and over', async () => {
  const before = issuer.fetches();
  const second = await issuer.makeKey('k2');
  issuer.publish(issuer.first, second);
  const sub = newSubject();
  const tokens = await Promise.all(
    Array.from({ length: 20 }, (_, i) => issuer.sign({ sub, i, ...gold }, { key: second })),
  );
  assert.deepEqual(new Set(await Promise.all(tokens.map((token) => outcome(token)))), new Set(['200']));
  assert.equal(issuer.fetches(), before + 1, 'one fetch for all who wait');
  const third = await issuer.makeKey('k3');
  issuer.publish(issuer.first, second, third);
  for (let i = 0; i < 5; i++)
    assert.equal(await outcome(await issuer.sign({ sub, i, ...gold }, { key: third })), '401 invalid_api_key');
  assert.equal(issuer.fetches(), before + 1, 'none within the cool-down');
});

test('while the issuer is away its last keys are used, for tokens that were never seen too', async () => {
  await issuer.stop();
  try {
    assert.equal(await outcome(await issuer.sign({ sub: newSubject() })), '200');
  } finally {
    await issuer.start();
  }
});

test('a reload changes what tokens stand for; one that is wrong changes nothing and says where', async () => {
  const token = await issuer.sign({ sub: newSubject() });
  for (let i = 0; i < 10; i++) assert.equal(await outcome(token), '200');
  assert.equal(await outcome(token), '429 rate_limit_exceeded');
  await editAndWait(gateway, (config) => {
    config.auth.jwt.limits[0].max = 11;
    config.auth.jwt.models = ['*'];
  });
  assert.equal(await outcome(token, { model: 'large' }), '200');
  assert.equal(await outcome(token), '429 rate_limit_exceeded');
  const text = await edited(gateway, (config) => {
    config.auth.jwt.algorithms = ['HS256'];
  });
  await replaceFile(configFile(gateway), text);
  const { status, body } = await reloadByApi(gateway);
  assert.equal(status, 422);
  assert.match(JSON.stringify(body), /auth\.jwt\.algorithms.*HS256, HS384 and HS512 need `secret`/);
  await editAndWait(gateway, (config) => {
    delete config.auth;
  });
  assert.equal(await outcome(token), '401 invalid_api_key');
  await editAndWait(gateway, (config) => {
    config.auth = { jwt: { ...jwt(), unknown_teams: 'refuse', limits: [] } };
  });
  assert.equal(await outcome(token), '200');
  const stranger = await ask(await issuer.sign({ sub: newSubject(), org: { team: 'never-made' } }));
  assert.deepEqual([stranger.status, stranger.code], [401, 'invalid_api_key']);
  await gateway.admin('POST', '/teams', { name: 'never-made' });
  assert.equal(await outcome(await issuer.sign({ sub: newSubject(), org: { team: 'never-made' } })), '200');
});

test('with an issuer that never answered nobody can tell: 503, and served once it does', async () => {
  const late = await startIssuer('https://late.example.com');
  await late.stop();
  try {
    await editAndWait(gateway, (config) => {
      config.auth = { jwt: { issuer: late.issuer, audience: 'tollgate', jwks_url: late.jwksUrl } };
    });
    const token = await late.sign({ sub: newSubject() });
    assert.equal(await outcome(token), '503 unavailable');
    await late.start();
    const until = Date.now() + 10_000;
    let last = '';
    while (last !== '200' && Date.now() < until) last = await outcome(token);
    assert.equal(last, '200');
  } finally {
    await late.stop();
  }
});
