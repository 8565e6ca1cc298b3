/** The way to providers: proxies of the environment and of a provider, authorities and certificates of its own. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { packageRoot } from '../../src/lib/root.js';
import { newSigningSecret } from '../../src/lib/standard-webhooks.js';
import { type ConnectProxy, startConnectProxy } from '../support/connect-proxy.js';
import { freePort } from '../support/free-port.js';
import { type Gateway, startGateway, textAsFarAsItComes } from '../support/gateway.js';
import { type Issuer, startIssuer } from '../support/issuer.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { eventually } from '../support/reload.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';

const fixture = (name: string): string => join(packageRoot, 'test/fixtures/tls', name);
const pem = (name: string): Buffer => readFileSync(fixture(name));
const PASSWORD = 'pa@ss:word';

let secure: FakeUpstream;
let mutual: FakeUpstream;
let plain: FakeUpstream;
let proxy: ConnectProxy;
let issuer: Issuer;
let receiver: Receiver;
let gateway: Gateway;
let key: string;

before(async () => {
  const server = { cert: pem('valid.pem'), key: pem('valid.key') };
  secure = await startUpstream(server);
  mutual = await startUpstream({ ...server, ca: pem('ca.pem'), requestCert: true, rejectUnauthorized: true });
  plain = await startUpstream();
  issuer = await startIssuer();
  receiver = await startReceiver();
  proxy = await startConnectProxy(`me:${PASSWORD}`);
  const at = (name: string, upstream: FakeUpstream, scheme = 'https'): object => ({
    ...{ type: 'openai-compatible', api_key: 'k' },
    base_url: `${scheme}://${name}:${new URL(upstream.url).port}/v1`,
  });
  const ca = fixture('ca.pem');
  const through = `http://me:${encodeURIComponent(PASSWORD)}@127.0.0.1:${proxy.port}`;
  const providers: Record<string, object> = {
    own: { ...at('api.test', secure), proxy: through, tls: { ca } },
    wrong: { ...at('api.test', secure), proxy: `http://me:guess@127.0.0.1:${proxy.port}`, tls: { ca } },
    away: { ...at('api.test', secure), proxy: `http://127.0.0.1:${await freePort()}`, tls: { ca } },
    environment: { ...at('models.test', secure), tls: { ca, server_name: 'api.test' } },
    unencrypted: at('plain.test', plain, 'http'),
    excepted: at('models.internal.test', plain, 'http'),
    none: { ...at('api.test', secure), proxy: 'none', tls: { ca } },
    mutual: { ...at('127.0.0.1', mutual), tls: { ca, cert: fixture('client.pem'), key: fixture('client.key') } },
    uncertified: { ...at('127.0.0.1', mutual), tls: { ca } },
    stranger: { ...at('127.0.0.1', mutual), tls: { ca, cert: fixture('stranger.pem'), key: fixture('stranger.key') } },
    unknown: at('127.0.0.1', secure),
    misnamed: { ...at('127.0.0.1', secure), tls: { ca, server_name: 'other.test' } },
  };
  const jwks_url = issuer.jwksUrl.replace('127.0.0.1', 'issuer.test');
  gateway = await startGateway({
    config: {
      providers,
      webhooks: [
        {
          name: 'out',
          url: receiver.url.replace('127.0.0.1', 'hooks.test'),
          events: ['webhook.test'],
          allow_private: true,
          secret: newSigningSecret(),
        },
      ],
      auth: { jwt: { issuer: issuer.issuer, audience: 'tollgate', jwks_url, unknown_teams: 'create', team: 'guests' } },
      models: Object.fromEntries(
        Object.keys(providers).map((provider) => [
          provider,
          { targets: [{ provider, model: 'm' }], price: { input: 1, output: 10 }, retry: { max_attempts: 1 } },
        ]),
      ),
    },
    env: { https_proxy: through, HTTP_PROXY: through, no_proxy: 'x.test, .internal.test' },
  });
  ({ key } = await gateway.key());
});
after(async () => {
  await gateway?.close();
  await Promise.all([secure, mutual, plain].map((upstream) => upstream?.stop()));
  await proxy?.stop();
  await issuer?.stop();
  await receiver?.close();
});

async function ask(model: string, stream = false): Promise<{ status: number; text: string }> {
  proxy.asked.length = 0;
  const answer = await gateway.chat(key, { model, stream, messages: [{ role: 'user', content: 'Hello' }] });
  return { status: answer.status, text: await textAsFarAsItComes(answer) };
}

const portOf = (upstream: FakeUpstream): string => new URL(upstream.url).port;

test('a provider is reached through its own proxy, which looks the name up and gets the credentials, and nobody else', async () => {
  const { status, text } = await ask('own');
  assert.equal(status, 200, text);
  assert.deepEqual(proxy.asked, [`api.test:${portOf(secure)} me:${PASSWORD}`]);
  const { headers } = secure.requests.at(-1)!;
  assert.equal(headers['proxy-authorization'], undefined);
  assert.equal(headers['host'], `api.test:${portOf(secure)}`);
  // The connection is kept.
  assert.equal((await ask('own')).status, 200);
  assert.deepEqual(proxy.asked, []);
});

test('the variables of the environment lead to both schemes, and NO_PROXY away from them', async () => {
  assert.equal((await ask('environment')).status, 200);
  assert.deepEqual(proxy.asked, [`models.test:${portOf(secure)} me:${PASSWORD}`]);
  assert.equal((await ask('unencrypted')).status, 200);
  assert.deepEqual(proxy.asked, [`plain.test:${portOf(plain)} me:${PASSWORD}`]);
  for (const model of ['excepted', 'none']) {
    const { status, text } = await ask(model);
    assert.equal(status, 502, text);
    assert.match(text, /No connection to the upstream \((ENOTFOUND|EAI_AGAIN)\)/);
    assert.deepEqual(proxy.asked, []);
  }
});

test('the keys of an issuer of tokens are fetched through the proxy of the environment', async () => {
  proxy.asked.length = 0;
  const answer = await gateway.chat(await issuer.sign({ sub: 'ann' }), {
    model: 'unencrypted',
    messages: [{ role: 'user', content: 'Hello' }],
  });
  assert.equal(answer.status, 200, await answer.text());
  const { host } = new URL(issuer.jwksUrl.replace('127.0.0.1', 'issuer.test'));
  assert.ok(proxy.asked.includes(`${host} me:${PASSWORD}`), proxy.asked.join());
});

test('webhooks are delivered through it, and not to an address that is forbidden to them', async () => {
  const { port } = new URL(receiver.url);
  const { data } = await gateway.admin<{ data: { id: string }[] }>('GET', '/webhooks');
  proxy.asked.length = 0;
  await gateway.admin('POST', `/webhooks/${data[0]!.id}/test`);
  await eventually('a delivery', () => receiver.received[0]);
  assert.deepEqual(proxy.asked, [`hooks.test:${port} me:${PASSWORD}`]);
  for (const url of ['https://169.254.169.254/in', 'https://10.1.2.3/in'])
    await assert.rejects(gateway.admin('POST', '/webhooks', { url, events: ['*'] }), /400/);
});

test('a proxy that refuses is named as what it is', async () => {
  const { status, text } = await ask('wrong');
  assert.equal(status, 502, text);
  assert.match(text, /The proxy refuses the connection \(407\)/);
});

test('a proxy that is away is named, not the upstream behind it', async () => {
  const { status, text } = await ask('away');
  assert.equal(status, 502, text);
  assert.match(text, /The proxy cannot be reached \(ECONNREFUSED\)/);
});

test('certificates: own authorities, a client certificate, and a name of its own', async () => {
  assert.equal((await ask('mutual')).status, 200);
  for (const model of ['uncertified', 'stranger', 'unknown', 'misnamed']) {
    const { status, text } = await ask(model);
    assert.equal(status, 502, `${model}: ${text}`);
  }
  assert.deepEqual(proxy.asked, []);
});

test('the test of a provider goes the way that its requests go', async () => {
  const shown = (name: string) => gateway.admin<{ status: string; detail: string }>('POST', `/providers/${name}/test`);
  for (const name of ['own', 'environment', 'unencrypted', 'mutual']) {
    proxy.asked.length = 0;
    const { status, detail } = await shown(name);
    assert.notEqual(status, 'problem', `${name}: ${detail}`);
    assert.equal(proxy.asked.length, name === 'mutual' ? 0 : 1, `${name} goes through the proxy`);
  }
  for (const [name, words] of [
    ['away', /cannot be reached: The proxy cannot be reached \(ECONNREFUSED\)/],
    ['wrong', /The proxy refuses the connection \(407\)/],
    ['unknown', /UNABLE_TO_VERIFY|SELF_SIGNED/],
    ['misnamed', /ERR_TLS_CERT_ALTNAME_INVALID/],
  ] as const) {
    const { status, detail } = await shown(name);
    assert.equal(status, 'problem', `${name}: ${detail}`);
    assert.match(detail, words);
  }
});

test('no password and no key of the way is shown or logged', async () => {
  const shown = JSON.stringify(await gateway.admin('GET', '/config'));
  assert.match(shown, new RegExp(`@127\\.0\\.0\\.1:${proxy.port}`));
  for (const text of [shown, gateway.output]) {
    for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), 'guess', 'PRIVATE KEY'])
      assert.ok(!text.includes(secret));
  }
});
