/** The `openai` client library, majors 6 and 7, through a gateway. */
import assert from 'node:assert/strict';
import type OpenAI from 'openai';
import type { zodResponseFormat } from 'openai/helpers/zod';
import type { z } from 'zod';
import type { Context, Scenario } from './scenario.js';

export interface OpenAiLibrary {
  readonly OpenAI: typeof OpenAI;
  readonly zodResponseFormat: typeof zodResponseFormat;
  readonly z: typeof z;
}

const model = 'gpt-4o-mini';
const ask = (content: string) => [{ role: 'user' as const, content }];

const weather = (name: string, strict = false) => ({
  type: 'function' as const,
  function: {
    name,
    strict,
    description: 'The weather in a city',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
      additionalProperties: false,
    },
  },
});
const clock = { type: 'function' as const, function: { name: 'now', description: 'The time' } };

const clientOf = ({ OpenAI }: OpenAiLibrary, { baseURL, apiKey }: Context, more: object = {}) =>
  new OpenAI({ baseURL, apiKey, maxRetries: 0, ...more });

/** A client that counts the requests that it sends. */
function counting(library: OpenAiLibrary, context: Context, maxRetries: number) {
  let sent = 0;
  const client = clientOf(library, context, {
    maxRetries,
    fetch: (...args: Parameters<typeof fetch>) => {
      sent++;
      return fetch(...args);
    },
  });
  return { client, sent: () => sent };
}

/** The error of a call that must fail. */
async function errorOf<E>(call: Promise<unknown>, kind: new (...args: never[]) => E): Promise<E> {
  const error: unknown = await call.then(
    () => assert.fail('the call did not fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof kind, `${String(error)} is not a ${kind.name}`);
  return error;
}

const requests: Scenario<OpenAiLibrary>[] = [
  {
    name: 'create: answers with text, usage and the request id',
    async run(library, context) {
      const answer = await clientOf(library, context).chat.completions.create({ model, messages: ask('good day') });
      assert.equal(answer.choices[0]?.message.content, 'You said: good day');
      assert.equal(answer.choices[0]?.finish_reason, 'stop');
      assert.equal(answer.usage?.total_tokens, answer.usage!.prompt_tokens + answer.usage!.completion_tokens);
      assert.ok(answer._request_id, 'the request id is missing');
    },
  },
  {
    name: 'create with stream: every piece, and no usage in any chunk, since none was asked for',
    async run(library, context) {
      const stream = await clientOf(library, context).chat.completions.create({
        model,
        messages: ask('one two three'),
        stream: true,
      });
      let text = '';
      for await (const chunk of stream) {
        assert.ok(!('usage' in chunk), `usage in ${JSON.stringify(chunk)}`);
        text += chunk.choices[0]?.delta.content ?? '';
      }
      assert.equal(text, 'You said: one two three');
    },
  },
  {
    name: 'create with stream_options: usage in the last chunk alone, with what it cost',
    async run(library, context) {
      const stream = await clientOf(library, context).chat.completions.create({
        model,
        messages: ask('one two three'),
        stream: true,
        stream_options: { include_usage: true },
      });
      const chunks = [];
      for await (const chunk of stream) chunks.push(chunk);
      const last = chunks.pop()!;
      assert.deepEqual(last.choices, []);
      assert.ok(last.usage!.completion_tokens > 0);
      const told = (last as { x_tollgate?: { cost_usd: string; attempts: number } }).x_tollgate;
      assert.match(told?.cost_usd ?? '', /^0\.\d{9}$/);
      assert.ok(chunks.every((chunk) => chunk.usage === null));
    },
  },
  {
    name: 'stream(): the helper assembles the answer and its usage',
    async run(library, context) {
      const stream = clientOf(library, context).chat.completions.stream({
        model,
        messages: ask('a b c'),
        stream_options: { include_usage: true },
      });
      let text = '';
      stream.on('content', (delta) => {
        text += delta;
      });
      const whole = await stream.finalChatCompletion();
      assert.equal(whole.choices[0]?.message.content, 'You said: a b c');
      assert.equal(text, 'You said: a b c');
      assert.ok((await stream.totalUsage()).total_tokens > 0);
    },
  },
  {
    name: 'n and logprobs: each choice with its tokens',
    async run(library, context) {
      const { choices } = await clientOf(library, context).chat.completions.create({
        model,
        messages: ask('twice'),
        n: 2,
        logprobs: true,
      });
      assert.deepEqual(
        choices.map(({ index }) => index),
        [0, 1],
      );
      for (const { logprobs, message } of choices) {
        assert.equal(logprobs?.content?.map(({ token }) => token).join(''), message.content);
      }
    },
  },
  {
    name: 'n and logprobs in a stream',
    async run(library, context) {
      const stream = await clientOf(library, context).chat.completions.create({
        model,
        messages: ask('twice'),
        n: 2,
        logprobs: true,
        stream: true,
      });
      const texts = ['', ''];
      for await (const { choices } of stream) {
        for (const { index, logprobs } of choices)
          texts[index]! += logprobs?.content?.map(({ token }) => token).join('') ?? '';
      }
      assert.deepEqual(texts, ['You said: twice', 'You said: twice']);
    },
  },
  {
    name: 'images: by address and as data',
    async run(library, context) {
      const image = (url: string) => ({ type: 'image_url' as const, image_url: { url, detail: 'low' as const } });
      const answer = await clientOf(library, context).chat.completions.create({
        model,
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'look' },
              image('https://example.com/a.png'),
              image(
                'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
              ),
            ],
          },
        ],
      });
      assert.equal(answer.choices[0]?.message.content, 'You said: look [image_url] [image_url]');
    },
  },
];

const tools: Scenario<OpenAiLibrary>[] = [
  {
    name: 'tools: several in one answer, one of them without arguments',
    async run(library, context) {
      const { choices } = await clientOf(library, context).chat.completions.create({
        model,
        messages: ask('weather?'),
        tools: [weather('paris'), weather('rome'), clock],
      });
      const calls = choices[0]!.message.tool_calls!.map((call) =>
        call.type === 'function' ? call.function : assert.fail(),
      );
      assert.deepEqual(
        calls.map((call) => [call.name, JSON.parse(call.arguments)]),
        [
          ['paris', { city: 'sample' }],
          ['rome', { city: 'sample' }],
          ['now', {}],
        ],
      );
      assert.equal(choices[0]!.finish_reason, 'tool_calls');
    },
  },
  {
    name: 'tools in a stream: parallel, strict, and without arguments, put together by the helper',
    async run(library, context) {
      const strict = {
        ...clock,
        function: {
          ...clock.function,
          strict: true,
          parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
        },
      };
      const whole = await clientOf(library, context)
        .chat.completions.stream({
          model,
          messages: ask('weather?'),
          tools: [weather('paris', true), weather('rome'), strict],
        })
        .finalChatCompletion();
      const calls = whole.choices[0]!.message.tool_calls!;
      assert.deepEqual(
        calls.map(({ function: called }) => [called.name, JSON.parse(called.arguments)]),
        [
          ['paris', { city: 'sample' }],
          ['rome', { city: 'sample' }],
          ['now', {}],
        ],
      );
      assert.equal(new Set(calls.map(({ id }) => id)).size, 3);
    },
  },
  {
    name: 'tools: one at a time where parallel calls are switched off, none where tool_choice says so',
    async run(library, context) {
      const client = clientOf(library, context);
      const common = { model, messages: ask('weather?'), tools: [weather('paris'), weather('rome')] };
      const one = await client.chat.completions.create({ ...common, parallel_tool_calls: false });
      assert.equal(one.choices[0]!.message.tool_calls!.length, 1);
      const none = await client.chat.completions.create({ ...common, tool_choice: 'none' });
      assert.equal(none.choices[0]!.message.tool_calls, undefined);
    },
  },
  ...[false, true].map(
    (stream): Scenario<OpenAiLibrary> => ({
      name: `runTools()${stream ? ' with stream' : ''}: calls, results, and the last word`,
      async run(library, context) {
        const asked: string[] = [];
        const tool = {
          type: 'function' as const,
          function: {
            ...weather('paris').function,
            parse: (text: string) => JSON.parse(text) as { city: string },
            function: ({ city }: { city: string }) => {
              asked.push(city);
              return `sunny in ${city}`;
            },
          },
        };
        const { completions } = clientOf(library, context).chat;
        const common = { model, messages: ask('weather?'), tools: [tool] };
        const runner = stream ? completions.runTools({ ...common, stream: true }) : completions.runTools(common);
        assert.equal(await runner.finalContent(), 'The tool said: sunny in sample');
        assert.deepEqual(asked, ['sample']);
      },
    }),
  ),
];

const structured: Scenario<OpenAiLibrary>[] = [
  {
    name: 'parse(): an answer that fits a JSON schema',
    async run(library, context) {
      const { z, zodResponseFormat } = library;
      const Person = z.object({ name: z.string(), age: z.number().int(), tags: z.array(z.enum(['a', 'b'])) });
      const answer = await clientOf(library, context).chat.completions.parse({
        model,
        messages: ask('who?'),
        response_format: zodResponseFormat(Person, 'person'),
      });
      assert.deepEqual(answer.choices[0]?.message.parsed, { name: 'sample', age: 7, tags: ['a'] });
    },
  },
  {
    name: 'parse() with a strict tool: the arguments are parsed',
    async run(library, context) {
      const answer = await clientOf(library, context).chat.completions.parse({
        model,
        messages: ask('weather?'),
        tools: [weather('paris', true)],
      });
      assert.deepEqual(answer.choices[0]?.message.tool_calls?.[0]?.function.parsed_arguments, { city: 'sample' });
    },
  },
];

const modelsAndErrors: Scenario<OpenAiLibrary>[] = [
  {
    name: 'models.list() and retrieve(): what the key may use, also names with a slash',
    async run(library, context) {
      const ids: string[] = [];
      for await (const { id, object } of clientOf(library, context).models.list()) {
        assert.equal(object, 'model');
        ids.push(id);
      }
      assert.ok(ids.includes('gpt-4o-mini') && ids.includes('team/large'), ids.join());
      assert.equal((await clientOf(library, context).models.retrieve('team/large')).id, 'team/large');
      const narrow = clientOf(library, context, { apiKey: context.narrowKey });
      assert.deepEqual(
        (await narrow.models.list()).data.map(({ id }) => id),
        ['gpt-4o-mini'],
      );
      await errorOf(narrow.models.retrieve('team/large'), library.OpenAI.NotFoundError);
    },
  },
  {
    name: 'errors: each status is the class that the library has for it',
    async run(library, context) {
      const { OpenAI } = library;
      const create = (more: object, body: object = {}) =>
        clientOf(library, context, more).chat.completions.create({ model, messages: ask('hi'), ...body });
      const unknown = await errorOf(create({ apiKey: 'sk-tg-nobody' }), OpenAI.AuthenticationError);
      assert.equal(unknown.code, 'invalid_api_key');
      const denied = await errorOf(
        create({ apiKey: context.narrowKey }, { model: 'team/large' }),
        OpenAI.PermissionDeniedError,
      );
      assert.equal(denied.code, 'model_not_allowed');
      const missing = await errorOf(create({}, { model: 'no-such-model' }), OpenAI.NotFoundError);
      assert.equal(missing.code, 'model_not_found');
      assert.ok(missing.requestID);
      const wrong = await errorOf(create({}, { messages: 'hi' }), OpenAI.BadRequestError);
      assert.equal(wrong.param, 'messages');
      const upstream = await errorOf(create({}, { model: 'bad-request' }), OpenAI.BadRequestError);
      assert.match(upstream.message, /too hot/);
      assert.equal(upstream.param, 'temperature');
    },
  },
  {
    name: 'errors: a stream that breaks throws in the middle of the loop',
    async run(library, context) {
      const stream = await clientOf(library, context).chat.completions.create({
        model: 'breaks',
        messages: ask('hi'),
        stream: true,
      });
      const read = async () => {
        for await (const _ of stream);
      };
      const error = await errorOf(read(), library.OpenAI.APIError);
      assert.equal(error.code, 'upstream_error');
    },
  },
  {
    name: 'retries: a busy upstream is asked again when it said to',
    async run(library, context) {
      const { client, sent } = counting(library, context, 2);
      const before = performance.now();
      const answer = await client.chat.completions.create({
        model: 'busy-once',
        user: `busy-${context.run}`,
        messages: ask('hi'),
      });
      assert.equal(answer.choices[0]?.message.content, 'You said: hi');
      assert.equal(sent(), 2);
      assert.ok(performance.now() - before >= 115, 'it came back before its time');
    },
  },
  {
    name: 'retries: what cannot succeed is not tried again',
    async run(library, context) {
      for (const [name, kind] of [
        ['unpriced', library.OpenAI.InternalServerError],
        ['bad-request', library.OpenAI.BadRequestError],
      ] as const) {
        const { client, sent } = counting(library, context, 2);
        await errorOf(client.chat.completions.create({ model: name, messages: ask('hi') }), kind);
        assert.equal(sent(), 1, name);
      }
    },
  },
];

export const openaiScenarios: readonly Scenario<OpenAiLibrary>[] = [
  ...requests,
  ...tools,
  ...structured,
  ...modelsAndErrors,
];
