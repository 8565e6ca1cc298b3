/** What the table of models knows decides what is sent: what a model cannot read is refused before, what it refuses is left out. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { PIXEL, WAV } from './scene.js';

let upstream: FakeUpstream;
let gateway: Gateway;
let secret: string;

before(async () => {
  upstream = await startUpstream();
  const price = { input: 1, output: 4 };
  const at = { base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' };
  const of = (provider: string, ...models: string[]) => ({
    targets: models.map((model, i) => ({ provider, model, priority: i + 1 })),
    price,
  });
  gateway = await startGateway({
    config: {
      defaults: { retry: { max_attempts: 2 }, breaker: { min_requests: 100_000 } },
      providers: {
        open: { type: 'openai-compatible', ...at, speaks: ['openai-chat'] },
        responses: { type: 'openai-compatible', ...at, speaks: ['openai-responses'] },
        deepseek: { type: 'deepseek', ...at },
        qwen: { type: 'qwen', ...at },
        groq: { type: 'groq', ...at },
        messages: { type: 'anthropic', base_url: upstream.url, api_key: 'sk-ant-upstream' },
      },
      models: {
        words: of('open', 'deepseek-chat'),
        'words-that-see': { ...of('open', 'deepseek-chat'), abilities: { input: ['text', 'image'] } },
        either: of('open', 'deepseek-chat', 'gpt-4o'),
        reasons: of('open', 'gpt-5'),
        'reasons-drop': { ...of('open', 'gpt-5'), drop_params: true },
        'reasons-responses': of('responses', 'gpt-5'),
        'reasons-responses-drop': { ...of('responses', 'gpt-5'), drop_params: true },
        'own-name': { ...of('open', 'my-deployment'), abilities: { sampling: false }, drop_params: true },
        'thinks-drop': { ...of('deepseek', 'deepseek-chat'), drop_params: true },
        'switch-drop': { ...of('qwen', 'qwen3-32b'), drop_params: true },
        'never-thinks-drop': { ...of('groq', 'llama-3.3-70b-versatile'), drop_params: true },
        'stated-drop': { ...of('deepseek', 'deepseek-chat'), drop_params: true, abilities: { reasoning: 'none' } },
        opus: of('messages', 'claude-opus-4-7'),
        'opus-drop': { ...of('messages', 'claude-opus-4-7'), drop_params: true },
      },
    },
  });
  ({ key: secret } = await gateway.key());
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

const post = (path: string, body: object) =>
  fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

/** What the upstream got, and what was named as left out. */
async function sentFor(
  path: string,
  body: object,
): Promise<{ readonly sent: object; readonly dropped: string | null }> {
  const response = await post(path, body);
  assert.equal(response.status, 200, await response.clone().text());
  await response.arrayBuffer();
  return { sent: upstream.requests.at(-1)!.json(), dropped: response.headers.get('x-tollgate-dropped-params') };
}

const say = (...parts: object[]) => [{ role: 'user', content: [{ type: 'text', text: 'look' }, ...parts] }];
const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } };
const sound = { type: 'input_audio', input_audio: { data: WAV, format: 'wav' } };

describe('what a model cannot read', () => {
  const requests: readonly (readonly [string, (model: string) => [string, object]])[] = [
    ['chat', (model) => ['/v1/chat/completions', { model, messages: say(image) }]],
    [
      'messages',
      (model) => [
        '/v1/messages',
        {
          ...{ model, max_tokens: 9 },
          messages: say({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } }),
        },
      ],
    ],
    [
      'responses',
      (model) => [
        '/v1/responses',
        {
          ...{ model, store: false },
          input: [{ role: 'user', content: [{ type: 'input_image', image_url: `data:image/png;base64,${PIXEL}` }] }],
        },
      ],
    ],
    [
      'content',
      (model) => [
        `/v1beta/models/${model}:generateContent`,
        { contents: [{ role: 'user', parts: [{ inlineData: { mimeType: 'image/png', data: PIXEL } }] }] },
      ],
    ],
  ];

  for (const [name, request] of requests)
    it(`${name}: is refused with words before it is sent, and goes to a target that can`, async () => {
      const asked = upstream.requests.length;
      const refused = await post(...request('words'));
      assert.equal(refused.status, 400);
      const { error } = (await refused.json()) as { error: { message: string; param?: string } };
      if (name === 'chat' || name === 'responses') assert.equal(error.param, name === 'chat' ? 'messages' : 'input');
      assert.match(error.message, /holds an image.*open\/deepseek-chat reads text only.*abilities/);
      assert.equal(upstream.requests.length, asked);
      const { sent } = await sentFor(...request('either'));
      assert.equal((sent as { model: string }).model, 'gpt-4o');
      await sentFor(...request('words-that-see'));
    });

  it('sound is refused as well, and words are not', async () => {
    const body = { model: 'words', messages: say(sound) };
    assert.equal((await post('/v1/chat/completions', body)).status, 400);
    await sentFor('/v1/chat/completions', { model: 'words', messages: say() });
  });
});

describe('what a model refuses', () => {
  const messages = [{ role: 'user', content: 'hi' }];
  const tuned = { temperature: 0.3, top_p: 0.5 };
  const input = { input: 'hi', store: false };

  it('natively stays, since the bytes are the caller’s, and goes where `drop_params` says so', async () => {
    for (const [path, model, body] of [
      ['/v1/chat/completions', 'reasons', { messages }],
      ['/v1/responses', 'reasons-responses', input],
      ['/v1/messages', 'opus', { messages, max_tokens: 9 }],
    ] as const) {
      const kept = await sentFor(path, { model, ...body, ...tuned });
      assert.deepEqual(kept.dropped, null, path);
      assert.match(JSON.stringify(kept.sent), /"temperature":0\.3,"top_p":0\.5/);
      const left = await sentFor(path, { model: `${model}-drop`, ...body, ...tuned });
      assert.doesNotMatch(JSON.stringify(left.sent), /temperature|top_p/);
      assert.match(String(left.dropped), /temperature.*top_p/);
    }
  });

  it('is left out where it does not think, and only there stays', async () => {
    const body = { model: 'reasons-drop', messages, reasoning_effort: 'none', temperature: 0.3 };
    assert.equal((await sentFor('/v1/chat/completions', body)).dropped, null);
  });

  it('translated it is left out and named, by whatever name a model is called', async () => {
    for (const model of ['reasons', 'reasons-responses']) {
      const { sent, dropped } = await sentFor('/v1/messages', { model, messages, max_tokens: 99, ...tuned });
      assert.doesNotMatch(JSON.stringify(sent), /temperature|top_p/, model);
      assert.match(String(dropped), /temperature.*top_p/);
    }
    const chat = await sentFor('/v1/chat/completions', { model: 'reasons-responses', messages, ...tuned });
    assert.match(String(chat.dropped), /temperature.*top_p/);
    const own = await sentFor('/v1/messages', { model: 'own-name', messages, max_tokens: 99, ...tuned });
    assert.match(String(own.dropped), /temperature.*top_p/);
  });

  it('how much to think is told in the words of who serves the model, and left out where the model never thinks', async () => {
    const body = { messages, reasoning_effort: 'medium' };
    for (const [model, tells, left] of [
      ['thinks-drop', /"thinking":\{"type":"enabled"\},"reasoning_effort":"high"/, null],
      ['switch-drop', /"enable_thinking":true/, null],
      ['never-thinks-drop', null, 'reasoning_effort'],
      ['stated-drop', null, 'reasoning_effort'],
    ] as const) {
      const { sent, dropped } = await sentFor('/v1/chat/completions', { model, ...body });
      assert.match(JSON.stringify(sent), tells ?? /^(?!.*(?:effort|thinking))/, model);
      assert.equal(dropped, left, model);
    }
  });
});
