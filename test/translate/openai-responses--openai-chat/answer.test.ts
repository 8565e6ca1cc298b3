/** Chat completions told as responses, whole and as events. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openReasoning } from '../../../src/formats/openai-responses/reasoning.js';
import type { Json } from '../../../src/lib/json.js';
import { chunks, streamed, types, whole } from './calls.js';

const tools = [
  { type: 'function', name: 'f' },
  { type: 'custom', name: 'patch' },
  { type: 'namespace', name: 'mcp', tools: [{ type: 'function', name: 'read' }] },
];
const toolCall = (index: number, id: string, name: string, args: string) => ({
  tool_calls: [{ index, id, type: 'function', function: { name, arguments: args } }],
});
const more = (index: number, args: string) => ({ tool_calls: [{ index, function: { arguments: args } }] });
const output = (response: Json) => response['output'] as Json[];

/** An answer without what differs between two tellings. */
const bare = (response: Json): unknown =>
  JSON.parse(JSON.stringify(response).replace(/"(resp|msg|rs|fc|ctc)_[0-9a-z]+"/g, '"$1"'));

describe('text', () => {
  it('has all its events in order', () => {
    const told = streamed({}, chunks([{ role: 'assistant', content: '' }, { content: 'Hel' }, { content: 'lo' }]));
    assert.deepEqual(types(told), [
      ...[
        'created',
        'in_progress',
        'output_item.added',
        'content_part.added',
        'output_text.delta',
        'output_text.delta',
      ],
      ...['output_text.done', 'content_part.done', 'output_item.done', 'completed'],
    ]);
    assert.deepEqual(told.response['usage'], {
      input_tokens: 5,
      input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
      output_tokens: 3,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 8,
    });
    const ids = new Set(
      told.events.flatMap((event) => [(event['response'] as Json | undefined)?.['id']]).filter(Boolean),
    );
    assert.equal(ids.size, 1);
  });

  it('whole and streamed is the same response', () => {
    const streamedTold = streamed({}, chunks([{ content: 'Hel' }, { content: 'lo' }]));
    assert.deepEqual(bare(whole({}, { content: 'Hello' })), bare({ ...streamedTold.response }));
  });

  it('cut at its maximum, or filtered, is incomplete and says why', () => {
    for (const [finish, reason] of [
      ['length', 'max_output_tokens'],
      ['content_filter', 'content_filter'],
    ] as const) {
      const told = streamed({}, chunks([{ content: 'Hel' }], finish));
      assert.equal(types(told).at(-1), 'incomplete');
      assert.deepEqual(told.response['incomplete_details'], { reason });
      assert.equal(output(told.response)[0]!['status'], 'incomplete');
    }
  });

  it('a refusal is a part of its own', () => {
    const told = streamed({}, chunks([{ refusal: 'I ' }, { refusal: 'will not.' }]));
    assert.deepEqual(output(told.response)[0]!['content'], [{ type: 'refusal', refusal: 'I will not.' }]);
    assert.ok(types(told).includes('refusal.done'));
  });

  it('citations are told flat', () => {
    const annotation = {
      type: 'url_citation',
      url_citation: { url: 'https://a.example', title: 'A', start_index: 0, end_index: 3 },
    };
    const response = whole({}, { content: 'abc', annotations: [annotation] });
    const [part] = output(response)[0]!['content'] as Json[];
    assert.deepEqual(part!['annotations'], [
      { type: 'url_citation', url: 'https://a.example', title: 'A', start_index: 0, end_index: 3 },
    ]);
  });
});

describe('calls', () => {
  it('interleaved, all at index 0, without an id or arguments are told apart', () => {
    const interleaved = streamed(
      { tools },
      chunks(
        [toolCall(0, 'a', 'f', ''), toolCall(1, 'b', 'f', ''), more(0, '{"x":'), more(1, '{"y":2}'), more(0, '1}')],
        'tool_calls',
      ),
    );
    assert.deepEqual(
      output(interleaved.response).map((item) => [item['call_id'], item['arguments']]),
      [
        ['a', '{"x":1}'],
        ['b', '{"y":2}'],
      ],
    );
    const same = streamed(
      { tools },
      chunks([toolCall(0, 'a', 'f', '{}'), toolCall(0, 'b', 'f', '{"y":2}')], 'tool_calls'),
    );
    assert.deepEqual(
      output(same.response).map((item) => item['call_id']),
      ['a', 'b'],
    );
    const none = streamed({ tools }, chunks([{ tool_calls: [{ index: 0, function: { name: 'f' } }] }], 'tool_calls'));
    const [call] = output(none.response);
    assert.match(String(call!['call_id']), /^call_/);
    assert.equal(call!['arguments'], '{}');
  });

  it('have names and arguments in their events, and white space before them is no message', () => {
    const told = streamed(
      { tools },
      chunks([{ content: '\n\n' }, toolCall(0, 'a', 'f', '{"x"'), more(0, ':1}')], 'tool_calls'),
    );
    assert.deepEqual(types(told), [
      ...[
        'created',
        'in_progress',
        'output_item.added',
        'function_call_arguments.delta',
        'function_call_arguments.delta',
      ],
      ...['function_call_arguments.done', 'output_item.done', 'completed'],
    ]);
    const done = told.events.find(({ type }) => type === 'response.function_call_arguments.done')!;
    assert.equal(done['name'], 'f');
    assert.equal(done['arguments'], '{"x":1}');
  });

  it('of a namespace get their name back', () => {
    const [call] = output(
      whole(
        { tools },
        { tool_calls: [{ id: 'a', type: 'function', function: { name: 'mcp__read', arguments: '{}' } }] },
        'tool_calls',
      ),
    );
    assert.equal(call!['name'], 'read');
    assert.equal(call!['namespace'], 'mcp');
  });

  it('of custom tools are plain text wherever their JSON is cut', () => {
    const input = '*** Begin "Patch"\n\\ tab\t é \u{1F600} end';
    const escaped = JSON.stringify({ input }).replace('\u{1F600}', '\\ud83d\\ude00').replace('é', '\\u00e9');
    for (let at = 1; at < escaped.length; at++) {
      const pieces = chunks(
        [toolCall(0, 'a', 'patch', escaped.slice(0, at)), more(0, escaped.slice(at))],
        'tool_calls',
      );
      const told = streamed({ tools }, pieces);
      assert.equal(output(told.response)[0]!['input'], input);
      const deltas = told.events.filter(({ type }) => type === 'response.custom_tool_call_input.delta');
      assert.equal(deltas.map(({ delta }) => delta).join(''), input);
    }
  });

  for (const [written, said] of [
    ['bare words', 'bare words'],
    ['{"patch":"p"}', 'p'],
    ['{"why":"x","input":"y"}', 'y'],
    ['{"only":"z"}', 'z'],
    ['"a text"', 'a text'],
    ['{}', ''],
    ['{"input":5}', '{"input":5}'],
    ['{"input":"cut of', 'cut of'],
  ] as const) {
    it(`a custom tool that was given ${written}`, () => {
      const [call] = output(
        whole(
          { tools },
          { tool_calls: [{ id: 'a', type: 'function', function: { name: 'patch', arguments: written } }] },
          'tool_calls',
        ),
      );
      assert.equal(call!['type'], 'custom_tool_call');
      assert.equal(call!['input'], said);
      assert.equal(call!['status'], 'completed');
    });
  }

  it('a call that was cut is not mended', () => {
    const told = streamed({ tools }, chunks([toolCall(0, 'a', 'f', '{"x":')], 'length'));
    const [call] = output(told.response);
    assert.equal(call!['arguments'], '{"x":');
    assert.equal(call!['status'], 'incomplete');
  });
});

describe('thinking', () => {
  const blocks = [{ type: 'thinking', thinking: 'hm', signature: 'sig' }];

  it('is an item before the text, with all its events', () => {
    const told = streamed({}, chunks([{ reasoning_content: 'h' }, { reasoning_content: 'm' }, { content: 'Yes' }]));
    assert.deepEqual(types(told).slice(2, 9), [
      ...[
        'output_item.added',
        'reasoning_summary_part.added',
        'reasoning_summary_text.delta',
        'reasoning_summary_text.delta',
      ],
      ...['reasoning_summary_text.done', 'reasoning_summary_part.done', 'output_item.done'],
    ]);
    assert.deepEqual(
      output(told.response).map(({ type }) => type),
      ['reasoning', 'message'],
    );
    assert.deepEqual(openReasoning(output(told.response)[0]!['encrypted_content']), {
      model: 'open-model',
      text: 'hm',
    });
  });

  it('that is signed late travels in an item of its own', () => {
    const told = streamed({}, chunks([{ reasoning_content: 'hm' }, { content: 'Yes' }, { thinking_blocks: blocks }]));
    const items = output(told.response);
    assert.deepEqual(
      items.map(({ type }) => type),
      ['reasoning', 'message', 'reasoning'],
    );
    assert.deepEqual(openReasoning(items[2]!['encrypted_content'])!.blocks, blocks);
    assert.deepEqual(items[2]!['summary'], []);
  });

  it('whole is one item with its signature', () => {
    const response = whole({}, { content: 'Yes', reasoning_content: 'hm', thinking_blocks: blocks });
    assert.deepEqual(
      output(response).map(({ type }) => type),
      ['reasoning', 'message'],
    );
    assert.deepEqual(openReasoning(output(response)[0]!['encrypted_content'])!.blocks, blocks);
  });

  it('that nobody keeps or asks for does not travel', () => {
    const response = whole({ store: false }, { content: 'Yes', reasoning_content: 'hm', thinking_blocks: blocks });
    assert.equal(output(response)[0]!['encrypted_content'], undefined);
    const asked = whole(
      { store: false, include: ['reasoning.encrypted_content'] },
      { content: 'Yes', thinking_blocks: blocks },
    );
    assert.equal(output(asked).filter(({ encrypted_content }) => encrypted_content).length, 1);
  });
});

describe('a stream that breaks', () => {
  it('ends in an error, flat and nested, and a failed response with what was said', () => {
    const told = streamed({}, chunks([{ content: 'Hel' }], null, null).slice(0, 1));
    assert.deepEqual(types(told).slice(-2), ['error', 'failed']);
    const error = told.events.at(-2)!;
    assert.equal((error['error'] as Json)['message'], error['message']);
    assert.equal(told.response['status'], 'failed');
    assert.equal((told.response['error'] as Json)['code'], 'server_error');
  });

  it('before anything came says so all the same, from its first number', () => {
    const told = streamed({}, []);
    assert.deepEqual(types(told), ['created', 'in_progress', 'error', 'failed']);
  });
});

it('signs of life are events with a number, and none comes before the first event', () => {
  const comment = Buffer.from(': PROCESSING\n\n');
  const [first, ...rest] = chunks([{ content: 'a' }, { content: 'b' }]);
  const told = streamed({}, [comment, first!, comment, ...rest]);
  assert.equal(types(told)[0], 'created');
  assert.equal(types(told).filter((type) => type === 'keepalive').length, 1);
});
