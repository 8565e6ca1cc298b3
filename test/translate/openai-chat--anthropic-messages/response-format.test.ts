import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dropped, OPUS_5_5, refusal, SONNET_4, SONNET_4_5, sent, tool } from './calls.js';

const schema = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] };
const dictionary = {
  type: 'object',
  properties: { ages: { type: 'object', additionalProperties: { type: 'integer' } } },
};
const format = (of: object = schema) => ({
  response_format: { type: 'json_schema', json_schema: { name: 'person', schema: of, strict: true } },
});

test('a model that understands schemas is given the schema, with every object closed', () => {
  const body = sent(format(), { model: SONNET_4_5 });
  assert.deepEqual(body.output_config, {
    format: { type: 'json_schema', schema: { ...schema, additionalProperties: false } },
  });
  assert.ok(!('tools' in body));
});

test('a model that does not understand schemas must call a tool that has it', () => {
  const body = sent(format(), { model: SONNET_4 });
  const [json] = body.tools as { name: string; input_schema: object }[];
  assert.equal(json?.name, 'json');
  assert.deepEqual(json?.input_schema, schema);
  assert.deepEqual(body.tool_choice, { type: 'tool', name: 'json', disable_parallel_tool_use: true });
  assert.ok(!('output_config' in body));
});

test('what the caller says of the schema is said of the tool', () => {
  const descriptionOf = (description?: string) => {
    const response_format = {
      type: 'json_schema',
      json_schema: { name: 'p', schema, ...(description ? { description } : {}) },
    };
    return (sent({ response_format }, { model: SONNET_4 }).tools as { description: string }[])[0]?.description;
  };
  assert.equal(descriptionOf('A person.'), `${descriptionOf()} A person.`);
});

test('with tools of its own the request must call one of them or the answer', () => {
  const body = sent({ ...format(), tools: [tool('json'), tool('look')] }, { model: SONNET_4 });
  assert.deepEqual(
    body.tools?.map((item) => 'name' in item && item.name),
    ['json', 'look', 'json_answer'],
  );
  assert.deepEqual(body.tool_choice, { type: 'any', disable_parallel_tool_use: true });
});

test('tool_choice none leaves only the answer', () => {
  const body = sent({ ...format(), tools: [tool('look')], tool_choice: 'none' }, { model: SONNET_4 });
  assert.deepEqual(body.tool_choice, { type: 'tool', name: 'json', disable_parallel_tool_use: true });
});

test('a tool that the caller forces is the answer of this turn, whatever its form', () => {
  const body = sent({ ...format(), tools: [tool('look')], tool_choice: 'required' }, { model: SONNET_4 });
  assert.equal(body.tools?.length, 1);
  assert.deepEqual(body.tool_choice, { type: 'any' });
});

test('a schema with a dictionary goes through a tool, since constrained decoding would leave it empty', () => {
  const body = sent(format(dictionary), { model: SONNET_4_5 });
  assert.deepEqual((body.tools as { input_schema: object }[])[0]?.input_schema, dictionary);
  assert.ok(!('output_config' in body));
});

test('a schema with a dictionary is refused where a tool cannot be forced either', () => {
  const path = 'response_format.json_schema.schema';
  assert.equal(refusal(format(dictionary), { model: OPUS_5_5 }), `unsupported_parameter ${path}`);
  const settings = { model: OPUS_5_5, dropParams: true };
  assert.deepEqual(dropped(format(dictionary), settings), [path]);
  assert.match(JSON.stringify(sent(format(dictionary), settings).system), /one JSON object/);
});

for (const response_format of [{ type: 'json_object' }, { type: 'json_schema', json_schema: { name: 'x' } }]) {
  test(`${JSON.stringify(response_format)} is told to the model after the caller's own system text`, () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'JSON, please' },
    ];
    const { system } = sent({ messages, response_format });
    assert.equal(system?.length, 2);
    assert.deepEqual(system?.[0], { type: 'text', text: 'Be brief.' });
    assert.match((system![1] as { text: string }).text, /one JSON object/);
  });
}

for (const response_format of [{ type: 'text' }, null]) {
  test(`${JSON.stringify(response_format)} changes nothing`, () => {
    assert.deepEqual(sent({ response_format }), sent({}));
  });
}

const bad: readonly (readonly [unknown, string])[] = [
  ['json', 'invalid_value response_format'],
  [{}, 'invalid_value response_format.type'],
  [{ type: 'xml' }, 'invalid_value response_format.type'],
  [{ type: 'json_schema' }, 'invalid_value response_format.json_schema'],
  [{ type: 'json_schema', json_schema: { schema: 1 } }, 'invalid_value response_format.json_schema.schema'],
  [
    { type: 'json_schema', json_schema: { schema: { type: 'array' } } },
    'invalid_value response_format.json_schema.schema',
  ],
];
for (const [response_format, expected] of bad) {
  test(`${JSON.stringify(response_format)} is refused: ${expected}`, () => {
    assert.equal(refusal({ response_format }, { model: SONNET_4 }), expected);
  });
}
