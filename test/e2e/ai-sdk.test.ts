/** Vercel's AI SDK, through its providers for OpenAI-compatible servers and for Azure, against a real gateway process. */
import { after, before, describe, it } from 'node:test';
import { createAzure } from '@ai-sdk/azure';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import * as ai from 'ai';
import { z } from 'zod';
import { type AiLibrary, aiScenarios } from '../clients/ai-scenarios.js';
import type { Context } from '../clients/scenario.js';
import { type SdkGateway, startSdkGateway } from '../support/sdk-gateway.js';

type Create = AiLibrary['createOpenAICompatible'];
interface Settings {
  readonly baseURL: string;
  readonly apiKey: string;
}

/** Azure's provider, made as the scenarios make the other one. */
const azure = (useDeploymentBasedUrls: boolean): Create =>
  (({ baseURL, apiKey }: Settings) =>
    (id: string) =>
      createAzure({ baseURL: baseURL.replace(/v1$/, 'openai'), apiKey, useDeploymentBasedUrls }).chat(
        id,
      )) as unknown as Create;

const providers: Readonly<Record<string, Create>> = {
  'a provider of OpenAI’s kind': createOpenAICompatible,
  'Azure by the names of deployments': azure(true),
  'Azure by its version 1': azure(false),
};

let sdk: SdkGateway;
before(async () => {
  sdk = await startSdkGateway();
});
after(() => sdk?.close());

for (const [provider, create] of Object.entries(providers))
  describe(`ai 6, ${provider}`, () => {
    let context: Context;
    before(async () => {
      context = await sdk.context();
    });
    for (const { name, run } of aiScenarios) it(name, () => run({ ai, createOpenAICompatible: create, z }, context));
  });
