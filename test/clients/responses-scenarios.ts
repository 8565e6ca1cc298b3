/** The Responses API of the `openai` package, through a gateway, to a target of any format. */
import assert from 'node:assert/strict';
import type OpenAI from 'openai';
import type { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod';
import type { z } from 'zod';
import type { Context, Scenario } from './scenario.js';

export interface ResponsesLibrary {
  readonly OpenAI: typeof OpenAI;
  readonly zodTextFormat: typeof zodTextFormat;
  readonly zodResponsesFunction: typeof zodResponsesFunction;
  readonly z: typeof z;
}

const clientOf = ({ OpenAI }: ResponsesLibrary, { baseURL, apiKey }: Context) =>
  new OpenAI({ baseURL, apiKey, maxRetries: 0 });

const weather = {
  type: 'function',
  name: 'get_weather',
  description: 'Weather of a city.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
  strict: false,
} as const;

/** Each scenario with a model of its own kind of target. */
export const responsesScenarios = (model: string): readonly Scenario<ResponsesLibrary>[] => [
  {
    name: `${model}: create: text, status and usage`,
    async run(library, context) {
      const response = await clientOf(library, context).responses.create({ model, input: 'good day' });
      assert.equal(response.output_text, 'You said: good day');
      assert.equal(response.status, 'completed');
      assert.match(response.id, /^resp_/);
      assert.ok(response.usage!.input_tokens > 0 && response.usage!.output_tokens > 0);
      assert.equal(response.usage!.total_tokens, response.usage!.input_tokens + response.usage!.output_tokens);
    },
  },
  {
    name: `${model}: create with a stream: numbered events, and deltas that are the text`,
    async run(library, context) {
      const stream = await clientOf(library, context).responses.create({ model, input: 'one two three', stream: true });
      let number = 0;
      let text = '';
      const types: string[] = [];
      for await (const event of stream) {
        assert.equal(event.sequence_number, number++);
        types.push(event.type);
        if (event.type === 'response.output_text.delta') text += event.delta;
        if (event.type === 'response.completed') assert.equal(event.response.usage!.output_tokens > 0, true);
      }
      assert.equal(text, 'You said: one two three');
      assert.deepEqual(types.slice(0, 2), ['response.created', 'response.in_progress']);
      assert.equal(types.at(-1), 'response.completed');
    },
  },
  {
    name: `${model}: the stream helper puts the same response together`,
    async run(library, context) {
      const stream = clientOf(library, context).responses.stream({ model, input: 'one two three' });
      const response = await stream.finalResponse();
      assert.equal(response.output_text, 'You said: one two three');
      assert.equal(response.status, 'completed');
    },
  },
  ...(model === 'claude' ? [] : [cutAtMaximum(model)]),
  {
    name: `${model}: a tool loop, the items of each turn sent back`,
    async run(library, context) {
      const client = clientOf(library, context);
      const input: OpenAI.Responses.ResponseInputItem[] = [{ role: 'user', content: 'weather?' }];
      const first = await client.responses.create({ model, input, tools: [weather], store: false });
      const call = first.output.find((item) => item.type === 'function_call')!;
      assert.equal(call.name, 'get_weather');
      assert.deepEqual(JSON.parse(call.arguments), { city: 'sample' });
      assert.equal(call.status, 'completed');
      input.push(...(first.output as OpenAI.Responses.ResponseInputItem[]), {
        type: 'function_call_output',
        call_id: call.call_id,
        output: 'sunny',
      });
      const second = await client.responses.create({ model, input, tools: [weather], store: false });
      assert.equal(second.output_text, 'The tool said: sunny');
    },
  },
  {
    name: `${model}: parallel calls in a stream`,
    async run(library, context) {
      const tools = [weather, { ...weather, name: 'get_time' }];
      const stream = clientOf(library, context).responses.stream({ model, input: 'both', tools });
      const response = await stream.finalResponse();
      const calls = response.output.filter((item) => item.type === 'function_call');
      assert.deepEqual(
        calls.map(({ name }) => name),
        ['get_weather', 'get_time'],
      );
      assert.equal(new Set(calls.map(({ id }) => id)).size, 2);
      for (const call of calls) assert.deepEqual(JSON.parse(call.arguments), { city: 'sample' });
    },
  },
  {
    name: `${model}: parse: an answer that fits a schema`,
    async run(library, context) {
      const { z } = library;
      const person = z.object({ name: z.string(), age: z.number().int() });
      const response = await clientOf(library, context).responses.parse({
        model,
        input: 'who?',
        text: { format: library.zodTextFormat(person, 'person') },
      });
      assert.deepEqual(response.output_parsed, { name: 'sample', age: 7 });
    },
  },
  {
    name: `${model}: parse: a tool whose arguments fit a schema`,
    async run(library, context) {
      const { z } = library;
      const tool = library.zodResponsesFunction({ name: 'find', parameters: z.object({ what: z.string() }) });
      const response = await clientOf(library, context).responses.parse({ model, input: 'find it', tools: [tool] });
      const call = response.output.find((item) => item.type === 'function_call')!;
      assert.deepEqual(call.parsed_arguments, { what: 'sample' });
    },
  },
  {
    name: `${model}: a custom tool is given plain text, whole and streamed`,
    async run(library, context) {
      const client = clientOf(library, context);
      const asked = { model, input: 'patch it', tools: [{ type: 'custom', name: 'apply_patch' } as const] };
      const whole = await client.responses.create(asked);
      const call = whole.output.find((item) => item.type === 'custom_tool_call')!;
      assert.equal(call.name, 'apply_patch');
      assert.doesNotMatch(call.input, /^\{/);
      const events: string[] = [];
      for await (const event of await client.responses.create({ ...asked, stream: true }))
        if (event.type === 'response.custom_tool_call_input.delta') events.push(event.delta);
      assert.equal(events.join(''), call.input);
    },
  },
];

/** The fake of Anthropic's API does not count its words. */
const cutAtMaximum = (model: string): Scenario<ResponsesLibrary> => ({
  name: `${model}: a maximum cuts: incomplete, with its reason`,
  async run(library, context) {
    const client = clientOf(library, context);
    const input = Array.from({ length: 40 }, (_, i) => `word${i}`).join(' ');
    const asked = { model, input, max_output_tokens: 16 };
    const whole = await client.responses.create(asked);
    assert.equal(whole.status, 'incomplete');
    assert.equal(whole.incomplete_details?.reason, 'max_output_tokens');
    const streamed = await client.responses.stream(asked).finalResponse();
    assert.equal(streamed.status, 'incomplete');
    assert.equal(streamed.output_text, whole.output_text);
  },
});
