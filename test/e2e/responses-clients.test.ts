/** The `openai` client's Responses API against a real gateway process: to targets that speak it, chat completions, and messages. */
import { after, before, describe, it } from 'node:test';
import OpenAI from 'openai';
import { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { responsesScenarios } from '../clients/responses-scenarios.js';
import type { Context } from '../clients/scenario.js';
import { type ResponsesGateway, responsesModels, startResponsesGateway } from '../support/responses-gateway.js';

describe('openai 6, responses', () => {
  let started: ResponsesGateway;
  let context: Context;
  before(async () => {
    started = await startResponsesGateway();
    context = await started.context();
  });
  after(() => started?.close());
  const library = { OpenAI, zodTextFormat, zodResponsesFunction, z };
  for (const model of responsesModels)
    for (const { name, run } of responsesScenarios(model)) it(name, () => run(library, context));
});
