/** The `@anthropic-ai/sdk` client library, 0.x and 1.x, through a gateway: natively, and to a target of another dialect. */
import assert from 'node:assert/strict';
import type Anthropic from '@anthropic-ai/sdk';
import type { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import type { Scenario } from './scenario.js';

export interface AnthropicLibrary {
  readonly Anthropic: typeof Anthropic;
  readonly betaTool: typeof betaTool;
}

export interface AnthropicContext {
  /** Of the gateway, without `/v1`. */
  readonly baseURL: string;
  readonly apiKey: string;
  /** What is asked: a Claude behind a native target, or another model. */
  readonly model: string;
  /** The target speaks the messages dialect itself. */
  readonly native: boolean;
}

type AnthropicScenario = Omit<Scenario<AnthropicLibrary>, 'run'> & {
  run(library: AnthropicLibrary, context: AnthropicContext): Promise<void>;
};

const clientOf = ({ Anthropic }: AnthropicLibrary, { baseURL, apiKey }: AnthropicContext, more: object = {}) =>
  new Anthropic({ baseURL, apiKey, maxRetries: 0, ...more });

const ask = (content: string) => [{ role: 'user' as const, content }];
const weather = (name: string) => ({
  name,
  description: 'The weather in a city',
  input_schema: {
    type: 'object' as const,
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
});
const clock = { name: 'now', description: 'The time', input_schema: { type: 'object' as const } };

/** The error of a call that must fail. */
async function errorOf(call: Promise<unknown>): Promise<InstanceType<typeof Anthropic.APIError>> {
  const error: unknown = await call.then(
    () => assert.fail('the call did not fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error && 'status' in error, String(error));
  return error as InstanceType<typeof Anthropic.APIError>;
}

const toolUses = (content: readonly Anthropic.ContentBlock[]) =>
  content.flatMap((block) => (block.type === 'tool_use' ? [[block.name, block.input]] : []));

export const anthropicScenarios: readonly AnthropicScenario[] = [
  {
    name: 'create: answers with text, usage and the request id',
    async run(library, context) {
      const { model } = context;
      const answer = await clientOf(library, context).messages.create({
        model,
        max_tokens: 100,
        messages: ask('good day'),
      });
      assert.equal(answer.type, 'message');
      assert.deepEqual(
        answer.content.map((block) => block.type === 'text' && block.text),
        ['You said: good day'],
      );
      assert.equal(answer.stop_reason, 'end_turn');
      assert.ok(answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0);
      assert.ok(answer._request_id, 'the request id is missing');
    },
  },
  {
    name: 'create with stream: every piece, and usage at the end',
    async run(library, context) {
      const stream = await clientOf(library, context).messages.create({
        model: context.model,
        max_tokens: 100,
        messages: ask('one two three'),
        stream: true,
      });
      let text = '';
      const types: string[] = [];
      for await (const event of stream) {
        types.push(event.type);
        if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') text += event.delta.text;
        if (event.type === 'message_start') assert.ok(event.message.usage.input_tokens > 0);
        if (event.type === 'message_delta') assert.ok(event.usage.output_tokens > 0);
      }
      assert.equal(text, 'You said: one two three');
      assert.equal(types[0], 'message_start');
      assert.deepEqual(types.slice(-2), ['message_delta', 'message_stop']);
    },
  },
  {
    name: 'stream(): the helper assembles the answer',
    async run(library, context) {
      const stream = clientOf(library, context).messages.stream({
        model: context.model,
        max_tokens: 100,
        system: 'Be brief.',
        messages: ask('a b c'),
      });
      let text = '';
      stream.on('text', (piece) => {
        text += piece;
      });
      const whole = await stream.finalMessage();
      assert.equal(await stream.finalText(), 'You said: a b c');
      assert.equal(text, 'You said: a b c');
      assert.equal(whole.stop_reason, 'end_turn');
      assert.ok(whole.usage.output_tokens > 0);
    },
  },
  {
    name: 'tools: several in one answer, one of them without arguments',
    async run(library, context) {
      const answer = await clientOf(library, context).messages.create({
        model: context.model,
        max_tokens: 100,
        messages: ask('weather?'),
        tools: [weather('paris'), weather('rome'), clock],
      });
      assert.deepEqual(toolUses(answer.content), [
        ['paris', { city: 'sample' }],
        ['rome', { city: 'sample' }],
        ['now', {}],
      ]);
      assert.equal(answer.stop_reason, 'tool_use');
    },
  },
  {
    name: 'tools in a stream: put together by the helper',
    async run(library, context) {
      const answer = await clientOf(library, context)
        .messages.stream({
          model: context.model,
          max_tokens: 100,
          messages: ask('weather?'),
          tools: [weather('paris'), clock, weather('rome')],
        })
        .finalMessage();
      assert.deepEqual(toolUses(answer.content), [
        ['paris', { city: 'sample' }],
        ['now', {}],
        ['rome', { city: 'sample' }],
      ]);
      assert.equal(answer.stop_reason, 'tool_use');
    },
  },
  {
    name: 'the tool runner: the call, its result, and the last word',
    async run(library, context) {
      const asked: string[] = [];
      const tool = library.betaTool({
        ...weather('paris'),
        inputSchema: {
          type: 'object',
          properties: { city: { type: 'string' } },
          required: ['city'],
          additionalProperties: false,
        },
        run: ({ city }: { city: string }) => {
          asked.push(city);
          return `sunny in ${city}`;
        },
      } as never);
      const runner = clientOf(library, context).beta.messages.toolRunner({
        model: context.model,
        max_tokens: 100,
        messages: ask('weather?'),
        tools: [tool],
      });
      const last = await runner.runUntilDone();
      assert.deepEqual(asked, ['sample']);
      assert.match(JSON.stringify(last.content), /sunny in sample/);
    },
  },
  {
    name: 'an image and a document reach the model',
    async run(library, context) {
      const data = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
      const answer = await clientOf(library, context).messages.create({
        model: context.model,
        max_tokens: 100,
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'look' },
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data } },
              { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0xLjQK' } },
            ],
          },
        ],
      });
      const said = JSON.stringify(answer.content);
      assert.match(said, context.native ? /look \[image\] \[document\]/ : /look \[image_url\] \[file\]/);
    },
  },
  {
    name: 'structured output: an answer that fits a schema',
    async run(library, context) {
      const answer = await clientOf(library, context).messages.create({
        model: context.model,
        max_tokens: 100,
        messages: ask('who?'),
        output_config: {
          format: {
            type: 'json_schema',
            schema: {
              type: 'object',
              properties: { name: { type: 'string' }, age: { type: 'integer' } },
              required: ['name', 'age'],
              additionalProperties: false,
            },
          },
        },
      });
      const [block] = answer.content;
      assert.ok(block?.type === 'text');
      assert.deepEqual(JSON.parse(block.text), { name: 'sample', age: 7 });
    },
  },
  {
    name: 'countTokens, and the list of models in the form of Anthropic',
    async run(library, context) {
      const client = clientOf(library, context);
      const { input_tokens } = await client.messages.countTokens({ model: context.model, messages: ask('good day') });
      assert.ok(input_tokens > 0);
      const listed = [];
      for await (const model of client.models.list({ limit: 1 })) listed.push(model);
      assert.deepEqual(listed.map(({ id }) => id).sort(), ['claude-sonnet-4-5', 'gpt-4o-mini', 'sandbox']);
      const one = await client.models.retrieve(context.model);
      assert.deepEqual([one.id, one.type, one.display_name], [context.model, 'model', context.model]);
      assert.ok(!Number.isNaN(Date.parse(one.created_at)));
    },
  },
  {
    name: 'errors: a wrong key, a model that is not there, and a field that is missing, each by its class and type',
    async run(library, context) {
      const request = { model: context.model, max_tokens: 10, messages: ask('hi') };
      const stranger = clientOf(library, context, { apiKey: 'sk-nobody' });
      const unknown = await errorOf(stranger.messages.create(request));
      assert.equal(unknown.status, 401);
      assert.ok(unknown instanceof library.Anthropic.AuthenticationError);
      assert.equal(unknown.type, 'authentication_error');
      const client = clientOf(library, context);
      const absent = await errorOf(client.messages.create({ ...request, model: 'claude-nobody' }));
      assert.ok(absent instanceof library.Anthropic.NotFoundError);
      assert.match(absent.message, /"message":"model: /);
      assert.ok(absent.requestID, 'the request id is missing');
      const empty = await errorOf(client.messages.create({ ...request, messages: [] }));
      assert.ok(empty instanceof library.Anthropic.BadRequestError);
      assert.equal(empty.type, 'invalid_request_error');
      assert.match(empty.message, /messages: at least one message is required/);
    },
  },
];
