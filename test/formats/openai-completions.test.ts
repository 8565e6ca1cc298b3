/** OpenAI's completions: what is read, what goes to a target that speaks them, and what becomes of them elsewhere. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FormatId } from '../../src/formats/format-id.js';
import { readCompletionsRequest } from '../../src/formats/openai-completions/request.js';
import type { Answer, StreamReader, TargetFacts, Translation } from '../../src/formats/translation.js';
import type { Json } from '../../src/lib/json.js';
import { translatorFor } from '../../src/translate/registry.js';
import { atOnce } from '../support/at-once.js';

const target: TargetFacts = {
  model: 'upstream-m',
  id: 'fake/upstream-m',
  dropParams: false,
  forcedToolChoice: 'refuse',
  modelFacts: null,
  outputField: 'max_tokens',
  maxOutput: null,
  asksUsage: true,
  mostInputs: 1,
};

async function carry(body: object | string, to: FormatId, maxOutput: number | null = null) {
  const read = atOnce(readCompletionsRequest(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))));
  if (!read.ok) return read;
  const way = translatorFor('openai-completions', new Set([to]))!;
  return way.translate(read.value, target, { maxOutput, nowMs: 1_760_000_000_000 });
}

async function carried(body: object | string, to: FormatId, maxOutput: number | null = null): Promise<Translation> {
  const result = await carry(body, to, maxOutput);
  assert.ok(result.ok, result.ok ? '' : result.refusal.message);
  return result.value;
}

const least = { model: 'm', prompt: 'Once upon' };
const facts = (more: object) => {
  const read = atOnce(readCompletionsRequest(Buffer.from(JSON.stringify({ ...least, ...more }))));
  assert.ok(read.ok);
  return read.value.facts;
};

test('prompts are texts or tokens, one or several; each is answered for itself', () => {
  for (const [prompt, choices] of [
    ['a', 1],
    [['a', 'b'], 2],
    [[1, 2, 3], 1],
    [[[1, 2], [3]], 2],
  ] as const) {
    assert.equal(facts({ prompt }).choices, choices);
    assert.equal(facts({ prompt, n: 2, best_of: 3 }).choices, choices * 3);
  }
  const wrong = [7, [], [[]], ['a', 1], [1.5], [-1], {}, null, [['a']]];
  for (const prompt of wrong)
    assert.ok(
      !atOnce(readCompletionsRequest(Buffer.from(JSON.stringify({ ...least, prompt })))).ok,
      JSON.stringify(prompt),
    );
});

test('a body of another endpoint is told where it belongs', async () => {
  const refused = await carry({ model: 'm', messages: [] }, 'openai-chat');
  assert.ok(!refused.ok);
  assert.match(refused.refusal.message, /belongs to \/v1\/chat\/completions/);
});

describe('to a target that speaks them', () => {
  test('the bytes stay, but for the model, a maximum and the usage of a stream', async () => {
    const body = '{ "prompt":["a", "b"],"model" : "m", "echo": true, "logprobs": 2, "x": 1.0 }';
    const sent = async (...more: Parameters<typeof carried>) => (await carried(...more)).body.toString();
    assert.equal(await sent(body, 'openai-completions'), body.replace('"m"', '"upstream-m"'));
    assert.match(await sent(body, 'openai-completions', 7), /, "x": 1\.0 ,"max_tokens":7\}$/);
    assert.match(await sent({ ...least, max_tokens: 99 }, 'openai-completions', 7), /"max_tokens":7\}/);
    assert.match(
      await sent({ ...least, stream: true }, 'openai-completions'),
      /"stream_options":\{"include_usage":true\}/,
    );
  });

  test('answers and streams come back as they are', async () => {
    const whole =
      '{"id":"c","choices":[{"text":" a time","index":0,"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":3}}';
    const answer = (await (await carried(least, 'openai-completions')).answer(Buffer.from(whole))) as Answer;
    assert.ok(answer.ok && answer.body.toString() === whole);
    assert.deepEqual([answer.usage?.input, answer.usage?.output, answer.text()], [2, 3, ' a time']);
    const reader: StreamReader = (await carried({ ...least, stream: true }, 'openai-completions')).stream();
    const events =
      'data: {"id":"c","choices":[{"text":" a","index":0,"finish_reason":null}]}\n\ndata: {"id":"c","choices":[{"text":"","index":0,"finish_reason":"stop"}]}\n\n';
    const out = reader.push(
      Buffer.from(
        `${events}data: {"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":3}}\n\ndata: [DONE]\n\n`,
      ),
    );
    assert.equal(out.toString(), events);
    assert.ok(reader.done);
    assert.deepEqual([reader.text(), reader.usage?.output], [' a', 3]);
    assert.equal(reader.closing({ cost_usd: '0', attempts: 1, cache: 'off' }).toString(), 'data: [DONE]\n\n');
  });

  test('what is no completion is a failure', async () => {
    const { answer } = await carried(least, 'openai-completions');
    for (const body of [
      '',
      '[]',
      '{}',
      '{"choices":[]}',
      '{"error":{"message":"no"}}',
      '{"choices":[{"finish_reason":"error"}]}',
    ])
      assert.equal(((await answer(Buffer.from(body))) as Answer).ok, false, body);
  });
});

describe('to other targets', () => {
  test('one text is what the user says, and the answer is told as a completion', async () => {
    const translation = await carried({ ...least, max_tokens: 9, temperature: 0.5, stop: ['x'], n: 2 }, 'openai-chat');
    assert.deepEqual(JSON.parse(translation.body.toString()), {
      model: 'upstream-m',
      messages: [{ role: 'user', content: 'Once upon' }],
      max_tokens: 9,
      temperature: 0.5,
      n: 2,
      stop: ['x'],
    });
    const completion = {
      id: 'chatcmpl-1',
      created: 7,
      model: 'served',
      choices: [{ index: 0, message: { role: 'assistant', content: ' a time' }, finish_reason: 'length' }],
      usage: { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 },
    };
    const answer = (await translation.answer(Buffer.from(JSON.stringify(completion)))) as Answer;
    assert.ok(answer.ok);
    const { usage, ...told } = JSON.parse(answer.body.toString()) as Json;
    assert.deepEqual(told, {
      id: 'cmpl-1',
      object: 'text_completion',
      created: 7,
      model: 'served',
      choices: [{ text: ' a time', index: 0, logprobs: null, finish_reason: 'length' }],
    });
    assert.equal((usage as Json)['total_tokens'], 5);
  });

  test('a stream is told in pieces, with usage where it was asked for', async () => {
    const chunk = (delta: object, finish: string | null = null) =>
      `data: ${JSON.stringify({ id: 'chatcmpl-1', created: 7, model: 's', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
    const body = { ...least, stream: true, stream_options: { include_usage: true } };
    const reader: StreamReader = (await carried(body, 'openai-chat')).stream();
    let text = '';
    for (const event of [chunk({ role: 'assistant', content: '' }), chunk({ content: ' a' }), chunk({}, 'stop')])
      text += reader.push(Buffer.from(event)).toString();
    text += reader
      .push(Buffer.from('data: {"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":3}}\n\ndata: [DONE]\n\n'))
      .toString();
    text += reader.closing({ cost_usd: '0', attempts: 1, cache: 'off' }).toString();
    const events = text.split('\n\n').filter((event) => event.startsWith('data: {'));
    const parsed = events.map((event) => JSON.parse(event.slice(6)) as Json);
    assert.deepEqual(
      parsed.map(({ choices }) => (choices as Json[]).map(({ text: said, finish_reason: finish }) => [said, finish])),
      [[[' a', null]], [['', 'stop']], []],
    );
    assert.equal((parsed.at(-1)!['usage'] as Json)['prompt_tokens'], 2);
    assert.ok(text.endsWith('data: [DONE]\n\n'));
  });

  test('what has no meaning in a conversation is refused by name', async () => {
    const cases: [object, string][] = [
      [{ prompt: ['a', 'b'] }, 'prompt'],
      [{ prompt: [1, 2] }, 'prompt'],
      [{ echo: true }, 'echo'],
      [{ suffix: 'end' }, 'suffix'],
      [{ logprobs: 1 }, 'logprobs'],
      [{ best_of: 3 }, 'best_of'],
      [{ from_the_future: 1 }, 'from_the_future'],
    ];
    for (const [more, param] of cases) {
      const refused = await carry({ ...least, ...more }, 'openai-chat');
      assert.ok(!refused.ok, param);
      assert.deepEqual([refused.refusal.code, refused.refusal.param], ['unsupported_parameter', param]);
    }
    assert.ok((await carry({ ...least, echo: false, suffix: null, best_of: 1 }, 'openai-chat')).ok);
  });
});
