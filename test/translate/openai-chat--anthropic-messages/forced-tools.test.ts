import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dropped, OPUS_4_6, OPUS_5_5, refusal, SONNET_4, SONNET_4_5, sent, tool, user } from './calls.js';

const tools = [tool('look'), tool('write')];
const named = (name: string) => ({ type: 'function', function: { name } });
const auto = { forcedToolChoice: 'auto' } as const;
const instruct = { forcedToolChoice: 'instruct' } as const;
const system = { role: 'system', content: 'Be brief.' };
const namesOf = (body: object, settings: object) => sent(body, settings).tools?.map((one) => 'name' in one && one.name);
const systemOf = (body: object, settings: object) => (sent(body, settings).system ?? []) as { text: string }[];

test('a model that cannot be forced may choose, and the choice is named as left out', () => {
  for (const [tool_choice, names] of [
    ['required', ['look', 'write']],
    [named('write'), ['write']],
    [{ type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [named('look')] } }, ['look']],
  ] as const) {
    const body = { tools, tool_choice };
    const settings = { model: OPUS_5_5, ...auto };
    assert.deepEqual(sent(body, settings).tool_choice, { type: 'auto' });
    assert.deepEqual(namesOf(body, settings), names);
    assert.deepEqual(dropped(body, settings), ['tool_choice']);
    assert.deepEqual(systemOf(body, settings), []);
  }
});

test('told to call a tool, the model reads it after the system text of the caller', () => {
  const settings = { model: OPUS_5_5, ...instruct };
  const [own, told] = systemOf({ messages: [system, user('x')], tools, tool_choice: named('write') }, settings);
  assert.equal(own?.text, 'Be brief.');
  assert.match(told!.text, /must be a call of the tool 'write'/);
  assert.match(systemOf({ tools, tool_choice: 'required' }, settings)[0]!.text, /must be a call of one of your tools/);
});

test('one call at a time stays one call at a time', () => {
  const body = { tools, tool_choice: 'required', parallel_tool_calls: false };
  assert.deepEqual(sent(body, { model: OPUS_5_5, ...auto }).tool_choice, {
    type: 'auto',
    disable_parallel_tool_use: true,
  });
});

test('a model that can be forced is forced, whatever the setting', () => {
  for (const settings of [auto, instruct]) {
    const body = { tools, tool_choice: named('write') };
    assert.deepEqual(sent(body, settings).tool_choice, { type: 'tool', name: 'write' });
    assert.deepEqual([dropped(body, settings), systemOf(body, settings)], [[], []]);
    assert.deepEqual(namesOf(body, settings), ['look', 'write']);
  }
});

const thinking = { type: 'enabled', budget_tokens: 2000 };

test('where thinking and force exclude each other, the setting says which gives way', () => {
  for (const asked of [{ thinking }, { reasoning_effort: 'low' }]) {
    const body = { tools, tool_choice: named('write'), ...asked };
    assert.equal(sent(body, { model: SONNET_4_5 }).thinking, undefined);
    assert.deepEqual(sent(body, { model: SONNET_4_5 }).tool_choice, { type: 'tool', name: 'write' });
    assert.deepEqual(dropped(body, { model: SONNET_4_5 }), Object.keys(asked));

    const settings = { model: SONNET_4_5, ...instruct };
    assert.equal(sent(body, settings).thinking?.type, 'enabled');
    assert.deepEqual(sent(body, settings).tool_choice, { type: 'auto' });
    assert.deepEqual(namesOf(body, settings), ['write']);
    assert.deepEqual(dropped(body, settings), ['tool_choice']);
    assert.match(systemOf(body, settings)[0]!.text, /the tool 'write'/);
    assert.deepEqual(systemOf(body, { model: SONNET_4_5, ...auto }), []);
  }
});

test('where there is no thinking after all, force stays', () => {
  const off = { tools, tool_choice: 'required', thinking: { type: 'disabled' } };
  assert.deepEqual(sent(off, { model: OPUS_4_6, ...auto }).tool_choice, { type: 'any' });
  const noRoom = { tools, tool_choice: 'required', thinking, max_tokens: 500 };
  assert.deepEqual(sent(noRoom, { model: SONNET_4_5, ...auto }).tool_choice, { type: 'any' });
  assert.deepEqual(dropped(noRoom, { model: SONNET_4_5, ...auto }), ['thinking']);
});

const dictionary = { type: 'object', additionalProperties: { type: 'string' } };
const format = (schema: object) => ({ response_format: { type: 'json_schema', json_schema: { name: 'a', schema } } });

test('an answer that goes through a tool is not let go: thinking gives way to it', () => {
  const body = { ...format(dictionary), thinking };
  assert.equal(sent(body, { model: SONNET_4, ...auto }).tool_choice?.type, 'tool');
  assert.deepEqual(dropped(body, { model: SONNET_4, ...auto }), ['thinking']);
});

test('a schema that cannot be imposed on the model is told to it in words', () => {
  const settings = { model: OPUS_5_5, ...auto };
  assert.match(
    systemOf(format(dictionary), settings)[0]!.text,
    /one JSON object.*"additionalProperties":\{"type":"string"\}/s,
  );
  assert.deepEqual(dropped(format(dictionary), settings), ['response_format.json_schema.schema']);
  assert.equal(
    refusal(format(dictionary), { model: OPUS_5_5 }),
    'unsupported_parameter response_format.json_schema.schema',
  );
});

test('a schema that refers to itself goes through a tool, since constrained decoding does not take it', () => {
  const $defs = { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } } } };
  const body = format({ ...$defs.node, $defs });
  assert.deepEqual(sent(body, { model: SONNET_4_5 }).tool_choice, {
    type: 'tool',
    name: 'json',
    disable_parallel_tool_use: true,
  });
});

test('a strict tool with free names is not strict, its schema is whole, and that is named', () => {
  const parameters = {
    type: 'object',
    properties: {
      headers: { type: 'object', additionalProperties: { type: 'string' } },
      url: { type: 'string', pattern: '^h' },
    },
    required: ['url'],
    additionalProperties: false,
  };
  const strict = [tool('fetch', { strict: true, parameters }), tool('look', { strict: true })];
  for (const model of [SONNET_4_5, OPUS_4_6, OPUS_5_5]) {
    const [fetch, look] = sent({ tools: strict }, { model }).tools!;
    assert.deepEqual(fetch, { name: 'fetch', input_schema: parameters });
    assert.ok(look && 'strict' in look && look.strict);
    assert.deepEqual(dropped({ tools: strict }, { model }), ['tools[].function.strict']);
  }
});
