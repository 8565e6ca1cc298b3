/**
 * Answers that are none, through a real gateway: another target is asked, the one that failed has a strike, and the ledger an
 * entry for each. Where there is no other target the caller is told that the upstream failed.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Gateway, startGateway, textAsFarAsItComes } from '../support/gateway.js';
import { contentChunk, event } from '../support/openai-answers.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { type Behaviour, json, sse } from '../support/upstream-steps.js';

const DONE = 'data: [DONE]\n\n';
const messages = [{ role: 'user', content: 'Say hello.' }];
const usage = { prompt_tokens: 9, completion_tokens: 4 };
const completion = (choices: unknown, more: object = {}) => json(200, { id: 'c', choices, usage, ...more });
const message = { role: 'assistant', content: 'Hello.' };
const role = event({
  id: 'c',
  choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }],
});
const finish = (reason: unknown, delta: object = {}) =>
  event({ id: 'c', choices: [{ index: 0, delta, finish_reason: reason }] });

let first: FakeUpstream;
let second: FakeUpstream;
let gateway: Gateway;
let key: string;
let requests = 0;

before(async () => {
  first = await startUpstream();
  second = await startUpstream();
  const provider = (url: string) => ({ type: 'openai-compatible', base_url: `${url}/v1`, api_key: 'sk-upstream' });
  const targets = [
    { provider: 'first', model: 'm', priority: 1 },
    { provider: 'second', model: 'm', priority: 2 },
  ];
  gateway = await startGateway({
    config: {
      providers: { first: provider(first.url), second: provider(second.url) },
      defaults: { price: { input: 1, output: 4 }, breaker: { min_requests: 100_000 } },
      models: {
        pair: { targets },
        strict: { targets, empty_answer: 'fail' },
        lone: { targets: targets.slice(0, 1), retry: { max_attempts: 1 } },
      },
    },
  });
  ({ key } = await gateway.key());
});
after(async () => {
  await gateway?.close();
  await first?.stop();
  await second?.stop();
});

async function ask(model: string, stream: boolean) {
  const id = `none-${++requests}`;
  const response = await gateway.chat(key, { model, messages, stream }, { headers: { 'x-request-id': id } });
  return {
    id,
    status: response.status,
    text: await textAsFarAsItComes(response),
    target: response.headers.get('x-tollgate-target'),
  };
}

interface Health {
  readonly id: string;
  readonly targets: readonly { readonly failures: number }[];
}
const failuresOf = async (model: string): Promise<number> => {
  const { data } = await gateway.admin<{ data: Health[] }>('GET', '/models');
  return data.find(({ id }) => id === model)!.targets[0]!.failures;
};

interface Case {
  readonly name: string;
  readonly stream: boolean;
  readonly answer: Behaviour;
  /** Output tokens that the entry of the failure has. */
  readonly output?: number;
}

const failures: readonly Case[] = [
  { name: 'no choices', stream: false, answer: completion([]), output: 4 },
  { name: 'a choice of null', stream: false, answer: completion([null]), output: 4 },
  {
    name: 'a choice with an error',
    stream: false,
    answer: completion([{ index: 0, error: { code: 502, message: 'Lost.' } }]),
    output: 4,
  },
  {
    name: 'the finish reason error',
    stream: false,
    answer: completion([{ index: 0, message, finish_reason: 'error' }]),
    output: 4,
  },
  {
    name: 'an error beside choices',
    stream: false,
    answer: completion([{ index: 0, message }], { error: { message: 'Lost.' } }),
    output: 4,
  },
  { name: 'an error of words', stream: false, answer: completion([], { error: 'Lost.' }), output: 4 },
  { name: 'nothing but the end mark', stream: true, answer: sse(DONE) },
  { name: 'nothing at all', stream: true, answer: sse() },
  { name: 'the role and the end mark', stream: true, answer: sse(role, DONE) },
  {
    name: 'usage and the end mark',
    stream: true,
    answer: sse(event({ id: 'c', choices: [], usage }), DONE),
    output: 4,
  },
  { name: 'an empty finish reason at the end of the body', stream: true, answer: sse(role, finish('')) },
  { name: 'an error in the first event', stream: true, answer: sse(event({ error: { message: 'Lost.', code: 502 } })) },
  { name: 'an error right after the role', stream: true, answer: sse(role, event({ error: { message: 'Lost.' } })) },
  { name: 'an event named error', stream: true, answer: sse(role, `event: error\n${event({ message: 'Lost.' })}`) },
  {
    name: 'a choice with an error after the role',
    stream: true,
    answer: sse(
      role,
      event({ choices: [{ index: 0, delta: { content: '' }, error: { message: 'Lost.' }, finish_reason: 'error' }] }),
    ),
  },
  { name: 'the finish reason error after the role', stream: true, answer: sse(role, finish('error'), DONE) },
];

describe('an answer that is none', () => {
  for (const { name, stream, answer, output = 0 } of failures) {
    test(`${stream ? 'streamed' : 'whole'}: ${name}`, async () => {
      const before = await failuresOf('pair');
      first.next(answer);
      const pair = await ask('pair', stream);
      assert.deepEqual([pair.status, pair.target], [200, 'second/m']);
      assert.equal((await failuresOf('pair')) - before, 1);
      const entries = (await gateway.entries(pair.id, 2)).sort((a, b) => a.attempt - b.attempt);
      assert.deepEqual(
        entries.map(({ target, status, error }) => [target, status, error]),
        [
          ['first/m', 502, 'upstream_error'],
          ['second/m', 200, null],
        ],
      );
      assert.equal(entries[0]!.tokens['output'], output);

      first.next(answer);
      const lone = await ask('lone', stream);
      assert.equal(lone.status, 502);
      assert.equal((JSON.parse(lone.text) as { error: { type: string } }).error.type, 'api_error');
    });
  }

  test('the finish reason error after text ends the stream in an error', async () => {
    first.next(sse(role, contentChunk('Hel'), finish('error'), DONE));
    const { text, id } = await ask('pair', true);
    assert.match(text, /Hel/);
    assert.match(text, /"error":\{/);
    assert.equal((await gateway.entries(id))[0]!.status, 502);
  });
});

describe('an answer', () => {
  for (const nothing of ['', null, {}, { message: null, code: null }, false]) {
    test(`with error ${JSON.stringify(nothing)} beside it is one`, async () => {
      first.next(completion([{ index: 0, message, finish_reason: 'stop', error: nothing }], { error: nothing }));
      assert.deepEqual(await ask('pair', false).then(({ status, target }) => [status, target]), [200, 'first/m']);
      const beside = event({
        id: 'c',
        error: nothing,
        choices: [{ index: 0, delta: message, error: nothing, finish_reason: null }],
      });
      first.next(sse(beside, finish('stop'), DONE));
      const streamed = await ask('pair', true);
      assert.deepEqual([streamed.status, streamed.target], [200, 'first/m']);
      assert.match(streamed.text, /Hello\.[\s\S]*\[DONE\]/);
    });
  }

  test('whose finish reasons are empty until the last is one', async () => {
    const piece = event({ id: 'c', choices: [{ index: 0, delta: message, finish_reason: '' }] });
    first.next(sse(piece, finish('stop')));
    assert.equal((await ask('pair', true)).target, 'first/m');
  });
});

describe('an empty answer', () => {
  const empty = { role: 'assistant', content: '', tool_calls: [] };
  const thought = { ...empty, reasoning_content: 'Hm.' };
  const call = {
    ...empty,
    content: null,
    tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }],
  };
  const whole = (said: object, reason = 'stop') => completion([{ index: 0, message: said, finish_reason: reason }]);
  const streamed = (said: object, reason = 'stop') => sse(role, finish(null, said), finish(reason), DONE);

  test('counts unless the model says that it fails', async () => {
    for (const [stream, answer] of [
      [false, whole(empty)],
      [true, streamed(empty)],
    ] as const) {
      first.next(answer);
      assert.equal((await ask('pair', stream)).target, 'first/m');
      first.next(answer);
      assert.equal((await ask('strict', stream)).target, 'second/m');
    }
  });

  test('is one that has neither content nor a call: reasoning alone is none, a call and a withheld answer are answers', async () => {
    first.next(whole(thought));
    assert.equal((await ask('strict', false)).target, 'second/m');
    for (const [said, reason] of [
      [call, 'tool_calls'],
      [empty, 'content_filter'],
      [message, 'stop'],
    ] as const) {
      first.next(whole(said, reason), streamed(said, reason));
      assert.equal((await ask('strict', false)).target, 'first/m');
      assert.equal((await ask('strict', true)).target, 'first/m');
    }
  });
});
