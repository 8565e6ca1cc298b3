import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assistant, dropped, refusal, sent, tool, toolCall, toolResult, user } from './calls.js';

const mark = { cache_control: { type: 'ephemeral' } };
const text = (words: string, more: object = {}) => ({ type: 'text', text: words, ...more });

test('marks on parts, messages and tools are carried', () => {
  const hour = { cache_control: { type: 'ephemeral', ttl: '1h' } };
  const body = sent({
    tools: [tool('a'), { ...tool('b'), ...hour }],
    messages: [
      { role: 'system', content: 'long', ...hour },
      user([text('document', mark), text('question')]),
      assistant('answer', mark),
      user('next'),
    ],
  });
  assert.deepEqual(body.tools?.[1]?.cache_control, hour.cache_control);
  assert.deepEqual(body.system, [text('long', hour)]);
  assert.deepEqual(body.messages[0]?.content, [text('document', mark), text('question')]);
  assert.deepEqual(body.messages[1]?.content, [text('answer', mark)]);
});

test('a mark may stand inside the function of a tool, on an image, and on a tool result', () => {
  const image = { type: 'image_url', image_url: { url: 'https://example.com/a.png' }, ...mark };
  const body = sent({
    tools: [tool('a', mark)],
    messages: [user([image]), assistant(null, { tool_calls: [toolCall('a')] }), toolResult('a', 'ok', mark)],
  });
  assert.deepEqual(body.tools?.[0]?.cache_control, mark.cache_control);
  assert.match(JSON.stringify(body.messages[0]), /cache_control/);
  assert.deepEqual(body.messages[2]?.content, [
    { type: 'tool_result', tool_use_id: 'a', content: [text('ok')], ...mark },
  ]);
});

test('a mark never lands on thinking', () => {
  const thinking_blocks = [{ type: 'thinking', thinking: 't', signature: 's' }];
  const body = sent({ messages: [user('x'), assistant('y', { thinking_blocks, ...mark }), user('z')] });
  assert.deepEqual(body.messages[1]?.content, [{ type: 'thinking', thinking: 't', signature: 's' }, text('y', mark)]);
});

test('a mark on blank text is gone with the text', () => {
  assert.deepEqual(sent({ messages: [user([text('x'), text('', mark)])] }).messages[0]?.content, [text('x')]);
});

for (const [ttl, expected] of [
  [undefined, undefined],
  ['30m', '5m'],
  ['12h', '1h'],
] as const) {
  test(`a breakpoint of OpenAI with lifetime ${ttl} is kept for ${expected ?? 'the usual time'}`, () => {
    const breakpoint = { prompt_cache_breakpoint: { mode: 'explicit', ...(ttl ? { ttl } : {}) } };
    const cache_control = { type: 'ephemeral', ...(expected ? { ttl: expected } : {}) };
    assert.deepEqual(sent({ messages: [user([text('x', breakpoint)])] }).messages[0]?.content, [
      text('x', { cache_control }),
    ]);
  });
}

test('of more than four marks the last four are kept', () => {
  const parts = ['1', '2', '3', '4'].map((words) => text(words, mark));
  const body = {
    tools: [{ ...tool('a'), ...mark }],
    messages: [{ role: 'system', content: 's', ...mark }, user(parts)],
  };
  const marked = JSON.stringify(sent(body));
  assert.equal(marked.split('cache_control').length - 1, 4);
  assert.ok(!('cache_control' in sent(body).tools![0]!));
  assert.deepEqual(sent(body).system, [text('s')]);
  assert.deepEqual(dropped(body), ['cache_control']);
});

test('marks inside tool results count', () => {
  const content = ['1', '2', '3', '4', '5'].map((words) => text(words, mark));
  const messages = [user('x'), assistant(null, { tool_calls: [toolCall('a')] }), toolResult('a', content)];
  assert.equal(JSON.stringify(sent({ messages })).split('cache_control').length - 1, 4);
});

for (const [holder, expected] of [
  [{ cache_control: true }, 'cache_control'],
  [{ cache_control: 'ephemeral' }, 'cache_control'],
  [{ cache_control: { type: 'forever' } }, 'cache_control'],
  [{ cache_control: { type: 'ephemeral', ttl: '2h' } }, 'cache_control.ttl'],
  [{ cache_control: { type: 'ephemeral', ttl: 'constructor' } }, 'cache_control.ttl'],
  [{ prompt_cache_breakpoint: { mode: 'implicit' } }, 'prompt_cache_breakpoint'],
] as const) {
  test(`${JSON.stringify(holder)} is refused`, () => {
    assert.equal(
      refusal({ messages: [user([text('x', holder)])] }),
      `invalid_value messages[0].content[0].${expected}`,
    );
  });
}

const hour = { cache_control: { type: 'ephemeral', ttl: '1h' } };

test('a mark of the request itself goes with it, and takes one of the four', () => {
  const marked = (count: number) => ({
    ...mark,
    messages: [user([...Array.from({ length: count }, (_, i) => text(`${i}`, mark)), text('end')])],
  });
  const marksIn = (body: object) => JSON.stringify(sent(body)).match(/cache_control/g)?.length;
  assert.deepEqual(sent(marked(3)).cache_control, mark.cache_control);
  assert.equal(marksIn(marked(3)), 4);
  assert.deepEqual(dropped(marked(3)), []);
  assert.equal(marksIn(marked(4)), 4);
  assert.deepEqual(sent(marked(4)).cache_control, mark.cache_control);
  assert.deepEqual(dropped(marked(4)), ['cache_control']);
});

test('a mark of the request is left out where the end of the prompt has one of its own', () => {
  const body = { ...mark, messages: [user([text('end', mark)])] };
  assert.ok(!('cache_control' in sent(body)));
  assert.deepEqual(sent(body).messages[0]?.content, [text('end', mark)]);
  assert.deepEqual(dropped(body), [], 'it says the same');
  assert.deepEqual(dropped({ ...hour, messages: body.messages }), ['cache_control']);
});

test('what is kept for an hour after what is kept for five minutes is kept for five minutes, and named', () => {
  const short = { cache_control: { type: 'ephemeral', ttl: '5m' } };
  const body = {
    ...hour,
    tools: [{ ...tool('a'), ...hour }],
    messages: [{ role: 'system', content: 'long', ...mark }, user([text('document', hour), text('question')])],
  };
  const request = sent(body);
  assert.deepEqual(request.tools?.[0]?.cache_control, hour.cache_control);
  assert.deepEqual(request.system, [text('long', mark)]);
  assert.deepEqual(request.messages[0]?.content, [text('document', short), text('question')]);
  assert.deepEqual(request.cache_control, short.cache_control);
  assert.deepEqual(dropped(body), ['cache_control.ttl']);
});

test('marks that were taken away shorten none', () => {
  const parts = [text('0', mark), ...[1, 2, 3, 4].map((i) => text(`${i}`, hour))];
  assert.deepEqual(dropped({ messages: [user(parts)] }), ['cache_control']);
  assert.deepEqual(sent({ messages: [user(parts)] }).messages[0]?.content, [text('0'), ...parts.slice(1)]);
});

for (const [cache_control, expected] of [
  [true, 'invalid_value cache_control'],
  [{ type: 'permanent' }, 'invalid_value cache_control'],
  [{ type: 'ephemeral', ttl: '2h' }, 'invalid_value cache_control.ttl'],
] as const) {
  test(`a mark of the request that is ${JSON.stringify(cache_control)} is refused`, () => {
    assert.equal(refusal({ cache_control }), expected);
  });
}
