/** Who a caller is, for whatever is kept by caller: all that the upstream learns of it, and never less. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { afterEach, describe, it } from 'node:test';
import { SignJWT } from 'jose';
import { type HttpUpstream, startHttpUpstream } from '../support/http-upstream.js';
import { routesOf, startRoutes, type TestRoutes } from '../support/routes.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const SECRET = 'an-hs256-secret-of-more-than-32-bytes';
const token = (claims: object): Promise<string> =>
  new SignJWT({ ...claims, jti: randomUUID() })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer('https://idp.test')
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(SECRET));
const jwt = (more: object = {}) => ({
  jwt: { issuer: 'https://idp.test', secret: SECRET, algorithms: ['HS256'], ...more },
});

async function server(handler: HttpUpstream['handler']): Promise<HttpUpstream> {
  const made = await startHttpUpstream(handler);
  closing.push(() => made.stop());
  return made;
}

/** An upstream that counts its answers, behind a route with this configuration. */
async function counting(more: object): Promise<{ gateway: TestRoutes; upstream: HttpUpstream }> {
  let count = 0;
  const upstream = await server((_seen, response) => void response.end(`n${++count}`));
  const gateway = await startRoutes([
    { name: 'r', match: { path: '/*' }, upstream: { targets: [{ url: upstream.url }] }, ...more },
  ]);
  closing.push(() => gateway.stop());
  return { gateway, upstream };
}

const ask = async (gateway: TestRoutes, headers: Record<string, string>, path = '/x') => {
  const answer = await fetch(gateway.url + path, { headers });
  return { status: answer.status, text: await answer.text(), state: answer.headers.get('x-tollgate-cache') };
};
const bearer = (value: string) => ({ authorization: `Bearer ${value}` });
const once = [{ max: 1, per: 'hour' }];

/** A service that names a caller by its cookie `who`, in the header `x-user`. */
const whoService = () =>
  server((seen, response) => {
    const who = /who=(\w+)/.exec(seen.headers.cookie ?? '')?.[1];
    response.writeHead(who ? 200 : 401, who ? { 'x-user': who } : {}).end();
  });

describe('callers behind forward auth', () => {
  it('that only its answer headers tell apart have answers and limits of their own', async () => {
    const { url } = await whoService();
    const forward = { url, response_headers: { 'x-user': 'x-user' } };
    const { gateway } = await counting({ auth: { forward }, cache: { ttl: '1m' } });
    const [ada, bob] = [{ cookie: 'who=ada' }, { cookie: 'who=bob' }];
    assert.equal((await ask(gateway, ada)).text, 'n1');
    assert.deepEqual(await ask(gateway, bob), { status: 200, text: 'n2', state: 'miss' });
    assert.deepEqual(await ask(gateway, ada), { status: 200, text: 'n1', state: 'hit' });
    const limited = await counting({ auth: { forward }, limits: once });
    assert.deepEqual(
      [await ask(limited.gateway, ada), await ask(limited.gateway, bob), await ask(limited.gateway, ada)].map(
        ({ status }) => status,
      ),
      [200, 200, 429],
    );
  });

  it('that it names alike, but whose credentials go on, do not share answers', async () => {
    const all = await server((_seen, response) => void response.writeHead(200, { 'x-user': 'team' }).end());
    const { gateway } = await counting({
      auth: { forward: { url: all.url, consumer_header: 'x-user' } },
      cache: { ttl: '1m' },
    });
    await ask(gateway, { cookie: 'session=ada' });
    assert.equal((await ask(gateway, { cookie: 'session=bob' })).state, 'miss');
    assert.equal((await ask(gateway, { cookie: 'session=ada' })).state, 'hit');
  });

  it('whom it does not name this time are told apart by what it was shown', async () => {
    const silent = await server((_seen, response) => void response.end());
    const { gateway } = await counting({
      auth: { forward: { url: silent.url, consumer_header: 'x-user' } },
      limits: once,
    });
    const status = async (who: string) => (await ask(gateway, { cookie: `session=${who}` })).status;
    assert.deepEqual([await status('ada'), await status('bob'), await status('ada')], [200, 200, 429]);
  });
});

describe('tokens of one subject', () => {
  it('whose tenants differ in a header, in a template or in the token that is sent on share nothing', async () => {
    const [acme, evil] = [await token({ sub: 'ada', tenant: 'acme' }), await token({ sub: 'ada', tenant: 'evil' })];
    for (const more of [
      { auth: jwt({ claims_to_headers: { tenant: 'x-tenant' } }) },
      { auth: jwt(), request: { headers: { set: { 'x-tenant': '{claims.tenant}' } } } },
      { auth: jwt(), request: { query: { set: { tenant: '{claims.tenant}' } } } },
      { auth: jwt(), request: { path: { set: '/{claims.tenant}' } } },
      { auth: jwt({ forward_token: true }) },
    ]) {
      const limited = await counting({ ...more, limits: once });
      assert.deepEqual(
        [
          (await ask(limited.gateway, bearer(acme))).status,
          (await ask(limited.gateway, bearer(evil))).status,
          (await ask(limited.gateway, bearer(acme))).status,
        ],
        [200, 200, 429],
        JSON.stringify(more),
      );
      const cached = await counting({ ...more, cache: { ttl: '1m' } });
      const first = await ask(cached.gateway, bearer(acme));
      assert.notEqual((await ask(cached.gateway, bearer(evil))).text, first.text, JSON.stringify(more));
    }
  });

  it('are one caller however often they are renewed', async () => {
    for (const auth of [jwt(), jwt({ forward_token: true }), jwt({ claims_to_headers: { tenant: 'x-tenant' } })]) {
      const { gateway } = await counting({ auth, limits: once });
      const claims = { sub: 'ada', tenant: 'acme' };
      assert.equal((await ask(gateway, bearer(await token(claims)))).status, 200);
      assert.equal((await ask(gateway, bearer(await token(claims)))).status, 429);
    }
  });

  it('get the same target of a hash by consumer, and others may get another', async () => {
    const servers = await Promise.all(
      Array.from({ length: 4 }, (_, i) => server((_seen, response) => void response.end(`${i}`))),
    );
    const gateway = await startRoutes([
      {
        name: 'r',
        match: { path: '/*' },
        auth: jwt({ claims_to_headers: { tenant: 'x-tenant' } }),
        upstream: { targets: servers.map(({ url }) => ({ url })), balance: { hash: 'consumer' } },
      },
    ]);
    closing.push(() => gateway.stop());
    const found = new Set<string>();
    for (let i = 0; i < 16; i++) {
      const one = await token({ sub: 'ada', tenant: `t${i}` });
      const { text } = await ask(gateway, bearer(one));
      assert.equal((await ask(gateway, bearer(one))).text, text);
      found.add(text);
    }
    assert.ok(found.size > 1, 'all tenants of one subject went to one target');
  });
});

describe('cached answers', () => {
  it('depend on whatever a template sends upstream of the request', async () => {
    const { gateway } = await counting({
      auth: { none: {} },
      cache: { ttl: '1m', shared: true },
      request: { query: { set: { lang: '{header.x-lang}' } } },
    });
    assert.equal((await ask(gateway, { 'x-lang': 'de' })).text, 'n1');
    assert.equal((await ask(gateway, { 'x-lang': 'en' })).text, 'n2');
    assert.equal((await ask(gateway, { 'x-lang': 'de' })).text, 'n1');
  });

  it('to a request whose Authorization goes on are kept only where the answer allows it', async () => {
    const auth = { none: {} };
    const upstream = await server((seen, response) => {
      const control = new URL(seen.url, 'http://x').searchParams.get('say');
      response.writeHead(200, control ? { 'cache-control': control } : {}).end(seen.headers.authorization ?? 'nobody');
    });
    const gateway = await startRoutes([
      {
        ...{ name: 'r', match: { path: '/*' }, auth, cache: { ttl: '1m', shared: true } },
        upstream: { targets: [{ url: upstream.url }] },
      },
    ]);
    closing.push(() => gateway.stop());
    for (const say of ['', 'max-age=60']) {
      await ask(gateway, bearer('ada'), `/${say}?say=${say}`);
      assert.equal((await ask(gateway, bearer('bob'), `/${say}?say=${say}`)).text, 'Bearer bob', say);
      // And what was kept for requests without a credential is not an answer to one with it.
      await ask(gateway, {}, `/${say}?say=${say}`);
      assert.equal((await ask(gateway, bearer('eve'), `/${say}?say=${say}`)).text, 'Bearer eve', say);
    }
    for (const say of ['public', 's-maxage=60', 'max-age=60, must-revalidate']) {
      await ask(gateway, bearer('ada'), `/p?say=${encodeURIComponent(say)}`);
      assert.equal((await ask(gateway, bearer('bob'), `/p?say=${encodeURIComponent(say)}`)).text, 'Bearer ada', say);
    }
  });
});

describe('a policy by consumer', () => {
  const route = (more: object) => [
    { name: 'r', match: { path: '/*' }, upstream: { targets: [{ url: 'http://127.0.0.1:9' }] }, ...more },
  ];
  const blind = { forward: { url: 'http://127.0.0.1:9/' } };
  const hash = { targets: [{ url: 'http://127.0.0.1:9' }], balance: { hash: 'consumer' } };

  it('is refused where the route can tell nobody from anybody else', () => {
    for (const [more, place] of [
      [{ auth: blind, limits: once }, 'limits'],
      [{ auth: blind, limits: [{ ...once[0], by: 'consumer' }] }, 'limits'],
      [{ auth: { ...blind, key: {} }, limits: once }, 'limits'],
      [{ auth: blind, cache: { ttl: '1m' } }, 'cache'],
      [{ auth: blind, upstream: hash }, 'balance'],
      [{ auth: { none: {} }, limits: [{ ...once[0], by: 'consumer' }] }, 'limits'],
      [{ auth: { none: {} }, upstream: hash }, 'balance'],
    ] as const)
      assert.throws(() => routesOf(route(more)), new RegExp(`${place}.*(forward|none)`, 's'), JSON.stringify(more));
  });

  it('is taken where it can, and where callers are not counted by who they are', () => {
    for (const more of [
      { auth: { forward: { ...blind.forward, consumer_header: 'x-user' } }, limits: once, cache: { ttl: '1m' } },
      { auth: blind, limits: [{ ...once[0], by: 'ip' }], cache: { ttl: '1m', shared: true } },
      { auth: { none: {} }, limits: once, cache: { ttl: '1m' } },
      { auth: { anonymous: {} }, limits: once, upstream: hash },
    ])
      assert.equal(routesOf(route(more)).length, 1, JSON.stringify(more));
  });
});

describe('a claim with half a character', () => {
  it('makes the token invalid, wherever the claim is used', async () => {
    const bad = await token({ sub: 'ada', name: 'a\ud800' });
    const badSubject = await token({ sub: '\udc00' });
    for (const more of [
      { auth: jwt() },
      { auth: jwt({ claims_to_headers: { name: 'x-name' } }) },
      { auth: jwt({ consumer_claim: 'name' }) },
      { auth: jwt(), request: { path: { set: '/{claims.name}' } } },
    ]) {
      const { gateway, upstream } = await counting(more);
      assert.equal((await ask(gateway, bearer(bad))).status, 401, JSON.stringify(more));
      assert.equal((await ask(gateway, bearer(badSubject))).status, 401);
      assert.equal(upstream.seen.length, 0);
    }
    const issuer = await server(
      (_seen, response) => void response.end('{"active":true,"sub":"a","deep":{"list":["\\ud83d"]}}'),
    );
    const introspection = { url: issuer.url, client_id: 'c', client_secret: 's' };
    const { gateway } = await counting({ auth: { introspection } });
    assert.equal((await ask(gateway, bearer('opaque'))).status, 401);
  });
});
