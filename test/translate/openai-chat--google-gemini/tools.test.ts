import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  assistant,
  completion,
  dropped,
  FLASH_20,
  FLASH_25,
  GEMINI_3,
  refusal,
  sent,
  tool,
  toolCall,
  toolResult,
  user,
} from './calls.js';

const schema = {
  type: 'object',
  properties: { name: { type: 'string' } },
  required: ['name'],
  additionalProperties: false,
};
const person = { type: 'json_schema', json_schema: { name: 'person', strict: true, schema, description: 'A person.' } };

describe('tools', () => {
  test('newer models read JSON schemas, older ones the subset of OpenAPI', () => {
    const tools = [
      tool('look', { description: 'Look.', parameters: { $schema: 'x', ...schema, properties: { a: { const: 1 } } } }),
    ];
    assert.deepEqual(sent({ tools }).tools, [
      {
        functionDeclarations: [
          {
            name: 'look',
            description: 'Look.',
            parametersJsonSchema: { ...schema, properties: { a: { enum: [1] } } },
          },
        ],
      },
    ]);
    const [{ functionDeclarations: older }] = sent({ tools }, { model: FLASH_20 }).tools;
    assert.deepEqual(older[0].parameters, {
      type: 'object',
      properties: { a: { type: 'string', enum: ['1'], format: 'enum' } },
      required: ['name'],
    });
  });

  test('a tool without arguments has no schema, which would be refused', () => {
    for (const parameters of [
      undefined,
      null,
      {},
      { type: 'object', properties: {} },
      { type: 'object', additionalProperties: false },
    ]) {
      const [{ functionDeclarations }] = sent({ tools: [tool('go', { parameters })] }).tools;
      assert.deepEqual(functionDeclarations, [{ name: 'go' }]);
    }
    const [{ functionDeclarations }] = sent({
      tools: [tool('go', { parameters: { type: 'object', additionalProperties: true } })],
    }).tools;
    assert.ok(functionDeclarations[0].parametersJsonSchema);
  });

  test('a name that Google does not take is sent as one that it takes, and told in full in the answer', () => {
    const names = ['1st', 'two words', `long-${'x'.repeat(80)}`, 'ok'];
    const request = sent({
      tools: names.map((name) => tool(name)),
      tool_choice: { type: 'function', function: { name: '1st' } },
      messages: [user('Go.'), assistant(null, { tool_calls: [toolCall('c', '1st')] }), toolResult('c', 'done')],
    });
    const told = request.tools[0].functionDeclarations.map(({ name }: { name: string }) => name);
    assert.ok(
      told.every((name: string) => /^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$/.test(name)),
      String(told),
    );
    assert.deepEqual([new Set(told).size, told[3]], [4, 'ok']);
    assert.deepEqual(request.toolConfig.functionCallingConfig.allowedFunctionNames, [told[0]]);
    assert.equal(request.contents[1].parts[0].functionCall.name, told[0]);
    assert.equal(request.contents[2].parts[0].functionResponse.name, told[0]);
    const parts = [{ functionCall: { name: told[0], args: {} } }];
    const answer = { candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP' }] };
    const { message } = completion(answer, { tools: [tool('1st')] }).choices[0];
    assert.equal(message.tool_calls[0].function.name, '1st');
  });

  test('the choice among them', () => {
    const tools = [tool('look'), tool('go')];
    const calling = (more: object) => sent({ tools, ...more }).toolConfig?.functionCallingConfig;
    const named = (name: string) => ({ type: 'function', function: { name } });
    assert.equal(calling({}), undefined);
    assert.equal(calling({ tool_choice: 'auto' }), undefined);
    assert.deepEqual(calling({ tool_choice: 'none' }), { mode: 'NONE' });
    assert.deepEqual(calling({ tool_choice: 'required' }), { mode: 'ANY' });
    assert.deepEqual(calling({ tool_choice: named('go') }), { mode: 'ANY', allowedFunctionNames: ['go'] });
    const allowed = (mode: string) => ({ type: 'allowed_tools', allowed_tools: { mode, tools: [named('go')] } });
    assert.deepEqual(calling({ tool_choice: allowed('auto') }), { mode: 'VALIDATED', allowedFunctionNames: ['go'] });
    assert.deepEqual(calling({ tool_choice: allowed('required') }), { mode: 'ANY', allowedFunctionNames: ['go'] });
    assert.deepEqual(calling({ tools: [tool('look', { strict: true })] }), { mode: 'VALIDATED' });
  });

  test('what cannot be called is refused by its field', () => {
    const tools = [tool('look')];
    const cases: readonly (readonly [object, string])[] = [
      [{ tools: [{ type: 'custom', custom: { name: 'x' } }] }, 'unsupported_parameter tools[0].type'],
      [{ tools: [{ type: 'function' }] }, 'invalid_value tools[0].function'],
      [{ tools: [tool('')] }, 'invalid_value tools[0].function.name'],
      [{ tools: [tool('a', { description: 1 })] }, 'invalid_value tools[0].function.description'],
      [{ tools: [tool('a', { parameters: 'x' })] }, 'invalid_value tools[0].function.parameters'],
      [{ tools, tool_choice: 'maybe' }, 'invalid_value tool_choice'],
      [{ tool_choice: 'required' }, 'invalid_value tool_choice'],
      [
        { tools, tool_choice: { type: 'function', function: { name: 'x' } } },
        'invalid_value tool_choice.function.name',
      ],
      [{ tools, tool_choice: { type: 'mcp' } }, 'unsupported_parameter tool_choice.type'],
      [
        { tools, tool_choice: { type: 'allowed_tools', allowed_tools: {} } },
        'invalid_value tool_choice.allowed_tools.tools',
      ],
      [{ tools, parallel_tool_calls: 'no' }, 'invalid_value parallel_tool_calls'],
    ];
    for (const [body, expected] of cases) assert.equal(refusal(body), expected);
    assert.deepEqual(dropped({ tools, parallel_tool_calls: false }), ['parallel_tool_calls']);
  });

  test('a schema that holds itself is sent to those who read JSON schemas, and refused for the others', () => {
    const parameters = {
      type: 'object',
      properties: { next: { $ref: '#/$defs/node' } },
      $defs: { node: { properties: { next: { $ref: '#/$defs/node' } } } },
    };
    assert.ok(sent({ tools: [tool('walk', { parameters })] }).tools);
    assert.equal(
      refusal({ tools: [tool('walk', { parameters })] }, { model: FLASH_20 }),
      'unsupported_parameter tools[0].function.parameters',
    );
  });
});

describe('the form of the answer', () => {
  test('is JSON of a schema, or any', () => {
    assert.deepEqual(sent({ response_format: person }).generationConfig, {
      responseMimeType: 'application/json',
      responseJsonSchema: schema,
    });
    assert.deepEqual(sent({ response_format: { type: 'json_object' } }).generationConfig, {
      responseMimeType: 'application/json',
    });
    const older = sent({ response_format: person }, { model: FLASH_20 }).generationConfig;
    assert.deepEqual(older.responseSchema, {
      type: 'object',
      properties: { name: { type: 'string' } },
      required: ['name'],
    });
    assert.equal(sent({ response_format: { type: 'text' } }).generationConfig, undefined);
  });

  test('stands beside tools since Gemini 3', () => {
    const request = sent({ response_format: person, tools: [tool('look')] }, { model: GEMINI_3 });
    assert.equal(request.generationConfig.responseMimeType, 'application/json');
    assert.equal(request.toolConfig, undefined);
  });

  test('is the input of one more tool before, whose call is the content of the answer', () => {
    const body = { response_format: person, tools: [tool('look'), tool('json')] };
    const request = sent(body);
    const names = request.tools[0].functionDeclarations.map(({ name }: { name: string }) => name);
    assert.deepEqual(names, ['look', 'json', 'json_answer']);
    assert.deepEqual(request.toolConfig.functionCallingConfig, { mode: 'ANY' });
    assert.equal(request.generationConfig, undefined);
    const parts = [{ text: 'Here:' }, { functionCall: { name: 'json_answer', args: { name: 'Ann' } } }];
    const answer = completion({ candidates: [{ content: { parts }, finishReason: 'STOP' }] }, body);
    assert.equal(answer.choices[0].message.content, '{"name":"Ann"}');
    assert.equal(answer.choices[0].finish_reason, 'stop');
    const plain = completion({ candidates: [{ content: { parts: parts.slice(0, 1) }, finishReason: 'STOP' }] }, body);
    assert.equal(plain.choices[0].message.content, 'Here:');
  });

  test('any JSON beside tools is asked for in words, and a fence is taken off', () => {
    const body = { response_format: { type: 'json_object' }, tools: [tool('look')] };
    const request = sent(body);
    assert.match(request.systemInstruction.parts[0].text, /one JSON object and nothing else/);
    assert.equal(request.generationConfig, undefined);
    const answer = completion(
      { candidates: [{ content: { parts: [{ text: '```json\n{"a":1}\n```' }] }, finishReason: 'STOP' }] },
      body,
    );
    assert.equal(answer.choices[0].message.content.trim(), '{"a":1}');
  });

  test('is of no matter where the answer must be a call', () => {
    const request = sent({ response_format: person, tools: [tool('look')], tool_choice: 'required' });
    assert.equal(request.tools[0].functionDeclarations.length, 1);
    assert.equal(request.generationConfig, undefined);
  });

  test('that is none is refused', () => {
    assert.equal(refusal({ response_format: 'json' }), 'invalid_value response_format');
    assert.equal(refusal({ response_format: { type: 'xml' } }), 'invalid_value response_format.type');
    assert.equal(refusal({ response_format: { type: 'json_schema' } }), 'invalid_value response_format.json_schema');
    const bad = { type: 'json_schema', json_schema: { schema: 1 } };
    assert.equal(
      refusal({ response_format: bad }, { model: FLASH_25 }),
      'invalid_value response_format.json_schema.schema',
    );
  });
});
