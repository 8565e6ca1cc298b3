/** Chat completions told as messages, whole. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isOwnSignature } from '../../../src/formats/anthropic-messages/own-signature.js';
import type { Json } from '../../../src/lib/json.js';
import { answered } from './calls.js';

const said = (message: object, finish = 'stop', more: object = {}, request: object = {}) =>
  answered({ message: { role: 'assistant', ...message }, finish_reason: finish, ...more }, {}, request);
const call = (id: string | null, name: string, args: unknown) => ({
  id,
  type: 'function',
  function: { name, arguments: args },
});
const tools = [{ name: 'get', input_schema: {} }];

test('words', async () => {
  assert.deepEqual(await said({ content: 'Hello.', refusal: null }), {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-asked',
    content: [{ type: 'text', text: 'Hello.', citations: null }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    stop_details: null,
    container: null,
    usage: {
      input_tokens: 10,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
      output_tokens: 5,
      output_tokens_details: null,
      server_tool_use: null,
      service_tier: 'standard',
    },
  });
});

test('why it ended', async () => {
  const reason = async (...args: Parameters<typeof said>) => (await said(...args))['stop_reason'];
  assert.equal(await reason({ content: 'a' }, 'length'), 'max_tokens');
  assert.equal(await reason({ content: 'a' }, 'content_filter'), 'refusal');
  assert.equal(await reason({ content: 'a' }, 'tool_calls'), 'end_turn');
  assert.equal(await reason({ content: 'a' }, 'eos'), 'end_turn');
  // Some servers say `stop` beside a call.
  assert.equal(await reason({ tool_calls: [call('c', 'get', '{}')] }, 'stop'), 'tool_use');
  assert.equal(await reason({ tool_calls: [call('c', 'get', '{}')] }, 'length'), 'max_tokens');
  const sequence = await said({ content: 'a' }, 'stop', { stop_reason: 'END' }, { stop_sequences: ['END'] });
  assert.deepEqual([sequence['stop_reason'], sequence['stop_sequence']], ['stop_sequence', 'END']);
  const foreign = await said({ content: 'a' }, 'stop', { stop_reason: 'OTHER' }, { stop_sequences: ['END'] });
  assert.deepEqual([foreign['stop_reason'], foreign['stop_sequence']], ['end_turn', null]);
});

test('a refusal is told in words and as what it is', async () => {
  const { content, stop_reason, stop_details } = await said({ content: null, refusal: 'I cannot.' });
  assert.deepEqual(content, [{ type: 'text', text: 'I cannot.', citations: null }]);
  assert.equal(stop_reason, 'refusal');
  assert.deepEqual(stop_details, { type: 'refusal', category: null, explanation: 'I cannot.' });
});

test('content in parts', async () => {
  const { content } = await said({
    content: [{ type: 'thinking' }, { type: 'text', text: 'a' }, { type: 'text', text: 'b' }],
  });
  assert.deepEqual(content, [{ type: 'text', text: 'ab', citations: null }]);
});

describe('calls', () => {
  const inputs = async (calls: unknown[], finish = 'tool_calls') =>
    ((await said({ content: null, tool_calls: calls }, finish, {}, { tools }))['content'] as Json[]).map(
      ({ id, input }) => [id, input],
    );

  test('have an object as their input, whatever the model wrote', async () => {
    const odd = [
      call('a', 'get', '{"x": 1}'),
      call('b', 'get', ''),
      call('c', 'get', ' '),
      call('d', 'get', undefined),
      call('e', 'get', '[1]'),
      call('f', 'get', '7'),
      call('g', 'get', '{"x": '),
      call('h', 'get', { x: 1 }),
    ];
    assert.deepEqual(await inputs(odd), [
      ['a', { x: 1 }],
      ['b', {}],
      ['c', {}],
      ['d', {}],
      ['e', { value: [1] }],
      ['f', { value: 7 }],
      ['g', { invalid_arguments: '{"x": ' }],
      ['h', { x: 1 }],
    ]);
  });

  test('that the maximum cut off are left out', async () => {
    assert.deepEqual(await inputs([call('a', 'get', '{}'), call('b', 'get', '{"x": ')], 'length'), [['a', {}]]);
  });

  test('have an id each', async () => {
    const ids = (
      await inputs([call('', 'get', ''), call(null, 'get', ''), call('a', 'get', ''), call('a', 'get', '')])
    ).map(([id]) => id);
    assert.equal(new Set(ids).size, 4);
    assert.ok(ids.every((id) => typeof id === 'string' && id !== ''));
  });

  test('come after what was thought and said', async () => {
    const { content } = await said({
      content: 'Looking.',
      reasoning: 'Hm.',
      tool_calls: [call('a', 'get', '{}')],
    });
    assert.deepEqual(
      (content as Json[]).map(({ type }) => type),
      ['thinking', 'text', 'tool_use'],
    );
  });
});

describe('thinking', () => {
  test('in either field is a block with a signature of this gateway', async () => {
    for (const field of ['reasoning_content', 'reasoning']) {
      const [block] = (await said({ content: 'a', [field]: 'Hm.' }))['content'] as Json[];
      assert.deepEqual([block!['type'], block!['thinking']], ['thinking', 'Hm.']);
      assert.ok(isOwnSignature(block!['signature']));
    }
    const both = (await said({ content: 'a', reasoning: 'Hm.', reasoning_content: 'Hm.' }))['content'] as Json[];
    assert.equal(both.length, 2);
  });

  test('that the target signed keeps its signature', async () => {
    const blocks = [
      { type: 'thinking', thinking: 'Hm.', signature: 'EqQB' },
      { type: 'redacted_thinking', data: 'x' },
    ];
    const { content } = await said({ content: 'a', reasoning_content: 'Hm.', thinking_blocks: blocks });
    assert.deepEqual((content as Json[]).slice(0, 2), blocks);
  });

  test('is left out where the caller has turned it off', async () => {
    const { content } = await said({ content: 'a', reasoning: 'Hm.' }, 'stop', {}, { thinking: { type: 'disabled' } });
    assert.equal((content as Json[]).length, 1);
  });
});

describe('usage', () => {
  const used = async (usage: unknown) =>
    (await answered({ message: { content: 'eight words of text, more or less, here' } }, { usage }))['usage'] as Json;

  test('has what was cached apart, as the dialect has it', async () => {
    const { input_tokens, cache_read_input_tokens, cache_creation_input_tokens, output_tokens, output_tokens_details } =
      await used({
        prompt_tokens: 1000,
        completion_tokens: 50,
        prompt_tokens_details: { cached_tokens: 300, cache_write_tokens: 200 },
        completion_tokens_details: { reasoning_tokens: 20 },
      });
    assert.deepEqual(
      [input_tokens, cache_read_input_tokens, cache_creation_input_tokens, output_tokens, output_tokens_details],
      [500, 300, 200, 50, { thinking_tokens: 20 }],
    );
  });

  test('that was not told is guessed, and never null', async () => {
    const { input_tokens, output_tokens } = await used(undefined);
    assert.ok((input_tokens as number) > 0);
    assert.equal(output_tokens, 10);
  });

  test('in a tier of its own says so', async () => {
    const told = await answered({ message: { content: 'a' } }, { service_tier: 'priority' });
    assert.equal((told['usage'] as Json)['service_tier'], 'priority');
  });
});
