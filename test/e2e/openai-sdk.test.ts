/** The `openai` client of this repository's own dependencies, against a real gateway process. */
import { after, before, describe, it } from 'node:test';
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { openaiScenarios } from '../clients/openai-scenarios.js';
import type { Context } from '../clients/scenario.js';
import { type SdkGateway, startSdkGateway } from '../support/sdk-gateway.js';

describe('openai 6', () => {
  let sdk: SdkGateway;
  let context: Context;
  before(async () => {
    sdk = await startSdkGateway();
    context = await sdk.context();
  });
  after(() => sdk?.close());
  for (const { name, run } of openaiScenarios) it(name, () => run({ OpenAI, zodResponseFormat, z }, context));
});
