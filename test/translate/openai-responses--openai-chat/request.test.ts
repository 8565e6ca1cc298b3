/** What a chat-only target is sent of a request of the Responses API. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sealReasoning } from '../../../src/formats/openai-responses/reasoning.js';
import { call, refusalOf, sent, translation } from './calls.js';

const messages = (input: unknown, more: object = {}) => sent({ input, ...more })['messages'];
const fn = (name: string, more: object = {}) => ({ type: 'function', name, parameters: { type: 'object' }, ...more });

describe('input', () => {
  it('a text is a message of the user, behind the instructions', () => {
    assert.deepEqual(messages('hi', { instructions: 'Be brief.' }), [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'hi' },
    ]);
  });

  it('parts keep their kind: text, images, files, sound', () => {
    const content = [
      { type: 'input_text', text: 'look' },
      { type: 'input_image', image_url: 'https://a.example/x.png', detail: 'original' },
      { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' },
      { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } },
    ];
    assert.deepEqual(messages([{ role: 'user', content }]), [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'look' },
          { type: 'image_url', image_url: { url: 'https://a.example/x.png', detail: 'high' } },
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' } },
          { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } },
        ],
      },
    ]);
  });

  it('what one turn said and called is one message, its results directly behind, what stood between after them', () => {
    const input = [
      { role: 'user', content: 'weather and time?' },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Let me see.', annotations: [] }] },
      { type: 'function_call', call_id: 'a', name: 'weather', arguments: '{"city":"Rome"}' },
      { type: 'function_call', call_id: 'b', name: 'time', arguments: '' },
      { role: 'user', content: 'hurry' },
      { type: 'function_call_output', call_id: 'b', output: 'noon' },
      { type: 'function_call_output', call_id: 'a', output: [{ type: 'input_text', text: 'sunny' }] },
    ];
    assert.deepEqual(messages(input), [
      { role: 'user', content: 'weather and time?' },
      {
        role: 'assistant',
        content: 'Let me see.',
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } },
          { id: 'b', type: 'function', function: { name: 'time', arguments: '{}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'b', content: 'noon' },
      { role: 'tool', tool_call_id: 'a', content: 'sunny' },
      { role: 'user', content: 'hurry' },
    ]);
  });

  it('a call that was interrupted is answered, so that the conversation can go on', () => {
    const input = [
      { type: 'function_call', call_id: 'a', name: 'weather', arguments: '{}' },
      { role: 'user', content: 'never mind' },
    ];
    assert.deepEqual(messages(input), [
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'a', type: 'function', function: { name: 'weather', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'a', content: 'aborted' },
      { role: 'user', content: 'never mind' },
    ]);
  });

  it('an image of a result goes into a message of the user behind the results', () => {
    const image = { type: 'input_image', image_url: 'data:image/png;base64,AA==' };
    const input = [
      { type: 'function_call', call_id: 'a', name: 'shot', arguments: '{}' },
      { type: 'function_call_output', call_id: 'a', output: [image] },
    ];
    const told = messages(input) as { role: string; content: unknown }[];
    assert.deepEqual(
      told.map(({ role }) => role),
      ['assistant', 'tool', 'user'],
    );
    assert.ok(JSON.stringify(told[2]).includes('"image_url":{"url":"data:image/png;base64,AA=="}'));
  });

  const faults: readonly [string, unknown, string][] = [
    ['a result without a call', [{ type: 'function_call_output', call_id: 'x', output: '' }], 'input[0].call_id'],
    ['a role that nobody has', [{ role: 'nobody', content: '' }], 'input[0].role'],
    ['a reference', [{ type: 'item_reference', id: 'msg_1' }], 'input[0]'],
    [
      'a file that its provider keeps',
      [{ role: 'user', content: [{ type: 'input_file', file_id: 'f' }] }],
      'input[0].content[0].file_id',
    ],
    ['a call that OpenAI ran', [{ type: 'web_search_call', id: 'ws_1' }], 'input[0].type'],
    ['nothing', [], 'input'],
  ];
  for (const [what, input, param] of faults) {
    it(`${what} is refused by name`, () => assert.equal(refusalOf({ input }).param, param));
  }
});

describe('tools', () => {
  it('are nested, and strict only where they say so', () => {
    const { tools, tool_choice } = sent({
      tools: [fn('a'), fn('b', { strict: true })],
      tool_choice: { type: 'function', name: 'b' },
    });
    assert.deepEqual(tools, [
      { type: 'function', function: { name: 'a', parameters: { type: 'object' } } },
      { type: 'function', function: { name: 'b', parameters: { type: 'object' }, strict: true } },
    ]);
    assert.deepEqual(tool_choice, { type: 'function', function: { name: 'b' } });
  });

  it('a custom tool is a function with one text, told of its grammar', () => {
    const format = { type: 'grammar', syntax: 'lark', definition: 'start: "x"' };
    const { tools } = sent({ tools: [{ type: 'custom', name: 'patch', description: 'Patches.', format }] });
    const [{ function: declared }] = tools as [
      { function: { description: string; parameters: { required: string[] } } },
    ];
    assert.match(declared.description, /^Patches\.\n\n.*lark.*\nstart: "x"$/s);
    assert.deepEqual(declared.parameters.required, ['input']);
  });

  it('of a namespace have its name in front, cut to what a name may be', () => {
    const long = 'n'.repeat(70);
    const { tools } = sent({ tools: [{ type: 'namespace', name: 'mcp', tools: [fn('read'), fn(long)] }] });
    const names = (tools as { function: { name: string } }[]).map(({ function: { name } }) => name);
    assert.equal(names[0], 'mcp__read');
    assert.equal(names[1]!.length, 64);
  });

  it('that the choice allows are left', () => {
    const { tools, tool_choice } = sent({
      tools: [fn('a'), fn('b')],
      tool_choice: { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'b' }] },
    });
    assert.equal((tools as unknown[]).length, 1);
    assert.equal(tool_choice, 'required');
  });

  for (const type of ['web_search', 'file_search', 'mcp', 'code_interpreter', 'image_generation', 'local_shell']) {
    it(`${type} is refused by name, and left out where that is allowed`, () => {
      const asked = { tools: [fn('a'), { type }] };
      assert.deepEqual(refusalOf(asked), { code: 'unsupported_parameter', param: 'tools[1].type' });
      const lenient = translation(asked, { dropParams: true });
      assert.deepEqual(lenient.dropped, ['tools[1].type']);
    });
  }
});

describe('parameters', () => {
  it('have their names', () => {
    const told = sent({
      max_output_tokens: 100,
      reasoning: { effort: 'low', summary: 'auto' },
      text: { verbosity: 'low', format: { type: 'json_schema', name: 'x', schema: { type: 'object' }, strict: true } },
      include: ['message.output_text.logprobs', 'reasoning.encrypted_content'],
      top_logprobs: 3,
      temperature: 0.5,
      safety_identifier: 's',
      stream_options: { include_obfuscation: false },
      prompt_cache_key: 'k',
      client_metadata: { a: 1 },
      truncation: 'disabled',
      parallel_tool_calls: false,
    });
    assert.deepEqual(told, {
      model: 'open-model',
      messages: [{ role: 'user', content: 'hi' }],
      max_completion_tokens: 100,
      temperature: 0.5,
      verbosity: 'low',
      logprobs: true,
      top_logprobs: 3,
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object' }, strict: true } },
    });
  });

  it('that only some models of OpenAI take go to those', () => {
    const asked = { reasoning: { effort: 'low' }, safety_identifier: 's', temperature: 0.5 };
    const { reasoning_effort, safety_identifier, temperature } = sent(asked, { model: 'gpt-5' });
    assert.deepEqual([reasoning_effort, safety_identifier, temperature], ['low', 's', undefined]);
    const other = sent(asked, { model: 'gpt-4o' });
    assert.deepEqual([other['reasoning_effort'], other['temperature']], [undefined, 0.5]);
  });

  for (const [name, value] of [
    ['prompt', { id: 'p' }],
    ['context_management', [{ type: 'compaction' }]],
    ['moderation', {}],
    ['nonsense', 1],
  ] as const) {
    it(`'${name}' is refused by name`, () => assert.equal(refusalOf({ [name]: value }).param, name));
  }

  it('hints are left out and named', () => {
    assert.deepEqual(translation({ truncation: 'auto', prompt_cache_retention: '24h' }).dropped, [
      'truncation',
      'prompt_cache_retention',
    ]);
  });
});

describe('thoughts of earlier turns', () => {
  const blocks = [{ type: 'thinking', thinking: 'hm', signature: 'sig==' }];
  const item = (blob: string) => ({ type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: blob });
  const callItem = { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' };
  const result = { type: 'function_call_output', call_id: 'a', output: 'ok' };
  const tools = [fn('f')];

  it('of Claude go back to Claude with their signature, before or behind the call', () => {
    const settings = { to: 'anthropic-messages', model: 'claude-sonnet-4-5' } as const;
    for (const order of [
      [item(sealReasoning({ model: 'c', blocks })), callItem],
      [callItem, item(sealReasoning({ model: 'c', blocks }))],
    ]) {
      const told = sent({ input: [{ role: 'user', content: 'x' }, ...order, result], tools }, settings)['messages'];
      assert.deepEqual((told as { content: unknown[] }[])[1]!.content[0], blocks[0]);
    }
  });

  it('are not sent to a chat-only target, but for what its own model thought before a call', () => {
    const signed = messages(
      [{ role: 'user', content: 'x' }, item(sealReasoning({ model: 'c', blocks })), callItem, result],
      { tools },
    );
    assert.ok(!JSON.stringify(signed).includes('sig=='));
    const own = messages([item(sealReasoning({ model: 'open-model', text: 'hm' })), callItem, result], { tools });
    assert.equal((own as { reasoning_content?: string }[])[0]!.reasoning_content, 'hm');
    const other = messages([item(sealReasoning({ model: 'other', text: 'hm' })), callItem, result], { tools });
    assert.ok(!JSON.stringify(other).includes('hm'));
  });

  it('of another provider, or changed, are left out and named', () => {
    for (const blob of ['gAAAAforeign', 'tg1.!!!'])
      assert.deepEqual(translation({ input: [item(blob), { role: 'user', content: 'x' }] }).dropped, [
        'input[].encrypted_content',
      ]);
  });

  it('in the gateway’s envelope are not sent to OpenAI', () => {
    const told = sent(
      { input: [item(sealReasoning({ model: 'c', blocks })), { role: 'user', content: 'x' }] },
      { to: 'openai-responses' },
    );
    assert.deepEqual(told['input'], [{ role: 'user', content: 'x' }]);
  });
});

it('a request with state asks nothing of its target', () => {
  const told = sent({ previous_response_id: 'resp_1', background: true, store: true });
  assert.deepEqual(Object.keys(told).sort(), ['messages', 'model']);
  const native = sent(
    { previous_response_id: 'resp_1', background: true, store: true, extra: [1, 2] },
    { to: 'openai-responses' },
  );
  assert.deepEqual(native, { model: 'open-model', input: 'hi', store: false, extra: [1, 2] });
  assert.ok(call({ conversation: 'c' }).ok);
});
