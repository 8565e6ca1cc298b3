/** Vercel's AI SDK, majors 6 and 7, with its provider for OpenAI-compatible servers, through a gateway. */
import assert from 'node:assert/strict';
import type { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type * as ai from 'ai';
import type { z } from 'zod';
import type { Context, Scenario } from './scenario.js';

export interface AiLibrary {
  readonly ai: typeof ai;
  readonly createOpenAICompatible: typeof createOpenAICompatible;
  readonly z: typeof z;
}

const modelOf = ({ createOpenAICompatible }: AiLibrary, { baseURL, apiKey }: Context, id = 'gpt-4o-mini') =>
  createOpenAICompatible({ name: 'tollgate', baseURL, apiKey, includeUsage: true, supportsStructuredOutputs: true })(
    id,
  );

const weatherTool = ({ ai: { tool }, z }: AiLibrary, asked: string[]) =>
  tool({
    description: 'The weather in a city',
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      asked.push(city);
      return `sunny in ${city}`;
    },
  });

export const aiScenarios: readonly Scenario<AiLibrary>[] = [
  {
    name: 'generateText: text, finish reason and usage',
    async run(library, context) {
      const answer = await library.ai.generateText({ model: modelOf(library, context), prompt: 'good day' });
      assert.equal(answer.text, 'You said: good day');
      assert.equal(answer.finishReason, 'stop');
      assert.ok(answer.usage.inputTokens! > 0 && answer.usage.outputTokens! > 0);
    },
  },
  {
    name: 'streamText: every piece, and usage at the end',
    async run(library, context) {
      const result = library.ai.streamText({ model: modelOf(library, context), prompt: 'one two three' });
      let text = '';
      for await (const piece of result.textStream) text += piece;
      assert.equal(text, 'You said: one two three');
      assert.ok((await result.usage).outputTokens! > 0);
    },
  },
  {
    name: 'generateText with a tool: the call, its result, and the last word',
    async run(library, context) {
      const asked: string[] = [];
      const answer = await library.ai.generateText({
        model: modelOf(library, context),
        prompt: 'weather?',
        tools: { weather: weatherTool(library, asked) },
        stopWhen: library.ai.stepCountIs(3),
      });
      assert.deepEqual(asked, ['sample']);
      assert.match(answer.text, /sunny in sample/);
    },
  },
  {
    name: 'streamText with a tool',
    async run(library, context) {
      const asked: string[] = [];
      const result = library.ai.streamText({
        model: modelOf(library, context),
        prompt: 'weather?',
        tools: { weather: weatherTool(library, asked) },
        stopWhen: library.ai.stepCountIs(3),
      });
      assert.match(await result.text, /sunny in sample/);
      assert.deepEqual(asked, ['sample']);
    },
  },
  {
    name: 'generateObject: an answer that fits a schema',
    async run(library, context) {
      const { object } = await library.ai.generateObject({
        model: modelOf(library, context),
        prompt: 'who?',
        schema: library.z.object({ name: library.z.string(), age: library.z.number().int() }),
      });
      assert.deepEqual(object, { name: 'sample', age: 7 });
    },
  },
  {
    name: 'an error of the upstream is told with its status and words',
    async run(library, context) {
      const call = library.ai.generateText({
        model: modelOf(library, context, 'bad-request'),
        prompt: 'hi',
        maxRetries: 0,
      });
      await assert.rejects(call, (error: unknown) => {
        assert.ok(library.ai.APICallError.isInstance(error));
        assert.equal(error.statusCode, 400);
        assert.match(error.message, /too hot/);
        return true;
      });
    },
  },
  {
    name: 'a stream that breaks is an error, not an answer',
    async run(library, context) {
      const errors: unknown[] = [];
      const result = library.ai.streamText({
        model: modelOf(library, context, 'breaks'),
        prompt: 'hi',
        maxRetries: 0,
        onError: ({ error }) => void errors.push(error),
      });
      await result.consumeStream();
      assert.equal(errors.length, 1);
    },
  },
];
