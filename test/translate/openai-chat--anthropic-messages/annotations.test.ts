import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatCompletion, ChatCompletionMessage } from 'openai/resources/chat/completions';
import { atOnce } from '../../support/at-once.js';
import { deltasOf, SONNET_4, streamed, translation } from './calls.js';

const web = (url: string, title: string | null = 'A') => ({
  type: 'web_search_result_location',
  url,
  title,
  cited_text: 'x',
  encrypted_index: 'e',
});
const search = (source: string) => ({ type: 'search_result_location', source, title: 'S', search_result_index: 0 });
const page = { type: 'page_location', document_index: 0, start_page_number: 1 };
const said = (text: string, citations?: unknown) => ({ type: 'text', text, ...(citations ? { citations } : {}) });
const cited = (start_index: number, end_index: number, url: string, title: string) => ({
  type: 'url_citation',
  url_citation: { start_index, end_index, title, url },
});

interface Extended extends ChatCompletionMessage {
  readonly thinking_blocks?: unknown;
}

/** The message of the same answer, whole and streamed. */
function bothWays(content: readonly object[], request: object = {}): [Extended, Record<string, unknown>] {
  const answer = atOnce(
    translation(request, { model: SONNET_4 }).answer(
      Buffer.from(JSON.stringify({ type: 'message', id: 'm1', stop_reason: 'end_turn', content })),
    ),
  );
  assert.ok(answer.ok);
  const event = (data: object) => Buffer.from(`data: ${JSON.stringify(data)}\n\n`);
  const pieces = [event({ type: 'message_start', message: { id: 'm1', content: [] } })];
  content.forEach((block, index) => {
    const { citations, text, thinking, signature, input, ...rest } = block as Record<string, unknown>;
    const delta = (fields: object) => event({ type: 'content_block_delta', index, delta: fields });
    pieces.push(event({ type: 'content_block_start', index, content_block: { ...rest, text: '', thinking: '' } }));
    for (const citation of Array.isArray(citations) ? citations : [])
      pieces.push(delta({ type: 'citations_delta', citation }));
    if (text !== undefined) pieces.push(delta({ type: 'text_delta', text }));
    if (thinking !== undefined) pieces.push(delta({ type: 'thinking_delta', thinking }));
    if (signature !== undefined) pieces.push(delta({ type: 'signature_delta', signature }));
    if (input !== undefined) pieces.push(delta({ type: 'input_json_delta', partial_json: JSON.stringify(input) }));
    pieces.push(event({ type: 'content_block_stop', index }));
  });
  pieces.push(event({ type: 'message_delta', delta: { stop_reason: 'end_turn' } }), event({ type: 'message_stop' }));
  const { bytes, reading } = streamed(request, pieces, { model: SONNET_4 });
  assert.ok(reading.done);
  const deltas = deltasOf(bytes);
  const whole = (JSON.parse(answer.body.toString('utf8')) as ChatCompletion).choices[0]!.message;
  return [
    whole,
    {
      content: deltas.map((delta) => delta['content'] ?? '').join(''),
      annotations: deltas.find((delta) => 'annotations' in delta)?.['annotations'],
      thinking_blocks: deltas.find((delta) => 'thinking_blocks' in delta)?.['thinking_blocks'],
    },
  ];
}

test('citations that name a URL are annotations, at the text that they are about', () => {
  const content = [
    said('It is '),
    said('blue', [web('https://a.test/1'), web('https://a.test/1'), web('https://a.test/2', null)]),
    said(', says '),
    said('S', [search('https://s.test'), page, search('notes/7')]),
  ];
  for (const { content: text, annotations } of bothWays(content)) {
    assert.equal(text, 'It is blue, says S');
    assert.deepEqual(annotations, [
      cited(6, 10, 'https://a.test/1', 'A'),
      cited(6, 10, 'https://a.test/2', ''),
      cited(17, 18, 'https://s.test', 'S'),
    ]);
  }
});

test('an answer without such citations has no annotations', () => {
  for (const { annotations } of bothWays([said('a', [page, search('x'), null, 7, web('file:///etc'), {}])])) {
    assert.equal(annotations, undefined);
  }
  for (const { annotations } of bothWays([said('a', 'no list')])) assert.equal(annotations, undefined);
});

const thought = (thinking: string) => ({ type: 'thinking', thinking, signature: `of ${thinking}` });
const call = (id: string) => ({ type: 'tool_use', id, name: 'look', input: {} });

test('thinking that is not at the beginning says where it stood, so that it can go back there', () => {
  const content = [
    thought('a'),
    said('Hi '),
    call('t1'),
    thought('b'),
    { type: 'redacted_thinking', data: 'x' },
    said('there'),
    call('t2'),
  ];
  const position = { content: 3, tool_calls: 1 };
  for (const { thinking_blocks } of bothWays(content)) {
    assert.deepEqual(thinking_blocks, [
      thought('a'),
      { ...thought('b'), position },
      { type: 'redacted_thinking', data: 'x', position },
    ]);
  }
});

test('what was answered goes back as it was, whole and streamed', () => {
  const content = [thought('a'), said('Hi '), thought('b'), call('t1'), thought('c'), call('t2')];
  for (const { content: text, thinking_blocks } of bothWays(content)) {
    const tool_calls = ['t1', 't2'].map((id) => ({
      id,
      type: 'function',
      function: { name: 'look', arguments: '{}' },
    }));
    const messages = [
      { role: 'user', content: 'x' },
      { role: 'assistant', content: text, thinking_blocks, tool_calls },
      ...['t1', 't2'].map((tool_call_id) => ({ role: 'tool', tool_call_id, content: 'ok' })),
    ];
    const body = JSON.parse(translation({ messages }).body.toString('utf8')) as { messages: { content: unknown }[] };
    assert.deepEqual(body.messages[1]?.content, content);
  }
});

test('where the answer is the input of a tool, thinking does not say where in it', () => {
  const schema = { type: 'object', additionalProperties: { type: 'string' } };
  const request = { response_format: { type: 'json_schema', json_schema: { name: 'a', schema } } };
  const content = [said('So:'), thought('a'), { type: 'tool_use', id: 't', name: 'json', input: { a: 'b' } }];
  for (const { content: text, thinking_blocks } of bothWays(content, request)) {
    assert.equal(text, '{"a":"b"}');
    assert.deepEqual(thinking_blocks, [thought('a')]);
  }
});
