/** The `openai` client's Responses API, majors 6 and 7, against a real gateway: to targets that speak it, chat completions, and messages. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import OpenAI, { AzureOpenAI } from 'openai';
import { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { responsesScenarios } from '../clients/responses-scenarios.js';
import type { Context } from '../clients/scenario.js';
import { newerClients, noNewerClients } from '../support/newer-clients.js';
import { type ResponsesGateway, responsesModels, startResponsesGateway } from '../support/responses-gateway.js';

let started: ResponsesGateway;
let context: Context;
before(async () => {
  started = await startResponsesGateway();
  context = await started.context();
});
after(() => started?.close());

describe('openai 6, responses', () => {
  const library = { OpenAI, zodTextFormat, zodResponsesFunction, z };
  for (const model of responsesModels)
    for (const { name, run } of responsesScenarios(model)) it(name, () => run(library, context));
});

describe('openai 6 for Azure, responses', () => {
  /** The library's client for Azure, made as the scenarios make the other one. */
  class Azure extends AzureOpenAI {
    constructor({ baseURL, ...options }: { baseURL: string; apiKey: string }) {
      super({ ...options, endpoint: new URL(baseURL).origin, apiVersion: '2025-03-01-preview' });
    }
  }
  const library = { OpenAI: Azure as unknown as typeof OpenAI, zodTextFormat, zodResponsesFunction, z };
  for (const { name, run } of responsesScenarios('chat')) it(name, () => run(library, context));
});

describe('openai 7 on Node 22, responses', { skip: noNewerClients ?? false }, () => {
  const results = new Map<string, string | null>();
  before(async () => {
    const { node, root } = await newerClients();
    const program = join(import.meta.dirname, '../clients/run-newer-responses.js');
    const args = [program, root, JSON.stringify(context), ...responsesModels];
    const { stdout } = await promisify(execFile)(node, args, { timeout: 120_000 });
    for (const line of stdout.split('\n').filter((one) => one.startsWith('{'))) {
      const { name, error } = JSON.parse(line) as { name: string; error: string | null };
      results.set(name, error);
    }
  });
  for (const model of responsesModels)
    for (const { name } of responsesScenarios(model))
      it(name, () => {
        assert.ok(results.has(name), 'the child process did not come to it');
        assert.equal(results.get(name), null);
      });
});
