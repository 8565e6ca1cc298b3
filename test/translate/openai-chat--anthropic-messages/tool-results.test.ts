import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assistant, refusal, sent, toolCall, toolResult, user } from './calls.js';

const text = (words: string) => ({ type: 'text', text: words });
const image = { type: 'image_url', image_url: { url: 'https://example.com/a.png' } };
const sentImage = { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } };
const calls = (...ids: string[]) => [user('x'), assistant(null, { tool_calls: ids.map((id) => toolCall(id)) })];

/** The blocks of the turn that answers the calls. */
const answerTo = (ids: string[], ...messages: object[]): unknown =>
  sent({ messages: [...calls(...ids), ...messages] }).messages.at(-1)?.content;

test('a result holds text, pictures and documents', () => {
  const pdf = { type: 'file', file: { file_data: 'data:application/pdf;base64,JVBERi0=', filename: 'a.pdf' } };
  assert.deepEqual(answerTo(['a'], toolResult('a', [text('See:'), image, pdf])), [
    {
      type: 'tool_result',
      tool_use_id: 'a',
      content: [
        text('See:'),
        sentImage,
        {
          type: 'document',
          source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' },
          title: 'a.pdf',
        },
      ],
    },
  ]);
});

test('the mark of an error is carried, and decides over what the text looks like', () => {
  const failed = { type: 'tool_result', tool_use_id: 'a', content: [text('No such city.')], is_error: true };
  assert.deepEqual(answerTo(['a'], toolResult('a', 'No such city.', { is_error: true })), [failed]);
  assert.deepEqual(answerTo(['a'], toolResult('a', 'Error: none', { is_error: false })), [
    { type: 'tool_result', tool_use_id: 'a', content: [text('Error: none')] },
  ]);
});

test('what a failed tool gave beside text follows after all results, since the target takes only text as an error', () => {
  assert.deepEqual(
    answerTo(
      ['a', 'b'],
      toolResult('a', [text('Broken:'), image], { is_error: true }),
      toolResult('b', 'ok'),
      user('So?'),
    ),
    [
      { type: 'tool_result', tool_use_id: 'a', content: [text('Broken:')], is_error: true },
      { type: 'tool_result', tool_use_id: 'b', content: [text('ok')] },
      text('What the failed tool call a gave:'),
      sentImage,
      text('So?'),
    ],
  );
});

for (const content of ['', [], null, [image]]) {
  test(`a failed tool that said nothing in words (${JSON.stringify(content)?.slice(0, 20)}) has failed in words`, () => {
    const [first] = answerTo(['a'], toolResult('a', content, { is_error: true })) as { content: unknown }[];
    assert.deepEqual(first?.content, [text('The tool failed.')]);
  });
}

test('results in the words of the messages dialect are results', () => {
  const result = (id: string, more: object) => ({ type: 'tool_result', tool_use_id: id, ...more });
  assert.deepEqual(
    answerTo(
      ['a', 'b.1', 'c'],
      user([
        text('Well?'),
        result('b.1', { content: 'rain', cache_control: { type: 'ephemeral' } }),
        result('a', { content: [text('no'), { type: 'text', text: ' ' }], is_error: true }),
        result('c', {}),
      ]),
    ),
    [
      { type: 'tool_result', tool_use_id: 'b_2e1', content: [text('rain')], cache_control: { type: 'ephemeral' } },
      { type: 'tool_result', tool_use_id: 'a', content: [text('no')], is_error: true },
      { type: 'tool_result', tool_use_id: 'c' },
      text('Well?'),
    ],
  );
});

test('results in both words answer calls of one turn together', () => {
  const blocks = answerTo(
    ['a', 'b'],
    toolResult('a', '1'),
    user([{ type: 'tool_result', tool_use_id: 'b', content: '2' }]),
  );
  assert.deepEqual(
    (blocks as { tool_use_id: string }[]).map(({ tool_use_id }) => tool_use_id),
    ['a', 'b'],
  );
});

const part = (more: object) => user([{ type: 'tool_result', ...more }]);
for (const [what, messages, field] of [
  ['a mark of an error that is no boolean', [toolResult('a', 'x', { is_error: 'yes' })], '[2].is_error'],
  ['a part that names no call', [part({ content: 'x' })], '[2].content[0].tool_use_id'],
  ['a part that answers nothing', [part({ tool_use_id: 'b' })], '[2].content[0].tool_use_id'],
  ['a result that comes twice', [toolResult('a', 'x'), part({ tool_use_id: 'a' })], '[3].content[0].tool_use_id'],
  ['a part with content of a number', [part({ tool_use_id: 'a', content: 7 })], '[2].content[0].content'],
] as const) {
  test(`${what} is refused with the name of the field`, () => {
    assert.equal(refusal({ messages: [...calls('a'), ...messages] }), `invalid_value messages${field}`);
  });
}
