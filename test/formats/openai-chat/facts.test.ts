import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatFacts } from '../../../src/formats/openai-chat/facts.js';
import { readChatRequest } from '../../../src/formats/openai-chat/request.js';
import { type Feature, features } from '../../../src/lib/route-spec.js';
import { atOnce } from '../../support/at-once.js';

const factsOf = (request: Record<string, unknown>): ChatFacts => new ChatFacts(request, 100);
const found = (request: Record<string, unknown>): Feature[] =>
  features.filter((feature) => factsOf(request).has(feature));
const lastUserText = (request: Record<string, unknown>): string => factsOf(request).lastUserText();
const user = (...content: unknown[]) => ({
  messages: [
    { role: 'user', content },
    { role: 'assistant', content: 'x' },
  ],
});

test('what a request brings and asks for, in the words of any vendor', () => {
  const table: readonly (readonly [request: Record<string, unknown>, has: readonly Feature[]])[] = [
    [{ messages: [{ role: 'user', content: 'Hello' }] }, []],
    [{ tools: [{ type: 'function' }] }, ['tools']],
    [{ tools: [], functions: [] }, []],
    [{ functions: [{ name: 'f' }] }, ['tools']],
    [user({ type: 'text', text: 'x' }, { type: 'image_url', image_url: { url: 'x' } }), ['image']],
    [user({ type: 'image', source: {} }), ['image']],
    [user({ type: 'input_image' }, { type: 'input_file' }), ['image', 'file']],
    [user({ type: 'tool_result', content: [{ type: 'image' }] }), ['image']],
    [user({ type: 'input_audio', input_audio: {} }), ['audio']],
    [{ modalities: ['text', 'audio'] }, ['audio']],
    [user({ type: 'document' }), ['file']],
    [{ response_format: { type: 'json_schema' } }, ['json', 'json_schema']],
    [{ response_format: { type: 'json_object' } }, ['json']],
    [{ response_format: { type: 'text' } }, []],
    [{ reasoning_effort: 'high' }, ['reasoning']],
    [{ reasoning_effort: 'none' }, []],
    [{ reasoning: { effort: 'low' } }, ['reasoning']],
    [{ thinking: { type: 'enabled', budget_tokens: 1024 } }, ['reasoning']],
    [{ thinking: { type: 'disabled' } }, []],
    [{ stream: true }, ['stream']],
    [{ messages: [{ role: 'developer', content: 'x' }] }, ['system']],
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
    [{}, ''],
  ];
  for (const [request, text] of table) assert.equal(lastUserText(request), text, JSON.stringify(request));
  assert.equal(lastUserText({ messages: [{ role: 'user', content: 'x'.repeat(200_000) }] }).length, 100_000);
});

test('what has an unexpected shape is not there', () => {
  const odd = [null, 7, 'x', [], {}, [null, 7, 'x', [[]], { content: 7 }, { role: 7, content: [null, 7] }]];
  for (const value of odd) {
    for (const name of ['messages', 'tools', 'input', 'prompt', 'response_format', 'reasoning', 'thinking', 'text']) {
      const request = { [name]: value };
      for (const feature of features) assert.equal(typeof factsOf(request).has(feature), 'boolean');
      assert.equal(typeof factsOf(request).prefix(), 'string');
      assert.equal(typeof factsOf(request).billable.images, 'boolean');
      assert.ok([...factsOf(request).countables()].length > 0);
      assert.equal(typeof lastUserText(request), 'string');
    }
  }
});

const billed = (request: Record<string, unknown>): string[] =>
  Object.entries(factsOf(request).billable).flatMap(([name, may]) => (may ? [name] : []));

test('what may make a request dearer than plain text', () => {
  const table: readonly (readonly [request: Record<string, unknown>, may: readonly string[]])[] = [
    [{ messages: [{ role: 'user', content: 'the words "input_audio", "image_url" and "cache_control"' }] }, []],
    [user({ type: 'text', text: 'x' }, { type: 'refusal', refusal: 'x' }), []],
    [user({ type: 'input_audio', input_audio: {} }), ['audioInput']],
    [user({ type: 'audio_url', audio_url: {} }), ['audioInput']],
    [{ messages: [{ role: 'assistant', audio: { id: 'audio_1' } }] }, ['audioInput']],
    [{ modalities: ['text', 'audio'] }, ['audioOutput']],
    [{ audio: { voice: 'x' } }, ['audioOutput']],
    [user({ type: 'image_url', image_url: {} }), ['images']],
    [user({ type: 'tool_result', content: [{ type: 'image' }] }), ['images']],
    [user({ type: 'tool_result', content: 'x' }, { type: 'search_result', content: [{ type: 'text' }] }), []],
    [
      user({ type: 'tool_result', content: [{ type: 'x', content: [{ type: 'document' }] }] }),
      ['audioInput', 'images'],
    ],
    [user({ type: 'thinking' }, { type: 'redacted_thinking' }, { type: 'tool_use', input: {} }), []],
    [user({ type: 'file', file: {} }), ['images']],
    // A kind of part that nobody knows may be the dearest there is.
    [user({ type: 'video_url' }), ['audioInput', 'images']],
    [user({ text: 'without a type' }), ['audioInput', 'images']],
    [user({ type: 'text', text: 'x', cache_control: { type: 'ephemeral' } }), ['cacheWrite']],
    [user({ type: 'text', text: 'x', prompt_cache_breakpoint: { mode: 'explicit' } }), ['cacheWrite']],
    [{ messages: [{ role: 'user', content: 'x', cache_control: {} }] }, ['cacheWrite']],
    [{ tools: [{ type: 'function', cache_control: {} }] }, ['cacheWrite']],
    [{ tools: [{ type: 'function', function: { name: 'f', prompt_cache_breakpoint: {} } }] }, ['cacheWrite']],
    [{ cache_control: { type: 'ephemeral' } }, ['cacheWrite']],
    [{ service_tier: 'default' }, []],
    [{ service_tier: null }, []],
    [{ service_tier: 'priority' }, ['serviceTier']],
    [{ service_tier: 7 }, ['serviceTier']],
  ];
  for (const [request, may] of table) assert.deepEqual(billed(request), may, JSON.stringify(request));
});

test('a spelling in the bytes changes no fact', () => {
  const spelled = String.raw`{"messages":[{"role":"user","content":[{"type":"input_\u0061udio","input_audio":{}},
    {"type":"text","text":"x","prompt_c\u0061che_breakpoint":{"mode":"explicit"}}]}]}`;
  assert.deepEqual(billed(JSON.parse(spelled)), ['audioInput', 'cacheWrite']);
});

test('the largest maximum of the answer counts', () => {
  assert.equal(factsOf({}).maxOutput, null);
  assert.equal(factsOf({ max_tokens: 10 }).maxOutput, 10);
  assert.equal(factsOf({ max_tokens: 10, max_completion_tokens: 20 }).maxOutput, 20);
  assert.equal(factsOf({ max_tokens: 30, max_completion_tokens: null }).maxOutput, 30);
});

test('a conversation that goes on keeps its prefix, another one has another', () => {
  const begin = [
    { role: 'system', content: 's' },
    { role: 'user', content: 'a' },
  ];
  const prefix = (messages: object[], more: object = {}) => factsOf({ messages, ...more }).prefix();
  assert.equal(prefix([...begin, { role: 'assistant', content: 'b' }]), prefix(begin));
  assert.notEqual(prefix([begin[0]!, { role: 'user', content: 'b' }]), prefix(begin));
  assert.notEqual(prefix(begin, { tools: [{ type: 'function' }] }), prefix(begin));
  assert.equal(prefix(begin, { prompt_cache_key: 'mine' }), 'mine');
});

test('the end user is `user`, else `safety_identifier`', () => {
  const userOf = (more: object) => {
    const read = atOnce(readChatRequest(Buffer.from(JSON.stringify({ model: 'm', messages: [], ...more }))));
    return read.ok ? read.value.user : assert.fail(read.refusal.message);
  };
  const messages = [{ role: 'user', content: 'hi' }];
  assert.equal(userOf({ messages, user: 'ann', safety_identifier: 'ben' }), 'ann');
  assert.equal(userOf({ messages, user: null, safety_identifier: 'ben' }), 'ben');
  assert.equal(userOf({ messages }), null);
});
