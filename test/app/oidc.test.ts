/** How an issuer is asked: through the proxies of the environment, without redirects, and for no more than can be an answer. */
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, test } from 'node:test';
import { startOidc } from '../../src/app/oidc.js';
import type { Config } from '../../src/config/config.js';
import { systemClock } from '../../src/lib/clock.js';
import { startConnectProxy } from '../support/connect-proxy.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** An issuer of this name, which only the proxy finds. */
async function world(answer: (issuer: string) => RequestListener) {
  const server = createServer((request, response) => answer(issuer)(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  const issuer = `http://idp.test:${(server.address() as AddressInfo).port}`;
  const proxy = await startConnectProxy();
  closing.push(() => proxy.stop());
  const config = {
    proxies: { http: `http://127.0.0.1:${proxy.port}`, https: null, except: '' },
    admin: {
      oidc: {
        ...{ issuer, client_id: 'c', client_secret: 's', name: 'n', url: null, scopes: ['openid'] },
        ...{ claims: { role: 'groups', teams: null }, roles: { '*': 'viewer' }, teams: null },
      },
    },
  } as unknown as Config;
  const oidc = startOidc(() => ({ config }), systemClock);
  closing.push(() => oidc.close());
  const binding = { redirectUri: 'http://gw.test/cb', state: 's', nonce: 'n', verifier: 'v'.repeat(43) };
  return { issuer, proxy, begin: () => oidc.current()!.authorizationUrl(binding) };
}

const json =
  (body: object, status = 200, headers = {}): RequestListener =>
  (_, response) =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
const kind = (wanted: string) => (error: { kind?: string }) => error.kind === wanted;

test('an issuer that only the proxy reaches is asked through it', async () => {
  const { issuer, proxy, begin } = await world((it) => json({ issuer: it, authorization_endpoint: `${it}/auth` }));
  assert.ok((await begin()).startsWith(`${issuer}/auth?`));
  assert.deepEqual(proxy.asked, [`${issuer.slice('http://'.length)} `]);
});

test('an answer without an end is broken off, a redirect is not followed, and an error is one', async () => {
  const endless = await world(() => (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  });
  await assert.rejects(endless.begin(), kind('invalid'));
  const led = await world(() => json({}, 302, { location: 'http://127.0.0.1:1/' }));
  await assert.rejects(led.begin(), kind('invalid'));
  assert.equal(led.proxy.asked.length, 1);
});
