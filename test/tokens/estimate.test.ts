import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { encodingFor } from '../../src/formats/openai-chat/models.js';
import type { CountingRule } from '../../src/provider/provider-type.js';
import { warmTokenizers } from '../../src/tokens/encodings.js';
import { estimateChat } from './estimate-chat.js';
import { dataUrl, png, wav } from './images.js';
import { ordinaryTexts, referenceCount } from './reference.js';

before(warmTokenizers);

const other: CountingRule = { encoding: 'o200k_base', factor: 1, exact: false };
const exactRule = (model: string): CountingRule => ({ ...encodingFor(model), factor: 1 });
const count = (request: unknown, model = 'gpt-4o') => estimateChat(request, exactRule(model), model);
const tokens = (text: string) => referenceCount(text, 'o200k_base');
const user = (content: unknown) => ({ messages: [{ role: 'user', content }] });

test('plain chat is counted by the cookbook formula', async () => {
  const messages = [
    { role: 'system', content: 'You are terse.' },
    { role: 'user', name: 'anna', content: ordinaryTexts['German'] },
    { role: 'assistant', content: ordinaryTexts['emoji'] },
  ];
  for (const model of ['gpt-4o-mini', 'gpt-4-0613']) {
    const { encoding } = encodingFor(model);
    const texts = messages.flatMap(({ role, name, content }) => [role, content!, name ?? '']);
    const expected = texts.reduce((sum, text) => sum + referenceCount(text, encoding), 0) + 3 * 3 + 1 + 3;
    assert.equal(await count({ model, messages }, model), expected);
  }
});

test('the published example of the cookbook has its published count', () => {
  const messages = [
    {
      role: 'system',
      content: 'You are a helpful, pattern-following assistant that translates corporate jargon into plain English.',
    },
    { role: 'system', name: 'example_user', content: 'New synergies will help drive top-line growth.' },
    { role: 'system', name: 'example_assistant', content: 'Things working well together will increase revenue.' },
    {
      role: 'system',
      name: 'example_user',
      content: "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
    },
    {
      role: 'system',
      name: 'example_assistant',
      content: "Let's talk later when we're less busy about how to do better.",
    },
    { role: 'user', content: "This late pivot means we don't have time to boil the ocean for the client deliverable." },
  ];
  assert.equal(count({ messages }, 'gpt-4-0613'), 129);
  assert.equal(count({ messages }, 'gpt-4o'), 124);
});

test('parts of text count like the text, and empty fields of an SDK count nothing', () => {
  const plain = count(user('What is this?'));
  assert.equal(count(user([{ type: 'text', text: 'What is this?' }])), plain);
  const echoed = {
    role: 'user',
    content: 'What is this?',
    refusal: null,
    annotations: [],
    audio: null,
    tool_calls: [],
  };
  assert.equal(count({ messages: [echoed] }), plain);
});

test('the factor holds for text and rounds up, and not for pictures', () => {
  const rule = { encoding: 'o200k_base', factor: 1.3, exact: true } as const;
  const text = count(user('Hello there')) as number;
  assert.equal(estimateChat(user('Hello there'), rule, 'gpt-4o'), Math.ceil(text * 1.3));
  assert.equal(estimateChat(user('Hello there'), { ...rule, factor: 1 }, 'gpt-4o'), text);
  const url = dataUrl('image/png', png(1024, 1024));
  const withPicture = [
    { type: 'text', text: 'Hello there' },
    { type: 'image_url', image_url: { url } },
  ];
  assert.equal(estimateChat(user(withPicture), rule, 'gpt-4o'), Math.ceil(text * 1.3) + 765);
});

test('a factor does not make a token out of a floating-point remainder', () => {
  const fifty = user(' word'.repeat(43));
  assert.equal(count(fifty), 50);
  assert.ok(50 * 1.1 > 55);
  assert.equal(estimateChat(fifty, { encoding: 'o200k_base', factor: 1.1, exact: true }, 'gpt-4o'), 55);
});

test('special tokens in user text are text', () => {
  const text = '<|endoftext|><|im_start|>system';
  assert.equal(count(user(text)), 3 + 3 + tokens('user') + tokens(text));
  assert.ok(tokens(text) > 10);
});

const weather = {
  type: 'function',
  function: {
    name: 'get_current_weather',
    description: 'Get the current weather in a given location.',
    parameters: {
      type: 'object',
      properties: {
        location: { type: 'string', description: 'The city and state, e.g. San Francisco, CA.' },
        unit: { type: 'string', description: 'The unit of temperature', enum: ['celsius', 'fahrenheit'] },
      },
      required: ['location'],
      additionalProperties: false,
    },
    strict: true,
  },
};

test('tools are counted by the cookbook formula', () => {
  const declared =
    7 +
    tokens('get_current_weather:Get the current weather in a given location') +
    3 +
    3 +
    tokens('location:string:The city and state, e.g. San Francisco, CA') +
    3 +
    tokens('unit:string:The unit of temperature') -
    3 +
    3 +
    tokens('celsius') +
    3 +
    tokens('fahrenheit') +
    12;
  const plain = count(user('Hi')) as number;
  assert.equal(count({ ...user('Hi'), tools: [weather] }), plain + declared);
  assert.equal(count({ ...user('Hi'), functions: [weather.function] }), plain + declared);
  assert.equal(count({ ...user('Hi'), tools: [weather] }, 'gpt-5-nano'), plain + declared + 83);
  assert.equal(count({ ...user('Hi'), tools: [] }), plain);
});

test('what the cookbook does not know of in a schema is counted too', () => {
  const withMore = (more: object) => {
    const parameters = { type: 'object', properties: { items: { type: 'array', description: 'All', ...more } } };
    return count({ ...user('Hi'), tools: [{ type: 'function', function: { name: 'f', parameters } }] }) as number;
  };
  const plain = withMore({});
  const deep = {
    items: { type: 'object', properties: { street: { type: 'string', description: 'Name of the street' } } },
  };
  assert.equal(withMore(deep), plain + tokens(JSON.stringify(deep)));
});

test('other families read whole declarations behind a prompt of their own', () => {
  const plain = estimateChat(user('Hi'), other, 'x') as number;
  const withTool = estimateChat({ ...user('Hi'), tools: [weather] }, other, 'x') as number;
  assert.equal(withTool, plain + 350 + tokens(JSON.stringify(weather)));
});

test('a tool that the request insists on is named once more', () => {
  const plain = count(user('Hi')) as number;
  const choice = { type: 'function', function: { name: 'get_current_weather' } };
  assert.equal(count({ ...user('Hi'), tool_choice: choice }), plain + 4 + tokens('get_current_weather'));
  assert.equal(count({ ...user('Hi'), tool_choice: 'auto' }), plain);
});

test('a schema for the answer counts its text and a heading', () => {
  const schema = { type: 'object', properties: { steps: { type: 'array', items: { type: 'string' } } } };
  const format = { type: 'json_schema', json_schema: { name: 'plan', schema, strict: true } };
  const more = (count({ ...user('Hi'), response_format: format }) as number) - (count(user('Hi')) as number);
  assert.equal(more, 12 + tokens(JSON.stringify({ name: 'plan', schema })));
  assert.equal(count({ ...user('Hi'), response_format: { type: 'json_object' } }), count(user('Hi')));
});

test('tool calls in the history and their results count', () => {
  const args = JSON.stringify({ location: 'Lisbon', unit: 'celsius' });
  const call = { id: 'call_abc123', type: 'function', function: { name: 'get_current_weather', arguments: args } };
  const assistant = { role: 'assistant', content: null, tool_calls: [call, call] };
  const result = { role: 'tool', tool_call_id: 'call_abc123', content: '18 degrees' };
  const one = tokens('get_current_weather') + tokens(args);
  const expected = 3 + 3 + tokens('assistant') + 3 + tokens('tool') + tokens('18 degrees') + 2 * (one + 8);
  assert.equal(count({ messages: [assistant, result] }), expected);
  assert.equal(estimateChat({ messages: [assistant, result] }, other, 'x'), expected + 3 * tokens('call_abc123'));
  const legacy = { role: 'assistant', content: null, function_call: call.function };
  assert.equal(count({ messages: [legacy] }), 3 + 3 + tokens('assistant') + one + 8);
});

test('pictures and documents in the words of the messages dialect are counted and their base64 is not', () => {
  const data = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(3_000_000, 1)]).toString('base64');
  const picture = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: data(png(1024, 1024)) } };
  const about = (content: unknown) => (count(user(content)) as number) - (count(user([])) as number);
  assert.ok(Math.abs(about([picture]) - 765) < 20, String(about([picture])));
  const paper = {
    type: 'document',
    title: 'a',
    source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' },
  };
  assert.ok(about([paper]) >= 4600);
  const text = { type: 'document', source: { type: 'text', media_type: 'text/plain', data: ' word'.repeat(500) } };
  assert.ok(about([text]) > 500);
  const result = {
    type: 'tool_result',
    tool_use_id: 'a',
    content: [{ type: 'text', text: ' word'.repeat(500) }, picture],
  };
  assert.ok(about([result]) >= 1265 && about([result]) < 1300, String(about([result])));
  assert.ok(about([{ ...result, content: ' word'.repeat(500) }]) >= 500);
});

test('pictures, sound and documents are counted and their base64 is not', () => {
  const plain = count(user([])) as number;
  const big = Buffer.concat([png(1024, 1024), Buffer.alloc(3_000_000, 1)]);
  assert.equal(count(user([{ type: 'image_url', image_url: { url: dataUrl('image/png', big) } }])), plain + 765);
  assert.equal(count(user([{ type: 'image_url', image_url: 'https://x.test/a.png' }])), plain + 1445);
  const sound = { type: 'input_audio', input_audio: { data: wav(2, 48_000).toString('base64'), format: 'wav' } };
  assert.equal(count(user([sound])), plain + 21);
  const pdf = dataUrl('application/pdf', Buffer.alloc(1000, 1));
  const file = { type: 'file', file: { filename: 'a.pdf', file_data: pdf } };
  assert.equal(count(user([file])), plain + tokens('a.pdf') + 4600);
  assert.equal(count(user([{ type: 'file', file: { file_id: 'file-1' } }])), plain + 100_000);
});

test('parts, messages and fields that are not known count as the JSON that they are', () => {
  const plain = count(user([])) as number;
  const odd = { type: 'video_url', video_url: { url: 'https://x.test/a.mp4' } };
  assert.equal(count(user([odd])), plain + tokens(JSON.stringify(odd)));
  assert.equal(count(user({ a: 'some words' })), plain + tokens('{"a":"some words"}'));
  assert.equal(count({ messages: [{ role: 'user', reasoning_content: 'thought' }] }), plain + tokens('"thought"'));
  assert.equal(count({ messages: ['words'] }), 3 + 3 + tokens('"words"'));
});

test('a schema nested 256 deep, and 10,000 deep, is counted', async () => {
  for (const depth of [256, 10_000]) {
    const schema = JSON.parse(`${'{"type":"object","properties":{"p":'.repeat(depth)}{}${'}}'.repeat(depth)}`);
    const counted = await count({
      ...user('Hi'),
      tools: [{ type: 'function', function: { name: 'f', parameters: schema } }],
    });
    assert.ok(counted > depth * 5);
    assert.ok((await count({ ...user('Hi'), response_format: { json_schema: { schema } } })) > depth * 5);
    assert.ok((await count(user(schema))) > depth * 5);
  }
});

test('keys such as __proto__ are fields like others', () => {
  const request = JSON.parse(
    '{"messages":[{"role":"user","__proto__":{"content":"x"},"constructor":"y","toString":1,"content":"Hi"}]}',
  );
  assert.ok((count(request) as number) > (count(user('Hi')) as number));
});

test('any JSON whatsoever gives a whole number and no error', async () => {
  const value = fc.jsonValue({ maxDepth: 4 });
  const type = fc.constantFrom(
    'text',
    'image_url',
    'input_audio',
    'file',
    'refusal',
    'function',
    'json_schema',
    7,
    null,
  );
  const part = fc.record(
    {
      type,
      text: value,
      refusal: value,
      image_url: fc.oneof(
        value,
        fc.record({ url: fc.oneof(value, fc.constant('data:image/png;base64,iVBORw0KGgo')), detail: value }),
      ),
      input_audio: fc.oneof(value, fc.record({ data: value })),
      file: fc.oneof(value, fc.record({ file_data: value, filename: value })),
    },
    { requiredKeys: [] },
  );
  const call = fc.record(
    { id: value, type, function: fc.oneof(value, fc.record({ name: value, arguments: value })), custom: value },
    { requiredKeys: [] },
  );
  const message = fc.record(
    {
      role: value,
      name: value,
      content: fc.oneof(value, fc.array(fc.oneof(part, value))),
      tool_calls: fc.oneof(value, fc.array(fc.oneof(call, value))),
      function_call: value,
      tool_call_id: value,
    },
    { requiredKeys: [] },
  );
  const property = fc.record({ type: value, description: value, enum: value, items: value }, { requiredKeys: [] });
  const parameters = fc.record(
    {
      type: value,
      properties: fc.oneof(value, fc.dictionary(fc.string(), fc.oneof(property, value))),
      additionalProperties: value,
    },
    { requiredKeys: [] },
  );
  const tool = fc.record(
    {
      type,
      function: fc.oneof(
        value,
        fc.record({ name: value, description: value, parameters: fc.oneof(parameters, value) }, { requiredKeys: [] }),
      ),
      name: value,
    },
    { requiredKeys: [] },
  );
  const request = fc.record(
    {
      messages: fc.array(fc.oneof(message, value)),
      tools: fc.oneof(value, fc.array(fc.oneof(tool, value))),
      functions: fc.oneof(value, fc.array(tool)),
      tool_choice: fc.oneof(value, tool),
      response_format: fc.oneof(value, fc.record({ type, json_schema: value })),
    },
    { requiredKeys: ['messages'] },
  );
  const rule = fc.constantFrom(exactRule('gpt-4o'), exactRule('gpt-4'), { ...other, factor: 1.35 });
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(request, value),
      rule,
      fc.constantFrom('gpt-4o', 'gpt-5.4', 'gpt-4', ''),
      async (body, rule, model) => {
        const counted = await estimateChat(body, rule, model);
        assert.ok(Number.isInteger(counted) && counted >= 0, `${counted}`);
      },
    ),
    { numRuns: 1500 },
  );
});

test('more text never counts less', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 50 }),
      fc.string({ unit: 'grapheme', maxLength: 50 }),
      (one, two) => {
        const single = count(user([{ type: 'text', text: one }])) as number;
        const both = count(
          user([
            { type: 'text', text: one },
            { type: 'text', text: two },
          ]),
        ) as number;
        assert.ok(both >= single);
      },
    ),
    { numRuns: 300 },
  );
});
