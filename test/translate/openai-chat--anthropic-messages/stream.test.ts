import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { packageRoot } from '../../../src/lib/root.js';
import {
  chunksOf,
  contentOf,
  deltasOf,
  EXTRA,
  fixture,
  NOW_MS,
  SONNET_4,
  SONNET_4_5,
  streamed,
  tool,
  translation,
} from './calls.js';

const event = (data: object): string => `data: ${JSON.stringify(data)}\n\n`;
const START = event({
  type: 'message_start',
  message: { id: 'm1', model: 'claude-x', usage: { input_tokens: 5, output_tokens: 1 } },
});
const STOP = event({ type: 'message_stop' });
const open = (index: number, block: object) => event({ type: 'content_block_start', index, content_block: block });
const say = (index: number, text: string) =>
  event({ type: 'content_block_delta', index, delta: { type: 'text_delta', text } });
const close = (index: number) => event({ type: 'content_block_stop', index });
const read = (text: string, request: object = {}, settings: object = {}) =>
  streamed(request, [Buffer.from(text)], settings);

const asked = { askedUsage: true };
const person = {
  response_format: {
    type: 'json_schema',
    json_schema: { name: 'person', schema: { type: 'object', properties: { name: { type: 'string' } } } },
  },
};

test('a text stream is, chunk by chunk, what a chat client expects', () => {
  const { bytes, reading } = streamed({}, [fixture('text.sse')], asked);
  const chunks = chunksOf(bytes);
  const usage = chunks.pop();
  for (const chunk of chunks) {
    assert.equal(chunk.id, 'chatcmpl-msg_01TextAbCdEfGhIjKlMnOp');
    assert.equal(chunk.object, 'chat.completion.chunk');
    assert.equal(chunk.created, Math.floor(NOW_MS / 1000));
    assert.equal(chunk.model, SONNET_4_5);
    assert.equal(chunk.usage, null);
  }
  assert.deepEqual(
    chunks.map(({ choices }) => [choices[0]?.delta, choices[0]?.finish_reason]),
    [
      [{ role: 'assistant', content: '', refusal: null }, null],
      [{ content: 'Grüß' }, null],
      [{ content: ' Gott' }, null],
      [{ content: ', 世界 🌍!' }, null],
      [{}, 'stop'],
    ],
  );
  assert.deepEqual(usage, {
    id: 'chatcmpl-msg_01TextAbCdEfGhIjKlMnOp',
    object: 'chat.completion.chunk',
    created: Math.floor(NOW_MS / 1000),
    model: SONNET_4_5,
    choices: [],
    usage: {
      prompt_tokens: 25,
      completion_tokens: 15,
      total_tokens: 40,
      prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
    },
    x_tollgate: EXTRA,
  });
  assert.ok(bytes.toString('utf8').endsWith('data: [DONE]\n\n'));
  assert.equal(reading.text(), 'Grüß Gott, 世界 🌍!');
  assert.equal(reading.servedModel, SONNET_4_5);
});

test('a client that did not ask for usage sees none, and the gateway does', () => {
  const { bytes, reading } = streamed({}, [fixture('text.sse')]);
  assert.ok(!bytes.includes('usage'));
  assert.equal(reading.usage?.output, 15);
});

test('the closing bytes are held back until they are asked for', () => {
  const reading = translation({}, asked).stream();
  const out = reading.push(fixture('text.sse')).toString('utf8');
  assert.ok(reading.done);
  assert.ok(out.includes('"finish_reason":"stop"'));
  assert.ok(!out.includes('[DONE]') && !out.includes('"usage":{'));
  assert.match(reading.closing(EXTRA).toString('utf8'), /"usage":\{.*"x_tollgate":\{.*\n\ndata: \[DONE\]\n\n$/);
});

test('every event is passed on when it comes, not later', () => {
  const reading = translation({}).stream();
  assert.match(reading.push(Buffer.from(START)).toString('utf8'), /"role":"assistant"/);
  reading.push(Buffer.from(open(0, { type: 'text', text: '' })));
  assert.match(reading.push(Buffer.from(say(0, 'now'))).toString('utf8'), /"content":"now"/);
});

test('tool calls are numbered from 0 whatever blocks stand between, and one without arguments has {}', () => {
  const { bytes, reading } = streamed({ tools: [tool('get_weather')] }, [fixture('tools.sse')]);
  const calls = deltasOf(bytes).flatMap(({ tool_calls }) => (tool_calls as object[] | undefined) ?? []);
  assert.deepEqual(calls, [
    { index: 0, id: 'toolu_01Paris', type: 'function', function: { name: 'get_weather', arguments: '' } },
    { index: 0, function: { arguments: '{"city": "Par' } },
    { index: 0, function: { arguments: 'is", "id": 12345678901234567890}' } },
    { index: 1, id: 'toolu_01Time', type: 'function', function: { name: 'get_time', arguments: '' } },
    { index: 1, function: { arguments: '{}' } },
  ]);
  assert.equal(chunksOf(bytes).at(-1)?.choices[0]?.finish_reason, 'tool_calls');
  assert.equal(reading.text(), `I'll check both.get_weather{"city": "Paris", "id": 12345678901234567890}get_time{}`);
});

test('an input that stands in the start of its block is its arguments', () => {
  const block = { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } };
  const { bytes } = read(START + open(0, block) + close(0) + STOP);
  assert.match(bytes.toString('utf8'), /"arguments":"\{\\"x\\":1\}"/);
});

test('a tool block that is never closed still has arguments', () => {
  const { bytes } = read(START + open(0, { type: 'tool_use', id: 'a', name: 'f', input: {} }) + STOP);
  assert.match(bytes.toString('utf8'), /"arguments":"\{\}"/);
});

test('an input nested ten thousand deep does no harm', () => {
  const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
  const start = `data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"f","input":${deep}}}\n\n`;
  assert.ok(read(START + start + close(0) + STOP).reading.done);
});

test('thinking streams as text, and comes whole with its signatures once before the end', () => {
  const { bytes, reading } = streamed({}, [fixture('thinking.sse')]);
  const deltas = deltasOf(bytes);
  assert.deepEqual(
    deltas.filter((delta) => 'reasoning_content' in delta),
    [{ reasoning_content: 'The user wants ' }, { reasoning_content: 'a sum.' }],
  );
  assert.deepEqual(deltas.slice(-2), [
    {
      thinking_blocks: [
        { type: 'thinking', thinking: 'The user wants a sum.', signature: 'EqQBCgIYAhIM1gbcDa9GJwZA2b3h' },
        { type: 'redacted_thinking', data: 'EmwKAhgBEgy3va3pzix' },
      ],
    },
    {},
  ]);
  assert.deepEqual(reading.usage, {
    input: 12,
    cache_read: 1000,
    cache_write_5m: 100,
    cache_write_1h: 200,
    output: 57,
    reasoning: 41,
    audio_input: 0,
    audio_output: 0,
  });
  assert.equal(reading.text(), 'The user wants a sum.It is 4.');
});

test('usage is cumulative: what the end reports overwrites what the start reported', () => {
  const { reading } = streamed({}, [fixture('corrected-usage.sse')]);
  assert.equal(reading.usage?.input, 61);
  assert.equal(reading.usage?.output, 2);
});

test('input is known as soon as the message starts', () => {
  const reading = translation({}).stream();
  reading.push(Buffer.from(START));
  assert.equal(reading.usage?.input, 5);
});

test('a refusal is told in words before the end', () => {
  const { bytes } = streamed({}, [fixture('refusal.sse')]);
  assert.deepEqual(deltasOf(bytes).slice(1), [{ refusal: 'This request was blocked under the usage policy.' }, {}]);
  assert.equal(chunksOf(bytes).at(-1)?.choices[0]?.finish_reason, 'content_filter');
});

test('an answer that is too long finishes with length', () => {
  assert.equal(chunksOf(streamed({}, [fixture('max-tokens.sse')]).bytes).at(-1)?.choices[0]?.finish_reason, 'length');
});

test('the forced tool is unwrapped: its input streams as content, and the caller sees no tool', () => {
  const { bytes, reading } = streamed(person, [fixture('json-tool.sse')], { model: SONNET_4 });
  assert.equal(contentOf(bytes), '{"name": "Ada", "age": 36}');
  assert.ok(!bytes.includes('tool_calls'));
  assert.equal(chunksOf(bytes).at(-1)?.choices[0]?.finish_reason, 'stop');
  assert.equal(reading.text(), 'json{"name": "Ada", "age": 36}');
});

test('a forced tool without input is an empty object', () => {
  const { bytes } = read(
    START + open(0, { type: 'tool_use', id: 'a', name: 'json', input: {} }) + close(0) + STOP,
    person,
    { model: SONNET_4 },
  );
  assert.equal(contentOf(bytes), '{}');
});

test('text beside the forced tool is the answer only where the tool is not called', () => {
  const words = open(0, { type: 'text', text: '' }) + say(0, '{"a":') + say(0, '1}') + close(0);
  const call = open(1, { type: 'tool_use', id: 'a', name: 'json', input: { b: 2 } }) + close(1);
  assert.equal(contentOf(read(START + words + call + STOP, person, { model: SONNET_4 }).bytes), '{"b":2}');
  assert.equal(contentOf(read(START + words + STOP, person, { model: SONNET_4 }).bytes), '{"a":1}');
});

test('a fence is taken off JSON that was asked for, and left on other answers', () => {
  const request = { response_format: { type: 'json_object' } };
  assert.equal(contentOf(streamed(request, [fixture('fenced-json.sse')]).bytes), '{"a": 1}');
  assert.equal(contentOf(streamed({}, [fixture('fenced-json.sse')]).bytes), '```json\n{"a": 1}\n```\n');
});

test('a ping is a comment for the caller, before the message too', () => {
  for (const ping of [
    'event: ping\ndata: {"type":"ping"}\n\n',
    'data: {"type": "ping"}\n\n',
    'event: ping\n\n',
    ': keep-alive\n\n',
  ]) {
    assert.equal(translation({}).stream().push(Buffer.from(ping)).toString('utf8'), ': ping\n\n');
  }
});

test('a ping between two words stays between them', () => {
  const out = translation({})
    .stream()
    .push(
      Buffer.from(
        `${START}${open(0, { type: 'text', text: 'a' })}event: ping\ndata: {"type":"ping"}\n\n${say(0, 'b')}`,
      ),
    );
  assert.match(out.toString('utf8'), /"role".*"content":"a".*: ping\n\ndata: .*"content":"b"/s);
});

test('a start that is said twice is heard once', () => {
  const { bytes, reading } = streamed({}, [fixture('duplicate-start.sse')]);
  assert.equal(reading.failure, undefined);
  assert.equal(deltasOf(bytes).filter((delta) => 'role' in delta).length, 1);
  assert.equal(contentOf(bytes), 'ok');
  assert.equal(reading.usage?.input, 25);
});

test('content that stands in the start of the message is part of the answer', () => {
  const { bytes } = streamed({}, [fixture('prefilled-start.sse')]);
  assert.equal(contentOf(bytes), 'Kept. ');
  assert.match(bytes.toString('utf8'), /"arguments":"\{\\"id\\":\\"c_1\\"\}"/);
  assert.equal(chunksOf(bytes).at(-1)?.choices[0]?.finish_reason, 'tool_calls');
});

test('several calls in the start of the message each have their arguments', () => {
  const content = [
    { type: 'thinking', thinking: 'hm', signature: 's' },
    { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
    { type: 'tool_use', id: 'b', name: 'g', input: {} },
  ];
  const start = event({ type: 'message_start', message: { id: '', content, stop_reason: 'tool_use' } });
  const { bytes } = read(start + STOP);
  const calls = deltasOf(bytes).flatMap(
    ({ tool_calls }) => (tool_calls as { function: { arguments: string } }[] | undefined) ?? [],
  );
  assert.deepEqual(
    calls.map((call) => call.function.arguments),
    ['', '{"x":1}', '', '{}'],
  );
  assert.ok(deltasOf(bytes).some((delta) => delta['reasoning_content'] === 'hm'));
  assert.equal(chunksOf(bytes)[0]?.id, `chatcmpl-${NOW_MS}`);
});

test('a reason to stop is not forgotten where a later report leaves it out', () => {
  const end = (delta: unknown) => event({ type: 'message_delta', delta, usage: { output_tokens: 3 } });
  const { bytes } = read(START + end({ stop_reason: 'max_tokens' }) + end({ stop_reason: null }) + end(null) + STOP);
  assert.equal(chunksOf(bytes).at(-1)?.choices[0]?.finish_reason, 'length');
});

test('what might have become a fence and did not is content', () => {
  const { bytes } = read(START + open(0, { type: 'text', text: '``' }) + close(0) + STOP, {
    response_format: { type: 'json_object' },
  });
  assert.equal(contentOf(bytes), '``');
});

test('events, blocks and deltas that came later than this code are passed over', () => {
  const { bytes, reading } = read(
    START +
      event({ type: 'mood', mood: 'fine' }) +
      event({ type: 'message_note' }) +
      open(0, { type: 'hologram' }) +
      event({ type: 'content_block_delta', index: 0, delta: { type: 'hologram_delta' } }) +
      close(0) +
      open(1, { type: 'text', text: '' }) +
      event({ type: 'content_block_delta', index: 1, delta: { type: 'citations_delta', citation: {} } }) +
      say(1, 'ok') +
      close(1) +
      STOP,
  );
  assert.equal(reading.failure, undefined);
  assert.equal(contentOf(bytes), 'ok');
});

test('what comes after the end is not looked at', () => {
  const { reading } = read(`${START}${STOP}garbage\n\n`);
  assert.equal(reading.failure, undefined);
  assert.equal(reading.push(Buffer.from('data: more garbage\n\n')).length, 0);
});

test('carriage returns, a byte order mark and a missing last blank line change nothing', () => {
  const plain = streamed({}, [fixture('tools.sse')]).bytes;
  const text = fixture('tools.sse').toString('utf8');
  assert.deepEqual(read(text.replaceAll('\n', '\r\n')).bytes, plain);
  assert.deepEqual(read(`\ufeff${text}`).bytes, plain);
  assert.deepEqual(read(text.trimEnd()).bytes, plain);
});

test('an overload in the middle is a failure, after what was good before it', () => {
  const { bytes, reading } = streamed({}, [fixture('overloaded.sse')]);
  assert.deepEqual(reading.failure, {
    kind: 'in_band',
    status: 529,
    type: 'overloaded_error',
    message: 'Overloaded',
    code: null,
    param: null,
  });
  assert.equal(reading.done, false);
  assert.equal(contentOf(bytes), 'Half an ans');
  assert.equal(reading.text(), 'Half an ans');
  assert.ok(!bytes.includes('"finish_reason":"'));
});

test('after a failure nothing more is passed on', () => {
  const reading = translation({}).stream();
  reading.push(fixture('overloaded.sse'));
  const { failure } = reading;
  assert.equal(reading.push(Buffer.from(say(0, 'wer') + STOP)).length, 0);
  reading.end();
  assert.equal(reading.failure, failure);
  assert.equal(reading.done, false);
  assert.equal(reading.text(), 'Half an ans');
});

test('a second message in one stream is garbage', () => {
  const { bytes, reading } = streamed({}, [fixture('spliced-start.sse')]);
  assert.equal(reading.failure?.kind, 'garbage');
  assert.equal(contentOf(bytes), 'first');
});

test('a stream that is cut anywhere before its end is a failure, never an end', () => {
  const whole = fixture('tools.sse');
  const last = whole.lastIndexOf('event: message_stop');
  for (let length = 0; length < last + 60 && length < whole.length - 5; length += 37) {
    const { reading, bytes } = streamed({}, [whole.subarray(0, length)]);
    assert.equal(reading.failure?.kind, 'cut', `after ${length} bytes`);
    assert.equal(reading.done, false);
    assert.ok(!bytes.includes('"finish_reason":"') && !bytes.includes('[DONE]'));
  }
});

const begun = START + open(0, { type: 'text', text: '' });
for (const [name, text] of [
  ['no JSON', `${START}data: oops\n\n`],
  ['a page', '<html>\n\ndata: <body>\n\n'],
  ['null', 'data: null\n\n'],
  ['a list', 'data: []\n\n'],
  ['an event without type', 'data: {"a":1}\n\n'],
  ['a chunk of another dialect', 'data: {"object":"chat.completion.chunk","choices":[]}\n\n'],
  ['content before the message', open(0, { type: 'text', text: '' })],
  ['an end before the message', STOP],
  ['a start without message', 'data: {"type":"message_start"}\n\n'],
  ['a piece of a block that was not begun', `${begun}${say(1, 'x')}`],
  ['a piece that is none', `${begun}data: {"type":"content_block_delta","index":0}\n\n`],
] as const) {
  test(`${name} in a stream is garbage`, () => {
    const { reading } = read(text);
    assert.equal(reading.failure?.kind, 'garbage');
    assert.equal(reading.done, false);
  });
}

test('an event that outgrows every bound is garbage, and is not kept', () => {
  const reading = translation({}).stream();
  const megabyte = Buffer.alloc(1024 * 1024, 'a');
  reading.push(Buffer.from('data: "'));
  for (let i = 0; i < 17; i++) reading.push(megabyte);
  assert.equal(reading.failure?.kind, 'garbage');
});

test("another server's [DONE] is passed over, and does not make an end", () => {
  const { reading } = read(`${START}data: [DONE]\n\n`);
  assert.equal(reading.failure?.kind, 'cut');
});

test('however the bytes are cut into pieces, the caller gets the same', () => {
  const names = readdirSync(join(packageRoot, 'test/fixtures/anthropic')).filter((name) => name.endsWith('.sse'));
  const cases = fc.record({
    name: fc.constantFrom(...names),
    cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }),
    request: fc.constantFrom({}, person, { response_format: { type: 'json_object' } }),
  });
  fc.assert(
    fc.property(cases, ({ name, cuts, request }) => {
      const whole = fixture(name);
      const settings = { ...asked, model: SONNET_4 };
      const at = [0, ...cuts.map((cut) => Math.floor(cut * whole.length)).sort((a, b) => a - b), whole.length];
      const pieces = at.slice(1).map((end, i) => whole.subarray(at[i], end));
      const inPieces = streamed(request, pieces, settings);
      const atOnce = streamed(request, [whole], settings);
      assert.equal(inPieces.bytes.toString('utf8'), atOnce.bytes.toString('utf8'));
      assert.deepEqual(inPieces.reading.failure, atOnce.reading.failure);
      assert.deepEqual(inPieces.reading.usage, atOnce.reading.usage);
      assert.equal(inPieces.reading.text(), atOnce.reading.text());
    }),
    { numRuns: 200 },
  );
});

test('byte by byte, every stream is the same stream', () => {
  for (const name of ['text.sse', 'tools.sse', 'thinking.sse']) {
    const whole = fixture(name);
    const bytes = Array.from(whole, (_, i) => whole.subarray(i, i + 1));
    assert.deepEqual(streamed({}, bytes).bytes, streamed({}, [whole]).bytes);
  }
});
