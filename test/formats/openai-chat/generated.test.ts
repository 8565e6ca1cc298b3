/** What of an answer was generated: all text but what is known not to be, each text once. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answersAnything, generatedText, generatesAnything } from '../../../src/formats/openai-chat/generated.js';

describe('generated text', () => {
  const rows: readonly (readonly [name: string, message: unknown, expected: string])[] = [
    ['content', { role: 'assistant', content: 'Hi' }, 'Hi'],
    ['a refusal', { content: null, refusal: 'I will not.' }, 'I will not.'],
    [
      'parts of content',
      {
        content: [
          { type: 'text', text: 'Hi' },
          { type: 'thinking', thinking: [{ type: 'text', text: '!' }] },
        ],
      },
      'Hi!',
    ],
    [
      'a transcript, and not the sound',
      { audio: { id: 'a1', data: 'UklGRg==', transcript: 'Hi', expires_at: 5 } },
      'Hi',
    ],
    ['a function call', { function_call: { name: 'look', arguments: '{"a":1}' } }, 'look{"a":1}'],
    [
      'a tool call without its id',
      { tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"a":1}' } }] },
      'look{"a":1}',
    ],
    [
      'the input of a custom tool',
      { tool_calls: [{ index: 0, id: 'call_1', type: 'custom', custom: { name: 'run', input: 'ls -l' } }] },
      'runls -l',
    ],
    [
      'arguments that are no text',
      { tool_calls: [{ function: { name: 'look', arguments: { at: 'Rome', n: 3 } } }] },
      'look{"at":"Rome","n":3}',
    ],
    [
      'two calls alike',
      { tool_calls: [{ function: { name: 'a', arguments: '{}' } }, { function: { name: 'a', arguments: '{}' } }] },
      'a{}a{}',
    ],
    ['vLLM: reasoning under two names', { reasoning: 'Hm.', reasoning_content: 'Hm.', content: null }, 'Hm.'],
    [
      'OpenRouter: reasoning as text and as details',
      {
        reasoning: 'Hm.',
        reasoning_details: [{ type: 'reasoning.text', text: 'Hm.', format: 'x-v1', signature: 'c2ln' }],
        content: '',
      },
      'Hm.',
    ],
    ['reasoning and content that differ', { reasoning: 'Hm.', content: 'Yes' }, 'Hm.Yes'],
    ['three fields, two alike', { reasoning: 'Hm.', content: 'Yes', reasoning_content: 'Hm.' }, 'Hm.Yes'],
    ['a field that nobody knows', { role: 'assistant', musings: { of: [{ deep: 'down' }] } }, 'down'],
    [
      'the frame',
      { role: 'assistant', id: 'x', type: 'message', content: '', annotations: [{ url: 'https://a.b', title: 'T' }] },
      '',
    ],
    ['an image in base64', { images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }] }, ''],
    ['nothing', null, ''],
    ['a text', 'text', ''],
  ];
  for (const [name, message, expected] of rows) {
    test(name, () => assert.equal(generatedText(message), expected));
  }

  test('what nests ten thousand deep does no harm', () => {
    const deep = JSON.parse(`{"x":${'['.repeat(10_000)}"a"${']'.repeat(10_000)},"content":"b"}`) as unknown;
    assert.equal(generatedText(deep), 'b');
    const args = JSON.parse(`{"function_call":{"arguments":${'['.repeat(10_000)}1${']'.repeat(10_000)}}}`) as unknown;
    assert.equal(typeof generatedText(args), 'string');
  });
});

test('a frame generates nothing, and reasoning alone answers nothing', () => {
  const frame = { role: 'assistant', content: '', refusal: null, tool_calls: [], id: 'x' };
  assert.deepEqual([generatesAnything(frame), answersAnything(frame)], [false, false]);
  const thinking = { ...frame, reasoning_content: 'Hm.' };
  assert.deepEqual([generatesAnything(thinking), answersAnything(thinking)], [true, false]);
  for (const more of [
    { content: 'a' },
    { tool_calls: [{}] },
    { audio: { data: 'AA' } },
    { refusal: 'No.' },
    { other: 1 },
  ])
    assert.deepEqual([generatesAnything({ ...frame, ...more }), answersAnything({ ...frame, ...more })], [true, true]);
});
