/** The `openai` client of this repository's own dependencies, against a real gateway process. */
import { after, before, describe, it } from 'node:test';
import OpenAI, { AzureOpenAI } from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { openaiScenarios } from '../clients/openai-scenarios.js';
import type { Context } from '../clients/scenario.js';
import { type SdkGateway, startSdkGateway } from '../support/sdk-gateway.js';

let sdk: SdkGateway;
before(async () => {
  sdk = await startSdkGateway();
});
after(() => sdk?.close());

/** The library's client for Azure, made as the scenarios make the other one. */
class Azure extends AzureOpenAI {
  constructor({ baseURL, ...options }: { baseURL: string; apiKey: string }) {
    super({ ...options, endpoint: new URL(baseURL).origin, apiVersion: '2024-10-21' });
  }
}

for (const [name, client] of Object.entries({ OpenAI, AzureOpenAI: Azure as unknown as typeof OpenAI }))
  describe(`openai 6, ${name}`, () => {
    let context: Context;
    before(async () => {
      context = await sdk.context();
    });
    for (const { name, run } of openaiScenarios) it(name, () => run({ OpenAI: client, zodResponseFormat, z }, context));
  });
