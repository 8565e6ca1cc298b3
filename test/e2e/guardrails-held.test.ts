/**
 * Answers that are held back for a guard that answers elsewhere, and what ends or breaks a stream: nothing that was not judged is
 * told, and what a guard replaces is replaced wherever an answer says it.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { type Gateway, startGateway, textAsFarAsItComes } from '../support/gateway.js';
import { contentChunk, event } from '../support/openai-answers.js';
import { answer, hang, type Receiver, startReceiver } from '../support/receiver.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { cut, sse, until } from '../support/upstream-steps.js';

const price = { input: 1, output: 4 };
const WORD = 'Nightingale';

let upstream: FakeUpstream;
let hook: Receiver;
let gateway: Gateway;
const keys: Record<string, string> = {};

/** The texts that it is asked about with the word replaced. */
const replaces: Receiver['manner'] = (request, response) => {
  const { texts } = hook.received.at(-1)!.event.data as { texts: string[] };
  const others = texts.map((text) => text.replaceAll(WORD, 'Sparrow'));
  answer(200, {}, JSON.stringify({ action: 'replace', texts: others }))(request, response);
};

before(async () => {
  upstream = await startUpstream();
  hook = await startReceiver(replaces);
  const to = (provider: string, model: string) => ({ targets: [{ provider, model }], price });
  const webhook = { kind: 'webhook', url: hook.url, allow_private: true, on: 'output', timeout: '20s' };
  gateway = await startGateway({
    config: {
      defaults: { retry: { max_attempts: 1 } },
      providers: {
        chat: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'k' },
        openai: { type: 'openai', base_url: `${upstream.url}/v1`, api_key: 'k' },
        claude: { type: 'anthropic', base_url: upstream.url, api_key: 'k' },
        gemini: { type: 'gemini', base_url: upstream.url, api_key: 'k' },
      },
      models: {
        chat: to('chat', 'm'),
        openai: { ...to('openai', 'gpt-4o-mini'), timeout: { first_keep_alive: '50ms', keep_alive: '50ms' } },
        claude: to('claude', 'claude-sonnet-4-5'),
        gemini: to('gemini', 'gemini-2.5-flash'),
      },
      guardrails: {
        hook: webhook,
        lax: { ...webhook, on_failure: 'allow' },
        asks: { ...webhook, on: 'input' },
        launch: { kind: 'pattern', patterns: ['launch\\s+code'], on: 'output', action: 'block' },
      },
    },
  });
  for (const guard of ['hook', 'lax', 'asks', 'launch'])
    ({ key: keys[guard]! } = await gateway.key({ guards: [guard] }));
});
afterEach(() => {
  hook.manner = replaces;
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
  await hook?.close();
});

let run = 0;
/** Told once something has come of an answer. */
let begins: (() => void) | undefined;
async function ask(guard: string, path: string, body: object, more: Record<string, string> = {}) {
  const id = `held-${++run}`;
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: {
      ...{ authorization: `Bearer ${keys[guard]}`, 'content-type': 'application/json', 'x-request-id': id },
      ...more,
    },
    body: JSON.stringify(body),
  });
  begins?.();
  return { id, status: response.status, text: await textAsFarAsItComes(response) };
}

const answerBegins = () =>
  new Promise<void>((resolve) => {
    begins = resolve;
  });

const user = (content: string) => [{ role: 'user', content }];
const chat = { model: 'chat', messages: user('x'), stream: true };
const response = (input: string) => ({ model: 'openai', input, store: false, stream: true });
const tool = { city: { type: 'string', enum: [WORD] } };
const schema = { type: 'object', properties: tool, required: ['city'] };
const done = [contentChunk('', 'stop'), 'data: [DONE]\n\n'];

describe('what a webhook replaces is replaced wherever a stream says it', () => {
  const asked: Readonly<Record<string, readonly [path: string, body: object]>> = {
    'chat completions': ['/v1/chat/completions', { ...chat, messages: user(`Ask ${WORD}.`) }],
    responses: ['/v1/responses', response(`Ask ${WORD}.`)],
    messages: ['/v1/messages', { model: 'claude', max_tokens: 50, messages: user(`Ask ${WORD}.`), stream: true }],
    "Google's content": [
      '/v1beta/models/gemini:streamGenerateContent?alt=sse',
      { contents: [{ role: 'user', parts: [{ text: `Ask ${WORD}.` }] }] },
    ],
    'calls of responses': [
      '/v1/responses',
      { ...response('x'), tools: [{ type: 'function', name: 'f', parameters: schema }] },
    ],
    'calls of messages': [
      '/v1/messages',
      {
        ...{ model: 'claude', max_tokens: 50, messages: user('x'), stream: true },
        tools: [{ name: 'f', input_schema: schema }],
      },
    ],
    "calls of Google's content": [
      '/v1beta/models/gemini:streamGenerateContent?alt=sse',
      {
        contents: [{ role: 'user', parts: [{ text: 'x' }] }],
        tools: [{ functionDeclarations: [{ name: 'f', parametersJsonSchema: schema }] }],
      },
    ],
  };
  for (const [name, [path, body]] of Object.entries(asked))
    it(name, async () => {
      const { text, status } = await ask('hook', path, body);
      assert.equal(status, 200, text);
      // What a response repeats of its request is none of its answer.
      const said = text.replaceAll(/"tools":\[.*?\],"top_p"/g, '');
      assert.ok(said.includes('Sparrow') && !said.includes(WORD), said);
    });

  it('and where nothing is replaced the usage that was asked for is told with its cost', async () => {
    hook.manner = answer(200, {}, '{"action":"allow"}');
    const { text } = await ask('hook', '/v1/chat/completions', { ...chat, stream_options: { include_usage: true } });
    assert.match(text, /"x_tollgate":\{"cost_usd":"0\.\d+","attempts":1,"cache":"off"\}/);
    assert.ok(text.endsWith('data: [DONE]\n\n') && !text.includes('not known'), text);
  });
});

describe('a stream that breaks', () => {
  const item = (more: object) => ({ id: 'msg_1', type: 'message', role: 'assistant', ...more });
  const part = (text: string) => ({ type: 'output_text', text, annotations: [] });
  const begun = [
    event({ type: 'response.created', sequence_number: 0, response: { id: 'resp_1', object: 'response', output: [] } }),
    event({ type: 'response.output_item.added', sequence_number: 1, output_index: 0, item: item({ content: [] }) }),
    event({
      ...{ type: 'response.output_text.delta', sequence_number: 2, output_index: 0, content_index: 0 },
      ...{ item_id: 'msg_1', delta: `It is ${WORD}.` },
    }),
    event({
      ...{ type: 'response.output_item.done', sequence_number: 3, output_index: 0 },
      item: item({ content: [part(`It is ${WORD}.`)] }),
    }),
  ];

  it('tells nothing of what was held back for a webhook that was not asked', async () => {
    upstream.next(sse(...begun, until(answerBegins()), cut));
    const before = hook.received.length;
    const { text } = await ask('hook', '/v1/responses', response('x'));
    assert.equal(hook.received.length, before);
    assert.ok(!text.includes(WORD), text);
    assert.match(text, /^: /);
    assert.match(text, /upstream_error|response.failed/);
  });

  it('tells nothing of what waits for a pattern', async () => {
    upstream.next(sse(...begun.slice(0, 3), until(answerBegins()), cut));
    const { text } = await ask('launch', '/v1/responses', response('x'));
    assert.ok(!text.includes('delta'), text);
    assert.match(text, /response.failed/);
  });
});

describe('what ends a stream', () => {
  const last = (content: string) =>
    event({
      ...{ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' },
      choices: [{ index: 0, delta: { content }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 9, total_tokens: 10 },
    });
  const asking = { ...chat, stream_options: { include_usage: true } };

  it('is read by guards that block, before the answer is entered', async () => {
    upstream.next(sse(contentChunk('it is so: '), last('the launch code is 1234'), 'data: [DONE]\n\n'));
    const { text, id } = await ask('launch', '/v1/chat/completions', asking);
    assert.ok(!text.includes('1234') && !text.includes('launch code'), text);
    const [entry] = await gateway.entries(id);
    assert.deepEqual([entry!.error, entry!.flags], ['content_blocked', ['guard_blocked']]);
  });

  it('is read by guards that are asked elsewhere', async () => {
    upstream.next(sse(contentChunk('it is so: '), last(WORD), 'data: [DONE]\n\n'));
    const { text } = await ask('hook', '/v1/chat/completions', asking);
    assert.ok(text.includes('Sparrow') && !text.includes(WORD), text);
  });

  it('is read where all of a response stands in it', async () => {
    const output = [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'a launch code' }] }];
    const completed = { id: 'resp_1', object: 'response', status: 'completed', output };
    upstream.next(sse(event({ type: 'response.completed', sequence_number: 0, response: completed })));
    const { text, id } = await ask('launch', '/v1/responses', response('x'));
    assert.ok(!text.includes('launch code'), text);
    assert.equal((await gateway.entries(id))[0]!.error, 'content_blocked');
  });
});

describe('an answer that is too long to be held back', () => {
  const long = (): readonly string[] => [
    ...Array.from({ length: 9 }, () => contentChunk('word '.repeat(210_000))),
    ...done,
  ];

  it('goes on where its guard may fail, which is told', async () => {
    upstream.next(sse(...long()));
    const { text, id, status } = await ask('lax', '/v1/chat/completions', chat);
    assert.ok(status === 200 && text.endsWith('data: [DONE]\n\n') && text.length > 9_000_000);
    assert.deepEqual((await gateway.entries(id))[0]!.flags, ['guard_unasked']);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    assert.match(metrics, /tollgate_guardrail_total\{guard="lax",action="error",where="output"\} 1/);
  });

  it('is blocked where not', async () => {
    upstream.next(sse(...long()));
    const { text, id } = await ask('hook', '/v1/chat/completions', chat);
    assert.match(text, /guard 'hook': it is too long to be judged/);
    assert.deepEqual((await gateway.entries(id))[0]!.flags, ['guard_blocked']);
  });
});

describe('the time of a request', () => {
  const body = { model: 'chat', messages: user('x') };

  it('covers what guards take that are asked elsewhere, on both ways', async () => {
    hook.manner = hang;
    for (const guard of ['asks', 'hook']) {
      const { status, text } = await ask(guard, '/v1/chat/completions', body, { 'x-tollgate-timeout': '400ms' });
      assert.equal(status, 504, text);
      assert.match(text, /before its guards had answered/);
    }
  });

  it('is over when the caller leaves: nobody is asked any longer', async () => {
    const closed = new Promise<void>((resolve) => {
      hook.manner = (_request, response) => {
        response.on('close', resolve);
        left.abort();
      };
    });
    const left = new AbortController();
    const headers = { authorization: `Bearer ${keys['asks']}`, 'content-type': 'application/json' };
    const asking = { method: 'POST', headers, body: JSON.stringify(body), signal: left.signal };
    const begun = performance.now();
    await assert.rejects(fetch(`${gateway.url}/v1/chat/completions`, asking));
    await closed;
    assert.ok(performance.now() - begun < 15_000);
  });
});
