/** Requests that are refused, and upstreams that fail. */
import { contentChunk, event } from '../../support/openai-answers.js';
import { type Behaviour, cut, html, json, openaiError, reset, sse, stall } from '../../support/upstream-steps.js';
import { type BytesCase, hello, OWN } from './case.js';

const good = { model: 'm', messages: hello };

export const refusalCases: readonly BytesCase[] = [
  { name: 'no JSON', sends: ['', 'hello', '{"model":', 'null', '[]', '{"model":"m","messages":[]} x'] },
  {
    name: 'no model',
    sends: [{ messages: hello }, { ...good, model: 4 }, { ...good, model: '' }, { ...good, model: 'gpt-99' }],
  },
  {
    name: 'no messages',
    sends: [
      { model: 'm' },
      { model: 'm', messages: [] },
      { model: 'm', messages: 'hi' },
      { model: 'm', messages: ['hi'] },
      { model: 'm', messages: [{ content: 'x' }] },
      { model: 'm', messages: [{ role: 'user', content: 4 }] },
    ],
  },
  {
    name: 'wrong options',
    sends: [
      { ...good, stream: 'yes' },
      { ...good, stream_options: [] },
      { ...good, tools: {} },
      { ...good, n: 0 },
      { ...good, max_tokens: 1.5 },
      { ...good, max_completion_tokens: -5 },
    ],
  },
  {
    name: 'a field twice',
    sends: [
      '{"model":"m","messages":[{"role":"user","content":"x"}],"mod\\u0065l":"o"}',
      '{"model":"m","n":1,"messages":[{"role":"user","content":"x"}],"n":2}',
    ],
  },
  { name: 'no key', headers: { authorization: '' }, sends: [good] },
  { name: 'a key that nobody has', headers: { authorization: 'Bearer sk-tg-nobody' }, sends: [good] },
  { name: 'a key for other models', key: { models: ['gpt-*'] }, sends: [good] },
  { name: 'a key for other endpoints', key: { endpoints: ['embeddings'] }, sends: [good] },
  { name: 'a key for other addresses', key: { allowed_ips: ['10.1.2.3'] }, sends: [good] },
  { name: 'a body that is too large', sends: [{ ...good, messages: [{ role: 'user', content: 'x'.repeat(70_000) }] }] },
  { name: 'a model without a price', sends: [{ ...good, model: 'unpriced' }] },
  { name: 'headers that cannot be read', headers: { 'x-tollgate-timeout': 'soon' }, sends: [good] },
  { name: 'metadata that cannot be read', headers: { 'x-tollgate-metadata': '[1]' }, sends: [good] },
  { name: 'a path that nobody has', path: '/v1/chat/completion', sends: [good] },
];

/** Each is asked whole and streamed, by a model and a provider of its own. */
const faults: readonly (readonly [string, Behaviour, object?])[] = [
  ['400', openaiError(400, { message: 'That is too hot.', code: 'invalid_value', param: 'temperature' })],
  ['400 with fields of its own', json(400, '{"error": {"message":"Bad.","type":"x","code":7,"inner":{"a":1}}, "x":1}')],
  [
    '400 context',
    openaiError(400, { message: 'maximum context length is 8192 tokens', code: 'context_length_exceeded' }),
  ],
  ['400 policy', openaiError(400, { message: 'Not that.', code: 'content_policy_violation' })],
  [
    '401',
    openaiError(401, { message: 'Incorrect API key provided: sk-upstream-key-of-the-case.', code: 'invalid_api_key' }),
  ],
  ['402', openaiError(402, { message: 'Pay first.' })],
  ['403', openaiError(403, { message: 'Not you.', code: 'model_not_allowed' })],
  ['404', openaiError(404, { message: 'The model `m` does not exist.', code: 'model_not_found' })],
  ['408', openaiError(408, { message: 'Too slow.' })],
  ['413', openaiError(413, { message: 'Too large.' })],
  ['422', openaiError(422, { message: 'No.' })],
  [
    '429',
    openaiError(
      429,
      { message: 'Slow down at 10.0.0.7:8000.', type: 'requests', code: 'rate_limit_exceeded' },
      { 'retry-after': '7' },
    ),
  ],
  [
    '429 quota',
    openaiError(429, { message: 'You exceeded your quota.', type: 'insufficient_quota', code: 'insufficient_quota' }),
  ],
  ['500', openaiError(500, { message: 'The server had an error.', type: 'server_error' })],
  ['500 page', html(500)],
  ['503', openaiError(503, { message: 'Down.', type: 'server_error' }, { 'retry-after': '120' })],
  ['520 page', html(520)],
  ['302', json(302, {}, { location: 'https://example.com/' })],
  ['a page', html(200)],
  ['another shape', json(200, { hello: 1 })],
  ['no choices', json(200, { id: 'x', object: 'chat.completion', choices: [] })],
  ['an error under 200', json(200, { error: { message: 'Broken.', type: 'server_error', code: 'broken' } })],
  ['an empty answer', json(200, '')],
  ['reset', [reset]],
  ['cut before the head', [cut]],
  ['silence', [stall], { timeout: { first_byte: '200ms', total: '600ms' } }],
];

const each = ([name, answer, more]: (typeof faults)[number]): BytesCase => {
  return {
    name: `fault ${name}`,
    model: { retry: { max_attempts: 1 }, breaker: { min_requests: 1000 }, ...more },
    answers: [answer],
    sends: [{ model: OWN, messages: hello }],
  };
};
const streamedToo = (one: BytesCase): BytesCase => {
  const name = `${one.name}, streamed`;
  return { ...one, name, sends: [{ model: OWN, messages: hello, stream: true }] };
};

const refused = (message: string) => event({ error: { message, type: 'server_error', code: 'broken' } });

/** Streams that fail once their first bytes are with the caller, or before. */
const broken: readonly (readonly [string, Behaviour, object?])[] = [
  ['is cut', sse(contentChunk('Half'), cut)],
  ['is cut inside an event', sse(contentChunk('Half'), 'data: {"id":"x","choi', cut)],
  ['ends without a finish', sse(contentChunk('Half'))],
  ['turns to garbage', sse(contentChunk('Half'), 'data: {oops\n\n', stall)],
  ['reports an error', sse(contentChunk('Half'), refused('Broken, at 10.0.0.7:8000.'))],
  ['stalls', sse(contentChunk('Half'), stall), { timeout: { idle: '200ms', keep_alive: '0s' } }],
  ['begins with an error', sse(refused('Broken.'))],
  ['has only its end mark', sse('data: [DONE]\n\n')],
  ['is empty', sse()],
];

const eachStream = ([what, answer, more]: (typeof broken)[number]): BytesCase => {
  const name = `stream that ${what}`;
  return {
    name,
    model: { retry: { max_attempts: 1 }, breaker: { min_requests: 1000 }, ...more },
    answers: [answer],
    sends: [{ model: OWN, messages: hello, stream: true, stream_options: { include_usage: true } }],
  };
};

const retried = { retry: { max_attempts: 3, base: '1ms', max: '2ms' } };

export const failureCases: readonly BytesCase[] = [
  ...faults.map(each),
  ...faults.map(each).map(streamedToo),
  ...broken.map(eachStream),
  {
    name: 'retried',
    model: retried,
    answers: [openaiError(500, { message: 'Once.' })],
    sends: [{ model: OWN, messages: hello, stream: true }],
  },
  {
    name: 'falls back',
    model: { retry: { max_attempts: 2, base: '1ms', max: '2ms' }, fallbacks: ['m'] },
    answers: [openaiError(503, { message: 'Down.' })],
    sends: ['{"messages":[{"role":"user","content":"hi"}], "model":"$OWN" ,"temperature":1.0}'],
  },
  {
    name: 'falls back to another dialect',
    model: { retry: { max_attempts: 2, base: '1ms', max: '2ms' }, fallbacks: ['claude-sonnet-4-5'] },
    answers: [openaiError(503, { message: 'Down.' })],
    sends: [{ model: OWN, messages: hello, stream: true }],
  },
  {
    name: 'falls back for its context',
    model: { retry: { max_attempts: 2, base: '1ms', max: '2ms' }, context_window_fallbacks: ['m'] },
    answers: [openaiError(400, { message: 'maximum context length is 8192 tokens', code: 'context_length_exceeded' })],
    sends: [{ model: OWN, messages: hello }],
  },
];
