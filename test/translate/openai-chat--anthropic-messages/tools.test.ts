import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assistant,
  dropped,
  OPUS_5_5,
  refusal,
  SONNET_4,
  SONNET_4_5,
  sent,
  tool,
  toolCall,
  toolResult,
  user,
} from './calls.js';

const tools = [tool('look'), tool('write')];
const named = (name: string) => ({ type: 'function', function: { name } });
const namesOf = (body: object, settings?: object) =>
  sent(body, settings).tools?.map((item) => 'name' in item && item.name);

test('a tool keeps its whole schema', () => {
  const parameters = {
    type: 'object',
    properties: { n: { type: 'integer', minimum: 1 }, d: { $ref: '#/$defs/d' } },
    required: ['n'],
    additionalProperties: { type: 'string' },
    $defs: { d: { oneOf: [{ type: 'string' }, { type: 'null' }] } },
  };
  assert.deepEqual(sent({ tools: [tool('f', { description: 'does f', parameters })] }).tools, [
    { name: 'f', description: 'does f', input_schema: parameters },
  ]);
});

for (const parameters of [undefined, null, {}, { properties: {} }]) {
  test(`parameters ${JSON.stringify(parameters)} become a schema of an object`, () => {
    const [sentTool] = sent({ tools: [tool('f', { parameters })] }).tools as { input_schema: { type: string } }[];
    assert.equal(sentTool?.input_schema.type, 'object');
  });
}

test('a strict tool is strict where the model can be held to a schema, and its schema is sanitised', () => {
  const strict = [
    tool('f', { strict: true, parameters: { type: 'object', properties: { a: { type: 'string', pattern: 'x' } } } }),
  ];
  assert.deepEqual(sent({ tools: strict }, { model: SONNET_4_5 }).tools, [
    {
      name: 'f',
      input_schema: {
        type: 'object',
        properties: { a: { type: 'string', description: '(pattern: "x")' } },
        additionalProperties: false,
      },
      strict: true,
    },
  ]);
  assert.ok(!('strict' in sent({ tools: strict }, { model: SONNET_4 }).tools![0]!));
  assert.deepEqual(dropped({ tools: strict }, { model: SONNET_4 }), ['tools[].function.strict']);
});

for (const [choice, expected] of [
  ['none', { type: 'none' }],
  ['auto', { type: 'auto' }],
  ['required', { type: 'any' }],
  [named('write'), { type: 'tool', name: 'write' }],
  [undefined, undefined],
  [null, undefined],
] as const) {
  test(`tool_choice ${JSON.stringify(choice)} is ${JSON.stringify(expected)}`, () => {
    const body = sent({ tools, tool_choice: choice });
    assert.deepEqual(body.tool_choice, expected);
    assert.equal(body.tools?.length, 2);
  });
}

test('allowed tools are the tools that are sent', () => {
  const choice = (mode: string) => ({ type: 'allowed_tools', allowed_tools: { mode, tools: [named('write')] } });
  assert.deepEqual(namesOf({ tools, tool_choice: choice('auto') }), ['write']);
  assert.deepEqual(sent({ tools, tool_choice: choice('required') }).tool_choice, { type: 'any' });
});

for (const choice of ['required', named('write')]) {
  test(`a model that cannot be forced refuses tool_choice ${JSON.stringify(choice)}`, () => {
    assert.equal(refusal({ tools, tool_choice: choice }, { model: OPUS_5_5 }), 'unsupported_parameter tool_choice');
  });
}

test('with drop_params a model that cannot be forced is offered only the tool that was wanted', () => {
  const settings = { model: OPUS_5_5, dropParams: true };
  assert.deepEqual(namesOf({ tools, tool_choice: named('write') }, settings), ['write']);
  assert.deepEqual(sent({ tools, tool_choice: named('write') }, settings).tool_choice, { type: 'auto' });
  assert.deepEqual(namesOf({ tools, tool_choice: 'required' }, settings), ['look', 'write']);
  assert.deepEqual(dropped({ tools, tool_choice: 'required' }, settings), ['tool_choice']);
});

for (const [choice, expected] of [
  [undefined, { type: 'auto', disable_parallel_tool_use: true }],
  ['required', { type: 'any', disable_parallel_tool_use: true }],
  [named('look'), { type: 'tool', name: 'look', disable_parallel_tool_use: true }],
  ['none', { type: 'none' }],
] as const) {
  test(`parallel_tool_calls: false needs a choice, here ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(sent({ tools, tool_choice: choice, parallel_tool_calls: false }).tool_choice, expected);
  });
}

test('parallel_tool_calls without tools, or true, says nothing', () => {
  assert.ok(!('tool_choice' in sent({ parallel_tool_calls: false })));
  assert.ok(!('tool_choice' in sent({ tools, parallel_tool_calls: true })));
});

test('a conversation with tool calls whose request declares no tools gets one that may not be called', () => {
  const messages = [user('x'), assistant(null, { tool_calls: [toolCall('a')] }), toolResult('a', 'ok')];
  const body = sent({ messages });
  assert.equal(body.tools?.length, 1);
  assert.deepEqual(body.tool_choice, { type: 'none' });
  assert.ok(!('tools' in sent({})));
});

const bad: readonly (readonly [object, string])[] = [
  [{ tools: {} }, 'invalid_value tools'],
  [{ tools: [1] }, 'invalid_value tools[0]'],
  [{ tools: [{ type: 'function' }] }, 'invalid_value tools[0].function'],
  [{ tools: [{ type: 'custom', custom: { name: 'x' } }] }, 'unsupported_parameter tools[0].type'],
  [{ tools: [{ type: 'web_search' }] }, 'unsupported_parameter tools[0].type'],
  [{ tools: [tool('')] }, 'invalid_value tools[0].function.name'],
  [{ tools: [tool('f', { description: 1 })] }, 'invalid_value tools[0].function.description'],
  [{ tools: [tool('f', { parameters: 'x' })] }, 'invalid_value tools[0].function.parameters'],
  [{ tools: [tool('f', { strict: 'yes' })] }, 'invalid_value tools[0].function.strict'],
  [{ tools, tool_choice: 'always' }, 'invalid_value tool_choice'],
  [{ tools, tool_choice: 7 }, 'invalid_value tool_choice'],
  [{ tool_choice: 'required' }, 'invalid_value tool_choice'],
  [{ tools, tool_choice: named('read') }, 'invalid_value tool_choice.function.name'],
  [{ tools, tool_choice: { type: 'function' } }, 'invalid_value tool_choice.function.name'],
  [{ tools, tool_choice: { type: 'custom', custom: {} } }, 'unsupported_parameter tool_choice.type'],
  [{ tools, tool_choice: { type: 'allowed_tools' } }, 'invalid_value tool_choice.allowed_tools.tools'],
  [
    { tools, tool_choice: { type: 'allowed_tools', allowed_tools: { tools: [] } } },
    'invalid_value tool_choice.allowed_tools.mode',
  ],
  [
    { tools, tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [named('read')] } } },
    'invalid_value tool_choice.allowed_tools.tools[0].function.name',
  ],
  [{ tools, parallel_tool_calls: 'no' }, 'invalid_value parallel_tool_calls'],
];
for (const [body, expected] of bad) {
  test(`${JSON.stringify(body).slice(0, 100)} is refused: ${expected}`, () => {
    assert.equal(refusal(body), expected);
  });
}
