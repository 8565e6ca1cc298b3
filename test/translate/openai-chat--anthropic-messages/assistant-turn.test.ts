import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assistant, refusal, sent, toolCall, toolResult, translation, user } from './calls.js';

const text = (words: string) => ({ type: 'text', text: words });
const thought = (words: string, signature = `of ${words}`) => ({ type: 'thinking', thinking: words, signature });
const redacted = { type: 'redacted_thinking', data: 'xyz' };
const use = (id: string, input: unknown = {}, name = 'look') => ({ type: 'tool_use', id, name, input });

/** The blocks of the assistant's only turn. */
function blocksOf(content: unknown, more: object, ...results: string[]): unknown[] {
  const messages = [user('x'), assistant(content, more), ...results.map((id) => toolResult(id, 'ok')), user('y')];
  return sent({ messages }).messages[1]!.content as unknown[];
}

test('thinking in the content goes back where it stands, and only what its signature is about', () => {
  const content = [{ ...thought('a'), index: 0 }, text('So.'), redacted, use('t1'), thought('b'), use('t2')];
  assert.deepEqual(blocksOf(content, {}, 't1', 't2'), [
    ...[thought('a'), text('So.'), redacted, use('t1'), thought('b'), use('t2')],
  ]);
});

test('thinking in the content that nobody signed is not sent', () => {
  const unsigned = [{ type: 'thinking', thinking: 'a' }, thought('b', ''), { type: 'thinking', thinking: [text('c')] }];
  assert.deepEqual(blocksOf([...unsigned, { ...redacted, data: '' }, text('Hi.')], {}), [text('Hi.')]);
});

test('thinking that is told in both ways is sent once', () => {
  const more = { thinking_blocks: [thought('a')] };
  assert.deepEqual(blocksOf([thought('a'), text('Hi.')], more), [thought('a'), text('Hi.')]);
});

test('a call that is told in both ways is one call, at the place of its part and with the arguments of the call', () => {
  const content = [text('One.'), use('t1', ''), text('Two.'), { ...use('t3'), input: '{"a":1}' }];
  const more = { tool_calls: [toolCall('t1', 'look', '{"n":12345678901234567890}'), toolCall('t2')] };
  const messages = [user('x'), assistant(content, more), ...['t1', 't2', 't3'].map((id) => toolResult(id, 'ok'))];
  const body = translation({ messages }).body.toString('utf8');
  assert.ok(body.includes('"input":{"n":12345678901234567890}'));
  const blocks = sent({ messages }).messages[1]!.content as unknown as { type: string; id?: string; input?: unknown }[];
  assert.deepEqual(
    blocks.map(({ type, id }) => id ?? type),
    ['text', 't1', 'text', 't3', 't2'],
  );
  assert.deepEqual(blocks[3]?.input, { a: 1 });
});

const three = [toolCall('t1'), toolCall('t2'), toolCall('t3')];
const at = (content: number, tool_calls: number) => ({ position: { content, tool_calls } });
for (const [what, thinking, expected] of [
  ['nothing of its place stands first', [{}, {}], ['a', 'b', 'Hello there', 't1', 't2', 't3']],
  ['its place stands there', [{}, at(6, 1)], ['a', 'Hello ', 't1', 'b', 'there', 't2', 't3']],
  ['the same place keeps its sequence', [at(0, 1), at(0, 1)], ['t1', 'a', 'b', 'Hello there', 't2', 't3']],
  ['a place at the end is not sent', [{}, at(11, 3)], ['a', 'Hello there', 't1', 't2', 't3']],
  ['a place beyond the end is not sent', [{}, at(99, 99)], ['a', 'Hello there', 't1', 't2', 't3']],
  [
    'an earlier place than the one before keeps its sequence',
    [at(6, 1), at(2, 0)],
    ['Hello ', 't1', 'a', 'b', 'there', 't2', 't3'],
  ],
] as const) {
  test(`a block of thinking that says ${what}`, () => {
    const thinking_blocks = [thought('a'), thought('b')].map((block, i) => ({ ...block, ...thinking[i] }));
    const blocks = blocksOf('Hello there', { thinking_blocks, tool_calls: three }, 't1', 't2', 't3');
    const names = (blocks as { thinking?: string; text?: string; id?: string }[]).map(
      (block) => block.thinking ?? block.text ?? block.id,
    );
    assert.deepEqual(names, expected);
    assert.ok(!JSON.stringify(blocks).includes('position'));
  });
}

test('the place of thinking in content of parts is after or before all that is said', () => {
  const thinking_blocks = [{ ...thought('a'), ...at(3, 0) }];
  const more = { thinking_blocks, tool_calls: [toolCall('t1')] };
  const said = [text('Hello'), text('there')];
  assert.deepEqual(blocksOf(said, more, 't1'), [...said, thought('a'), use('t1')]);
});

const bad: readonly (readonly [string, object, string])[] = [
  [
    'a place that is no object',
    assistant('', { thinking_blocks: [{ ...thought('a'), position: 3 }] }),
    '.thinking_blocks[0].position',
  ],
  [
    'a negative place',
    assistant('', { thinking_blocks: [{ ...thought('a'), ...at(-1, 0) }] }),
    '.thinking_blocks[0].position',
  ],
  [
    'a place in halves',
    assistant('', { thinking_blocks: [{ ...thought('a'), ...at(0, 0.5) }] }),
    '.thinking_blocks[0].position',
  ],
  ['a part of thinking without its text', assistant([{ type: 'thinking', signature: 's' }]), '.content[0].thinking'],
  [
    'a part of redacted thinking without data',
    assistant([text('x'), { type: 'redacted_thinking' }]),
    '.content[1].data',
  ],
  ['a part of a call without an id', assistant([{ type: 'tool_use', name: 'f', input: {} }]), '.content[0].id'],
  ['a part of a call without a name', assistant([{ type: 'tool_use', id: 'a', input: {} }]), '.content[0].name'],
  [
    'a part of a call with a list as input',
    assistant([{ type: 'tool_use', id: 'a', name: 'f', input: [] }]),
    '.content[0].input',
  ],
  ['one call in two parts', assistant([use('a'), use('a')]), '.content[1].id'],
  [
    'a picture beside thinking',
    assistant([thought('a'), { type: 'image_url', image_url: { url: 'https://x.test' } }]),
    '.content',
  ],
];
for (const [what, message, field] of bad) {
  test(`${what} is refused with the name of the field`, () => {
    assert.equal(refusal({ messages: [user('x'), message, user('y')] }), `invalid_value messages[1]${field}`);
  });
}
