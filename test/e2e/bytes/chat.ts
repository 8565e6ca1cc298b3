/** Chats that go to a target of their own dialect. */
import { contentChunk, event, usageChunk } from '../../support/openai-answers.js';
import { json, sse } from '../../support/upstream-steps.js';
import { type BytesCase, hello, OWN, PNG, personSchema, time, user, weather } from './case.js';

const DONE = 'data: [DONE]\n\n';
const usd = (max: number, more: object = {}) => ({ limits: [{ unit: 'usd', max, per: 'total', ...more }] });
const caps = { model: {}, key: usd(0.0001) };
const streamed = { model: 'm', messages: hello, stream: true };
const long = user('Count with me: one two three four five six seven eight nine ten eleven twelve.');

const whole: readonly BytesCase[] = [
  { name: 'chat', sends: [{ model: 'm', messages: hello }] },
  {
    name: 'chat with every parameter',
    sends: [
      {
        model: 'm',
        messages: [{ role: 'developer', content: 'Be short.' }, { role: 'system', content: 'Be kind.' }, ...hello],
        temperature: 0.7,
        top_p: 0.9,
        frequency_penalty: 0.1,
        presence_penalty: -0.1,
        seed: 42,
        stop: ['\n\n', 'END'],
        logit_bias: { '50256': -100 },
        logprobs: true,
        top_logprobs: 2,
        user: 'ann',
        metadata: { trip: '7' },
        service_tier: 'auto',
        store: false,
        reasoning_effort: 'low',
        verbosity: 'low',
        prediction: null,
        max_completion_tokens: 50,
      },
    ],
  },
  {
    name: 'odd spellings pass untouched',
    sends: [
      '{ "zeta": [1.0, 1e2, -0, 1.10, 12345678901234567890, 1E+2],\r\n\t"model" : "m" , "temperature": 1.10,"a":{"b":{},"a":[ ]},\n "messages":[ {"content":"h\\u0069 \\ud83d\\ude00 ü","role":"user","name":"x\\/y"} ],"stream":false , "n":1}\n',
    ],
  },
  {
    name: 'unknown fields keep their order',
    sends: [
      '{"__proto__":{"a":1},"constructor":null,"10":1,"2":2,"messages":[{"role":"user","content":"hi","extra":{"y":1,"x":2}}],"model":"m","x_new":"\\u0000","":0}',
    ],
  },
  { name: 'an escaped model name', sends: ['{"model":"\\u006d","messages":[{"role":"user","content":"hi"}]}'] },
  {
    name: 'a field that is named twice and not read',
    sends: ['{"model":"m","seed":1,"messages":[{"role":"user","content":"hi"}],"seed":2}'],
  },
  { name: 'several choices', sends: [{ model: 'm', messages: hello, n: 3 }] },
  { name: 'max_tokens', sends: [{ model: 'm', messages: [long], max_tokens: 3 }] },
  {
    name: 'max_completion_tokens above the cap of the model',
    sends: [{ model: 'capped', messages: hello, max_completion_tokens: 5000 }],
  },
  {
    name: 'max_tokens above the cap of the model',
    sends: ['{"model":"capped","max_tokens": 5000 ,"messages":[{"role":"user","content":"hi"}]}'],
  },
  {
    name: 'both maxima above the cap of the model',
    sends: [{ model: 'capped', messages: hello, max_tokens: 4000, max_completion_tokens: 5000 }],
  },
  { name: 'no maximum where the model has a cap', sends: [{ model: 'capped', messages: hello }] },
  { name: 'tools', sends: [{ model: 'm', messages: hello, tools: [weather, time] }] },
  {
    name: 'tools one at a time',
    sends: [
      { model: 'm', messages: hello, tools: [weather, time], parallel_tool_calls: false, tool_choice: 'required' },
    ],
  },
  {
    name: 'results of tools',
    sends: [
      {
        model: 'm',
        messages: [
          ...hello,
          {
            role: 'assistant',
            content: null,
            tool_calls: [
              { id: 'call_1', type: 'function', function: { name: 'get_time', arguments: '{"zone": "UTC"}' } },
            ],
          },
          { role: 'tool', tool_call_id: 'call_1', content: '12:00' },
        ],
        tools: [time],
      },
    ],
  },
  {
    name: 'images and audio',
    sends: [
      {
        model: 'm',
        messages: [
          user([
            { type: 'text', text: 'What is this?' },
            { type: 'image_url', image_url: { url: PNG, detail: 'low' } },
            { type: 'image_url', image_url: { url: 'https://example.com/cat.png' } },
            { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
          ]),
        ],
      },
    ],
  },
  { name: 'a schema', sends: [{ model: 'm', messages: hello, response_format: personSchema }] },
  { name: 'a JSON object', sends: [{ model: 'm', messages: hello, response_format: { type: 'json_object' } }] },
  {
    name: 'an answer with unknown fields keeps its bytes',
    model: {},
    sends: [{ model: OWN, messages: hello }],
    answers: [
      json(
        200,
        '{ "x_vendor": 1.0, "choices":[{"index":0,"message":{"role":"assistant","content":"h\\u0069","reasoning_content":"hm"},"finish_reason":"stop"}],\n"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4,"cost":1e-5} , "model":"m-1","id":"x","object":"chat.completion","created":1}\n',
        { 'x-vendor': 'yes', 'openai-processing-ms': 12, 'openai-organization': 'org-1', 'set-cookie': 'a=b' },
      ),
    ],
  },
  {
    name: 'an answer without usage',
    model: {},
    sends: [{ model: OWN, messages: hello }],
    answers: [
      json(200, {
        id: 'x',
        object: 'chat.completion',
        created: 1,
        model: 'm',
        choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
      }),
    ],
  },
  {
    name: 'headers that are understood',
    headers: {
      'x-tollgate-tags': 'a,b',
      'x-tollgate-user': 'bob',
      'x-tollgate-metadata': '{"k":"v"}',
      'x-tollgate-timeout': '30s',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'openai-organization': 'org-x',
      'user-agent': 'bytes/1',
    },
    sends: [{ model: 'm', messages: hello }],
  },
  {
    name: 'cached',
    model: { cache: { exact: true } },
    sends: [
      { model: OWN, messages: hello },
      { model: OWN, messages: hello },
      { model: OWN, messages: hello, stream: true },
      { model: OWN, messages: hello, stream: true, stream_options: { include_usage: true } },
    ],
  },
  {
    name: 'cached from a stream',
    model: { cache: { exact: true } },
    sends: [
      { model: OWN, messages: hello, stream: true, tools: [weather] },
      { model: OWN, messages: hello, stream: true, tools: [weather] },
      { model: OWN, messages: hello, tools: [weather] },
    ],
  },
  {
    name: 'routed by what it says',
    sends: [
      { model: 'auto', messages: [user('An invoice, please.')] },
      { model: 'auto', messages: hello },
    ],
  },
  {
    name: 'a model behind a wildcard',
    sends: [
      { model: 'open/llama-9', messages: hello },
      { model: 'open/llama-9', messages: hello, stream: true },
    ],
  },
  {
    name: 'clamped by a budget',
    ...caps,
    sends: [
      { model: OWN, messages: hello },
      { model: OWN, messages: hello, max_tokens: 1000 },
    ],
  },
  {
    name: 'clamped by a budget with both maxima',
    ...caps,
    sends: [
      '{"model":"$OWN","max_tokens":900, "messages":[{"role":"user","content":"hi"}],"max_completion_tokens" : 1000}',
    ],
  },
  {
    name: 'clamped by a budget, several choices',
    ...caps,
    sends: [{ model: OWN, messages: hello, n: 4, max_tokens: 1000 }],
  },
  {
    name: 'clamped by a budget, streamed',
    ...caps,
    sends: [{ model: OWN, messages: hello, stream: true }],
  },
  {
    name: 'not clamped but refused',
    model: {},
    key: usd(0.0001, { on_exhausted: 'reject' }),
    sends: [{ model: OWN, messages: hello, max_tokens: 100_000 }],
  },
  {
    name: 'a budget that is used up',
    model: {},
    key: usd(0.000001),
    sends: [{ model: OWN, messages: [long] }],
  },
  {
    name: 'a rate is told',
    model: {},
    key: {
      limits: [
        { unit: 'requests', max: 1, per: 'minute' },
        { unit: 'tokens', max: 500_000, per: 'hour' },
      ],
    },
    changing: ['retry-after', 'retry-after-ms', 'ratelimit', 'content-length'],
    sends: [
      { model: OWN, messages: hello, max_tokens: 20 },
      { model: OWN, messages: hello, max_tokens: 20 },
    ],
  },
];

const streams: readonly BytesCase[] = [
  { name: 'stream', sends: [streamed] },
  { name: 'stream with usage', sends: [{ ...streamed, stream_options: { include_usage: true } }] },
  {
    name: 'stream with other options',
    sends: [
      '{"stream":true,"stream_options":{"include_obfuscation":false , "x":1},"model":"m","messages":[{"role":"user","content":"hi"}]}',
    ],
  },
  {
    name: 'stream that declines usage',
    sends: [
      '{"stream":true,"stream_options": { "include_usage" : false },"model":"m","messages":[{"role":"user","content":"hi"}]}',
    ],
  },
  {
    name: 'stream with options of null',
    sends: ['{"stream":true,"stream_options":null,"model":"m","messages":[{"role":"user","content":"hi"}]}'],
  },
  {
    name: 'stream with empty options',
    sends: ['{"stream":true,"stream_options":{},"model":"m","messages":[{"role":"user","content":"hi"}]}'],
  },
  { name: 'stream of several choices', sends: [{ ...streamed, n: 2, logprobs: true }] },
  { name: 'stream of tools', sends: [{ ...streamed, tools: [weather, time] }] },
  {
    name: 'stream of a schema',
    sends: [{ ...streamed, response_format: personSchema, stream_options: { include_usage: true } }],
  },
  {
    name: 'stream in odd spelling',
    model: {},
    sends: [{ model: OWN, messages: hello, stream: true }],
    answers: [
      sse(
        ': a comment\n\n',
        'event: message\r\nid: 7\r\ndata: {"id":"x", "choices":[{"index":0,"delta":{"content":"h\\u0069"}}] }\r\n\r\n',
        'data:{"id":"x","choices":[{"index":0,"delta":{"reasoning_content":"hm"},"finish_reason":null}],"x_new":1.0}\n\n',
        'data: {"id":"x","choices":\ndata: [{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
        'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}\n\n',
        DONE,
      ),
    ],
  },
  {
    name: 'stream with usage beside content',
    model: {},
    sends: [
      {
        model: OWN,
        messages: hello,
        stream: true,
        stream_options: { include_usage: true },
      },
      { model: OWN, messages: hello, stream: true },
    ],
    answers: [1, 2].map(() =>
      sse(
        event({
          id: 'x',
          choices: [{ index: 0, delta: { content: 'hi' }, finish_reason: 'stop' }],
          usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
        }),
        DONE,
      ),
    ),
  },
  {
    name: 'stream without usage',
    model: {},
    sends: [{ model: OWN, messages: hello, stream: true, stream_options: { include_usage: true } }],
    answers: [sse(contentChunk('hi', 'stop'), DONE)],
  },
  {
    name: 'stream without its end mark',
    model: {},
    sends: [{ model: OWN, messages: hello, stream: true }],
    answers: [sse(contentChunk('hi', 'stop'), usageChunk(3, 1))],
  },
];

export const chatCases = whole;
export const chatStreamCases = streams;
