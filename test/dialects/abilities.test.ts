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
        openrouter: { type: 'openrouter', ...at },
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
        'reads-by-provider': of('openrouter', 'deepseek/deepseek-chat'),
        films: of('open', 'qwen3-vl-plus', 'gemini-2.5-flash'),
        'no-tools': { ...of('open', 'mine'), abilities: { tools: false } },
        'words-drop': { ...of('open', 'deepseek-chat'), drop_params: true, abilities: { tools: false } },
        'no-effort-drop': { ...of('open', 'o1-mini'), drop_params: true },
        unforced: { ...of('open', 'mine'), abilities: { forced_tool: false, json_schema: false } },
        'unforced-drop': {
          ...of('open', 'mine'),
          abilities: { forced_tool: false, json_schema: false },
          drop_params: true,
        },
        forced: { ...of('deepseek', 'mine'), abilities: { forced_tool: true, json_schema: true } },
        'own-effort': { ...of('open', 'mine'), abilities: { reasoning: 'effort' } },
        'own-none': { ...of('responses', 'mine'), abilities: { reasoning: 'none' } },
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

  const file = (head: string, filename: string) => ({
    type: 'file',
    file: { filename, file_data: `${head}${Buffer.from('%PDF-1.4').toString('base64')}` },
  });
  const film = { type: 'video_url', video_url: { url: 'data:video/mp4;base64,AAAA' } };
  const pdf = file('data:application/pdf;base64,', 'a.pdf');

  it('sound, films and files are refused as well, words and files of words are not', async () => {
    for (const [part, named] of [
      [sound, 'sound'],
      [film, 'a film'],
      [pdf, 'a file'],
      [file('', 'a.pdf'), 'a file'],
      [file('data:video/mp4;base64,', 'a.mp4'), 'a film'],
    ] as const) {
      const refused = await post('/v1/chat/completions', { model: 'words', messages: say(part) });
      assert.equal(refused.status, 400);
      assert.match(await refused.text(), new RegExp(`holds ${named},`));
    }
    for (const part of [file('data:text/plain;base64,', 'a'), file('', 'notes.md')])
      await sentFor('/v1/chat/completions', { model: 'words', messages: say(part) });
    await sentFor('/v1/chat/completions', { model: 'words', messages: say() });
    await sentFor('/v1/chat/completions', { model: 'films', messages: say(film) });
    await sentFor('/v1/chat/completions', { model: 'reads-by-provider', messages: say(pdf) });
    const { sent } = await sentFor('/v1/chat/completions', { model: 'either', messages: say(pdf) });
    assert.equal((sent as { model: string }).model, 'gpt-4o');
  });

  it('films and files of every dialect are refused where the model does not read them', async () => {
    const source = { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' };
    const content = (mimeType: string) => ({
      contents: [{ role: 'user', parts: [{ inlineData: { mimeType, data: 'AA==' } }] }],
    });
    for (const [path, body, status] of [
      ['/v1/messages', { model: 'words', max_tokens: 9, messages: say({ type: 'document', source }) }, 400],
      [
        '/v1/messages',
        { model: 'words', max_tokens: 9, messages: say({ type: 'document', source: { type: 'text', data: 'a' } }) },
        200,
      ],
      [
        '/v1/responses',
        {
          model: 'words',
          store: false,
          input: [
            { role: 'user', content: [{ type: 'input_file', file_data: pdf.file.file_data, filename: 'a.pdf' }] },
          ],
        },
        400,
      ],
      ['/v1beta/models/words:generateContent', content('application/pdf'), 400],
      ['/v1beta/models/words:generateContent', content('video/mp4'), 400],
    ] as const) {
      const answer = await post(path, body);
      assert.equal(answer.status, status, `${path} ${await answer.text()}`);
    }
  });
});

it('what it cannot read or call is refused as well where parameters are left out, translated too', async () => {
  const source = { type: 'base64', media_type: 'image/png', data: PIXEL };
  const model = { model: 'words-drop', max_tokens: 9 };
  const picture = await post('/v1/messages', { ...model, messages: say({ type: 'image', source }) });
  assert.equal(picture.status, 400);
  assert.match(await picture.text(), /holds an image/);
  const tools = [{ name: 'look', input_schema: { type: 'object' } }];
  const called = await post('/v1/messages', { ...model, tools, messages: [{ role: 'user', content: 'hi' }] });
  assert.equal(called.status, 400);
  assert.match(await called.text(), /calls no tools/);
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
    const { sent, dropped } = await sentFor('/v1/chat/completions', { ...body, model: 'no-effort-drop' });
    assert.doesNotMatch(JSON.stringify(sent), /temperature|effort/);
    assert.match(String(dropped), /temperature/);
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

  it('is what the configuration states of it, whatever its name', async () => {
    const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }];
    const response_format = { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object' } } };
    const refusalOf = async (body: object) => {
      const refused = await post('/v1/chat/completions', { messages, ...body });
      assert.equal(refused.status, 400);
      return ((await refused.json()) as { error: { param: string } }).error.param;
    };
    assert.equal(await refusalOf({ model: 'no-tools', tools }), 'tools');
    for (const tool_choice of ['required', { type: 'function', function: { name: 'f' } }])
      assert.equal(await refusalOf({ model: 'unforced', tools, tool_choice }), 'tool_choice');
    assert.equal(await refusalOf({ model: 'unforced', response_format }), 'response_format.json_schema');
    const whole = { messages, tools, tool_choice: 'required', response_format };
    const left = await sentFor('/v1/chat/completions', { model: 'unforced-drop', ...whole });
    assert.match(String(left.dropped), /response_format.*tool_choice/);
    const kept = await sentFor('/v1/chat/completions', { model: 'forced', ...whole });
    assert.equal(kept.dropped, null);
    const asked = { messages, max_tokens: 99, output_config: { effort: 'low' } };
    const effort = await sentFor('/v1/messages', { model: 'own-effort', ...asked });
    assert.match(JSON.stringify(effort), /"reasoning_effort":"low"/);
    const none = await sentFor('/v1/chat/completions', { model: 'own-none', messages, reasoning_effort: 'low' });
    assert.equal(none.dropped, 'reasoning_effort');
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
