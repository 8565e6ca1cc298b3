/**
 * Google's dialect through its own clients: natively to Gemini, told as chat completions to a server that speaks those, and by way
 * of them to Claude.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { type Content, FunctionCallingConfigMode, GoogleGenAI, Type } from '@google/genai';
import { generateText, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';
import { type Gateway, startGateway } from '../support/gateway.js';
import { googleError } from '../support/gemini-answers.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { cut, head, json, sseHeaders, write } from '../support/upstream-steps.js';

let upstream: FakeUpstream;
let gateway: Gateway;
let key: string;
let google: GoogleGenAI;

/** Model -> the dialect that its upstream speaks. */
const models = { 'gemini-3-flash-preview': 'native', 'team/gpt': 'chat', claude: 'messages' } as const;
type Name = keyof typeof models;
const names = Object.keys(models) as Name[];

before(async () => {
  upstream = await startUpstream();
  const price = { input: 1, output: 4 };
  const { url } = upstream;
  gateway = await startGateway({
    database: 'embedded',
    config: {
      defaults: { retry: { max_attempts: 1 }, breaker: { min_requests: 1000 } },
      providers: {
        google: { type: 'gemini', base_url: url, api_key: 'AIza-upstream' },
        fake: { type: 'openai-compatible', base_url: `${url}/v1`, api_key: 'sk-upstream' },
        claude: { type: 'anthropic', base_url: url, api_key: 'sk-ant-upstream' },
      },
      models: {
        'gemini-3-flash-preview': { targets: [{ provider: 'google', model: 'gemini-3-flash-preview' }], price },
        'team/gpt': { targets: [{ provider: 'fake', model: 'upstream-gpt' }], price },
        claude: { targets: [{ provider: 'claude', model: 'claude-sonnet-4-5' }], price },
        cached: { targets: [{ provider: 'google', model: 'gemini-3-flash-preview' }], price, cache: { exact: true } },
        'text-embedding': {
          targets: [{ provider: 'fake', model: 'upstream-embed' }],
          price: { input: 0.02, output: 0 },
        },
        'gemini-embedding': {
          targets: [{ provider: 'google', model: 'gemini-embedding-001' }],
          price: { input: 0.15, output: 0 },
        },
        small: { targets: [{ provider: 'google', model: 'gemini-3-flash-preview' }], price, max_output: 50 },
      },
    },
  });
  ({ key } = await gateway.key());
  google = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: gateway.url } });
});

after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

const weather = {
  functionDeclarations: [
    {
      name: 'get_weather',
      description: 'Weather of a city.',
      parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING } }, required: ['city'] },
    },
  ],
};

const post = (path: string, body: unknown, headers: Record<string, string> = { 'x-goog-api-key': key }) =>
  fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const hello = { contents: [{ parts: [{ text: 'Say hello.' }] }] };
const at = (model: string, verb = 'generateContent') => `/v1beta/models/${model}:${verb}`;

describe('@google/genai', () => {
  for (const model of names) {
    it(`gets an answer of a ${models[model]} target, with its usage in the ledger`, async () => {
      const config = { systemInstruction: 'Be short.', temperature: 0.5, maxOutputTokens: 100 };
      const answer = await google.models.generateContent({ model, contents: 'Say hello.', config });
      assert.equal(answer.text, 'You said: Say hello.');
      assert.equal(answer.candidates?.[0]?.finishReason, 'STOP');
      const { promptTokenCount, candidatesTokenCount, totalTokenCount } = answer.usageMetadata!;
      assert.equal(promptTokenCount! + candidatesTokenCount!, totalTokenCount);
      assert.match(answer.modelVersion!, /served|claude|upstream/);
      const { data } = await gateway.admin<{ data: { endpoint: string; tokens: { input: number; output: number } }[] }>(
        'GET',
        '/usage?limit=1',
      );
      assert.equal(data[0]!.endpoint, 'chat');
      assert.deepEqual([data[0]!.tokens.input, data[0]!.tokens.output], [promptTokenCount, candidatesTokenCount]);
    });

    it(`gets a stream of a ${models[model]} target`, async () => {
      const stream = await google.models.generateContentStream({ model, contents: 'Say hello to all of them.' });
      let text = '';
      let last: Awaited<ReturnType<typeof google.models.generateContent>> | undefined;
      for await (const chunk of stream) {
        text += chunk.text ?? '';
        last = chunk;
      }
      assert.equal(text, 'You said: Say hello to all of them.');
      assert.equal(last!.candidates?.[0]?.finishReason, 'STOP');
      assert.ok(last!.usageMetadata!.candidatesTokenCount! > 0);
    });

    it(`calls a function and gives its result to a ${models[model]} target, whole and streamed`, async () => {
      const contents: Content[] = [{ role: 'user', parts: [{ text: 'Weather in Paris?' }] }];
      const first = await google.models.generateContent({ model, contents, config: { tools: [weather] } });
      const [call] = first.functionCalls!;
      assert.deepEqual([call!.name, call!.args], ['get_weather', { city: 'sample' }]);
      contents.push(first.candidates![0]!.content!);
      const response = { name: call!.name!, response: { output: 'sun' }, ...(call!.id && { id: call!.id }) };
      contents.push({ role: 'user', parts: [{ functionResponse: response }] });
      const second = await google.models.generateContent({ model, contents, config: { tools: [weather] } });
      assert.match(second.text!, /The tool said: .*sun/);

      const stream = await google.models.generateContentStream({
        model,
        contents: 'Weather?',
        config: { tools: [weather] },
      });
      const calls = [];
      for await (const chunk of stream) calls.push(...(chunk.functionCalls ?? []));
      assert.deepEqual(
        calls.map(({ name, args }) => [name, args]),
        [['get_weather', { city: 'sample' }]],
      );
    });

    it(`goes on with a chat over several turns at a ${models[model]} target, streamed`, async () => {
      const chat = google.chats.create({ model, config: { tools: [weather] } });
      const stream = await chat.sendMessageStream({ message: 'Weather?' });
      const parts = [];
      for await (const chunk of stream) parts.push(...(chunk.candidates?.[0]?.content?.parts ?? []));
      const { functionCall } = parts.find((part) => part.functionCall)!;
      const functionResponse = {
        name: functionCall!.name!,
        response: { output: 'rain' },
        ...(functionCall!.id && { id: functionCall!.id }),
      };
      const answer = await chat.sendMessage({ message: [{ functionResponse }] });
      assert.match(answer.text!, /rain/);
    });

    it(`is held to a schema by a ${models[model]} target`, async () => {
      const responseSchema = {
        type: Type.OBJECT,
        properties: { name: { type: Type.STRING }, age: { type: Type.INTEGER, nullable: true } },
        required: ['name'],
      };
      const config = { responseMimeType: 'application/json', responseSchema };
      const answer = await google.models.generateContent({ model, contents: 'Who?', config });
      assert.equal((JSON.parse(answer.text!) as { name: string }).name, 'sample');
    });

    it(`counts the tokens of a ${models[model]} target`, async () => {
      const { totalTokens } = await google.models.countTokens({ model, contents: 'How many tokens are these words?' });
      assert.ok(totalTokens! > 5 && totalTokens! < 40, String(totalTokens));
    });
  }

  it('is told thoughts where it asks for them, and sends back those of other makers', async () => {
    const contents: Content[] = [{ role: 'user', parts: [{ text: 'Think.' }] }];
    const config = { thinkingConfig: { includeThoughts: true, thinkingBudget: 4000 }, maxOutputTokens: 8000 };
    const stream = await google.models.generateContentStream({ model: 'claude', contents, config });
    const parts = [];
    for await (const chunk of stream) parts.push(...(chunk.candidates?.[0]?.content?.parts ?? []));
    const thoughts = parts.filter(({ thought }) => thought);
    assert.equal(thoughts.map(({ text }) => text).join(''), 'Let me think about that.');
    assert.equal(upstream.requests.at(-1)!.json()['thinking'] !== undefined, true);
    contents.push({ role: 'model', parts }, { role: 'user', parts: [{ text: 'And?' }] });
    await google.models.generateContent({ model: 'claude', contents, config });
    const { messages } = upstream.requests.at(-1)!.json() as { messages: { content: unknown[] }[] };
    assert.deepEqual(messages[1]!.content[0], {
      type: 'thinking',
      thinking: 'Let me think about that.',
      signature: 'EqQBCgIYAhIM',
    });
    await google.models.generateContent({ model: 'gemini-3-flash-preview', contents });
    const { contents: sent } = upstream.requests.at(-1)!.json() as { contents: { parts: { thought?: boolean }[] }[] };
    assert.ok(
      sent[1]!.parts.every(({ thought }) => !thought),
      'what Claude thought went to Gemini',
    );
  });

  it('gets the class of error that its status has', async () => {
    upstream.next(googleError(429, 'RESOURCE_EXHAUSTED', 'Slow down.', [{ '@type': 'x.RetryInfo', retryDelay: '7s' }]));
    const refused = google.models.generateContent({ model: 'gemini-3-flash-preview', contents: 'x' });
    await assert.rejects(refused, (error: { status?: number; message: string }) => {
      assert.equal(error.status, 429);
      const { error: told } = JSON.parse(error.message) as {
        error: { status: string; details: { retryDelay?: string }[] };
      };
      assert.equal(told.status, 'RESOURCE_EXHAUSTED');
      assert.deepEqual(told.details.map(({ retryDelay }) => retryDelay).filter(Boolean), ['7s']);
      return true;
    });
    await assert.rejects(google.models.generateContent({ model: 'nobody', contents: 'x' }), { status: 404 });
    const stranger = new GoogleGenAI({ apiKey: 'nobody', httpOptions: { baseUrl: gateway.url } });
    await assert.rejects(stranger.models.generateContent({ model: 'claude', contents: 'x' }), { status: 401 });
  });

  it('is told of an error in a stream, and never of a clean end', async () => {
    const piece = `data: ${JSON.stringify({ candidates: [{ content: { parts: [{ text: 'Half' }] } }] })}\r\n\r\n`;
    upstream.next([head(200, sseHeaders), write(piece), cut]);
    const stream = await google.models.generateContentStream({ model: 'gemini-3-flash-preview', contents: 'x' });
    let text = '';
    await assert.rejects(async () => {
      for await (const chunk of stream) text += chunk.text ?? '';
    });
    assert.equal(text, 'Half');
  });

  it('lists the models that the key may use', async () => {
    const { key: narrow } = await gateway.key({ models: ['team/*'] });
    const some = new GoogleGenAI({ apiKey: narrow, httpOptions: { baseUrl: gateway.url } });
    const pager = await some.models.list();
    assert.deepEqual(
      pager.page.map(({ name }) => name),
      ['models/team/gpt'],
    );
    const one = await google.models.get({ model: 'gemini-3-flash-preview' });
    assert.equal(one.outputTokenLimit, 65_536);
    await assert.rejects(some.models.get({ model: 'claude' }), { status: 404 });
  });

  it('for Vertex AI finds the same models', async () => {
    const vertex = new GoogleGenAI({ vertexai: true, apiKey: key, httpOptions: { baseUrl: gateway.url } });
    const answer = await vertex.models.generateContent({ model: 'claude', contents: 'Say hello.' });
    assert.equal(answer.text, 'You said: Say hello.');
  });
});

describe('@ai-sdk/google', () => {
  const provider = () => createGoogleGenerativeAI({ apiKey: key, baseURL: `${gateway.url}/v1beta` });
  const look = tool({
    description: 'Look.',
    inputSchema: z.object({ city: z.string() }),
    execute: ({ city }) => `sun in ${city}`,
  });

  for (const model of names) {
    it(`goes on with a tool to a ${models[model]} target`, async () => {
      const { text, steps } = await generateText({
        model: provider()(model),
        prompt: 'Weather?',
        tools: { look },
        stopWhen: stepCountIs(3),
      });
      assert.equal(steps.length, 2);
      assert.match(text, /sun in sample/);
    });

    it(`streams from a ${models[model]} target, with a tool`, async () => {
      const plain = streamText({ model: provider()(model), prompt: 'Say hello.' });
      assert.equal(await plain.text, 'You said: Say hello.');
      assert.ok((await plain.usage).outputTokens! > 0);
      const called = streamText({
        model: provider()(model),
        prompt: 'Weather?',
        tools: { look },
        stopWhen: stepCountIs(3),
      });
      assert.match(await called.text, /sun in sample/);
      assert.equal((await called.steps).length, 2);
    });
  }
});

describe('the addresses', () => {
  const path = (version: string) => `${version}/models/claude:generateContent`;
  for (const version of ['/v1', '/v1beta', '/v1alpha', '', '/v1beta/v1beta', '//v1beta', '/v1beta1/publishers/google'])
    it(`begin with ${version || 'no version'}`, async () => {
      const response = await post(path(version), hello);
      assert.equal(response.status, 200, await response.text());
    });

  it('may name a project, and a model with slashes, escaped or not', async () => {
    for (const one of [
      '/v1beta1/projects/p/locations/l/publishers/google/models/claude:generateContent',
      '/v1beta/models/team/gpt:generateContent',
      '/v1beta/models/team%2Fgpt:generateContent',
      '/v1beta1/publishers/team/models/gpt:generateContent',
    ])
      assert.equal((await post(one, hello)).status, 200, one);
  });

  it('take a key from the query, which is never logged', async () => {
    const response = await post(`${at('claude')}?key=${key}&alt=json`, hello, {});
    assert.equal(response.status, 200);
    assert.equal((await fetch(`${gateway.url}/v1beta/models?key=${key}`)).status, 200);
    assert.equal((await fetch(`${gateway.url}/v1beta/nothing?key=${key}`)).status, 404);
    assert.equal((await post(`${at('claude')}?key=nobody`, hello, {})).status, 401);
    assert.ok(!gateway.output.includes(key));
  });

  it('that are none are told as Google tells it', async () => {
    for (const [method, url, status, word] of [
      ['POST', '/v1beta/models/claude:embedEverything', 405, 'UNIMPLEMENTED'],
      ['DELETE', at('claude'), 405, 'UNIMPLEMENTED'],
      ['POST', '/v1beta/interactions', 404, 'NOT_FOUND'],
    ] as const) {
      const response = await fetch(`${gateway.url}${url}`, { method, headers: { 'x-goog-api-key': key } });
      const { error } = (await response.json()) as { error: { code: number; status: string } };
      assert.deepEqual([response.status, error.code, error.status], [status, status, word], url);
    }
  });

  it('refuse bad bodies by their field', async () => {
    const cases: readonly (readonly [unknown, string | undefined])[] = [
      ['{', undefined],
      ['[]', undefined],
      [{}, 'contents'],
      [{ contents: [] }, 'contents'],
      [{ contents: 'x' }, 'contents'],
      [{ contents: [1] }, 'contents[0]'],
      [{ contents: [{ parts: 'x' }] }, 'contents[0].parts'],
      [{ contents: [{ parts: ['x'] }] }, 'contents[0].parts[0]'],
      [{ ...hello, generationConfig: [] }, 'generationConfig'],
      [{ ...hello, generationConfig: { maxOutputTokens: 0 } }, 'generationConfig.maxOutputTokens'],
      [{ ...hello, generation_config: { candidate_count: 'x' } }, 'generationConfig.candidateCount'],
      [{ ...hello, systemInstruction: {}, system_instruction: {} }, 'systemInstruction'],
      ['{"contents":[{"parts":[]}],"contents":[{"parts":[]}]}', 'contents'],
      [
        { ...hello, generationConfig: { topK: 1, thinkingConfig: { thinkingLevel: 'WILD' } } },
        'generationConfig.thinkingConfig.thinkingLevel',
      ],
      [{ ...hello, cachedContent: 'cachedContents/1' }, 'cachedContent'],
      [{ ...hello, unheardOf: 1 }, 'unheardOf'],
      [{ ...hello, tools: [{ googleSearch: {} }] }, 'tools[0].googleSearch'],
      [
        { contents: [{ role: 'user', parts: [{ fileData: { mimeType: 'image/png', fileUri: 'gs://b/x' } }] }] },
        'contents[0].parts[0].fileData.fileUri',
      ],
      [
        { contents: [{ role: 'user', parts: [{ functionResponse: { name: 'f', response: {} } }] }] },
        'contents[0].parts[0].functionResponse',
      ],
      [{ ...hello, generationConfig: { speechConfig: {} } }, 'generationConfig.speechConfig'],
    ];
    for (const [body, param] of cases) {
      const response = await post(at('team/gpt'), body);
      const { error } = (await response.json()) as {
        error: { status: string; message: string; details: { fieldViolations?: { field: string }[] }[] };
      };
      assert.deepEqual([response.status, error.status], [400, 'INVALID_ARGUMENT'], JSON.stringify(body));
      const field = error.details.find(({ fieldViolations }) => fieldViolations)?.fieldViolations?.[0]?.field;
      assert.equal(field, param, `${JSON.stringify(body)}: ${error.message}`);
    }
  });
});

describe("a request in Google's dialect", () => {
  it('goes to Gemini as it came, byte for byte', async () => {
    const body =
      '{ "contents" : [{"role":"user","parts":[{"text":"1"}]}], "unknown": 12345678901234567890, "generation_config": {"temperature": 1.0} }';
    const response = await post(at('gemini-3-flash-preview'), body);
    assert.equal(response.status, 200);
    const got = upstream.requests.at(-1)!;
    assert.equal(got.body.toString('utf8'), body);
    assert.equal(got.path, '/v1beta/models/gemini-3-flash-preview:generateContent');
    assert.equal(got.headers['x-goog-api-key'], 'AIza-upstream');
  });

  it('has its maximum changed where the model may not answer with so much', async () => {
    for (const [body, sent] of [
      [
        { ...hello, generationConfig: { maxOutputTokens: 500, topK: 3 } },
        { maxOutputTokens: 50, topK: 3 },
      ],
      [{ ...hello, generation_config: {} }, { maxOutputTokens: 50 }],
      [hello, { maxOutputTokens: 50 }],
    ] as const) {
      const response = await post(at('small'), body);
      assert.equal(response.headers.get('x-tollgate-max-tokens-clamped'), '50');
      const got = upstream.requests.at(-1)!.json();
      assert.deepEqual(got['generationConfig'] ?? got['generation_config'], sent);
    }
  });

  it('streams as one JSON array where it does not ask for events', async () => {
    for (const model of names) {
      const response = await post(at(model, 'streamGenerateContent'), hello);
      assert.equal(response.headers.get('content-type'), 'application/json');
      const events = (await response.json()) as { candidates: { content: { parts: { text: string }[] } }[] }[];
      assert.ok(events.length > 1, model);
      const text = events
        .flatMap(({ candidates }) => candidates.flatMap(({ content }) => content.parts.map((part) => part.text)))
        .join('');
      assert.equal(text, 'You said: Say hello.');
    }
  });

  it('whose prompt is blocked gets that, and whose answer is empty an error', async () => {
    upstream.next(json(200, { promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: { promptTokenCount: 3 } }));
    const blocked = await post(at('gemini-3-flash-preview'), hello);
    assert.equal(blocked.status, 200);
    assert.match(await blocked.text(), /"blockReason":"SAFETY"/);
    upstream.next(json(200, { candidates: [{ finishReason: 'STOP' }] }));
    assert.equal((await post(at('gemini-3-flash-preview'), hello)).status, 502);
    upstream.next([head(200, sseHeaders), write('data: {"candidates":[{"finishReason":"STOP"}]}\r\n\r\n')]);
    assert.equal((await post(at('gemini-3-flash-preview', 'streamGenerateContent?alt=sse'), hello)).status, 502);
  });

  it('is answered from the cache, whole and in both forms of a stream, by what a stream said too', async () => {
    const ask = (text: string, verb = 'generateContent') =>
      post(at('cached', verb), { contents: [{ parts: [{ text }] }] });
    const said = async (response: Response) => (await response.text()).includes('You said: one');
    const first = await ask('one');
    assert.equal(first.headers.get('x-tollgate-cache'), 'miss');
    for (const verb of ['generateContent', 'streamGenerateContent', 'streamGenerateContent?alt=sse']) {
      const hit = await ask('one', verb);
      assert.equal(hit.headers.get('x-tollgate-cache'), 'hit', verb);
      assert.ok(await said(hit), verb);
    }
    for (const [text, verb] of [
      ['two', 'streamGenerateContent?alt=sse'],
      ['three', 'streamGenerateContent'],
    ] as const) {
      await (await ask(text, verb)).text();
      const hit = await ask(text);
      assert.equal(hit.headers.get('x-tollgate-cache'), 'hit', verb);
      const { candidates, usageMetadata } = (await hit.json()) as {
        candidates: { content: { parts: { text: string }[] } }[];
        usageMetadata: { candidatesTokenCount: number };
      };
      assert.equal(candidates[0]!.content.parts[0]!.text, `You said: ${text}`);
      assert.ok(usageMetadata.candidatesTokenCount > 0);
    }
  });

  it('names what is left out, and carries what has an equivalent', async () => {
    const config = {
      generationConfig: {
        topP: 0.5,
        stopSequences: ['X'],
        candidateCount: 2,
        seed: 4,
        mediaResolution: 'LOW',
        thinkingConfig: { thinkingLevel: 'LOW' },
      },
      safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'OFF' }],
      toolConfig: {
        functionCallingConfig: { mode: FunctionCallingConfigMode.ANY, allowedFunctionNames: ['get_weather'] },
      },
      tools: [weather],
    };
    const response = await post(at('team/gpt'), { ...hello, ...config });
    assert.equal(response.status, 200, await response.clone().text());
    assert.match(
      response.headers.get('x-tollgate-dropped-params')!,
      /safetySettings.*generationConfig\.mediaResolution/,
    );
    const sent = upstream.requests.at(-1)!.json();
    assert.deepEqual([sent['top_p'], sent['stop'], sent['n'], sent['seed']], [0.5, ['X'], 2, 4]);
    assert.deepEqual(sent['tool_choice'], { type: 'function', function: { name: 'get_weather' } });
    assert.deepEqual((sent['tools'] as { function: unknown }[])[0]!.function, {
      name: 'get_weather',
      description: 'Weather of a city.',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    });
  });

  it('carries media', async () => {
    const parts = [
      { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } },
      { inline_data: { mime_type: 'audio/wav', data: 'UklGRg==' } },
      { inlineData: { mimeType: 'application/pdf', data: 'JVBERi0=' } },
      { fileData: { mimeType: 'image/png', fileUri: 'https://example.com/cat.png' } },
      { text: 'What?' },
    ];
    const response = await post(at('team/gpt'), { contents: [{ role: 'user', parts }] });
    assert.equal(response.status, 200, await response.clone().text());
    const { messages } = upstream.requests.at(-1)!.json() as { messages: { content: { type: string }[] }[] };
    assert.deepEqual(
      messages[0]!.content.map(({ type }) => type),
      ['image_url', 'input_audio', 'file', 'image_url', 'text'],
    );
  });

  it("is told why it is refused in Google's words: limits, keys, models", async () => {
    const { key: poor } = await gateway.key({
      limits: [{ unit: 'requests', max: 1, per: 'hour' }],
      models: ['claude'],
    });
    const headers = { 'x-goog-api-key': poor };
    assert.equal((await post(at('claude'), hello, headers)).status, 200);
    const limited = await post(at('claude'), hello, headers);
    const { error } = (await limited.json()) as { error: { status: string; details: { retryDelay?: string }[] } };
    assert.deepEqual([limited.status, error.status], [429, 'RESOURCE_EXHAUSTED']);
    assert.ok(error.details.some(({ retryDelay }) => /^\d+s$/.test(retryDelay ?? '')));
    assert.ok(Number(limited.headers.get('retry-after')) > 0);
    assert.equal((await post(at('team/gpt'), hello, headers)).status, 403);
  });
});

describe('embeddings', () => {
  for (const model of ['gemini-embedding', 'text-embedding'])
    it(`in Google's dialect are had of ${model}`, async () => {
      const { embeddings } = await google.models.embedContent({
        model,
        contents: ['one', 'three'],
        config: { outputDimensionality: 3 },
      });
      assert.deepEqual(
        embeddings!.map(({ values }) => values),
        [
          [3, 0.5, 3],
          [5, 1.5, 5],
        ],
      );
      const one = await post(at(model, 'embedContent'), { content: { parts: [{ text: 'four' }] } });
      assert.deepEqual(await one.json(), { embedding: { values: [4, 0.5, 4, 0.5] } });
    });

  it("in OpenAI's form are had of Gemini, in both forms of vectors, and what was sent is counted", async () => {
    const ask = (body: object) =>
      fetch(`${gateway.url}/v1/embeddings`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'x-request-id': 'embeds-1' },
        body: JSON.stringify({ model: 'gemini-embedding', ...body }),
      });
    const response = await ask({ input: ['one', 'three'], dimensions: 2 });
    const { data } = (await response.json()) as { data: { embedding: number[]; index: number }[] };
    assert.deepEqual(
      data.map(({ embedding }) => embedding),
      [
        [3, 0.5],
        [5, 1.5],
      ],
    );
    const [entry] = await gateway.entries('embeds-1');
    assert.ok(entry!.tokens['input']! > 0 && entry!.usage_source === 'estimated');
    const base64 = (await (await ask({ input: 'one', encoding_format: 'base64' })).json()) as {
      data: { embedding: string }[];
    };
    assert.equal(Buffer.from(base64.data[0]!.embedding, 'base64').readFloatLE(0), 3);
    for (const [body, param] of [
      [{ input: [1, 2, 3] }, 'input'],
      [{ input: Array.from({ length: 101 }, () => 'x') }, 'input'],
    ] as const) {
      const refused = await ask(body);
      assert.equal(refused.status, 400);
      assert.equal(((await refused.json()) as { error: { param: string } }).error.param, param);
    }
  });

  it('that are none are refused by their field', async () => {
    for (const [verb, body, field] of [
      ['embedContent', {}, 'content'],
      ['embedContent', { content: { parts: [] } }, 'content'],
      ['embedContent', { content: { parts: [{ inlineData: {} }] } }, 'content.parts[0]'],
      ['batchEmbedContents', { requests: [] }, 'requests'],
      [
        'batchEmbedContents',
        { requests: [{ content: { parts: [{ text: 'x' }] }, outputDimensionality: 0 }] },
        'requests[0].outputDimensionality',
      ],
    ] as const) {
      const response = await post(at('gemini-embedding', verb), body);
      assert.equal(response.status, 400);
      assert.ok((await response.text()).includes(`"field":"${field}"`), field);
    }
    const { error } = (await (
      await post(at('claude', 'embedContent'), { content: { parts: [{ text: 'x' }] } })
    ).json()) as { error: { message: string } };
    assert.match(error.message, /cannot serve embedContent/);
  });
});
