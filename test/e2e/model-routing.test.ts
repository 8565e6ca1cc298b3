/** A model with a route, through a real gateway: which model serves, and what headers, ledger and lists say of it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { editAndWait, type Written } from '../support/reload.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';

const price = { input: 1, output: 2 };
let upstream: FakeUpstream;
let gateway: Gateway;
let key: string;

before(async () => {
  upstream = await startUpstream();
  const model = (name: string, more = {}) => ({ targets: [{ provider: 'p', model: `${name}-up` }], price, ...more });
  gateway = await startGateway({
    config: {
      providers: { p: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' } },
      models: {
        small: model('small'),
        large: model('large'),
        dear: model('dear', { price: { input: 1000, output: 5000 } }),
        auto: {
          route: [
            { when: { input_tokens: { gt: 1000 } }, use: 'large' },
            { when: { has: ['tools'] }, use: 'inner' },
            { when: { keywords: ['prove'], max_cost_usd: 1 }, use: 'dear' },
            { when: { metadata: { tier: 'gold' } }, use: 'large' },
            { when: { tags: 'batch', team: 'search' }, use: 'large' },
            { when: { user: 'vip-*' }, use: 'large' },
            { use: 'small' },
          ],
        },
        inner: { route: [{ when: { has: ['json_schema'] }, use: 'dear' }, { use: 'large' }] },
        ab: { route: [{ use: { small: 1, large: 1 } }] },
      },
    },
  });
  ({ key } = await gateway.key({ team: 'search' }));
});

after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }];
const response_format = { type: 'json_schema', json_schema: { name: 's', schema: { type: 'object', properties: {} } } };
const say = (content: string) => ({ messages: [{ role: 'user', content }] });

async function servedBy(body: object, headers: Record<string, string> = {}, secret = key): Promise<string | null> {
  const response = await gateway.chat(secret, { model: 'auto', ...say('Hello'), ...body }, { headers });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return response.headers.get('x-tollgate-model');
}

describe('a model with a route', () => {
  it('is served by the model of the first rule that holds', async () => {
    assert.equal(await servedBy({}), 'small');
    assert.equal(await servedBy(say('word '.repeat(1500))), 'large');
    assert.equal(await servedBy(say('word '.repeat(20_000))), 'large', 'counted in turns');
    assert.equal(await servedBy({ tools }), 'large', 'through a route of its own');
    assert.equal(await servedBy({ tools, response_format }), 'dear');
    assert.equal(await servedBy({ ...say('Prove it'), max_tokens: 10 }), 'dear');
    assert.equal(await servedBy({ ...say('Prove it'), max_tokens: 1000 }), 'small', 'dearer than the ceiling');
    assert.equal(await servedBy({ metadata: { tier: 'gold' } }), 'large');
    assert.equal(await servedBy({}, { 'x-tollgate-metadata': '{"tier":"gold"}' }), 'large');
    assert.equal(await servedBy({}, { 'x-tollgate-tags': 'x, batch' }), 'large');
    assert.equal(await servedBy({}, { 'x-tollgate-user': 'vip-1' }), 'large');
    assert.equal(await servedBy({ user: 'vip-1' }), 'large');
    assert.equal(await servedBy({ stream: true, tools }), 'large');
    const { key: other } = await gateway.key({ metadata: { tier: 'gold' } });
    assert.equal(await servedBy({}, { 'x-tollgate-tags': 'batch' }, other), 'large', "by the key's metadata");
    const { key: alone } = await gateway.key();
    assert.equal(await servedBy({}, { 'x-tollgate-tags': 'batch' }, alone), 'small', 'of no team');
  });

  it('keeps a user where it is, and divides users', async () => {
    const places = new Map<string, Set<string | null>>();
    for (let i = 0; i < 60; i++) {
      const user = `user-${i % 30}`;
      const served = await servedBy({ model: 'ab', user });
      places.set(user, (places.get(user) ?? new Set()).add(served));
    }
    assert.ok([...places.values()].every((one) => one.size === 1));
    assert.equal(new Set([...places.values()].flatMap((one) => [...one])).size, 2);
  });

  it('the upstream is sent its own name, and the ledger has the model that was asked for and what served', async () => {
    const arrival = upstream.arrival();
    const response = await gateway.chat(key, { model: 'auto', ...say('Hello'), tools });
    await response.arrayBuffer();
    assert.equal((await arrival).json()['model'], 'large-up');
    assert.equal(response.headers.get('x-tollgate-target'), 'p/large-up');
    const [entry] = await gateway.entries(response.headers.get('x-request-id')!);
    assert.deepEqual([entry!.model, entry!.target, entry!.served_model], ['auto', 'p/large-up', 'large-up-2024-07-18']);
  });

  it('needs to be allowed itself, and no more than that', async () => {
    const { key: narrow } = await gateway.key({ models: ['auto'] });
    assert.equal(await servedBy({}, {}, narrow), 'small');
    const refused = await gateway.chat(narrow, { model: 'small', ...say('Hello') });
    assert.equal(refused.status, 403);
    await refused.arrayBuffer();
    const { key: small } = await gateway.key({ models: ['small'] });
    const auto = await gateway.chat(small, { model: 'auto', ...say('Hello') });
    assert.equal(auto.status, 403);
    await auto.arrayBuffer();
    const list = await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${narrow}` } });
    const { data } = (await list.json()) as { data: { id: string }[] };
    assert.deepEqual(
      data.map(({ id }) => id),
      ['auto'],
    );
  });

  it('takes new rules at a reload', async () => {
    assert.equal(await servedBy({ model: 'inner' }), 'large');
    await editAndWait(gateway, (config: Written) => {
      config.models.inner.route = [{ use: 'small' }];
    });
    assert.equal(await servedBy({ model: 'inner' }), 'small');
    const { data } = await gateway.admin<{ data: { id: string; route?: string[] }[] }>('GET', '/models');
    assert.deepEqual(data.find(({ id }) => id === 'inner')!.route, ['small']);
  });
});
