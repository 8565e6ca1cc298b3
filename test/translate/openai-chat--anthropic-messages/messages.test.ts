import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assistant,
  dropped,
  HAIKU_3,
  OPUS_5,
  refusal,
  SONNET_4_5,
  sent,
  toolCall,
  toolResult,
  translation,
  user,
} from './calls.js';

const text = (words: string) => ({ type: 'text', text: words });
const messagesOf = (...messages: object[]) => sent({ messages }).messages;

test('system and developer messages are hoisted in order, wherever they stand', () => {
  const body = sent({
    messages: [
      { role: 'system', content: 'Be brief.' },
      user('hi'),
      { role: 'developer', content: [text('Speak French.'), text('  ')] },
      user('there'),
    ],
  });
  assert.deepEqual(body.system, [text('Be brief.'), text('Speak French.')]);
  assert.deepEqual(body.messages, [{ role: 'user', content: [text('hi'), text('there')] }]);
});

test('a conversation without system messages has no system field', () => {
  assert.ok(!('system' in sent({})));
});

test('neighbours of one role become one turn', () => {
  assert.deepEqual(messagesOf(user('a'), user('b'), assistant('c'), assistant('d'), user('e')), [
    { role: 'user', content: [text('a'), text('b')] },
    { role: 'assistant', content: [text('c'), text('d')] },
    { role: 'user', content: [text('e')] },
  ]);
});

test('blank text is dropped, and a message that held nothing else with it', () => {
  assert.deepEqual(messagesOf(user([text(''), text('a')]), assistant(''), assistant(null), user(' \n'), user('b')), [
    { role: 'user', content: [text('a'), text('b')] },
  ]);
});

test('a conversation that begins with the assistant gets an opening turn of the user', () => {
  const [first, second] = messagesOf(assistant('Welcome!'), user('hi'));
  assert.equal(first?.role, 'user');
  assert.deepEqual(second, { role: 'assistant', content: [text('Welcome!')] });
});

test('parallel tool results come back in one user turn, before everything else in it', () => {
  const turns = messagesOf(
    user('both, please'),
    assistant('Looking.', { tool_calls: [toolCall('a', 'weather', '{"city":"Paris"}'), toolCall('b', 'time', '')] }),
    user('hurry'),
    toolResult('b', 'noon'),
    toolResult('a', 'rain'),
    user('well?'),
  );
  assert.deepEqual(turns.slice(1), [
    {
      role: 'assistant',
      content: [
        text('Looking.'),
        { type: 'tool_use', id: 'a', name: 'weather', input: { city: 'Paris' } },
        { type: 'tool_use', id: 'b', name: 'time', input: {} },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'b', content: [text('noon')] },
        { type: 'tool_result', tool_use_id: 'a', content: [text('rain')] },
        text('hurry'),
        text('well?'),
      ],
    },
  ]);
});

test('calls that a client spread over several assistant messages are one turn', () => {
  const turns = messagesOf(
    user('go'),
    assistant(null, { tool_calls: [toolCall('a')] }),
    assistant(null, { tool_calls: [toolCall('b')] }),
    toolResult('a', '1'),
    toolResult('b', '2'),
  );
  assert.deepEqual(
    turns.map(({ role, content }) => [role, content.length]),
    [
      ['user', 1],
      ['assistant', 2],
      ['user', 2],
    ],
  );
});

test('tool arguments keep the precision of their numbers', () => {
  const messages = [
    user('x'),
    assistant(null, { tool_calls: [toolCall('a', 'f', '{"id":12345678901234567890,"x":1.0}')] }),
  ];
  const body = translation({ messages: [...messages, toolResult('a', 'ok')] }).body.toString('utf8');
  assert.ok(body.includes('"input":{"id":12345678901234567890,"x":1.0}'));
});

for (const args of ['{"city": "Par', '[1]', 'null', '"x"']) {
  test(`arguments that are no object are passed on as text: ${args}`, () => {
    const [, turn] = messagesOf(
      user('x'),
      assistant(null, { tool_calls: [toolCall('a', 'f', args)] }),
      toolResult('a', 'ok'),
    );
    assert.deepEqual(turn?.content, [{ type: 'tool_use', id: 'a', name: 'f', input: { invalid_arguments: args } }]);
  });
}

test('arguments nested ten thousand deep do no harm', () => {
  const args = `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
  const messages = [user('x'), assistant(null, { tool_calls: [toolCall('a', 'f', args)] }), toolResult('a', 'ok')];
  assert.ok(translation({ messages }).body.includes(args));
});

test('ids with characters that the target refuses are rewritten the same way in call and result', () => {
  const id = 'call:1/ä';
  const [, call, result] = messagesOf(user('x'), assistant(null, { tool_calls: [toolCall(id)] }), toolResult(id, 'ok'));
  const [use] = call!.content as unknown as { id: string }[];
  const [answer] = result!.content as unknown as { tool_use_id: string }[];
  assert.match(use!.id, /^[a-zA-Z0-9_-]+$/);
  assert.equal(answer!.tool_use_id, use!.id);
});

test('images in a tool result stay images', () => {
  const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } };
  const [, , turn] = messagesOf(
    user('x'),
    assistant(null, { tool_calls: [toolCall('a')] }),
    toolResult('a', [text('seen'), image]),
  );
  assert.deepEqual(turn?.content, [
    {
      type: 'tool_result',
      tool_use_id: 'a',
      content: [text('seen'), { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } }],
    },
  ]);
});

for (const [name, result, isError] of [
  ['whose text begins with "Error:"', toolResult('a', 'Error: no such city'), true],
  ['that says so', toolResult('a', 'no such city', { is_error: true }), true],
  ['that merely speaks of errors', toolResult('a', 'No Error: fine'), undefined],
  ['that is empty', toolResult('a', ''), undefined],
] as const) {
  test(`a tool result ${name} is ${isError ? 'an' : 'no'} error`, () => {
    const [, , turn] = messagesOf(user('x'), assistant(null, { tool_calls: [toolCall('a')] }), result);
    assert.equal((turn!.content as unknown as { is_error?: boolean }[])[0]?.is_error, isError);
  });
}

test('signed thinking goes back unmodified and first, unsigned thinking and reasoning text do not', () => {
  const [, turn] = messagesOf(
    user('x'),
    assistant('Hm.', {
      reasoning_content: 'not signed',
      thinking_blocks: [
        { type: 'thinking', thinking: ' deep\n', signature: 'sig==', index: 0 },
        { type: 'redacted_thinking', data: 'xyz' },
        { type: 'thinking', thinking: 'nobody signed this', signature: '' },
        { type: 'thinking', thinking: 'nor this' },
      ],
      tool_calls: [toolCall('a')],
    }),
    toolResult('a', 'ok'),
  );
  assert.deepEqual(turn?.content, [
    { type: 'thinking', thinking: ' deep\n', signature: 'sig==' },
    { type: 'redacted_thinking', data: 'xyz' },
    text('Hm.'),
    { type: 'tool_use', id: 'a', name: 'look', input: {} },
  ]);
});

test('what an assistant declined is something it said', () => {
  const refused = { type: 'refusal', refusal: 'I will not.' };
  const [, first, , second] = messagesOf(
    user('x'),
    assistant([refused]),
    user('y'),
    assistant(null, { refusal: 'No.' }),
    user('z'),
  );
  assert.deepEqual(first?.content, [text('I will not.')]);
  assert.deepEqual(second?.content, [text('No.')]);
});

test('a name of a participant is left out and named once', () => {
  const messages = [user('a'), user('b')].map((message) => ({ ...message, name: 'ann' }));
  assert.deepEqual(dropped({ messages }), ['messages[].name']);
});

test('a message as an SDK gives it back is taken', () => {
  const message = {
    role: 'assistant',
    content: 'ok',
    refusal: null,
    annotations: [],
    audio: null,
    function_call: null,
  };
  assert.deepEqual(messagesOf(user('x'), message, user('y'))[1], { role: 'assistant', content: [text('ok')] });
});

test('a last message of the assistant begins the answer where the model continues it', () => {
  const messages = [user('x'), assistant('The answer is \n')];
  assert.deepEqual(sent({ messages }, { model: HAIKU_3 }).messages.at(-1), {
    role: 'assistant',
    content: [text('The answer is')],
  });
});

test('a last message of the assistant is refused where the model does not continue it', () => {
  const messages = [user('x'), assistant('The answer is')];
  assert.equal(refusal({ messages }, { model: OPUS_5 }), 'unsupported_parameter messages[1]');
  const settings = { model: OPUS_5, dropParams: true };
  assert.deepEqual(sent({ messages }, settings).messages, [{ role: 'user', content: [text('x')] }]);
  assert.deepEqual(dropped({ messages }, settings), ['messages[1]']);
});

test('an answer that is held to a schema cannot be begun', () => {
  const schema = { type: 'object', properties: { a: { type: 'string' } } };
  const body = {
    messages: [user('x'), assistant('{')],
    response_format: { type: 'json_schema', json_schema: { name: 's', schema } },
  };
  assert.equal(refusal(body, { model: SONNET_4_5 }), 'unsupported_parameter messages[1]');
});

const thoughts = { thinking_blocks: [{ type: 'thinking', thinking: 't', signature: 's' }] };

test('a turn that ends in thinking was cut there, and ends before it', () => {
  const last = { ...thoughts.thinking_blocks[0], position: { content: 3, tool_calls: 0 } };
  assert.deepEqual(messagesOf(user('x'), assistant('So:', { thinking_blocks: [last, last] }), user('y')), [
    { role: 'user', content: [text('x')] },
    { role: 'assistant', content: [text('So:')] },
    { role: 'user', content: [text('y')] },
  ]);
});

test('a turn of nothing but thinking was none, and the turns around it are one', () => {
  const joined = [{ role: 'user', content: [text('x'), text('y')] }];
  assert.deepEqual(messagesOf(user('x'), assistant('', thoughts), user('y')), joined);
  assert.deepEqual(messagesOf(user('x'), user('y'), assistant(null, thoughts)), joined);
  assert.deepEqual(messagesOf(assistant(null, thoughts), user('x'), user('y')), joined);
  assert.equal(refusal({ messages: [assistant(null, thoughts)] }), 'invalid_value messages');
});

test('thinking of a message without words goes before the call of the next one', () => {
  const [, turn] = messagesOf(
    user('x'),
    assistant(null, thoughts),
    assistant(null, { tool_calls: [toolCall('a')] }),
    toolResult('a', 'ok'),
  );
  assert.deepEqual(turn?.content, [
    ...thoughts.thinking_blocks,
    { type: 'tool_use', id: 'a', name: 'look', input: {} },
  ]);
});

test('an answer that is begun is begun without its thinking', () => {
  const messages = [user('x'), assistant('It is', thoughts)];
  assert.deepEqual(sent({ messages }, { model: HAIKU_3 }).messages.at(-1)?.content, [text('It is')]);
});

const call = assistant(null, { tool_calls: [toolCall('a')] });
const bad: readonly (readonly [string, unknown, string])[] = [
  ['messages that are no array', 'hi', 'invalid_value messages'],
  ['no messages', [], 'invalid_value messages'],
  ['only system messages', [{ role: 'system', content: 'x' }], 'invalid_value messages'],
  ['only blank messages', [user('')], 'invalid_value messages'],
  ['a message that is no object', ['hi'], 'invalid_value messages[0]'],
  ['a message that is null', [null], 'invalid_value messages[0]'],
  ['an unknown role', [{ role: 'robot', content: 'x' }], 'invalid_value messages[0].role'],
  ['no role', [{ content: 'x' }], 'invalid_value messages[0].role'],
  ['the retired role', [{ role: 'function', name: 'f', content: 'x' }], 'unsupported_parameter messages[0].role'],
  ['content that is a number', [user('a'), user('b'), user(7)], 'invalid_value messages[2].content'],
  ['content that is an object', [user({})], 'invalid_value messages[0].content'],
  [
    'an image in a system message',
    [{ role: 'system', content: [image()] }, user('x')],
    'invalid_value messages[0].content',
  ],
  ['an image of the assistant', [user('x'), assistant([image()]), user('y')], 'invalid_value messages[1].content'],
  [
    'tool calls that are no array',
    [user('x'), assistant('', { tool_calls: {} })],
    'invalid_value messages[1].tool_calls',
  ],
  [
    'a tool call that is null',
    [user('x'), assistant('', { tool_calls: [null] })],
    'invalid_value messages[1].tool_calls[0]',
  ],
  ['a call without id', [user('x'), assistant('', { tool_calls: [{}] })], 'invalid_value messages[1].tool_calls[0].id'],
  [
    'a call without function',
    [user('x'), assistant('', { tool_calls: [{ id: 'a', type: 'function' }] })],
    'invalid_value messages[1].tool_calls[0].function.name',
  ],
  [
    'arguments that are an object',
    [user('x'), assistant('', { tool_calls: [{ id: 'a', function: { name: 'f', arguments: {} } }] })],
    'invalid_value messages[1].tool_calls[0].function.arguments',
  ],
  [
    'a custom tool call',
    [user('x'), assistant('', { tool_calls: [{ id: 'a', type: 'custom', custom: {} }] })],
    'unsupported_parameter messages[1].tool_calls[0].type',
  ],
  [
    'the retired call',
    [user('x'), assistant('', { function_call: {} })],
    'unsupported_parameter messages[1].function_call',
  ],
  ['spoken words', [user('x'), assistant('', { audio: { id: 'a' } })], 'unsupported_parameter messages[1].audio'],
  ['a refusal that is no string', [user('x'), assistant('', { refusal: 1 })], 'invalid_value messages[1].refusal'],
  ['a call that nobody answers', [user('x'), call, user('y')], 'invalid_value messages[1].tool_calls[0]'],
  ['a call at the end', [user('x'), call], 'invalid_value messages[1].tool_calls[0]'],
  [
    'a call answered too late',
    [user('x'), call, user('y'), assistant('z'), toolResult('a', '')],
    'invalid_value messages[1].tool_calls[0]',
  ],
  [
    'one id for two calls',
    [user('x'), assistant('', { tool_calls: [toolCall('a'), toolCall('a')] }), toolResult('a', '')],
    'invalid_value messages[1].tool_calls[1].id',
  ],
  ['a result of no call', [user('x'), toolResult('b', 'ok')], 'invalid_value messages[1].tool_call_id'],
  [
    'two results of one call',
    [user('x'), call, toolResult('a', '1'), toolResult('a', '2')],
    'invalid_value messages[3].tool_call_id',
  ],
  ['a result without id', [user('x'), call, { role: 'tool', content: 'ok' }], 'invalid_value messages[2].tool_call_id'],
  [
    'thinking that is no array',
    [user('x'), assistant('', { thinking_blocks: {} })],
    'invalid_value messages[1].thinking_blocks',
  ],
  [
    'thinking of an unknown type',
    [user('x'), assistant('', { thinking_blocks: [{}] })],
    'invalid_value messages[1].thinking_blocks[0].type',
  ],
  [
    'thinking without text',
    [user('x'), assistant('', { thinking_blocks: [{ type: 'thinking', signature: 's' }] })],
    'invalid_value messages[1].thinking_blocks[0].thinking',
  ],
  [
    'a signature that is a number',
    [user('x'), assistant('', { thinking_blocks: [{ type: 'thinking', thinking: 't', signature: 1 }] })],
    'invalid_value messages[1].thinking_blocks[0].signature',
  ],
  [
    'redacted thinking without data',
    [user('x'), assistant('', { thinking_blocks: [{ type: 'redacted_thinking' }] })],
    'invalid_value messages[1].thinking_blocks[0].data',
  ],
];
for (const [what, messages, expected] of bad) {
  test(`${what} is refused with the name of the field`, () => {
    assert.equal(refusal({ messages }), expected);
  });
}

function image() {
  return { type: 'image_url', image_url: { url: 'https://example.com/a.png' } };
}
