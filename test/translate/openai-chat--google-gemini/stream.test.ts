import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { geminiFailures } from '../../../src/formats/google-gemini/failures.js';
import { classify } from '../../../src/router/classify.js';
import { chunksOf, EXTRA, fixture, GEMINI_3, sse, streamed, translation, user } from './calls.js';

const asked = { stream_options: { include_usage: true } };
const deltas = (bytes: Buffer) =>
  chunksOf(bytes).flatMap(({ choices }) => choices.map(({ delta }: { delta: object }) => delta));
const content = (bytes: Buffer) =>
  deltas(bytes)
    .map((delta) => (delta as { content?: string }).content ?? '')
    .join('');
const u = { promptTokenCount: 3, candidatesTokenCount: 1 };
const event = (candidate: object, more: object = {}) => ({ candidates: [candidate], usageMetadata: u, ...more });

describe('a stream', () => {
  test('is told chunk by chunk, with its usage at the end where it was asked for', () => {
    const { bytes, reading } = streamed(asked, [fixture('text.sse')]);
    const text = bytes.toString('utf8');
    assert.equal(content(bytes), 'Hello there, wörld 😀.');
    assert.ok(text.endsWith('data: [DONE]\n\n'));
    const chunks = chunksOf(bytes);
    assert.deepEqual(chunks[0].choices[0].delta, { role: 'assistant', content: '', refusal: null });
    assert.ok(chunks.every(({ id, object }) => id === 'chatcmpl-resp-1' && object === 'chat.completion.chunk'));
    const last = chunks.at(-1);
    assert.deepEqual(last.choices, []);
    assert.equal(last.usage.prompt_tokens_details.cached_tokens, 4);
    assert.deepEqual(last.x_tollgate, EXTRA);
    assert.deepEqual(chunks.at(-2).choices[0], {
      index: 0,
      delta: {},
      logprobs: null,
      finish_reason: 'stop',
      native_finish_reason: 'STOP',
    });
    assert.deepEqual([reading.usage?.input, reading.usage?.cache_read, reading.usage?.output], [8, 4, 8]);
    assert.equal(reading.servedModel, 'gemini-2.5-flash');
    assert.ok(
      !streamed({}, [fixture('text.sse')])
        .bytes.toString('utf8')
        .includes('"usage"'),
    );
  });

  for (const file of ['text.sse', 'signed.sse', 'thoughts.sse', 'safety.sse'])
    test(`is the same however it is cut into pieces: ${file}`, () => {
      const whole = fixture(file);
      const { bytes } = streamed(asked, [whole]);
      for (const size of [1, 2, 3, 7, 64]) {
        const pieces = Array.from({ length: Math.ceil(whole.length / size) }, (_, i) =>
          whole.subarray(i * size, (i + 1) * size),
        );
        assert.equal(streamed(asked, pieces).bytes.toString('utf8'), bytes.toString('utf8'), `pieces of ${size}`);
      }
    });

  test('of calls keeps numbers, ids and signatures, and both forms of those can come back', () => {
    const { bytes, reading } = streamed({}, [fixture('signed.sse')], { model: GEMINI_3 });
    const all = deltas(bytes) as {
      tool_calls?: { index: number; id: string; function: { name: string; arguments: string } }[];
      thinking_blocks?: unknown;
    }[];
    const calls = all.flatMap(({ tool_calls }) => tool_calls ?? []);
    assert.deepEqual(calls, [
      {
        index: 0,
        id: 'fc-1',
        type: 'function',
        function: { name: 'get_weather', arguments: '{"city":"Paris","big":12345678901234567890}' },
        extra_content: { google: { thought_signature: 'c2lnLWNhbGw=' } },
      },
      { index: 1, id: 'call_resp-3_0_1', type: 'function', function: { name: 'get_time', arguments: '{}' } },
    ]);
    const blocks = all.flatMap(({ thinking_blocks }) => thinking_blocks ?? []);
    assert.deepEqual(blocks, [
      { type: 'thinking', thinking: '**Looking up** both cities.', signature: 'tg1.google.0.c2lnLWNhbGw=' },
    ]);
    assert.equal(chunksOf(bytes).at(-1).choices[0].finish_reason, 'tool_calls');
    assert.deepEqual([reading.usage?.output, reading.usage?.reasoning], [50, 30]);

    const results = [
      { role: 'tool', tool_call_id: 'fc-1', content: 'sun' },
      { role: 'tool', tool_call_id: 'call_resp-3_0_1', content: 'noon' },
    ];
    const replays = [
      { tool_calls: calls.map(({ index: _index, ...call }) => call) },
      {
        tool_calls: calls.map(({ id, function: called }) => ({ id, type: 'function', function: called })),
        thinking_blocks: blocks,
      },
    ];
    for (const replay of replays) {
      const messages = [user('Both?'), { role: 'assistant', content: null, ...replay }, ...results];
      const body = JSON.parse(translation({ messages }, { model: GEMINI_3 }).body.toString('utf8'));
      const signatures = body.contents[1].parts.map((part: { thoughtSignature?: string }) => part.thoughtSignature);
      assert.deepEqual(signatures, ['c2lnLWNhbGw=', undefined]);
      assert.match(translation({ messages }, { model: GEMINI_3 }).body.toString('utf8'), /"big":12345678901234567890/);
    }
  });

  test('of thoughts tells them as reasoning, and the signature of the text', () => {
    const { bytes, reading } = streamed({}, [fixture('thoughts.sse')], { model: GEMINI_3 });
    const all = deltas(bytes) as Record<string, unknown>[];
    assert.equal(all.map(({ reasoning_content }) => reasoning_content ?? '').join(''), 'Counting the r.');
    assert.equal(content(bytes), 'There are three.');
    assert.deepEqual(
      all.find(({ extra_content }) => extra_content),
      {
        extra_content: { google: { thought_signature: 'c2lnLXRleHQ=' } },
        thinking_blocks: [{ type: 'thinking', thinking: 'Counting the r.', signature: 'tg1.google.text.c2lnLXRleHQ=' }],
      },
    );
    assert.equal(reading.text(), 'Counting the r.There are three.');
  });

  test('of several candidates tells each by its number', () => {
    const bytes = sse(
      {
        candidates: [
          { index: 0, content: { parts: [{ text: 'A' }] } },
          { index: 1, content: { parts: [{ text: 'B' }] } },
        ],
      },
      event({ index: 1, finishReason: 'MAX_TOKENS' }),
      event({ index: 0, finishReason: 'STOP' }),
    );
    const told = chunksOf(streamed({ n: 2 }, [bytes]).bytes).flatMap(({ choices }) => choices);
    const finishes = told
      .filter(({ finish_reason }) => finish_reason)
      .map(({ index, finish_reason }) => [index, finish_reason]);
    assert.deepEqual(finishes, [
      [0, 'stop'],
      [1, 'length'],
    ]);
  });

  test('whose prompt was blocked is withheld', () => {
    const { bytes, reading } = streamed({}, [fixture('blocked.sse')]);
    assert.ok(reading.filtered && reading.done && reading.empty);
    const last = chunksOf(bytes).at(-1).choices[0];
    assert.deepEqual([last.finish_reason, last.native_finish_reason], ['content_filter', 'PROHIBITED_CONTENT']);
    assert.equal(reading.usage?.input, 7);
  });

  test('that was withheld in the middle says so', () => {
    const { bytes, reading } = streamed({}, [fixture('safety.sse')]);
    assert.ok(reading.filtered && reading.done);
    assert.equal(content(bytes), 'Some of it');
    assert.equal(chunksOf(bytes).at(-1).choices[0].finish_reason, 'content_filter');
  });

  test('whose thoughts took all there was to say is cut short, and billed', () => {
    const { bytes, reading } = streamed({}, [fixture('max-thoughts.sse')]);
    assert.equal(chunksOf(bytes).at(-1).choices[0].finish_reason, 'length');
    assert.deepEqual([reading.usage?.output, reading.usage?.reasoning, reading.empty], [95, 95, true]);
  });

  test('keeps of each figure the last that was told', () => {
    const bytes = sse(
      {
        candidates: [{ content: { parts: [{ text: 'A' }] } }],
        usageMetadata: { promptTokenCount: 10, thoughtsTokenCount: 5 },
      },
      { candidates: [{ finishReason: 'STOP' }], usageMetadata: { candidatesTokenCount: 2, thoughtsTokenCount: null } },
    );
    const { usage } = streamed({}, [bytes]).reading;
    assert.deepEqual([usage?.input, usage?.output, usage?.reasoning], [10, 7, 5]);
  });
});

describe('a stream that fails', () => {
  const failing: readonly (readonly [string, Buffer, string, string])[] = [
    ['an empty answer', fixture('empty.sse'), 'in_band', 'transient'],
    ['a call that failed', fixture('malformed.sse'), 'in_band', 'transient'],
    ['an error in it', fixture('error.sse'), 'in_band', 'overload'],
    ['a cut', fixture('text.sse').subarray(0, 200), 'cut', 'transient'],
    ['no event at all', Buffer.alloc(0), 'cut', 'transient'],
    ['no reason why it ended', sse(event({ content: { parts: [{ text: 'x' }] } })), 'cut', 'transient'],
    ['no JSON', Buffer.from('data: {"a\n\n'), 'garbage', 'transient'],
    ['no object', Buffer.from('data: 7\n\n'), 'garbage', 'transient'],
    [
      'candidates without end',
      sse(...Array.from({ length: 200 }, (_, index) => event({ index, content: { parts: [{ text: 'x' }] } }))),
      'garbage',
      'transient',
    ],
  ];
  for (const [name, bytes, kind, is] of failing)
    test(`by ${name}`, () => {
      const { reading } = streamed({}, [bytes]);
      assert.equal(reading.failure?.kind, kind);
      assert.equal(classify(reading.failure, geminiFailures), is);
      assert.ok(!reading.done);
    });

  test('has told what was good before', () => {
    const { bytes, reading } = streamed({}, [fixture('error.sse')]);
    assert.equal(content(bytes), 'Half an ans');
    assert.ok(reading.begun);
    assert.equal(reading.push(fixture('text.sse')).length, 0);
  });

  test('before a word can still be answered by another: nothing counts as begun', () => {
    assert.ok(!streamed({}, [fixture('malformed.sse')]).reading.begun);
    assert.ok(!streamed({}, [fixture('empty.sse')]).reading.begun);
  });

  test('has a last event without its blank line, and is whole', () => {
    const bytes = fixture('text.sse');
    const { reading } = streamed({}, [bytes.subarray(0, bytes.length - 4)]);
    assert.ok(reading.done && !reading.failure);
  });
});
