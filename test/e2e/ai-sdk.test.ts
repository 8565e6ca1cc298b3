/** Vercel's AI SDK, through its provider for OpenAI-compatible servers, against a real gateway process. */
import { after, before, describe, it } from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import * as ai from 'ai';
import { z } from 'zod';
import { aiScenarios } from '../clients/ai-scenarios.js';
import type { Context } from '../clients/scenario.js';
import { type SdkGateway, startSdkGateway } from '../support/sdk-gateway.js';

describe('ai 6', () => {
  let sdk: SdkGateway;
  let context: Context;
  before(async () => {
    sdk = await startSdkGateway();
    context = await sdk.context();
  });
  after(() => sdk?.close());
  for (const { name, run } of aiScenarios) it(name, () => run({ ai, createOpenAICompatible, z }, context));
});
