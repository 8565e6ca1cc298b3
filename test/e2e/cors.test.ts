/** `server.cors`: scripts of the origins that it names may call the data plane from a browser, and nothing else. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { lacking } from '../../src/api/namespaces.js';
import { dataRows } from '../../src/api/table.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { editAndWait } from '../support/reload.js';

const ORIGIN = 'https://app.example.com';
const BELOW = 'https://a.b.example.org';
const FOREIGN = [
  ...[
    'https://evil.example.com',
    'http://app.example.com',
    `${ORIGIN}.evil.com`,
    `${ORIGIN}:8443`,
    'null',
    ORIGIN.slice(0, -1),
  ],
  ...['https://example.org', 'https://evil-example.org', 'https://x.example.org.evil.com', 'https://x/.example.org'],
];
const sandbox = { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: { input: 1, output: 1 } };
const config = { providers: { sandbox: { type: 'sandbox' } }, models: { m: sandbox } };

let gateway: Gateway;
let key: string;
before(async () => {
  gateway = await startGateway({
    config: { ...config, server: { cors: { origins: [ORIGIN, 'https://*.example.org'] } } },
  });
  ({ key } = await gateway.key());
});
after(() => gateway?.close());

const filled = (path: string): string => path.replace('{+id}', 'm');

async function ask(path: string, init: RequestInit & { origin?: string } = {}): Promise<Response> {
  const { origin, headers, ...rest } = init;
  const answer = await fetch(gateway.url + path, {
    ...rest,
    headers: { ...(origin !== undefined && { origin }), ...(headers as Record<string, string>) },
  });
  await answer.arrayBuffer();
  return answer;
}

const preflight = (path: string, origin: string, about = 'POST') =>
  ask(path, {
    ...{ method: 'OPTIONS', origin },
    headers: { 'access-control-request-method': about, 'access-control-request-headers': 'authorization,content-type' },
  });
const chat = (origin: string, more: object = {}, headers: Record<string, string> = {}) =>
  ask('/v1/chat/completions', {
    ...{ method: 'POST', origin },
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 3, ...more }),
  });
const allowed = (answer: Response) => answer.headers.get('access-control-allow-origin');
const exposed = (answer: Response) => (answer.headers.get('access-control-expose-headers') ?? '').split(', ');

describe('an origin that is named', () => {
  it('has its preflight answered for every data-plane address, without a key', async () => {
    for (const origin of [ORIGIN, BELOW]) {
      for (const { path, method } of dataRows) {
        const answer = await preflight(filled(path), origin, method);
        assert.equal(answer.status, 204, path);
        assert.equal(allowed(answer), origin);
        assert.ok(answer.headers.get('access-control-allow-methods')?.split(', ').includes(method), path);
        assert.equal(answer.headers.get('access-control-allow-headers'), 'authorization,content-type');
        assert.equal(answer.headers.get('access-control-max-age'), '600');
        assert.match(answer.headers.get('vary') ?? '', /origin/i);
      }
    }
  });

  it('may read answers with all of their headers: whole, streamed, and of the list of models', async () => {
    for (const answer of [await chat(ORIGIN), await chat(ORIGIN, { stream: true })]) {
      assert.equal(answer.status, 200);
      assert.equal(allowed(answer), ORIGIN);
      const own = [...answer.headers.keys()].filter((name) => /^(x-|ratelimit|retry-)/.test(name));
      assert.ok(own.includes('x-request-id') && own.includes('x-tollgate-model'));
      for (const name of own) assert.ok(exposed(answer).includes(name), name);
      assert.match(answer.headers.get('vary') ?? '', /origin/i);
    }
    for (const method of ['GET', 'HEAD']) {
      const list = await ask('/v1/models', { method, origin: ORIGIN, headers: { 'x-api-key': key } });
      assert.deepEqual([list.status, allowed(list)], [200, ORIGIN]);
      assert.ok(exposed(list).includes('x-request-id'));
    }
  });

  it('may read refusals, also of the request path and of what is not there', async () => {
    const refusals = [
      await ask('/v1/chat/completions', { method: 'POST', origin: ORIGIN, body: '{}' }),
      await chat(ORIGIN, { model: 'none' }),
      await chat(ORIGIN, { messages: 1 }),
      await ask('/v1/models', { origin: ORIGIN }),
      await ask('/v1/chat/completions', { origin: ORIGIN }),
      await ask('/v1/nothing', { origin: ORIGIN }),
      await ask(lacking[0]!.path, { method: 'POST', origin: ORIGIN }),
    ];
    assert.deepEqual(
      refusals.map(({ status }) => status),
      [401, 404, 400, 401, 405, 404, 404],
    );
    for (const refusal of refusals) assert.equal(allowed(refusal), ORIGIN, refusal.url);
  });

  it('is served as well where the body is too large for the plain path, and in another spelling of the path', async () => {
    const large = await chat(ORIGIN, { messages: [{ role: 'user', content: 'x'.repeat(100_000) }] });
    assert.deepEqual([large.status, allowed(large)], [200, ORIGIN]);
    const bare = await preflight('//chat/completions/', ORIGIN);
    assert.deepEqual([bare.status, allowed(bare)], [204, ORIGIN]);
  });

  it('has no part in health, metrics and the admin API', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics', '/admin/v1/keys', '/nothing']) {
      const headers = { authorization: `Bearer ${gateway.adminKey}` };
      assert.equal(allowed(await ask(path, { origin: ORIGIN, headers })), null, path);
      const answer = await preflight(path, ORIGIN, 'GET');
      assert.ok(answer.status >= 400, path);
      assert.equal(allowed(answer), null, path);
    }
  });
});

it('an origin that is not named gets no word of permission', async () => {
  for (const origin of FOREIGN) {
    const answers = [
      await preflight('/v1/chat/completions', origin),
      await chat(origin),
      await ask('/v1/models', { origin }),
    ];
    for (const answer of answers) {
      const words = [...answer.headers.keys()].filter((name) => name.startsWith('access-control-'));
      assert.deepEqual(words, [], `${origin} ${answer.status}`);
    }
  }
});

it('without an origin nothing is said, and OPTIONS without a question is 405', async () => {
  const answer = await ask('/v1/models', { headers: { 'x-api-key': key } });
  assert.deepEqual([answer.status, allowed(answer)], [200, null]);
  const options = await ask('/v1/models', { method: 'OPTIONS', origin: ORIGIN });
  assert.deepEqual([options.status, options.headers.get('allow')], [405, 'GET, HEAD']);
});

it('a reload opens it to everybody, narrows the headers, and closes it', async () => {
  const set = (cors: object | undefined) =>
    editAndWait(gateway, (written) => {
      written.server.cors = cors;
    });
  await set({ origins: ['*'], headers: ['authorization'], max_age: '1m' });
  const open = await preflight('/v1/chat/completions', 'https://anybody.example.net');
  assert.deepEqual([open.status, allowed(open), open.headers.get('vary')], [204, '*', null]);
  assert.equal(open.headers.get('access-control-allow-headers'), 'authorization');
  assert.equal(open.headers.get('access-control-max-age'), '60');
  assert.equal(allowed(await chat('https://anybody.example.net')), '*');

  await set(undefined);
  const closed = await preflight('/v1/chat/completions', ORIGIN);
  assert.deepEqual([closed.status, allowed(closed)], [405, null]);
  assert.equal(allowed(await chat(ORIGIN)), null);
});
