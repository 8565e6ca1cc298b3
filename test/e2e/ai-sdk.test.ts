/** Vercel's AI SDK, through its OpenAI-compatible provider, against a real gateway process. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, streamText } from 'ai';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';

let upstream: FakeUpstream;
let gateway: Gateway;

before(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      providers: { fake: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' } },
      models: {
        'gpt-4o-mini': { targets: [{ provider: 'fake', model: 'gpt-4o-mini' }], price: { input: 0.15, output: 0.6 } },
      },
    },
  });
});

after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

const model = async () => {
  const { key } = await gateway.key();
  const provider = createOpenAICompatible({
    name: 'tollgate',
    baseURL: `${gateway.url}/v1`,
    apiKey: key,
    includeUsage: true,
  });
  return provider('gpt-4o-mini');
};

test('generates text', async () => {
  const { text, usage } = await generateText({ model: await model(), prompt: 'Say hello.' });
  assert.ok(text.length > 0);
  assert.ok(usage.inputTokens! > 0);
});

test('streams text with usage', async () => {
  const result = streamText({ model: await model(), prompt: 'Say hello.' });
  let text = '';
  for await (const piece of result.textStream) text += piece;
  assert.ok(text.length > 0);
  assert.ok((await result.usage).outputTokens! > 0);
});
