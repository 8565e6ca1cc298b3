/** Chats that are translated to the messages dialect, and its recorded answers translated back. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../src/lib/root.js';
import { anthropicError, type Behaviour, cut, head, json, sseHeaders, write } from '../../support/upstream-steps.js';
import { type BytesCase, hello, OWN, PNG, personSchema, time, user, weather } from './case.js';

const SONNET = 'claude-sonnet-4-5';
const chat = (more: object, model = SONNET) => ({ model, messages: hello, ...more });
const call = (id: string, name: string, args: string) => ({
  id,
  type: 'function',
  function: { name, arguments: args },
});
const dictionary = {
  type: 'json_schema',
  json_schema: { name: 'words', schema: { type: 'object', additionalProperties: { type: 'string' } } },
};

const translated: readonly BytesCase[] = [
  { name: 'claude', sends: [chat({})] },
  {
    name: 'claude, streamed',
    sends: [chat({ stream: true }), chat({ stream: true, stream_options: { include_usage: true } })],
  },
  {
    name: 'claude: a conversation',
    sends: [
      chat({
        messages: [
          { role: 'system', content: 'Be short.' },
          user('One.'),
          user([{ type: 'text', text: 'Two.' }]),
          { role: 'assistant', content: 'Yes?' },
          { role: 'developer', content: 'Be kind.' },
          user('Three.'),
        ],
      }),
    ],
  },
  {
    name: 'claude: an answer that is begun',
    sends: [chat({ messages: [...hello, { role: 'assistant', content: 'Well, ' }] })],
  },
  {
    name: 'claude: sampling',
    sends: [
      chat({ temperature: 1.5, stop: ['END', 'STOP'], max_tokens: 77, user: 'ann' }),
      chat({ temperature: 0.2, top_p: 0.5, top_k: 7, seed: 3, service_tier: 'default' }),
    ],
  },
  { name: 'claude: tools', sends: [chat({ tools: [weather, time] }), chat({ tools: [weather, time], stream: true })] },
  {
    name: 'claude: a tool by name',
    sends: [
      chat({
        tools: [weather, time],
        tool_choice: { type: 'function', function: { name: 'get_time' } },
        parallel_tool_calls: false,
      }),
      chat({ tools: [time], tool_choice: 'none' }),
      chat({ tools: [time], tool_choice: 'required' }),
    ],
  },
  {
    name: 'claude: results of tools',
    sends: [
      chat({
        tools: [weather, time],
        messages: [
          ...hello,
          {
            role: 'assistant',
            content: 'Looking.',
            tool_calls: [
              call('call_1', 'get_time', '{"zone": "UTC", "big": 12345678901234567890}'),
              call('call_2', 'get_weather', '{"city":1.0}'),
            ],
          },
          { role: 'tool', tool_call_id: 'call_1', content: '12:00' },
          { role: 'tool', tool_call_id: 'call_2', content: [{ type: 'text', text: 'Sun.' }] },
        ],
      }),
    ],
  },
  {
    name: 'claude: images',
    sends: [
      chat({
        messages: [
          user([
            { type: 'image_url', image_url: { url: PNG } },
            { type: 'text', text: 'What is this?' },
            { type: 'image_url', image_url: { url: 'https://example.com/cat.png', detail: 'high' } },
          ]),
        ],
      }),
    ],
  },
  {
    name: 'claude: a schema',
    sends: [chat({ response_format: personSchema }), chat({ response_format: personSchema, stream: true })],
  },
  {
    name: 'claude: a schema as a tool',
    sends: [
      chat({ response_format: personSchema }, 'claude-sonnet-4'),
      chat({ response_format: dictionary }),
      chat({ response_format: personSchema, stream: true }, 'claude-sonnet-4'),
    ],
  },
  { name: 'claude: a JSON object', sends: [chat({ response_format: { type: 'json_object' } })] },
  {
    name: 'claude: thinking',
    sends: [
      chat({ reasoning_effort: 'high', max_tokens: 4000 }),
      chat({ reasoning_effort: 'low', stream: true }),
      chat({ reasoning_effort: 'none' }),
    ],
  },
  {
    name: 'claude: thinking of newer models',
    sends: ['claude-opus-4-6', 'claude-opus-5', 'claude-opus-5-5', 'claude-sonnet-5-5'].flatMap((model) => [
      chat({ reasoning_effort: 'xhigh' }, model),
      chat({ reasoning_effort: 'none', temperature: 0.1 }, model),
    ]),
  },
  {
    name: 'claude: cache marks',
    sends: [
      chat({
        messages: [
          { role: 'system', content: [{ type: 'text', text: 'Long.', cache_control: { type: 'ephemeral' } }] },
          user([{ type: 'text', text: 'Hi.', cache_control: { type: 'ephemeral', ttl: '1h' } }]),
        ],
      }),
    ],
  },
  {
    name: 'claude: what is left out',
    sends: [
      chat({
        frequency_penalty: 0.5,
        seed: 1,
        metadata: { a: 'b' },
        store: true,
        messages: [{ role: 'user', name: 'ann', content: 'Hi.' }],
      }),
    ],
  },
  {
    name: 'claude: what is refused',
    sends: [
      chat({ n: 2 }),
      chat({ logprobs: true }),
      chat({ x_new: 1 }),
      chat({ audio: {} }),
      chat({ temperature: 3 }),
      chat({ tool_choice: 'required' }),
      chat({ messages: [{ role: 'tool', tool_call_id: 'a', content: 'x' }] }),
      chat({ messages: [user([{ type: 'input_audio', input_audio: {} }])] }),
      chat({ reasoning_effort: 'much' }),
      chat({ functions: [] }),
    ],
  },
  {
    name: 'claude: what is dropped',
    sends: [chat({ n: 2, x_new: 1, logit_bias: { 1: 2 }, verbosity: 'low' }, 'claude-drops')],
  },
  {
    name: 'claude: clamped by a budget',
    model: {},
    provider: 'anthropic',
    upstreamModel: SONNET,
    key: { limits: [{ unit: 'usd', max: 0.001, per: 'total' }] },
    sends: [chat({}, OWN)],
  },
  {
    name: 'claude: cached',
    model: { cache: { exact: true } },
    provider: 'anthropic',
    upstreamModel: SONNET,
    sends: [chat({}, OWN), chat({}, OWN), chat({ stream: true }, OWN)],
  },
];

const folder = join(packageRoot, 'test/fixtures/anthropic');
const own = {
  provider: 'anthropic',
  upstreamModel: SONNET,
  model: { retry: { max_attempts: 1 }, breaker: { min_requests: 1000 } },
} as const;

const statusOf: Readonly<Record<string, number>> = {
  'error-invalid.json': 400,
  'error-overloaded.json': 529,
  'error-rate-limit.json': 429,
  'error-spend-limit.json': 429,
};

/** What a request must ask for, so that the recorded answer is one to it. */
const askedFor = (file: string): object => {
  if (file.startsWith('tools')) return { tools: [weather, time] };
  if (file.startsWith('fenced-json')) return { response_format: { type: 'json_object' } };
  if (file.startsWith('json-tool')) return { response_format: dictionary };
  if (file.startsWith('thinking')) return { reasoning_effort: 'high' };
  return {};
};

/** The recorded answers, whole and streamed; a stream is asked with and without its usage. */
const recorded: readonly BytesCase[] = readdirSync(folder)
  .sort()
  .map((file) => {
    const name = `claude answers ${file}`;
    const bytes = readFileSync(join(folder, file));
    const stream = file.endsWith('.sse');
    const answer: Behaviour = stream
      ? [head(200, { ...sseHeaders, 'request-id': 'req_upstream' }), write(bytes)]
      : json(statusOf[file] ?? 200, bytes.toString('utf8'), { 'request-id': 'req_upstream' });
    const body = { model: OWN, messages: hello, ...askedFor(file) };
    const sends = stream
      ? [
          { ...body, stream },
          { ...body, stream, stream_options: { include_usage: true } },
        ]
      : [body];
    return { name, ...own, answers: sends.map(() => answer), sends };
  });

const text = readFileSync(join(folder, 'text.sse'));

const failing: readonly BytesCase[] = [
  ['claude fails: 401', anthropicError(401, 'authentication_error', 'invalid x-api-key')],
  ['claude fails: 403', anthropicError(403, 'permission_error', 'Your API key does not have permission.')],
  ['claude fails: 404', anthropicError(404, 'not_found_error', 'model: claude-x')],
  ['claude fails: 413', anthropicError(413, 'request_too_large', 'Request exceeds the maximum size')],
  [
    'claude fails: context',
    anthropicError(400, 'invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum'),
  ],
  ['claude fails: 500', anthropicError(500, 'api_error', 'Internal server error')],
  ['claude fails: another shape', json(200, { hello: 1 })],
].map(([name, answer]) => ({
  name: name as string,
  ...own,
  answers: [answer as Behaviour],
  sends: [{ model: OWN, messages: hello }],
}));

const cutStream: BytesCase = {
  name: 'claude fails: a stream that is cut',
  ...own,
  answers: [[head(200, sseHeaders), write(text.subarray(0, Math.floor(text.length * 0.6))), cut]],
  sends: [{ model: OWN, messages: hello, stream: true }],
};

export const anthropicCases = translated;
export const anthropicAnswerCases = [...recorded, ...failing, cutStream];
