import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  assistant,
  dropped,
  FLASH_20,
  FLASH_25,
  GEMINI_3,
  refusal,
  sent,
  toolCall,
  toolResult,
  translation,
  user,
} from './calls.js';

const PNG = 'data:image/png;base64,iVBORw0KGgo=';
const image = (url: string) => ({ type: 'image_url', image_url: { url } });
const contents = (messages: object[], model = FLASH_25) => sent({ messages }, { model }).contents;

describe('the conversation', () => {
  test('instructions in front are the system instruction, later ones stay where they are as words of the user', () => {
    const messages = [
      { role: 'system', content: 'Be short.' },
      { role: 'developer', content: [{ type: 'text', text: 'Be kind.' }] },
      user('One.'),
      assistant('Two.'),
      { role: 'system', content: 'Now be long.' },
      user('Three.'),
    ];
    const request = sent({ messages });
    assert.deepEqual(request.systemInstruction, { parts: [{ text: 'Be short.' }, { text: 'Be kind.' }] });
    assert.deepEqual(request.contents, [
      { role: 'user', parts: [{ text: 'One.' }] },
      { role: 'model', parts: [{ text: 'Two.' }] },
      { role: 'user', parts: [{ text: 'Now be long.' }, { text: 'Three.' }] },
    ]);
  });

  test('a model that knows no instruction reads it before the first words of the user', () => {
    const request = sent(
      { messages: [{ role: 'system', content: 'Be short.' }, user('One.')] },
      { model: 'gemma-3-27b-it' },
    );
    assert.equal(request.systemInstruction, undefined);
    assert.deepEqual(request.contents, [{ role: 'user', parts: [{ text: 'Be short.' }, { text: 'One.' }] }]);
  });

  test('a conversation that the assistant begins gets an opening, and one without words is refused', () => {
    assert.deepEqual(contents([assistant('Hello.')])[0], {
      role: 'user',
      parts: [{ text: '(The conversation begins.)' }],
    });
    assert.equal(refusal({ messages: [{ role: 'system', content: 'Alone.' }] }), 'invalid_value messages');
    assert.equal(refusal({ messages: [user('')] }), 'invalid_value messages');
  });

  test('names of speakers and cache marks are left out and named', () => {
    const messages = [{ ...user([{ type: 'text', text: 'Hi', cache_control: { type: 'ephemeral' } }]), name: 'ann' }];
    assert.deepEqual(dropped({ messages }), ['messages[].name', 'cache_control']);
  });

  test('what is no message is refused by its field', () => {
    const cases: readonly (readonly [object[], string])[] = [
      [[{ role: 'function', content: 'x' }], 'unsupported_parameter messages[0].role'],
      [[{ role: 'nobody', content: 'x' }], 'invalid_value messages[0].role'],
      [[assistant('x', { audio: { id: 'a' } })], 'unsupported_parameter messages[0].audio'],
      [[user([{ type: 'hologram' }])], 'unsupported_parameter messages[0].content[0].type'],
      [[user([{ text: 'x' }])], 'invalid_value messages[0].content[0].type'],
      [[{ role: 'system', content: [image(PNG)] }], 'invalid_value messages[0].content'],
      [[toolResult('nobody', 'x')], 'invalid_value messages[0].tool_call_id'],
      [[assistant(null, { tool_calls: [toolCall('a')] }), user('and?')], 'invalid_value messages[0].tool_calls[0]'],
      [[assistant(null, { tool_calls: [toolCall('a'), toolCall('a')] })], 'invalid_value messages[0].tool_calls[1].id'],
      [
        [assistant(null, { tool_calls: [{ id: 'a', type: 'custom' }] })],
        'unsupported_parameter messages[0].tool_calls[0].type',
      ],
    ];
    for (const [messages, expected] of cases) assert.equal(refusal({ messages }), expected);
  });
});

describe('media', () => {
  const part = (one: object, settings = {}) => sent({ messages: [user([one])] }, settings).contents[0].parts[0];

  test('images, sound, films and documents go inline', () => {
    assert.deepEqual(part(image(PNG)), { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } });
    assert.deepEqual(part(image('data:image/jpg;charset=x;base64,AA==')), {
      inlineData: { mimeType: 'image/jpeg', data: 'AA==' },
    });
    assert.deepEqual(part({ type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } }), {
      inlineData: { mimeType: 'audio/wav', data: 'UklGRg==' },
    });
    assert.deepEqual(part({ type: 'video_url', video_url: { url: 'data:video/mp4;base64,AA==' } }), {
      inlineData: { mimeType: 'video/mp4', data: 'AA==' },
    });
    const pdf = { inlineData: { mimeType: 'application/pdf', data: 'JVBERi0=' } };
    assert.deepEqual(part({ type: 'file', file: { file_data: 'data:application/pdf;base64,JVBERi0=' } }), pdf);
    assert.deepEqual(part({ type: 'file', file: { file_data: 'JVBERi0=', filename: 'a.pdf' } }), pdf);
    assert.deepEqual(part({ type: 'file', file: { file_data: 'data:text/plain,a%20b' } }), {
      inlineData: { mimeType: 'text/plain', data: 'YSBi' },
    });
  });

  test('what Google has is named by its address; what is on the web only Vertex AI fetches', () => {
    assert.deepEqual(part(image('gs://bucket/cat.png')), {
      fileData: { mimeType: 'image/png', fileUri: 'gs://bucket/cat.png' },
    });
    assert.deepEqual(
      part({ type: 'file', file: { file_id: 'https://generativelanguage.googleapis.com/v1beta/files/abc' } }),
      {
        fileData: {
          mimeType: 'application/pdf',
          fileUri: 'https://generativelanguage.googleapis.com/v1beta/files/abc',
        },
      },
    );
    assert.deepEqual(part({ type: 'video_url', video_url: { url: 'https://www.youtube.com/watch?v=1' } }), {
      fileData: { mimeType: 'video/mp4', fileUri: 'https://www.youtube.com/watch?v=1' },
    });
    const web = image('https://example.com/cat.webp?w=1');
    assert.equal(refusal({ messages: [user([web])] }), 'unsupported_parameter messages[0].content[0].image_url.url');
    assert.deepEqual(part(web, { atVertex: true }), {
      fileData: { mimeType: 'image/webp', fileUri: 'https://example.com/cat.webp?w=1' },
    });
    assert.deepEqual(
      sent({ messages: [user([{ type: 'text', text: 'x' }, web])] }, { dropParams: true }).contents[0].parts,
      [{ text: 'x' }],
    );
  });

  test('what cannot be read is refused by its field', () => {
    const cases: readonly (readonly [object, string])[] = [
      [image('data:image/png,plain'), 'image_url.url'],
      [image('data:text/html;base64,AA=='), 'image_url.url'],
      [image('ftp://x'), 'image_url.url'],
      [{ type: 'image_url', image_url: {} }, 'image_url.url'],
      [{ type: 'input_audio', input_audio: { data: 'AA==', format: 'midi' } }, 'input_audio.format'],
      [{ type: 'input_audio', input_audio: {} }, 'input_audio.data'],
      [{ type: 'file', file: { file_data: 'AA==' } }, 'file.file_data'],
      [{ type: 'file', file: { file_data: 'data:text/plain,%E0%A4%A' } }, 'file.file_data'],
      [{ type: 'file', file: {} }, 'file.file_data'],
    ];
    for (const [one, field] of cases)
      assert.equal(refusal({ messages: [user([one])] }), `invalid_value messages[0].content[0].${field}`);
    assert.equal(
      refusal({ messages: [user([{ type: 'file', file: { file_id: 'file-1' } }])] }),
      'unsupported_parameter messages[0].content[0].file.file_id',
    );
  });
});

describe('calls of tools and their results', () => {
  const loop = (more: object = {}, results = [toolResult('b', 'noon'), toolResult('a', 'sun')]) => [
    user('Both?'),
    assistant('Looking.', {
      tool_calls: [toolCall('a', 'get_weather', '{"city":1.0,"big":12345678901234567890}'), toolCall('b', 'get_time')],
      ...more,
    }),
    ...results,
  ];

  test('results of one turn stand together in the order of the calls, with the names of their functions', () => {
    const [, model, results] = contents(loop());
    assert.deepEqual(
      model.parts.map((part: { functionCall?: { id: string } }) => part.functionCall?.id),
      [undefined, 'a', 'b'],
    );
    assert.deepEqual(results, {
      role: 'user',
      parts: [
        { functionResponse: { id: 'a', name: 'get_weather', response: { output: 'sun' } } },
        { functionResponse: { id: 'b', name: 'get_time', response: { output: 'noon' } } },
      ],
    });
  });

  test('what is said between calls and their results stands behind the results', () => {
    const messages = [
      user('Look.'),
      assistant(null, { tool_calls: [toolCall('c1', 'a'), toolCall('c2', 'b')] }),
      { role: 'developer', content: 'Mind the gap.' },
      toolResult('c1', 'one'),
      user('And then?'),
      toolResult('c2', 'two'),
    ];
    const [, , results, said] = contents(messages);
    assert.deepEqual(
      results.parts.map((part: { functionResponse: { name: string } }) => part.functionResponse.name),
      ['a', 'b'],
    );
    assert.deepEqual(said, { role: 'user', parts: [{ text: 'Mind the gap.' }, { text: 'And then?' }] });
    assert.equal(refusal({ messages: messages.slice(0, 3) }), 'invalid_value messages[1].tool_calls[0]');
  });

  test('Vertex AI knows no ids', () => {
    const [, model, results] = sent({ messages: loop() }, { atVertex: true }).contents;
    assert.equal(model.parts[1].functionCall.id, undefined);
    assert.equal(results.parts[0].functionResponse.id, undefined);
  });

  test('what follows results is a turn of its own, and errors are told as errors', () => {
    const messages = [
      ...loop({}, [toolResult('a', 'Error: no such city'), toolResult('b', 'x', { is_error: true })]),
      user('Go on.'),
    ];
    const turns = contents(messages);
    assert.deepEqual(
      turns[2].parts.map((part: { functionResponse: { response: object } }) => part.functionResponse.response),
      [{ error: 'Error: no such city' }, { error: 'x' }],
    );
    assert.deepEqual(turns[3], { role: 'user', parts: [{ text: 'Go on.' }] });
  });

  test('the input of a call keeps its numbers, and what is no JSON is told as what it is', () => {
    assert.match(
      translation({ messages: loop() }).body.toString('utf8'),
      /"args":\{"city":1\.0,"big":12345678901234567890\}/,
    );
    const cut = [user('x'), assistant(null, { tool_calls: [toolCall('a', 'look', '{"ci')] }), toolResult('a', 'x')];
    assert.deepEqual(contents(cut)[1].parts[0].functionCall.args, { invalid_arguments: '{"ci' });
    const blank = [user('x'), assistant(null, { tool_calls: [toolCall('a', 'look', ' ')] }), toolResult('a', '')];
    assert.deepEqual(contents(blank)[1].parts[0].functionCall.args, {});
  });

  test('images of a result stand in it since Gemini 3, and beside it before', () => {
    const results = [toolResult('a', [{ type: 'text', text: 'See:' }, image(PNG)]), toolResult('b', 'x')];
    const media = { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } };
    const [, , newer] = contents(loop({}, results), GEMINI_3);
    assert.deepEqual(newer.parts[0].functionResponse, {
      id: 'a',
      name: 'get_weather',
      response: { output: 'See:' },
      parts: [media],
    });
    const [, , older] = contents(loop({}, results), FLASH_20);
    assert.deepEqual(older.parts.slice(2), [{ text: 'Of the result of get_weather:' }, media]);
  });
});

describe('thought signatures', () => {
  const turn = (more: object, calls: object[]) => [
    user('Both?'),
    assistant('Looking.', { tool_calls: calls, ...more }),
    ...calls.map((call) => toolResult((call as { id: string }).id, 'x')),
  ];
  const extra = (signature: string) => ({ extra_content: { google: { thought_signature: signature } } });
  const signatures = (messages: object[], model = GEMINI_3) =>
    contents(messages, model)[1].parts.map((part: { thoughtSignature?: string }) => part.thoughtSignature);

  test('go back on the call and on the text that they came with', () => {
    const calls = [toolCall('a', 'look', '{}', extra('SIG-A')), toolCall('b', 'look', '{}')];
    assert.deepEqual(signatures(turn(extra('SIG-T'), calls)), ['SIG-T', 'SIG-A', undefined]);
  });

  test('survive in thinking blocks where a client keeps nothing else', () => {
    const blocks = [
      { type: 'thinking', thinking: 'Hm.', signature: 'tg1.google.1.SIG:B' },
      { type: 'thinking', thinking: '', signature: 'tg1.google.text.SIG-T' },
      { type: 'thinking', thinking: 'Of Claude.', signature: 'EqRkLw' },
    ];
    const calls = [toolCall('a'), toolCall('b')];
    assert.deepEqual(signatures(turn({ thinking_blocks: blocks }, calls)), [
      'SIG-T',
      'skip_thought_signature_validator',
      'SIG:B',
    ]);
  });

  test('that were thrown away, or never were, are passed over on the first call of a turn', () => {
    const calls = [toolCall('a'), toolCall('b')];
    assert.deepEqual(signatures(turn({}, calls)), [undefined, 'skip_thought_signature_validator', undefined]);
    assert.deepEqual(signatures(turn({}, calls), FLASH_25), [undefined, undefined, undefined]);
    const foreign = { thinking_blocks: [{ type: 'thinking', thinking: 'x', signature: 'EqRk' }] };
    assert.deepEqual(signatures(turn(foreign, calls), FLASH_25), [undefined, undefined, undefined]);
  });

  test('of a turn that said nothing stand on an empty text', () => {
    assert.deepEqual(contents([user('x'), assistant(null, extra('SIG')), user('y')], GEMINI_3)[1].parts, [
      { text: '', thoughtSignature: 'SIG' },
    ]);
  });
});
