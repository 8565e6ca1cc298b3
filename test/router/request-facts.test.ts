import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Feature, features } from '../../src/lib/route-spec.js';
import { hasFeature, lastUserText } from '../../src/router/request-facts.js';

const found = (request: Record<string, unknown>): Feature[] =>
  features.filter((feature) => hasFeature(request, feature));
const user = (...content: unknown[]) => ({
  messages: [
    { role: 'user', content },
    { role: 'assistant', content: 'x' },
  ],
});

test('what a request brings and asks for, in any dialect', () => {
  const table: readonly (readonly [request: Record<string, unknown>, has: readonly Feature[]])[] = [
    [{ messages: [{ role: 'user', content: 'Hello' }] }, []],
    [{ tools: [{ type: 'function' }] }, ['tools']],
    [{ tools: [], functions: [] }, []],
    [{ functions: [{ name: 'f' }] }, ['tools']],
    [user({ type: 'text', text: 'x' }, { type: 'image_url', image_url: { url: 'x' } }), ['image']],
    [user({ type: 'image', source: {} }), ['image']],
    [user({ type: 'tool_result', content: [{ type: 'image' }] }), ['image']],
    [{ input: [{ role: 'user', content: [{ type: 'input_image' }, { type: 'input_file' }] }] }, ['image', 'file']],
    [{ input: [{ type: 'input_image' }] }, ['image']],
    [user({ type: 'input_audio', input_audio: {} }), ['audio']],
    [{ modalities: ['text', 'audio'] }, ['audio']],
    [user({ type: 'document' }), ['file']],
    [{ response_format: { type: 'json_schema' } }, ['json', 'json_schema']],
    [{ response_format: { type: 'json_object' } }, ['json']],
    [{ response_format: { type: 'text' } }, []],
    [{ text: { format: { type: 'json_schema' } } }, ['json', 'json_schema']],
    [{ output_config: { format: { type: 'json_schema' } } }, ['json', 'json_schema']],
    [{ reasoning_effort: 'high' }, ['reasoning']],
    [{ reasoning_effort: 'none' }, []],
    [{ reasoning: { effort: 'low' } }, ['reasoning']],
    [{ thinking: { type: 'enabled', budget_tokens: 1024 } }, ['reasoning']],
    [{ thinking: { type: 'disabled' } }, []],
    [{ stream: true }, ['stream']],
    [{ messages: [{ role: 'developer', content: 'x' }] }, ['system']],
    [{ system: [{ type: 'text', text: 'x' }] }, ['system']],
    [{ system: '' }, []],
    [{ instructions: 'x' }, ['system']],
  ];
  for (const [request, has] of table) assert.deepEqual(found(request), has, JSON.stringify(request));
});

test('the last message of the user that has text', () => {
  const table: readonly (readonly [request: Record<string, unknown>, text: string])[] = [
    [
      {
        messages: [
          { role: 'user', content: 'a' },
          { role: 'assistant', content: 'b' },
        ],
      },
      'a',
    ],
    [
      {
        messages: [
          { role: 'user', content: 'a' },
          { role: 'user', content: [{ type: 'image_url' }] },
        ],
      },
      'a',
    ],
    [user({ type: 'text', text: 'a' }, { type: 'image_url' }, { type: 'text', text: 'b' }), 'a\nb'],
    [{ messages: [{ role: 'system', content: 'a' }] }, ''],
    [{ input: 'a' }, 'a'],
    [{ input: ['a', 'b'] }, 'b'],
    [{ prompt: 'a' }, 'a'],
    [{ input: [{ role: 'user', content: [{ type: 'input_text', text: 'a' }] }] }, 'a'],
    [{}, ''],
  ];
  for (const [request, text] of table) assert.equal(lastUserText(request), text, JSON.stringify(request));
  assert.equal(lastUserText({ input: 'x'.repeat(200_000) }).length, 100_000);
});

test('what has an unexpected shape is not there', () => {
  const odd = [null, 7, 'x', [], {}, [null, 7, 'x', [[]], { content: 7 }, { role: 7, content: [null, 7] }]];
  for (const value of odd) {
    for (const name of ['messages', 'tools', 'input', 'prompt', 'response_format', 'reasoning', 'thinking', 'text']) {
      const request = { [name]: value };
      for (const feature of features) assert.equal(typeof hasFeature(request, feature), 'boolean');
      assert.equal(typeof lastUserText(request), 'string');
    }
  }
});
