/** Answers out of streams that break off, repeat themselves or are hostile; and JSON that is cut. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cutJson, withoutSpare } from '../../src/capture/cut-json.js';
import { putTogether } from '../../src/capture/put-together.js';
import type { FormatId } from '../../src/formats/format-id.js';

function made<T>(walk: Generator<number, T>): T {
  for (;;) {
    const { done, value } = walk.next();
    if (done) return value;
  }
}

const sse = (...events: readonly unknown[]): Buffer[] =>
  events.map((event) => Buffer.from(`data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`));
const told = (format: FormatId, ...events: readonly unknown[]) => made(putTogether(format, sse(...events), false));
const chunk = (delta: object, more: object = {}) => ({
  ...{ id: 'c', object: 'chat.completion.chunk', model: 'm' },
  choices: [{ index: 0, delta, finish_reason: null, ...more }],
});

describe('a stream', () => {
  it('of several choices and calls, whose names come again', () => {
    const call = (index: number, name: string, args: string) => ({
      tool_calls: [{ index, id: `call_${index}`, type: 'function', function: { name, arguments: args } }],
    });
    const answer = told(
      'openai-chat',
      chunk({ role: 'assistant', content: 'a' }),
      chunk({ content: 'b', reasoning_content: 'r' }),
      { ...chunk({}), choices: [{ index: 1, delta: { content: 'other' }, finish_reason: 'stop' }] },
      chunk(call(0, 'f', '{"x"')),
      chunk(call(1, 'g', '{')),
      chunk(call(0, 'f', ':1}')),
      chunk({}, { finish_reason: 'tool_calls' }),
      { id: 'c', choices: [], usage: { prompt_tokens: 1 }, x_tollgate: { cost_usd: '0' } },
      '[DONE]',
    );
    assert.deepEqual(answer, {
      ...{ id: 'c', object: 'chat.completion', model: 'm', usage: { prompt_tokens: 1 } },
      choices: [
        {
          index: 0,
          message: {
            ...{ role: 'assistant', content: 'ab', reasoning_content: 'r' },
            tool_calls: [
              { id: 'call_0', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
              { id: 'call_1', type: 'function', function: { name: 'g', arguments: '{' } },
            ],
          },
          finish_reason: 'tool_calls',
        },
        { index: 1, message: { content: 'other' }, finish_reason: 'stop' },
      ],
    });
  });

  it('of a message that breaks off within a call', () => {
    const answer = told(
      'anthropic-messages',
      { type: 'message_start', message: { id: 'msg', role: 'assistant', content: [], usage: { input_tokens: 3 } } },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'so ' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'far' } },
      { type: 'content_block_start', index: 1, content_block: { type: 'tool_use', id: 't', name: 'f', input: {} } },
      { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: '{"a":' } },
      { type: 'error', error: { type: 'api_error', message: 'cut' } },
    );
    assert.deepEqual(answer, {
      ...{ id: 'msg', role: 'assistant', usage: { input_tokens: 3 }, error: { type: 'api_error', message: 'cut' } },
      content: [
        { type: 'text', text: 'so far' },
        { type: 'tool_use', id: 't', name: 'f', input: '{"a":' },
      ],
    });
  });

  it('of a response, whole and not', () => {
    const begun = { type: 'response.created', response: { id: 'r', status: 'in_progress', output: [] } };
    const item = { type: 'message', id: 'i', content: [] };
    const events = [
      begun,
      { type: 'response.output_item.added', output_index: 0, item },
      { type: 'response.output_text.delta', output_index: 0, delta: 'so ' },
      { type: 'response.output_text.delta', output_index: 0, delta: 'far' },
    ];
    assert.deepEqual((told('openai-responses', ...events) as { output: unknown[] }).output, [
      { ...item, content: [{ type: 'output_text', text: 'so far' }] },
    ]);
    const response = { id: 'r', status: 'completed', output: [{ ...item, content: [{ text: 'all' }] }] };
    assert.deepEqual(told('openai-responses', ...events, { type: 'response.completed', response }), response);
  });

  it("of Google's as an array that was cut", () => {
    const part = (text: string) => ({ candidates: [{ index: 0, content: { role: 'model', parts: [{ text }] } }] });
    const bytes = Buffer.from(`[${JSON.stringify(part('so '))},\n${JSON.stringify(part('far'))},\n{"candid`);
    assert.deepEqual(made(putTogether('google-gemini', [bytes], true)), {
      candidates: [{ index: 0, content: { role: 'model', parts: [{ text: 'so far' }] } }],
    });
  });

  it('with events of megabytes, in steps of well under a moment', () => {
    const choices = [{ index: 0, delta: { content: 'x'.repeat(2_000_000), list: Array(200_000).fill({ a: 1 }) } }];
    const calls = Array.from({ length: 60_000 }, (_, index) => ({ index }));
    const events = [{ choices }, { choices: [{ index: 0, delta: { tool_calls: calls } }] }];
    const array = Buffer.from(`[${JSON.stringify({ candidates: [{ content: { parts: choices } }] })},\n{}`);
    for (const walk of [
      putTogether('openai-chat', sse(...events, ...events.slice(1)), false),
      putTogether('google-gemini', [array], true),
    ]) {
      let steps = 0;
      let longestMs = 0;
      for (;;) {
        const at = performance.now();
        const { done } = walk.next();
        longestMs = Math.max(longestMs, performance.now() - at);
        if (done) break;
        steps += 1;
      }
      // At once it takes minutes (the second time that there are so many calls), or a tenth of a second.
      assert.ok(steps > 100, `${steps} steps`);
      assert.ok(longestMs < 2_000, `${longestMs} ms`);
    }
  });

  it('that names what is no field of anybody changes nothing else', () => {
    told('openai-chat', '{"__proto__":{"polluted":1},"choices":[{"delta":{"__proto__":{"polluted":1}}}]}');
    told('openai-chat', '{"choices":[{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}]}');
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
    for (const format of ['openai-chat', 'anthropic-messages', 'openai-responses', 'google-gemini'] as const)
      for (const event of [
        'nonsense',
        '[]',
        '{"choices":7,"candidates":7}',
        '{"choices":[null,7],"candidates":[null]}',
      ])
        assert.doesNotThrow(() => told(format, event), `${format} ${event}`);
  });
});

describe('JSON that is cut', () => {
  const cut = (value: unknown, mostBytes: number, spare = 0) => made(cutJson(value, mostBytes, spare));

  it('stays JSON, as large as it may be', () => {
    const value = { a: 'x'.repeat(50), list: Array.from({ length: 100 }, (_, n) => ({ n, text: 'ü'.repeat(20) })) };
    for (let most = 10; most < 6_000; most += 97) {
      const { json, truncated } = cut(value, most);
      const bytes = Buffer.byteLength(JSON.stringify(json));
      assert.ok(bytes <= most + 40, `${bytes} of ${most}`);
      assert.equal(truncated, JSON.stringify(json) !== JSON.stringify(value));
    }
  });

  it('halves no character, and leaves what is beside a text for whoever looks at it', () => {
    assert.deepEqual(cut({ t: '😀😀😀' }, 16).json, { t: '😀😀' });
    const { json, path, spareChars } = cut({ a: [1, { t: `${'x'.repeat(100)}${'y'.repeat(100)}` }] }, 80, 30);
    const text = (json as { a: [number, { t: string }] }).a[1].t;
    assert.equal(spareChars, 30);
    const left = withoutSpare(json, path!, spareChars) as typeof json & { a: [number, { t: string }] };
    assert.equal(left.a[1].t.length, text.length - 30);
  });

  it('is deep or has no end of values in the time that they take', () => {
    let deep: unknown = 1;
    for (let n = 0; n < 200; n++) deep = [deep];
    assert.deepEqual(cut(deep, 10_000).truncated, false);
    assert.equal(cut(Array(1_000_000).fill(0), 1_000).truncated, true);
  });
});
