/** Chats that are translated to Google's `generateContent`, and its recorded answers translated back. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../src/lib/root.js';
import { googleError } from '../../support/gemini-answers.js';
import { type Behaviour, cut, head, json, sseHeaders, write } from '../../support/upstream-steps.js';
import { type BytesCase, hello, OWN, PNG, personSchema, time, user, weather } from './case.js';

const FLASH = 'gemini/gemini-2.5-flash';
const chat = (more: object, model = FLASH) => ({ model, messages: hello, ...more });
const signed = (signature: string) => ({ extra_content: { google: { thought_signature: signature } } });
const call = (id: string, name: string, args: string, more: object = {}) => ({
  id,
  type: 'function',
  function: { name, arguments: args },
  ...more,
});
const loop = (more: object = {}) => [
  { role: 'system', content: 'Be short.' },
  ...hello,
  {
    role: 'assistant',
    content: 'Looking.',
    tool_calls: [
      call('call_1', 'get_time', '{"zone": "UTC", "big": 12345678901234567890}', more),
      call('call_2', 'get_weather', '{"city":"Paris"}'),
    ],
  },
  { role: 'tool', tool_call_id: 'call_2', content: [{ type: 'text', text: 'Sun.' }] },
  { role: 'tool', tool_call_id: 'call_1', content: '12:00' },
];

export const geminiCases: readonly BytesCase[] = [
  { name: 'gemini', sends: [chat({})] },
  {
    name: 'gemini, streamed',
    sends: [chat({ stream: true }), chat({ stream: true, stream_options: { include_usage: true } })],
  },
  {
    name: 'gemini: sampling',
    sends: [
      chat({ temperature: 1.5, stop: ['END'], max_tokens: 77, n: 2, seed: 3, service_tier: 'flex' }),
      chat({ presence_penalty: 0.1, user: 'ann', logprobs: true, top_logprobs: 2 }),
    ],
  },
  { name: 'gemini: tools', sends: [chat({ tools: [weather, time] }), chat({ tools: [weather, time], stream: true })] },
  {
    name: 'gemini: results of tools',
    sends: [
      chat({ tools: [weather, time], messages: loop() }),
      chat({ tools: [weather, time], messages: loop() }, 'gemini/gemini-3-flash-preview'),
      chat({ tools: [weather, time], messages: loop(signed('c2ln')) }, 'gemini/gemini-3-flash-preview'),
    ],
  },
  {
    name: 'gemini: images and sound',
    sends: [
      chat({
        messages: [
          user([
            { type: 'image_url', image_url: { url: PNG } },
            { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } },
            { type: 'text', text: 'What is this?' },
          ]),
        ],
      }),
    ],
  },
  {
    name: 'gemini: a schema',
    sends: [
      chat({ response_format: personSchema }),
      chat({ response_format: personSchema }, 'gemini/gemini-2.0-flash'),
      chat({ response_format: personSchema, tools: [time] }),
      chat({ response_format: personSchema, tools: [time], stream: true }),
    ],
  },
  {
    name: 'gemini: thinking',
    sends: [
      chat({ reasoning_effort: 'high' }),
      chat({ reasoning_effort: 'low', stream: true }, 'gemini/gemini-3-flash-preview'),
      chat({ reasoning_effort: 'none' }, 'gemini/gemini-2.5-pro'),
    ],
  },
  {
    name: 'gemini: what is refused',
    sends: [
      chat({ logit_bias: { 1: 2 } }),
      chat({ x_new: 1 }),
      chat({ messages: [user([{ type: 'image_url', image_url: { url: 'https://example.com/cat.png' } }])] }),
    ],
  },
  { name: 'gemini: what is dropped', sends: [chat({ x_new: 1, verbosity: 'low' }, 'gemini-drops')] },
  {
    name: 'gemini: clamped by a budget',
    model: {},
    provider: 'gemini',
    upstreamModel: 'gemini-2.5-flash',
    key: { limits: [{ unit: 'usd', max: 0.001, per: 'total' }] },
    sends: [chat({}, OWN)],
  },
  {
    name: 'gemini: cached',
    model: { cache: { exact: true } },
    provider: 'gemini',
    upstreamModel: 'gemini-2.5-flash',
    sends: [chat({}, OWN), chat({}, OWN), chat({ stream: true }, OWN)],
  },
];

const folder = join(packageRoot, 'test/fixtures/gemini');
const own = {
  provider: 'gemini',
  upstreamModel: 'gemini-3-flash-preview',
  model: { retry: { max_attempts: 1 }, breaker: { min_requests: 1000 } },
} as const;

const statusOf: Readonly<Record<string, number>> = {
  'error-minute.json': 429,
  'error-day.json': 429,
  'error-key.json': 400,
  'error-context.json': 400,
  'error-model.json': 404,
};

/** The recorded answers, whole and streamed; a stream is asked with and without its usage. */
const recorded: readonly BytesCase[] = readdirSync(folder)
  .sort()
  .map((file) => {
    const bytes = readFileSync(join(folder, file));
    const stream = file.endsWith('.sse');
    const answer: Behaviour = stream
      ? [head(200, sseHeaders), write(bytes)]
      : json(statusOf[file] ?? 200, bytes.toString('utf8'));
    const tools = /^(?:tools|signed)/.test(file) ? { tools: [weather, time] } : {};
    const body = { model: OWN, messages: hello, ...tools };
    const sends = stream
      ? [
          { ...body, stream },
          { ...body, stream, stream_options: { include_usage: true } },
        ]
      : [body];
    return { name: `gemini answers ${file}`, ...own, answers: sends.map(() => answer), sends };
  });

const failing: readonly BytesCase[] = (
  [
    ['gemini fails: 403', googleError(403, 'PERMISSION_DENIED', 'Generative Language API has not been used.')],
    ['gemini fails: 500', googleError(500, 'INTERNAL', 'An internal error has occurred.')],
    ['gemini fails: 503', googleError(503, 'UNAVAILABLE', 'The model is overloaded.')],
    ['gemini fails: another shape', json(200, { hello: 1 })],
  ] as const
).map(([name, answer]) => ({ name, ...own, answers: [answer], sends: [{ model: OWN, messages: hello }] }));

const text = readFileSync(join(folder, 'text.sse'));

const cutStream: BytesCase = {
  name: 'gemini fails: a stream that is cut',
  ...own,
  answers: [[head(200, sseHeaders), write(text.subarray(0, Math.floor(text.length * 0.6))), cut]],
  sends: [{ model: OWN, messages: hello, stream: true }],
};

export const geminiAnswerCases = [...recorded, ...failing, cutStream];
