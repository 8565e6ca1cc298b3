/** Anthropic's client libraries, 0.x and 1.x, against a real gateway: natively and crossed. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import NewAnthropic from 'anthropic-sdk-1';
import { betaTool as newBetaTool } from 'anthropic-sdk-1/helpers/beta/json-schema';
import { type AnthropicLibrary, anthropicScenarios } from '../clients/anthropic-scenarios.js';
import { type AnthropicGateway, startAnthropicGateway } from '../support/anthropic-gateway.js';

let sdk: AnthropicGateway;
before(async () => {
  sdk = await startAnthropicGateway();
});
after(() => sdk?.close());

/** Of the two the older one has the types: what both must do is written once. */
const libraries: Readonly<Record<string, AnthropicLibrary>> = {
  '0.x': { Anthropic, betaTool },
  '1.x': { Anthropic: NewAnthropic, betaTool: newBetaTool } as unknown as AnthropicLibrary,
};

for (const [version, library] of Object.entries(libraries)) {
  describe(`@anthropic-ai/sdk ${version}`, () => {
    for (const kind of ['native', 'crossed'] as const)
      for (const { name, run } of anthropicScenarios) it(`${kind}: ${name}`, () => run(library, sdk.contexts[kind]));
  });
}

describe('what the client says of itself', () => {
  it('its version of the API, its betas and no credential of its own go on to a native target', async () => {
    const { baseURL, apiKey, model } = sdk.contexts.native;
    const ask = { model, max_tokens: 10, messages: [{ role: 'user' as const, content: 'hi' }] };
    const sent = async (send: () => Promise<unknown>) => {
      const arrival = sdk.upstream.arrival();
      await send();
      const { headers, path } = await arrival;
      assert.equal(headers['x-api-key'], 'sk-ant-upstream');
      assert.ok(!JSON.stringify(headers).includes(apiKey));
      assert.equal(path, '/v1/messages');
      return [headers['anthropic-version'], headers['anthropic-beta']];
    };
    const older = new Anthropic({ baseURL, apiKey });
    assert.deepEqual(await sent(() => older.messages.create(ask)), ['2023-06-01', undefined]);
    assert.deepEqual(
      await sent(() => older.beta.messages.create({ ...ask, betas: ['a-2025-01-01', 'b-2025-01-01'] })),
      ['2023-06-01', 'a-2025-01-01,b-2025-01-01'],
    );
    const newer = new NewAnthropic({ baseURL, apiKey });
    assert.deepEqual(await sent(() => newer.messages.create(ask)), ['2026-10-21', undefined]);
  });
});
