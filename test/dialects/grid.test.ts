/**
 * Every wire format that clients call to every one that targets speak, in one table: what a request holds reaches the target, or is
 * named as left out, or is refused with the name of its field; and what a target answers is told, whole and streamed alike.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { exception } from '../support/event-frames.js';
import { type Gateway, startGateway, textAsFarAsItComes } from '../support/gateway.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { cut, json, type Received, type Step, write } from '../support/upstream-steps.js';
import { choicesAs } from './choices.js';
import { fateOf } from './fates.js';
import { moreScenes } from './more-scenes.js';
import { readStream, readWhole } from './readings.js';
import { answerAs, type Saying, SEQUENCE, sayings, signs } from './sayings.js';
import { type In, ins, type Out, outs, type Scene } from './scene.js';
import { scenes } from './scenes.js';

let upstream: FakeUpstream;
let gateway: Gateway;
let secret: string;

before(async () => {
  upstream = await startUpstream();
  const price = { input: 1, output: 4 };
  const at = { base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' };
  const model = (provider: string, name: string) => ({ targets: [{ provider, model: name }], price });
  gateway = await startGateway({
    config: {
      defaults: { retry: { max_attempts: 1 }, breaker: { min_requests: 100_000 } },
      providers: {
        chat: { type: 'openai-compatible', ...at, speaks: ['openai-chat'] },
        responses: { type: 'openai-compatible', ...at, speaks: ['openai-responses'] },
        messages: { type: 'anthropic', base_url: upstream.url, api_key: 'sk-ant-upstream' },
        gemini: { type: 'gemini', base_url: upstream.url, api_key: 'g-upstream' },
        converse: { type: 'bedrock', region: 'eu-central-1', base_url: upstream.url, api_key: 'b-upstream' },
        text: { type: 'openai-compatible', ...at, speaks: ['openai-completions'] },
      },
      models: {
        chat: model('chat', 'open-model'),
        responses: model('responses', 'open-model'),
        messages: model('messages', 'claude-sonnet-4-5'),
        gemini: model('gemini', 'gemini-2.5-pro'),
        converse: model('converse', 'eu.amazon.nova-pro-v1:0'),
        text: model('text', 'open-model'),
      },
    },
  });
  ({ key: secret } = await gateway.key());
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

const paths = {
  chat: '/v1/chat/completions',
  messages: '/v1/messages',
  responses: '/v1/responses',
  completions: '/v1/completions',
};

function ask(from: In, to: Out, fields: object, stream: boolean): Promise<Response> {
  const path =
    from === 'content'
      ? `/v1beta/models/${to}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`
      : paths[from];
  const body = {
    ...(from !== 'content' && { model: to, ...(stream && { stream }) }),
    ...(from === 'messages' && { max_tokens: 500 }),
    ...(from === 'responses' && { store: false }),
    ...((from === 'chat' || from === 'completions') && stream && { stream_options: { include_usage: true } }),
    ...fields,
  };
  return fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

const holds = (sent: string, sign: Scene['signs'][number], to: Out): boolean => {
  const own = typeof sign === 'string' || sign instanceof RegExp ? sign : sign[to];
  return own === undefined || (typeof own === 'string' ? sent.includes(own) : own.test(sent));
};

const outsOf = (from: In): readonly Out[] => (from === 'completions' ? [...outs, 'text'] : outs);
const words: Saying = sayings[0]!;
const hello = scenes[0]!.bodies;

/** Which target a request was sent to, and whether it asks for a stream. */
const outByPath: readonly (readonly [RegExp, Out])[] = [
  [/chat\/completions$/, 'chat'],
  [/\/completions$/, 'text'],
  [/\/responses$/, 'responses'],
  [/\/messages$/, 'messages'],
  [/[cC]ontent/, 'gemini'],
  [/\/converse/, 'converse'],
];
const speaking = (saying: Saying) => (request: Received) => {
  const [, to] = outByPath.find(([pattern]) => pattern.test(request.path))!;
  return answerAs(to, saying, /[sS]tream/.test(request.path) || request.json()['stream'] === true);
};

/** What becomes of a thing: `survives`, `named` with what was left out, `refused` with the field, or what is wrong. */
async function fate(scene: Scene, from: In, to: Out, stream: boolean): Promise<string> {
  const response = await ask(from, to, scene.bodies[from]!, stream);
  const text = await response.text();
  const sent = upstream.requests.find(
    ({ headers }) => headers['x-request-id'] === response.headers.get('x-request-id'),
  );
  if (response.status !== 200) {
    if (response.status !== 400 || sent) return text;
    const { error } = JSON.parse(text) as { error: { message: string } };
    return /'[^']+'/.test(error.message) ? 'refused' : `refused without a name: ${text}`;
  }
  const body = JSON.stringify(sent!.json());
  const lost = scene.signs.filter((sign) => !holds(body, sign, to));
  if (lost.length === 0) return 'survives';
  return response.headers.has('x-tollgate-dropped-params') ? 'named' : `${String(lost[0])} is lost in silence: ${body}`;
}

describe('what a request holds', () => {
  before(() => void upstream.always(speaking(words)));
  for (const scene of [...scenes, ...moreScenes])
    for (const from of ins) {
      if (!scene.bodies[from]) continue;
      it(`${scene.name}: ${from}`, async () => {
        for (const stream of [false, true]) {
          const fates = await Promise.all(
            outsOf(from).map(async (to) => `${from} to ${to}: ${await fate(scene, from, to, stream)}`),
          );
          const expected = outsOf(from).map((to) => `${from} to ${to}: ${fateOf(scene.name, from, to)}`);
          assert.deepEqual(fates, expected);
        }
      });
    }
});

const bodyOf = (name: string, from: In): object =>
  [...scenes, ...moreScenes].find((one) => one.name === name)?.bodies[from] ?? {};

async function isTold(saying: Saying, from: In, to: Out, stream: boolean): Promise<void> {
  const body = {
    ...hello[from]!,
    ...(saying.calls && bodyOf('tool', from)),
    ...(saying.thinking && bodyOf('effort', from)),
    ...(saying.end === 'stop' && bodyOf('stop sequence', from)),
  };
  const response = await ask(from, to, body, stream);
  const told = await response.text();
  assert.equal(response.status, 200, told);
  const read = stream ? readStream(from, told) : readWhole(from, JSON.parse(told) as object);
  if (from === 'responses' && to !== 'responses' && saying.told.responses === 'completed')
    assert.match(told, /"completed_at":\d+/);
  const how = `${from} from ${to} ${stream ? 'streamed' : 'whole'}`;
  // Why Claude stopped is told in words beside what it said.
  assert.ok(read.text.startsWith(saying.text ?? ''), `${how}: ${read.text}`);
  if (saying.end !== 'filter') assert.equal(read.text, saying.text ?? '', how);
  assert.equal(read.thinking, saying.thinking ?? '', how);
  const calls = (saying.calls ?? []).map(([name, args]) => `${name} ${JSON.stringify(args)}`);
  assert.deepEqual(read.calls, calls, how);
  // Google does not tell which sequence was met.
  const named = from === 'messages' && saying.end === 'stop' && to !== 'gemini';
  assert.equal(read.end, named ? 'stop_sequence' : saying.told[from], how);
  assert.equal(read.stoppedAt, named ? SEQUENCE : undefined, how);
  assert.deepEqual(read.cites, saying.cites && from !== 'completions' ? [saying.cites] : [], how);
  assert.deepEqual(read.usage, [100, saying.cached ?? 0, 20], how);
  const [entry] = await gateway.entries(response.headers.get('x-request-id')!);
  const { input, cache_read: cached, output } = entry!.tokens;
  assert.deepEqual([input, cached, output], [100 - (saying.cached ?? 0), saying.cached ?? 0, 20], how);
}

describe('what an answer says', () => {
  for (const saying of sayings)
    for (const from of ins) {
      // Completions are words alone, and the Responses API knows no stop sequences.
      if (from === 'completions' && (saying.calls || saying.thinking)) continue;
      if (from === 'responses' && saying.end === 'stop') continue;
      it(`${saying.name}: ${from}`, async () => {
        upstream.always(speaking(saying));
        const tos = outsOf(from).filter((to) => to !== 'responses' || saying.end !== 'stop');
        for (const stream of [false, true]) await Promise.all(tos.map((to) => isTold(saying, from, to, stream)));
      });
    }
});

describe('several answers, and how likely their tokens were', () => {
  for (const from of ['chat', 'content', 'completions'] as const)
    it(`several answers: ${from}`, async () => {
      for (const to of ['chat', 'gemini'] as const)
        for (const stream of [false, true]) {
          upstream.always(choicesAs[to](2, stream));
          const told = await (await ask(from, to, bodyOf('several answers', from), stream)).text();
          for (const sign of [/"Yes"/, /"No"/, /"index":\s*1/]) assert.match(told, sign);
        }
    });
  for (const from of ['chat', 'responses', 'content'] as const)
    it(`logprobs: ${from}`, async () => {
      for (const to of ['chat', 'gemini', 'responses'] as const)
        for (const stream of [false, true]) {
          upstream.always(choicesAs[to](1, stream));
          const told = await (await ask(from, to, bodyOf('logprobs', from), stream)).text();
          assert.match(told, /"(logprob|logProbability)":\s*-0\.4242/, `${to} ${stream} ${told}`);
        }
    });
});

/** Formats that have turns. */
const talkers = ['chat', 'messages', 'responses', 'content'] as const;
type Talker = (typeof talkers)[number];

/** The turn that an answer was, and the result of its call, as a client sends them in the next request. */
const nextTurn: Readonly<Record<Talker, (answer: Answer) => object>> = {
  chat: ({ choices }) => ({
    messages: [
      { role: 'user', content: 'hello there' },
      choices![0]!.message,
      { role: 'tool', tool_call_id: choices![0]!.message.tool_calls[0]!.id, content: 'a tree' },
    ],
  }),
  messages: ({ content }) => ({
    messages: [
      { role: 'user', content: 'hello there' },
      { role: 'assistant', content },
      {
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: content!.find(({ id }) => id)!.id, content: 'a tree' }],
      },
    ],
  }),
  responses: ({ output }) => ({
    input: [
      { role: 'user', content: 'hello there' },
      ...output!,
      { type: 'function_call_output', call_id: output!.find(({ call_id: id }) => id)!.call_id, output: 'a tree' },
    ],
  }),
  content: ({ candidates }) => ({
    contents: [
      { role: 'user', parts: [{ text: 'hello there' }] },
      candidates![0]!.content,
      { role: 'user', parts: [{ functionResponse: { name: 'look', response: { output: 'a tree' } } }] },
    ],
  }),
};

interface Answer {
  readonly choices?: readonly { readonly message: { readonly tool_calls: readonly { readonly id: string }[] } }[];
  readonly content?: readonly { readonly id?: string }[];
  readonly output?: readonly { readonly call_id?: string }[];
  readonly candidates?: readonly { readonly content: object }[];
}

describe('thoughts that were signed find back to who thought them, with the next turn', () => {
  const saying: Saying = { ...words, text: '', thinking: 'Two and two', calls: [['look', { a: 1 }]] };
  for (const from of talkers)
    for (const to of ['messages', 'responses', 'gemini'] as const)
      it(`${from} and ${to}`, async () => {
        const body = {
          ...scenes.find(({ name }) => name === 'effort')!.bodies[from]!,
          ...scenes.find(({ name }) => name === 'tool')!.bodies[from]!,
          ...(from === 'messages' && { max_tokens: 20_000, thinking: { type: 'enabled', budget_tokens: 8192 } }),
          ...(from === 'responses' && { include: ['reasoning.encrypted_content'] }),
        };
        upstream.always(answerAs(to, saying, false));
        const first = await ask(from, to, body, false);
        const answer = (await first.json()) as Answer;
        const second = await ask(from, to, { ...body, ...nextTurn[from](answer) }, false);
        assert.equal(second.status, 200, await second.clone().text());
        const sent = JSON.stringify(upstream.requests.at(-1)!.json());
        assert.ok(sent.includes(`"${signs[to]}"`), sent);
        assert.ok(sent.includes('a tree'));
      });
});

/** A request that is refused, and what a stream says that fails, as each target words it. */
const refusalOf = (to: Out, message: string): readonly Step[] =>
  ({
    ...{ chat: openaiRefusal, responses: openaiRefusal, text: openaiRefusal },
    messages: () => json(400, { type: 'error', error: { type: 'invalid_request_error', message } }),
    gemini: () => json(400, { error: { code: 400, status: 'INVALID_ARGUMENT', message } }),
    converse: () => json(400, { message }, { 'x-amzn-errortype': 'ValidationException' }),
  })[to](message);
const openaiRefusal = (message: string) =>
  json(400, { error: { message, type: 'invalid_request_error', param: 'temperature', code: null } });

const openaiFailure = 'data: {"error":{"message":"Overloaded","code":503,"status":"UNAVAILABLE"}}\n\n';
const inBand: Readonly<Record<Out, string | Buffer>> = {
  ...{ chat: openaiFailure, gemini: openaiFailure, text: openaiFailure },
  messages: 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n',
  responses:
    'event: error\ndata: {"type":"error","code":"server_error","message":"Overloaded","param":null,"sequence_number":9}\n\n',
  converse: exception('serviceUnavailableException', 'Overloaded'),
};
/** Steps of an answer's stream until it has begun to speak. */
const untilWords: Readonly<Record<Out, number>> = {
  ...{ chat: 8, responses: 8, messages: 6, gemini: 3, converse: 4, text: 4 },
};

describe('failures', () => {
  const errorWords = (text: string) => /"message":\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? '';
  for (const from of ins)
    for (const to of outsOf(from)) {
      it(`${from} from ${to}: an error before the answer keeps status and words`, async () => {
        for (const stream of [false, true]) {
          upstream.always(refusalOf(to, 'The field temperature is too hot.'));
          const response = await ask(from, to, hello[from]!, stream);
          assert.equal(response.status, 400);
          assert.match(errorWords(await response.text()), /too hot/);
        }
      });

      it(`${from} from ${to}: a stream that is cut, or that tells an error, never ends as if it were whole`, async () => {
        const begun = answerAs(to, { ...words, text: 'Half an answer and more' }, true).slice(0, untilWords[to]);
        for (const ending of [[cut], [write(inBand[to])]]) {
          upstream.always([...begun, ...ending]);
          const text = await textAsFarAsItComes(await ask(from, to, hello[from]!, true));
          assert.doesNotMatch(text, /\[DONE\]|message_stop|response\.completed|"finishReason":\s*"STOP"/);
          assert.match(text, /"error"|event: error|response\.failed/);
          assert.match(text, /Half/);
        }
      });
    }
});

it('completions alone reach a target that speaks nothing else, and others are told so', async () => {
  for (const from of talkers) {
    const response = await ask(from, 'text', hello[from]!, false);
    assert.equal(response.status, 400);
    assert.match(await response.text(), /openai-completions|completions/);
  }
});
