/** Who may call a route: keys, tokens of an issuer, introspection, basic, another service, nobody in particular. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { afterEach, describe, it } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { ManualClock } from '../support/clock.js';
import { answers, type HttpUpstream, startHttpUpstream } from '../support/http-upstream.js';
import { startRoutes, type TestRoutes, type TestRoutesOptions } from '../support/routes.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function server(handler?: HttpUpstream['handler']): Promise<HttpUpstream> {
  const made = await startHttpUpstream(handler);
  closing.push(() => made.stop());
  return made;
}

interface Guarded {
  readonly gateway: TestRoutes;
  readonly upstream: HttpUpstream;
  ask(headers?: Record<string, string>, path?: string): Promise<{ status: number; code: string; headers: Headers }>;
  /** What the upstream saw last. */
  sent(): Record<string, string | undefined>;
}

async function guarded(auth: object | undefined, more: object = {}, options?: TestRoutesOptions): Promise<Guarded> {
  const upstream = await server();
  const gateway = await startRoutes(
    [
      {
        name: 'r',
        match: { path: '/*' },
        upstream: { targets: [{ url: upstream.url }] },
        ...(auth ? { auth } : {}),
        ...more,
      },
    ],
    options,
  );
  closing.push(() => gateway.stop());
  return {
    gateway,
    upstream,
    ask: async (headers = {}, path = '/x') => {
      const answer = await fetch(`${gateway.url}${path}`, { headers });
      const text = await answer.text();
      const code = answer.headers.get('content-type')?.includes('problem')
        ? (JSON.parse(text) as { code: string }).code
        : '';
      return { status: answer.status, code, headers: answer.headers };
    },
    sent: () => upstream.seen.at(-1)!.headers as Record<string, string | undefined>,
  };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('virtual keys', () => {
  it('are asked for where a route says nothing about who may call', async () => {
    const { ask, gateway, sent, upstream } = await guarded(undefined);
    const without = await ask();
    assert.deepEqual([without.status, without.code], [401, 'invalid_api_key']);
    assert.equal(without.headers.get('www-authenticate'), 'Bearer');
    assert.equal((await ask(bearer('sk-tg-wrong'))).status, 401);
    assert.equal(upstream.seen.length, 0);
    const key = await gateway.key({ name: 'ada' });
    for (const name of ['x-api-key', 'api-key']) {
      assert.equal((await ask({ [name]: key })).status, 200);
      assert.equal(sent()[name], undefined);
    }
    assert.equal((await ask(bearer(key))).status, 200);
    assert.equal(sent()['authorization'], undefined);
    assert.match(sent()['x-tollgate-consumer']!, /^key_/);
    assert.equal(sent()['x-tollgate-consumer-name'], 'ada');
    assert.equal(sent()['x-tollgate-auth'], 'key');
  });

  it("an upstream's own credential beside the key goes on", async () => {
    const { ask, gateway, sent } = await guarded({ key: {} });
    const key = await gateway.key();
    assert.equal((await ask({ 'x-api-key': key, authorization: 'Basic dXA6c3RyZWFt' })).status, 200);
    assert.equal(sent()['authorization'], 'Basic dXA6c3RyZWFt');
    assert.equal(sent()['x-api-key'], undefined);
  });

  it('in a query are taken out of it', async () => {
    const { ask, gateway, upstream } = await guarded({ key: { query: 'key' } });
    const key = await gateway.key();
    assert.equal((await ask({}, `/x?a=%20b&key=${key}&c=1`)).status, 200);
    assert.equal(upstream.seen.at(-1)!.url, '/x?a=%20b&c=1');
  });

  it('go by their team, their addresses and their endpoints', async () => {
    const { ask, gateway } = await guarded({ key: { teams: ['search'] } });
    await gateway.team('search');
    const [inTeam, alone] = [await gateway.key({ team: 'search' }), await gateway.key()];
    assert.equal((await ask(bearer(inTeam))).status, 200);
    assert.equal((await ask(bearer(alone))).code, 'endpoint_not_allowed');
    const far = await gateway.key({ team: 'search', allowed_ips: ['10.0.0.0/8'] });
    assert.equal((await ask(bearer(far))).code, 'ip_not_allowed');
    const chat = await gateway.key({ team: 'search', endpoints: ['chat'] });
    assert.equal((await ask(bearer(chat))).code, 'endpoint_not_allowed');
    const routes = await gateway.key({ team: 'search', endpoints: ['chat', 'routes'] });
    assert.equal((await ask(bearer(routes))).status, 200);
  });
});

describe('tokens', () => {
  const issuer = 'https://idp.example.com';

  /** An issuer with keys that the test rotates. */
  async function idp() {
    const keys = await server();
    const make = async (kid: string) => {
      const pair = await generateKeyPair('RS256', { extractable: true });
      return { kid, pair, jwk: { ...(await exportJWK(pair.publicKey)), kid, alg: 'RS256', use: 'sig' } };
    };
    const first = await make('k1');
    let published: object[] = [first.jwk];
    keys.handler = (_seen, response) => answers({ keys: published })(_seen, response);
    const sign = (claims: object, key = first, more: { alg?: string; exp?: string | number } = {}) =>
      new SignJWT({ ...claims })
        .setProtectedHeader({ alg: more.alg ?? 'RS256', kid: key.kid })
        .setIssuer(issuer)
        .setAudience('orders')
        .setIssuedAt()
        .setExpirationTime(more.exp ?? '5m')
        .sign(key.pair.privateKey);
    return {
      keys,
      make,
      sign,
      first,
      publish: (...all: { jwk: object }[]) => void (published = all.map(({ jwk }) => jwk)),
    };
  }

  it('are verified, and claims go upstream as headers that no client can set', async () => {
    const { keys, sign } = await idp();
    const { ask, sent } = await guarded({
      jwt: {
        issuer,
        audience: 'orders',
        jwks_url: keys.url,
        claims_to_headers: { sub: 'x-user', 'org.id': 'x-org', groups: 'x-groups' },
      },
    });
    const token = await sign({ sub: 'ada', org: { id: 7 }, groups: ['a', 'b'] });
    assert.equal((await ask({ ...bearer(token), 'X-User': 'root', X_Org: '1' })).status, 200);
    assert.deepEqual(
      [sent()['x-user'], sent()['x-org'], sent()['x-groups'], sent()['x_org']],
      ['ada', '7', 'a b', undefined],
    );
    assert.equal(sent()['authorization'], undefined);
    assert.equal(sent()['x-tollgate-consumer'], 'ada');
  });

  it('of another issuer, audience, key, algorithm or time are refused', async () => {
    const { keys, sign, make, first } = await idp();
    const { ask } = await guarded({ jwt: { issuer, audience: 'orders', jwks_url: keys.url } });
    const other = await make('k1');
    const secret = new TextEncoder().encode(JSON.stringify(first.jwk));
    const body = { sub: 'ada' };
    const base = () => new SignJWT(body).setIssuer(issuer).setAudience('orders').setExpirationTime('5m');
    const bad: [string, string][] = [
      ['another key', await sign(body, other)],
      ['an old token', await sign(body, first, { exp: '-2m' })],
      [
        'another issuer',
        await base()
          .setIssuer('https://evil')
          .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
          .sign(first.pair.privateKey),
      ],
      [
        'another audience',
        await base().setAudience('x').setProtectedHeader({ alg: 'RS256', kid: 'k1' }).sign(first.pair.privateKey),
      ],
      [
        'a symmetric algorithm over the public key',
        await base().setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(secret),
      ],
      [
        'an algorithm that was not named',
        await base()
          .setProtectedHeader({ alg: 'PS256', kid: 'k1' })
          .sign((await generateKeyPair('PS256')).privateKey),
      ],
      [
        'not yet valid',
        await base().setNotBefore('5m').setProtectedHeader({ alg: 'RS256', kid: 'k1' }).sign(first.pair.privateKey),
      ],
      [
        'no signature',
        `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ ...body, iss: issuer, aud: 'orders', exp: 9e9 })).toString('base64url')}.`,
      ],
      ['no token at all', 'abc'],
    ];
    for (const [name, token] of bad) {
      const answer = await ask(bearer(token));
      assert.deepEqual([answer.status, answer.code], [401, 'invalid_token'], name);
      assert.match(answer.headers.get('www-authenticate')!, /^Bearer error="invalid_token"/, name);
    }
    assert.equal((await ask(bearer(await sign(body, first, { exp: '-30s' })))).status, 200, 'within the allowed skew');
    assert.equal((await ask(bearer(await sign({})))).status, 401, 'without a consumer');
  });

  it('scopes and claims are conditions: 403', async () => {
    const { keys, sign } = await idp();
    const { ask } = await guarded({
      jwt: {
        issuer,
        audience: 'orders',
        jwks_url: keys.url,
        scopes: ['orders:read'],
        claims: { tier: ['gold', 'silver'] },
      },
    });
    assert.equal((await ask(bearer(await sign({ sub: 'a', scope: 'x orders:read', tier: 'gold' })))).status, 200);
    const unscoped = await ask(bearer(await sign({ sub: 'a', scope: 'x', tier: 'gold' })));
    assert.deepEqual([unscoped.status, unscoped.code], [403, 'insufficient_scope']);
    assert.match(unscoped.headers.get('www-authenticate')!, /scope="orders:read"/);
    assert.equal((await ask(bearer(await sign({ sub: 'a', scp: ['orders:read'], tier: 'tin' })))).status, 403);
  });

  it('keys are fetched once however many ask, again for an unknown key, and not again within the cool-down', async () => {
    const clock = new ManualClock(Date.now());
    const { keys, sign, make, first, publish } = await idp();
    const { ask } = await guarded({ jwt: { issuer, audience: 'orders', jwks_url: keys.url } }, {}, { clock });
    const tokens = await Promise.all(Array.from({ length: 20 }, (_, i) => sign({ sub: `u${i}` })));
    assert.ok((await Promise.all(tokens.map((token) => ask(bearer(token))))).every(({ status }) => status === 200));
    assert.equal(keys.seen.length, 1);
    const second = await make('k2');
    const unknown = await make('k3');
    publish(first, second);
    clock.advance(31_000);
    assert.equal((await ask(bearer(await sign({ sub: 'a' }, second)))).status, 200, 'the new key is fetched');
    for (let i = 0; i < 5; i++) assert.equal((await ask(bearer(await sign({ sub: `b${i}` }, unknown)))).status, 401);
    assert.equal(keys.seen.length, 2, 'a flood of unknown keys is not a flood of fetches');
  });

  it('while the issuer is away the last good keys are used; without any, 503', async () => {
    const clock = new ManualClock(Date.now());
    const { keys, sign } = await idp();
    const { ask } = await guarded({ jwt: { issuer, audience: 'orders', jwks_url: keys.url } }, {}, { clock });
    const good = keys.handler;
    keys.handler = (_seen, response) => void response.writeHead(500).end();
    const away = await ask(bearer(await sign({ sub: 'a' })));
    assert.deepEqual([away.status, away.code], [503, 'unavailable']);
    keys.handler = good;
    clock.advance(2_000);
    assert.equal((await ask(bearer(await sign({ sub: 'a' })))).status, 200);
    await keys.stop();
    clock.advance(3_600_000);
    assert.equal((await ask(bearer(await sign({ sub: 'b' }, undefined, { exp: '2h' })))).status, 200);
  });

  it('a key that the issuer withdrew is no longer good, also for tokens that were verified before', async () => {
    const clock = new ManualClock(Date.now());
    const { keys, sign, make, publish } = await idp();
    const { ask } = await guarded({ jwt: { issuer, audience: 'orders', jwks_url: keys.url } }, {}, { clock });
    const token = await sign({ sub: 'a' }, undefined, { exp: '2h' });
    assert.equal((await ask(bearer(token))).status, 200);
    publish(await make('k2'));
    clock.advance(11 * 60_000);
    // The first one finds the keys old and is still verified with them, while they are renewed.
    let status = 200;
    for (let tries = 0; status === 200 && tries < 200; tries++) {
      ({ status } = await ask(bearer(token)));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.equal(status, 401);
  });

  it('the keys are found by OpenID discovery, of that issuer alone', async () => {
    const { keys, first } = await idp();
    const home = await server();
    const jwks = keys.url;
    home.handler = answers({ issuer: home.url, jwks_uri: jwks });
    const signed = (iss: string) =>
      new SignJWT({ sub: 'a' })
        .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
        .setIssuer(iss)
        .setExpirationTime('5m')
        .sign(first.pair.privateKey);
    const { ask } = await guarded({ jwt: { issuer: home.url } });
    assert.equal((await ask(bearer(await signed(home.url)))).status, 200);
    const liar = await server();
    liar.handler = answers({ issuer: 'https://other', jwks_uri: jwks });
    const lied = await guarded({ jwt: { issuer: liar.url } });
    assert.equal((await lied.ask(bearer(await signed(liar.url)))).status, 503);
  });

  it('a shared secret, a cookie and a query will do where they are named; other cookies go on', async () => {
    const secret = 'a-secret-of-some-length-that-is-enough';
    const { ask, sent, upstream } = await guarded({
      jwt: { issuer, secret, algorithms: ['HS256'], cookie: 'session', query: 'token' },
    });
    const token = await new SignJWT({ sub: 'a' })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(issuer)
      .setExpirationTime('5m')
      .sign(new TextEncoder().encode(secret));
    assert.equal((await ask({ cookie: `a=1; session=${token}; b=2` })).status, 200);
    assert.equal(sent()['cookie'], 'a=1; b=2');
    assert.equal((await ask({}, `/x?token=${token}&q=1`)).status, 200);
    assert.equal(upstream.seen.at(-1)!.url, '/x?q=1');
  });
});

describe('introspection', () => {
  const config = (url: string) => ({
    introspection: {
      url,
      client_id: 'gw',
      client_secret: 's3cret',
      scopes: ['read'],
      cache: '60s',
      claims_to_headers: { sub: 'x-user' },
    },
  });

  it('asks the issuer once per token while the answer holds, as a client that it knows', async () => {
    const clock = new ManualClock(Date.now());
    const idp = await server(
      answers({ active: true, sub: 'ada', scope: 'read', exp: Math.floor(clock.now() / 1000) + 30 }),
    );
    const { ask, sent } = await guarded(config(idp.url), {}, { clock });
    const all = await Promise.all(Array.from({ length: 10 }, () => ask(bearer('opaque'))));
    assert.ok(all.every(({ status }) => status === 200));
    assert.equal(idp.seen.length, 1);
    assert.equal(idp.seen[0]!.headers.authorization, `Basic ${Buffer.from('gw:s3cret').toString('base64')}`);
    assert.equal(new URLSearchParams(idp.seen[0]!.body).get('token'), 'opaque');
    assert.deepEqual([sent()['x-user'], sent()['authorization']], ['ada', undefined]);
    clock.advance(31_000);
    await ask(bearer('opaque'));
    assert.equal(idp.seen.length, 2, "not past the token's end");
  });

  it('refuses what is not active or has not the scope, and lets nobody in while the issuer is away', async () => {
    const clock = new ManualClock(Date.now());
    const idp = await server(answers({ active: false }));
    const { ask } = await guarded(config(idp.url), {}, { clock });
    assert.deepEqual((await ask(bearer('t'))).code, 'invalid_token');
    await ask(bearer('t'));
    assert.equal(idp.seen.length, 1, 'a bad answer is remembered too');
    idp.handler = answers({ active: true, sub: 'a', scope: 'write' });
    assert.equal((await ask(bearer('u'))).status, 403);
    idp.handler = (_seen, response) => void response.writeHead(500).end();
    assert.equal((await ask(bearer('v'))).status, 503);
    clock.advance(11_000);
    assert.equal((await ask(bearer('t'))).status, 503, 'an old refusal is not an answer either');
  });
});

describe('basic', () => {
  it('knows passwords and hashes of passwords', async () => {
    const hash = createHash('sha256').update('pw2').digest('hex');
    const { ask, sent } = await guarded({ basic: { users: { ada: 'pw:1', bob: `sha256:${hash}` }, realm: 'shop' } });
    const as = (user: string, password: string) =>
      ask({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` });
    assert.equal((await as('ada', 'pw:1')).status, 200);
    assert.deepEqual([sent()['x-tollgate-consumer'], sent()['authorization']], ['ada', undefined]);
    assert.equal((await as('bob', 'pw2')).status, 200);
    for (const [user, password] of [
      ['ada', 'pw'],
      ['bob', 'pw:1'],
      ['eve', ''],
      ['', ''],
    ] as const)
      assert.equal((await as(user, password)).status, 401);
    const without = await ask();
    assert.match(without.headers.get('www-authenticate')!, /Basic realm="shop"/);
    assert.equal((await ask({ authorization: 'Basic ####' })).status, 401);
  });
});

describe('another service', () => {
  it('lets pass with 2xx, and any other answer of it is the answer', async () => {
    const judge = await server((seen, response) => {
      if (seen.headers.authorization === 'Bearer good')
        return void response.writeHead(200, { 'x-user': 'ada', 'x-who': 'ada' }).end();
      response.writeHead(302, { location: 'https://login.example.com', 'set-cookie': 's=1' }).end('go there');
    });
    const { gateway, ask, sent } = await guarded({
      forward: { url: `${judge.url}/check`, response_headers: { 'x-user': 'x-user' }, consumer_header: 'x-who' },
    });
    assert.equal((await ask({ ...bearer('good'), 'x-user': 'root', cookie: 'a=1' }, '/x?q=1')).status, 200);
    assert.deepEqual([sent()['x-user'], sent()['x-tollgate-consumer']], ['ada', 'ada']);
    const asked = judge.seen[0]!.headers;
    assert.deepEqual(
      [asked['x-forwarded-uri'], asked['x-forwarded-method'], asked['cookie']],
      ['/x?q=1', 'GET', 'a=1'],
    );
    const answer = await fetch(`${gateway.url}/x`, { redirect: 'manual' });
    assert.deepEqual(
      [answer.status, answer.headers.get('location'), answer.headers.get('set-cookie'), await answer.text()],
      [302, 'https://login.example.com', 's=1', 'go there'],
    );
    await judge.stop();
    assert.equal((await ask(bearer('good'))).status, 503);
  });
});

describe('several ways', () => {
  it('any of them lets in; a wrong credential is refused even where anybody may be anonymous', async () => {
    const { ask, gateway, sent } = await guarded({
      key: {},
      basic: { users: { ada: 'pw' } },
      anonymous: { consumer: 'guest' },
    });
    assert.equal((await ask()).status, 200);
    assert.deepEqual([sent()['x-tollgate-consumer'], sent()['x-tollgate-auth']], ['guest', 'anonymous']);
    assert.equal((await ask(bearer(await gateway.key()))).status, 200);
    assert.equal((await ask({ authorization: `Basic ${Buffer.from('ada:pw').toString('base64')}` })).status, 200);
    assert.equal((await ask({ authorization: `Basic ${Buffer.from('ada:no').toString('base64')}` })).status, 401);
    assert.equal((await ask(bearer('nonsense'))).status, 401);
    assert.equal((await ask(bearer(`sk-tg-${'0'.repeat(49)}`))).status, 401);
  });

  it('nobody is asked where anybody may call', async () => {
    const { ask, sent } = await guarded({ none: {} });
    assert.equal((await ask({ ...bearer('anything'), 'x-tollgate-consumer': 'root' })).status, 200);
    assert.deepEqual([sent()['authorization'], sent()['x-tollgate-consumer']], ['Bearer anything', undefined]);
  });

  it('a policy that only logs lets pass, and says what it would have done', async () => {
    const { ask, gateway } = await guarded({ key: {} }, { log_only: ['auth'] });
    assert.equal((await ask({ 'x-request-id': 'lo-1' })).status, 200);
    assert.deepEqual(gateway.refusals, ['r auth log']);
    assert.equal((await gateway.line('lo-1'))['log_only'], 'auth');
  });
});
