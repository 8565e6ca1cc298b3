import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { geminiFailures } from '../../../src/formats/google-gemini/failures.js';
import { classify } from '../../../src/router/classify.js';
import { atOnce } from '../../support/at-once.js';
import { processorTime } from '../../support/processor-time.js';
import { answered, completion, fixture, GEMINI_3, type Sent, translation } from './calls.js';

const read = (name: string, settings = {}) => atOnce(translation({}, settings).answer(fixture(name)));
const told = (name: string, settings = {}) => {
  const answer = read(name, settings);
  assert.ok(answer.ok);
  return { answer, json: JSON.parse(answer.body.toString('utf8')) };
};
const one = (candidate: object, more: object = {}) => ({
  candidates: [{ index: 0, ...candidate }],
  usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 1 },
  ...more,
});
const said = (text: string) => ({ content: { role: 'model', parts: [{ text }] } });

describe('a whole answer', () => {
  test('is a chat completion, and its usage adds up', () => {
    const { answer, json } = told('text.json');
    assert.deepEqual(json, {
      id: 'chatcmpl-resp-1',
      created: 1_760_000_000,
      model: 'gemini-2.5-flash',
      object: 'chat.completion',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hello there.', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
          native_finish_reason: 'STOP',
        },
      ],
      usage: {
        prompt_tokens: 1260,
        completion_tokens: 45,
        total_tokens: 1305,
        prompt_tokens_details: { cached_tokens: 1000, cache_write_tokens: 0, audio_tokens: 50 },
        completion_tokens_details: { reasoning_tokens: 40, audio_tokens: 0 },
      },
    });
    assert.deepEqual(answer.usage, {
      input: 260,
      cache_read: 1000,
      cache_write_5m: 0,
      cache_write_1h: 0,
      output: 45,
      reasoning: 40,
      audio_input: 50,
      audio_output: 0,
      image_input: 100,
    });
    assert.equal(answer.servedModel, 'gemini-2.5-flash');
    assert.equal(answer.text(), 'Hello there.');
  });

  test('with calls of tools keeps the numbers of their inputs, and makes ids where there are none', () => {
    const { json, answer } = told('tools.json');
    const { message, finish_reason } = json.choices[0];
    assert.equal(finish_reason, 'tool_calls');
    assert.equal(message.content, 'Let me see.');
    assert.deepEqual(message.tool_calls, [
      {
        id: 'call_resp-1_0_0',
        type: 'function',
        function: {
          name: 'get_weather',
          arguments: '{"city":"Paris","id":9007199254740993}',
        },
        extra_content: { google: { thought_signature: 'c2lnLTE=' } },
      },
      {
        id: 'call_resp-1_0_1',
        type: 'function',
        function: { name: 'get_time', arguments: '{"zone":"UTC"}' },
      },
    ]);
    assert.deepEqual(message.thinking_blocks, [{ type: 'thinking', thinking: '', signature: 'tg1.google.0.c2lnLTE=' }]);
    assert.match(answer.text(), /^Let me see\.get_weather/);
  });

  test('tells thoughts apart from what is said, and signs the text', () => {
    const parts = [
      { text: 'Hm. ', thought: true },
      { text: 'Three', thoughtSignature: 'U0lH' },
    ];
    const { message } = completion(one({ content: { parts }, finishReason: 'STOP' })).choices[0];
    assert.deepEqual(message, {
      role: 'assistant',
      content: 'Three',
      refusal: null,
      reasoning_content: 'Hm. ',
      extra_content: { google: { thought_signature: 'U0lH' } },
      thinking_blocks: [{ type: 'thinking', thinking: 'Hm. ', signature: 'tg1.google.text.U0lH' }],
    });
  });

  test('may have several candidates, log probabilities and images', () => {
    const logprobsResult = {
      chosenCandidates: [{ token: 'é', tokenId: 1, logProbability: -0.5 }],
      topCandidates: [{ candidates: [{ token: 'e', logProbability: -1 }] }],
    };
    const answer = {
      candidates: [
        { ...said('A'), finishReason: 'STOP', logprobsResult },
        {
          index: 1,
          content: { parts: [{ inlineData: { mimeType: 'image/png', data: 'AA==' } }] },
          finishReason: 'MAX_TOKENS',
        },
      ],
    };
    const { choices } = completion(answer);
    assert.deepEqual(choices[0].logprobs.content[0], {
      token: 'é',
      logprob: -0.5,
      bytes: [195, 169],
      top_logprobs: [{ token: 'e', logprob: -1, bytes: [101] }],
    });
    assert.equal(choices[1].index, 1);
    assert.equal(choices[1].finish_reason, 'length');
    assert.deepEqual(choices[1].message.images, [
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
    ]);
  });

  test('counts the searches that the provider charges for', () => {
    const searched = one({ ...said('x'), finishReason: 'STOP', groundingMetadata: { webSearchQueries: ['a', 'b'] } });
    const searches = (model: string) => {
      const answer = answered(searched, {}, { model });
      return answer.ok && answer.usage?.tools?.web_search;
    };
    assert.deepEqual([searches('gemini-2.5-flash'), searches(GEMINI_3)], [1, 2]);
  });
});

describe('what an answer was grounded in', () => {
  const web = (uri: string) => ({ web: { uri, title: uri } });
  const support = (startIndex: number, endIndex: number, ...groundingChunkIndices: number[]) => ({
    segment: { startIndex, endIndex },
    groundingChunkIndices,
  });

  test('is told in characters', () => {
    const groundingMetadata = {
      groundingChunks: [web('https://a'), web('https://b')],
      groundingSupports: [support(0, 3, 0), support(3, 8, 0, 1)],
    };
    const { message } = completion(one({ ...said('é 漢字'), finishReason: 'STOP', groundingMetadata })).choices[0];
    assert.deepEqual(
      message.annotations.map(({ url_citation: { start_index, end_index, url } }: Sent) => [
        start_index,
        end_index,
        url,
      ]),
      [
        [0, 2, 'https://a'],
        [2, 4, 'https://a'],
        [2, 4, 'https://b'],
      ],
    );
  });

  test('takes no longer the more places there are, and has a bounded number of them', async () => {
    const text = '漢'.repeat(120_000);
    const groundingMetadata = {
      groundingChunks: [web('https://a')],
      groundingSupports: Array.from({ length: 20_000 }, (_, i) => support(300_000 + 3 * i, 360_000, 0)),
    };
    const body = Buffer.from(JSON.stringify(one({ ...said(text), finishReason: 'STOP', groundingMetadata })));
    const usedMs = processorTime();
    const answer = await translation({}).answer(body);
    assert.ok(usedMs() < 2_000);
    assert.ok(answer.ok);
    assert.equal(JSON.parse(answer.body.toString()).choices[0].message.annotations.length, 256);
  });

  test('many calls are put together as fast as few, each', async () => {
    const parts = Array.from({ length: 30_000 }, () => ({ functionCall: { name: 'f' } }));
    const body = Buffer.from(JSON.stringify(one({ content: { role: 'model', parts }, finishReason: 'STOP' })));
    const usedMs = processorTime();
    const answer = await translation({}).answer(body);
    assert.ok(usedMs() < 6_000);
    assert.ok(answer.ok);
  });
});

describe('why an answer ended', () => {
  const finishes: readonly (readonly [string, string])[] = [
    ['STOP', 'stop'],
    ['MAX_TOKENS', 'length'],
    ...[
      'SAFETY',
      'RECITATION',
      'BLOCKLIST',
      'PROHIBITED_CONTENT',
      'SPII',
      'LANGUAGE',
      'IMAGE_SAFETY',
      'NO_IMAGE',
      'IMAGE_RECITATION',
      'IMAGE_PROHIBITED_CONTENT',
      'MODEL_ARMOR',
    ].map((reason): [string, string] => [reason, 'content_filter']),
    ['OTHER', 'stop'],
  ];
  for (const [reason, finish] of finishes)
    test(`${reason} is ${finish}`, () => {
      const answer = answered(one({ ...said('some'), finishReason: reason }));
      assert.ok(answer.ok);
      const [choice] = JSON.parse(answer.body.toString('utf8')).choices;
      assert.deepEqual(
        [choice.finish_reason, choice.native_finish_reason, answer.filtered],
        [finish, reason, finish === 'content_filter'],
      );
    });

  test('a blocked prompt is an answer that was withheld, and is billed', () => {
    const { answer, json } = told('blocked.json');
    assert.ok(answer.filtered);
    assert.equal(answer.usage?.input, 7);
    const [choice] = json.choices;
    assert.equal(choice.finish_reason, 'content_filter');
    assert.match(choice.message.refusal, /blocked .*\(SAFETY\)/);
  });

  test('what was withheld before a word, or thought to its end, is an answer without words', () => {
    for (const [finishReason, finish] of [
      ['SAFETY', 'content_filter'],
      ['MAX_TOKENS', 'length'],
    ]) {
      const answer = answered(one({ finishReason }));
      assert.ok(answer.ok && answer.empty);
      const [choice] = JSON.parse(answer.body.toString('utf8')).choices;
      assert.deepEqual([choice.finish_reason, choice.message.content], [finish, '']);
    }
  });

  test('an empty candidate, a failed call and no candidate are no answers', () => {
    const cases: readonly object[] = [
      one({ finishReason: 'STOP' }),
      one({ content: {}, finishReason: 'STOP' }),
      one({ content: { parts: [{ text: '' }] }, finishReason: 'OTHER' }),
      one({}),
      one({ finishReason: 'MALFORMED_FUNCTION_CALL', finishMessage: 'Malformed function call: print(' }),
      one({ ...said('x'), finishReason: 'UNEXPECTED_TOOL_CALL' }),
      { usageMetadata: { promptTokenCount: 3 } },
      { candidates: [] },
      { hello: 1 },
      [],
    ];
    for (const answer of cases) {
      const read = answered(answer);
      assert.ok(!read.ok, JSON.stringify(answer));
      assert.equal(classify(read.failure, geminiFailures), 'transient', JSON.stringify(answer));
    }
    const empty = answered(one({ finishReason: 'STOP' }));
    assert.ok(!empty.ok && empty.usage?.input === 3);
    assert.ok(!atOnce(translation({}).answer(Buffer.from('<html>'))).ok);
  });
});

describe('errors', () => {
  const failures: readonly (readonly [string, number, string, number | undefined])[] = [
    ['error-minute.json', 429, 'rate_limit', 34_400],
    ['error-day.json', 429, 'quota', 12_000],
    ['error-key.json', 400, 'credential', undefined],
    ['error-context.json', 400, 'context_window', undefined],
    ['error-model.json', 404, 'not_found', undefined],
  ];
  for (const [file, status, is, wait] of failures)
    test(`${file} is of class ${is}`, () => {
      const failure = translation({}).failure(status, fixture(file));
      assert.deepEqual([classify(failure, geminiFailures), failure.retryAfterMs], [is, wait]);
    });

  const plain = (code: number, status: string, message = 'x') =>
    translation({}).failure(code, Buffer.from(JSON.stringify({ error: { code, message, status } })));
  test('by their status', () => {
    const rows: readonly (readonly [number, string, string, string])[] = [
      [400, 'INVALID_ARGUMENT', 'Bad schema.', 'caller'],
      [403, 'PERMISSION_DENIED', 'Generative Language API has not been used in project 1.', 'credential'],
      [403, 'PERMISSION_DENIED', 'You do not have permission to access the File abc or it may not exist.', 'caller'],
      [404, 'NOT_FOUND', 'CachedContent not found.', 'caller'],
      [401, 'UNAUTHENTICATED', 'x', 'credential'],
      [500, 'INTERNAL', 'x', 'transient'],
      [503, 'UNAVAILABLE', 'The model is overloaded.', 'overload'],
      [504, 'DEADLINE_EXCEEDED', 'x', 'transient'],
    ];
    for (const [code, status, message, is] of rows)
      assert.equal(classify(plain(code, status, message), geminiFailures), is, status);
  });

  test('inside an answer of status 200 are errors', () => {
    const answer = answered({ error: { code: 503, message: 'overloaded', status: 'UNAVAILABLE' } });
    assert.ok(!answer.ok);
    assert.equal(answer.failure.kind, 'in_band');
    assert.equal(classify(answer.failure, geminiFailures), 'overload');
  });
});
