/** Limits through HTTP: what a client of one gateway sees, with the counters in the process. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';

let upstream: FakeUpstream;
let gateway: Gateway;

before(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      providers: {
        fake: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' },
        sandbox: { type: 'sandbox' },
      },
      models: {
        'gpt-4o-mini': { targets: [{ provider: 'fake', model: 'gpt-4o-mini' }], price: { input: 1, output: 2 } },
        sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: { input: 1, output: 2 } },
      },
    },
  });
});
after(async () => {
  await gateway.close();
  await upstream.stop();
});

const hello = { model: 'sandbox', messages: [{ role: 'user', content: 'Hello [words=10]' }], max_tokens: 10 };

test('a budget is settled with what a request cost, and refused when it is spent', async () => {
  const { key, id } = await gateway.key({ limits: [{ unit: 'usd', max: 0.0001, per: 'month' }] });
  const first = await gateway.chat(key, hello);
  assert.equal(first.status, 200);
  const { usage } = (await first.json()) as { usage: Record<string, number> };
  const cost = usage['prompt_tokens']! * 1000 + usage['completion_tokens']! * 2000;
  const { data } = await gateway.admin<{ data: unknown[] }>('GET', `/limits?key=${id}`);
  console.log(data, cost, first.headers);
  for (let i = 0; i < 5; i++) {
    const more = await gateway.chat(key, hello);
    console.log(more.status, await more.text(), more.headers.get('x-tollgate-max-tokens-clamped'));
  }
});
