/** Requests of the messages dialect told as chat completions. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ownSignature } from '../../../src/formats/anthropic-messages/own-signature.js';
import { toolName } from '../../../src/translate/anthropic-messages--openai-chat/tools.js';
import { assistant, refusal, result, sent, sentMessages, text, toolUse, translation, user } from './calls.js';

const tool = (name = 'get', more: object = {}) => ({ name, input_schema: { type: 'object' }, ...more });
const PNG = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBO' } };
const shown = { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBO' } };
const call = (id: string, name = 'get', args = '{}') => ({ id, type: 'function', function: { name, arguments: args } });

test('a plain request', async () => {
  assert.deepEqual(await sent({ stream: true, temperature: 0.5, top_p: 0.9, stop_sequences: ['END'] }), {
    model: 'llama-4',
    messages: [{ role: 'user', content: 'hi' }],
    max_tokens: 100,
    stream: true,
    temperature: 0.5,
    top_p: 0.9,
    stop: ['END'],
    stream_options: { include_usage: true },
  });
});

describe('instructions', () => {
  test('come first, as one message, without the line that changes with each call', async () => {
    const system = [text('x-anthropic-billing-header: cc_version=1; cch=2'), text('You are.'), text('Be brief.')];
    const expected = [
      { role: 'system', content: 'You are.\n\nBe brief.' },
      { role: 'user', content: 'hi' },
    ];
    assert.deepEqual(await sentMessages({ system }), expected);
    assert.deepEqual(await sentMessages({ system: 'You are.\n\nBe brief.' }), expected);
  });

  test('in the middle of a conversation stay where they are', async () => {
    const messages = [user(text('a')), { role: 'system', content: 'Now be kind.' }, user(text('b'))];
    assert.deepEqual(await sentMessages({ messages }), [
      { role: 'user', content: 'a' },
      { role: 'system', content: 'Now be kind.' },
      { role: 'user', content: 'b' },
    ]);
  });
});

describe('content', () => {
  test('texts are one text, beside a picture they are parts, and marks for a cache are left out', async () => {
    const cached = { cache_control: { type: 'ephemeral' } };
    assert.deepEqual(await sentMessages({ messages: [user(text('a', cached), text('b'))] }), [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
    ]);
    assert.deepEqual(await sentMessages({ messages: [user(text('a'), PNG)] }), [
      { role: 'user', content: [{ type: 'text', text: 'a' }, shown] },
    ]);
    const url = { type: 'image', source: { type: 'url', url: 'https://x.test/a.png' } };
    assert.deepEqual(await sentMessages({ messages: [user(url)] }), [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://x.test/a.png' } }] },
    ]);
  });

  test('documents: a PDF is a file, a text is told with its title, blocks are told as what they are', async () => {
    const document = (source: object, more: object = {}) => ({ type: 'document', source, ...more });
    const pdf = document({ type: 'base64', media_type: 'application/pdf', data: 'JVBE' }, { title: 'a.pdf' });
    const plain = document(
      { type: 'text', media_type: 'text/plain', data: 'Words.' },
      { title: 'Notes', context: 'c' },
    );
    const blocks = document({ type: 'content', content: [text('In it.'), PNG] });
    assert.deepEqual(await sentMessages({ messages: [user(pdf, plain, blocks)] }), [
      {
        role: 'user',
        content: [
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBE' } },
          { type: 'text', text: 'c' },
          { type: 'text', text: 'Notes\n\nWords.' },
          { type: 'text', text: 'In it.' },
          shown,
        ],
      },
    ]);
  });

  test('what was found is told in words', async () => {
    const found = { type: 'search_result', title: 'T', source: 'https://x.test', content: [text('Body.')] };
    assert.deepEqual(await sentMessages({ messages: [user(found)] }), [
      { role: 'user', content: 'T (https://x.test)\n\nBody.' },
    ]);
    assert.ok((await translation({ messages: [user(found)] })).dropped.includes('search_result.citations'));
  });

  test('what the model does not have is refused by its path', async () => {
    const cases: [object, string][] = [
      [{ type: 'image', source: { type: 'file', file_id: 'f' } }, 'messages.0.content.0.source.file_id'],
      [{ type: 'document', source: { type: 'file', file_id: 'f' } }, 'messages.0.content.0.source.file_id'],
      [{ type: 'image', source: { type: 'odd' } }, 'messages.0.content.0.source'],
      [{ type: 'container_upload', file_id: 'f' }, 'messages.0.content.0'],
      [{ type: 'from_the_future' }, 'messages.0.content.0'],
      [{ type: 'text', text: 7 }, 'messages.0.content.0.text'],
    ];
    for (const [block, param] of cases) {
      const { code, param: told } = await refusal({ messages: [user(block)] });
      assert.equal(told, param, JSON.stringify(block));
      assert.ok(code === 'unsupported_parameter' || code === 'invalid_value');
    }
    const byUrl = { type: 'document', source: { type: 'url', url: 'https://x.test/a.pdf' } };
    assert.equal((await refusal({ messages: [user(byUrl)] })).code, 'unsupported_parameter');
    assert.match((await refusal({ messages: [{ role: 'tool', content: 'x' }] })).message, /messages\.0\.role/);
  });
});

describe('calls of tools and their results', () => {
  const turns = (...results: object[]) => [
    user(text('go')),
    assistant(text('Looking.'), toolUse('t1', 'get', { a: 1 }), toolUse('t2', 'get')),
    user(...results),
  ];

  test('results come in the order of the calls and before all else of their turn', async () => {
    const messages = turns(text('and now?'), result('t2', 'two'), result('t1', [text('one'), text('more')]));
    assert.deepEqual((await sentMessages({ messages })) as object[], [
      { role: 'user', content: 'go' },
      { role: 'assistant', content: 'Looking.', tool_calls: [call('t1', 'get', '{"a":1}'), call('t2')] },
      { role: 'tool', tool_call_id: 't1', content: 'one\n\nmore' },
      { role: 'tool', tool_call_id: 't2', content: 'two' },
      { role: 'user', content: 'and now?' },
    ]);
  });

  test('a result without content is empty, one that failed says so, and pictures follow after the last', async () => {
    const messages = turns(result('t1', [PNG]), result('t2', 'no such city', { is_error: true }));
    assert.deepEqual(((await sentMessages({ messages })) as object[]).slice(2), [
      { role: 'tool', tool_call_id: 't1', content: 'The result follows as media.' },
      { role: 'tool', tool_call_id: 't2', content: 'Error: no such city' },
      { role: 'user', content: [{ type: 'text', text: 'Of the tool call t1:' }, shown] },
    ]);
    const empty = turns(result('t1'), result('t2', ''));
    assert.deepEqual(((await sentMessages({ messages: empty })) as { content: string }[])[2]!.content, '');
  });

  test('names of tools that were found are told', async () => {
    const found = [
      { type: 'tool_reference', tool_name: 'a' },
      { type: 'tool_reference', tool_name: 'b' },
    ];
    const messages = turns(result('t1', found), result('t2', 'x'));
    const [, , first] = (await sentMessages({ messages })) as { content: string }[];
    assert.equal(first!.content, 'The tool a is available.\n\nThe tool b is available.');
  });

  test('a call without its result, and a result without its call, are refused as Anthropic does it', async () => {
    const missing = await refusal({ messages: turns(result('t1', 'x')) });
    assert.match(missing.message, /`tool_use` ids were found without `tool_result` blocks immediately after: t2/);
    assert.equal(missing.param, 'messages.1');
    const orphan = await refusal({ messages: turns(result('t1', 'x'), result('t2', 'x'), result('t3', 'x')) });
    assert.match(orphan.message, /unexpected `tool_use_id` found in `tool_result` blocks: t3/);
    assert.equal(orphan.param, 'messages.2.content.2');
    assert.ok(await refusal({ messages: turns(result('t1', 'x'), result('t1', 'x')) }));
    assert.ok(await refusal({ messages: [user(text('a')), assistant(toolUse('t1')), user(text('b'))] }));
    assert.ok(await refusal({ messages: [user(text('a')), assistant(toolUse('t1'))] }));
  });

  test('tools are declared with what chat completions know of them', async () => {
    const body = await sent({
      tools: [
        tool('get', { description: 'd', defer_loading: true, cache_control: { type: 'ephemeral' }, type: 'custom' }),
        tool('held', {
          strict: true,
          input_schema: { type: 'object', properties: { a: {} }, required: ['a'], additionalProperties: false },
        }),
      ],
    });
    assert.deepEqual(body['tools'], [
      { type: 'function', function: { name: 'get', description: 'd', parameters: { type: 'object' } } },
      {
        type: 'function',
        function: {
          name: 'held',
          parameters: { type: 'object', properties: { a: {} }, required: ['a'], additionalProperties: false },
          strict: true,
        },
      },
    ]);
    const loose = await translation({ tools: [tool('get', { strict: true })] });
    assert.deepEqual(loose.dropped, ['tools.strict']);
  });

  test('the choice among them', async () => {
    const choice = async (tool_choice: object) => {
      const { tool_choice: told, parallel_tool_calls: parallel } = await sent({ tools: [tool()], tool_choice });
      return [told, parallel];
    };
    assert.deepEqual(await choice({ type: 'auto' }), ['auto', undefined]);
    assert.deepEqual(await choice({ type: 'any', disable_parallel_tool_use: true }), ['required', false]);
    assert.deepEqual(await choice({ type: 'none', disable_parallel_tool_use: true }), ['none', undefined]);
    const named = { type: 'function', function: { name: 'get' } };
    assert.deepEqual(await choice({ type: 'tool', name: 'get' }), [named, undefined]);
    assert.equal(
      (await refusal({ tools: [tool()], tool_choice: { type: 'tool', name: 'no' } })).param,
      'tool_choice.name',
    );
    assert.equal((await sent({ tool_choice: { type: 'auto' } }))['tool_choice'], undefined);
  });

  test('a long or odd name is shortened, the same one each time, and told in full in the answer', async () => {
    const long = `mcp__${'server'.repeat(12)}__get`;
    const short = toolName(long);
    assert.match(short, /^[a-zA-Z0-9_-]{64}$/);
    assert.notEqual(toolName(`${long}s`), short);
    const messages = [user(text('go')), assistant(toolUse('t1', long)), user(result('t1', 'x'))];
    const request = { messages, tools: [tool(long)], tool_choice: { type: 'tool', name: long } };
    const body = JSON.stringify(await sent(request));
    assert.equal(body.split(short).length, 4);
    assert.ok(!body.includes(long));
    const translated = await translation(request);
    const completion = {
      choices: [{ finish_reason: 'tool_calls', message: { tool_calls: [call('c', short)] } }],
    };
    const answer = await translated.answer(Buffer.from(JSON.stringify(completion)));
    assert.ok(answer.ok && answer.body.toString().includes(`"name":"${long}"`));
  });

  test('tools of Anthropic’s own are refused by name, and left out where that was agreed', async () => {
    for (const type of ['web_search_20250305', 'bash_20250124', 'code_execution_20250825']) {
      const { message, param } = await refusal({ tools: [tool(), { type, name: 'x' }] });
      assert.equal(param, 'tools.1');
      assert.ok(message.includes(type));
    }
    const left = await translation({ tools: [{ type: 'web_search_20250305', name: 'x' }] }, { dropParams: true });
    assert.deepEqual(left.dropped, ['tools.0']);
  });

  test('what they did in earlier turns is told in words, without what is encrypted', async () => {
    const used = { type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'q' } };
    const found = {
      type: 'web_search_tool_result',
      tool_use_id: 's',
      content: [{ type: 'web_search_result', url: 'https://x.test', title: 'T', encrypted_content: 'SECRET' }],
    };
    const messages = [user(text('a')), assistant(used, found, text('So it is.')), user(text('b'))];
    const [, said] = (await sentMessages({ messages })) as { content: string }[];
    assert.match(said!.content, /web_search.*"query":"q".*https:\/\/x\.test.*So it is\./s);
    assert.ok(!said!.content.includes('SECRET'));
  });
});

describe('thinking', () => {
  const turn = (signature: string, thinking = 'Hm.') => [
    user(text('a')),
    assistant({ type: 'thinking', thinking, signature }, { type: 'redacted_thinking', data: 'x' }, text('b')),
    user(text('c')),
  ];

  test('of another maker goes to no plain target; of the target itself it goes back as it came', async () => {
    const own = ownSignature('fake/llama-4', 'reasoning_content', 'Hm.');
    const said = async (signature: string, thinking?: string) =>
      ((await sentMessages({ messages: turn(signature, thinking) })) as object[])[1];
    assert.deepEqual(await said('EqQB'), { role: 'assistant', content: 'b' });
    assert.deepEqual(await said(own), { role: 'assistant', content: 'b', reasoning_content: 'Hm.' });
    assert.deepEqual(await said(ownSignature('fake/llama-4', 'reasoning', 'Hm.')), {
      role: 'assistant',
      content: 'b',
      reasoning: 'Hm.',
    });
    assert.deepEqual(await said(own, 'Changed.'), { role: 'assistant', content: 'b' });
    assert.deepEqual(await said(ownSignature('other/m', 'reasoning', 'Hm.')), { role: 'assistant', content: 'b' });
    assert.deepEqual(await said(''), { role: 'assistant', content: 'b' });
  });

  test('a turn of nothing else is no message', async () => {
    const messages = [user(text('a')), assistant({ type: 'thinking', thinking: 'x', signature: 's' }), user(text('c'))];
    assert.deepEqual(await sentMessages({ messages }), [
      { role: 'user', content: 'a' },
      { role: 'user', content: 'c' },
    ]);
  });

  test('how much is an effort, for models that take one', async () => {
    const effort = async (more: object, model = 'gpt-5.2') => (await sent(more, { model }))['reasoning_effort'];
    assert.equal(await effort({}), undefined);
    assert.equal(await effort({ thinking: { type: 'adaptive' } }), undefined);
    assert.equal(await effort({ thinking: { type: 'adaptive' }, output_config: { effort: 'low' } }), 'low');
    assert.equal(await effort({ output_config: { effort: 'max' } }), 'high');
    assert.equal(await effort({ thinking: { type: 'enabled', budget_tokens: 1024 } }), 'low');
    assert.equal(await effort({ thinking: { type: 'enabled', budget_tokens: 16_000 } }), 'medium');
    assert.equal(await effort({ thinking: { type: 'enabled', budget_tokens: 32_000 } }), 'high');
    assert.equal(await effort({ thinking: { type: 'disabled' } }), 'none');
    assert.equal(await effort({ thinking: { type: 'disabled' } }, 'o3'), undefined);
    for (const model of ['gpt-4o', 'llama-4', 'mistral-large']) {
      const plain = await translation({ output_config: { effort: 'high' } }, { model });
      assert.ok(!plain.body.toString().includes('reasoning_effort'), model);
      assert.deepEqual(plain.dropped, ['output_config.effort']);
    }
    assert.ok(await refusal({ output_config: { effort: 'huge' } }));
  });
});

describe('parameters', () => {
  test('the maximum has the field that the model knows, and is no larger than the model’s own', async () => {
    assert.equal((await sent({}, { model: 'gpt-5' }))['max_completion_tokens'], 100);
    assert.equal((await sent({ max_tokens: 128_000 }, { maxOutput: 16_384 }))['max_tokens'], 16_384);
    assert.equal((await refusal({ max_tokens: 0 })).param, 'max_tokens');
  });

  test('sampling that a model refuses is left out and named by its name in the dialect', async () => {
    const { body, dropped } = await translation({ temperature: 0.5, top_k: 3 }, { model: 'gpt-5' });
    assert.deepEqual(dropped, ['top_k', 'temperature']);
    assert.ok(!body.toString().includes('temperature'));
    assert.equal((await sent({ top_k: 3 }))['top_k'], 3);
    const five = { stop_sequences: ['a', 'b', 'c', 'd', 'e'] };
    const { param, message } = await refusal(five, { model: 'gpt-4o' });
    assert.equal(param, 'stop_sequences');
    assert.match(message, /^'stop_sequences' may have at most 4/);
    assert.equal(((await sent(five))['stop'] as string[]).length, 5);
  });

  test('the form of the answer', async () => {
    const schema = { type: 'object', properties: { a: {} }, required: ['a'], additionalProperties: false };
    const expected = { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } };
    const format = { type: 'json_schema', schema };
    assert.deepEqual((await sent({ output_config: { format } }))['response_format'], expected);
    assert.deepEqual((await sent({ output_format: format }))['response_format'], expected);
    const open = await sent({ output_format: { type: 'json_schema', schema: { type: 'object' } } });
    assert.deepEqual(open['response_format'], {
      type: 'json_schema',
      json_schema: { name: 'answer', schema: { type: 'object' } },
    });
    assert.equal((await refusal({ output_config: { format: { type: 'xml' } } })).param, 'output_config.format');
  });

  test('the end user goes to OpenAI alone, in 64 characters, with the session as the name of the cache', async () => {
    const agent = JSON.stringify({ device_id: 'd', account_uuid: 'a', session_id: 's' });
    const body = await sent({ metadata: { user_id: agent } }, { model: 'gpt-4o' });
    assert.match(body['safety_identifier'] as string, /^[0-9a-f]{64}$/);
    assert.match(body['prompt_cache_key'] as string, /^[0-9a-f]{64}$/);
    assert.equal((await sent({ metadata: { user_id: 'ann' } }, { model: 'gpt-4o' }))['safety_identifier'], 'ann');
    const other = await translation({ metadata: { user_id: 'ann' } });
    assert.ok(!other.body.toString().includes('ann'));
    assert.deepEqual(other.dropped, ['metadata.user_id']);
  });

  test('what hints is left out and named; what would change the answer is refused; null says nothing', async () => {
    const hints = { context_management: { edits: [{}] }, diagnostics: { previous_message_id: 'm' } };
    assert.deepEqual((await translation(hints)).dropped, ['context_management', 'diagnostics']);
    for (const name of ['container', 'mcp_servers', 'fallbacks', 'compaction', 'inference_geo']) {
      assert.equal((await refusal({ [name]: [{}] })).param, name);
      assert.ok(await sent({ [name]: null }));
      assert.deepEqual((await translation({ [name]: [{}] }, { dropParams: true })).dropped, [name]);
    }
    const { message } = await refusal({ from_the_future: 1 });
    assert.match(message, /^'from_the_future' Extra inputs are not permitted/);
  });

  test('a last turn of the assistant is refused, since its answer would not go on with it', async () => {
    const messages = [user(text('a')), assistant(text('{'))];
    assert.equal((await refusal({ messages })).param, 'messages.1');
    assert.deepEqual(await sentMessages({ messages }, { dropParams: true }), [{ role: 'user', content: 'a' }]);
  });
});
