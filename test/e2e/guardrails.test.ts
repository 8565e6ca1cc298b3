/**
 * Guards over a real gateway, in every dialect, whole and streamed: what is redacted reaches no upstream, what is blocked is not
 * sent or not told, and what was used is billed. The upstream says again what it was told.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { type Dialect, dialects, wordsIn } from '../support/dialect-words.js';
import { type Gateway, startGateway, textAsFarAsItComes } from '../support/gateway.js';
import { answerChat, contentChunk, event } from '../support/openai-answers.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { json, type Received, sse } from '../support/upstream-steps.js';

const MAIL = 'jo.doe@example.com';
const CARD = '4111 1111 1111 1111';
const price = { input: 1, output: 4 };

let upstream: FakeUpstream;
let gateway: Gateway;
const keys: Record<string, string> = {};

before(async () => {
  upstream = await startUpstream();
  const to = (provider: string, model: string) => ({ targets: [{ provider, model }], price });
  gateway = await startGateway({
    config: {
      defaults: { retry: { max_attempts: 1 } },
      telemetry: { log: { level: 'trace' } },
      providers: {
        chat: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'k' },
        openai: { type: 'openai', base_url: `${upstream.url}/v1`, api_key: 'k' },
        claude: { type: 'anthropic', base_url: upstream.url, api_key: 'k' },
        gemini: { type: 'gemini', base_url: upstream.url, api_key: 'k' },
      },
      models: {
        chat: to('chat', 'm'),
        openai: to('openai', 'gpt-4o-mini'),
        claude: to('claude', 'claude-sonnet-4-5'),
        gemini: to('gemini', 'gemini-2.5-flash'),
        embed: to('chat', 'embed'),
      },
      guardrails: {
        mask: { kind: 'pii', entities: ['email', 'card'], action: 'redact', restore: true },
        hide: { kind: 'pii', entities: ['email', 'card'], on: ['input', 'output'], action: 'redact' },
        secrets: { kind: 'pii', entities: ['email'], on: 'input', action: 'block', message: 'no addresses' },
        launch: { kind: 'pattern', patterns: ['(?i)launch\\s+code'], on: 'output', action: 'block' },
        watch: { kind: 'pii', entities: ['email'], on: ['input', 'output'], action: 'log' },
        brief: { kind: 'size', max_characters: 100, on: 'output' },
      },
    },
  });
  for (const guard of ['mask', 'hide', 'secrets', 'launch', 'watch', 'brief'])
    ({ key: keys[guard]! } = await gateway.key({ guards: [guard] }));
});
afterEach(() => upstream?.always());
after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

let run = 0;

async function ask(dialect: Dialect, key: string, words: string, stream: boolean) {
  const id = `guard-${++run}`;
  const body = { ...dialect.body(words), ...(stream && !('contents' in dialect.body('')) && { stream }) };
  const before = upstream.requests.length;
  const response = await fetch(`${gateway.url}${dialect.path(stream)}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keys[key]}`, 'content-type': 'application/json', 'x-request-id': id },
    body: JSON.stringify(body),
  });
  const text = await textAsFarAsItComes(response);
  return { id, status: response.status, text, said: wordsIn(text, dialect), sent: upstream.requests.slice(before) };
}

const sentText = (sent: readonly Received[]): string => sent.map(({ body }) => body.toString('utf8')).join('');

for (const [name, dialect] of Object.entries(dialects)) {
  describe(name, () => {
    for (const stream of [false, true]) {
      const how = stream ? 'streamed' : 'whole';
      it(`redacts on the way up and puts back on the way down, ${how}`, async () => {
        const { said, sent, text, status } = await ask(
          dialect,
          'mask',
          `Mail ${MAIL} and ${MAIL}, card ${CARD}.`,
          stream,
        );
        assert.equal(status, 200, text);
        assert.ok(!sentText(sent).includes(MAIL) && !sentText(sent).includes(CARD), sentText(sent));
        assert.match(sentText(sent), /Mail \[EMAIL_1\] and \[EMAIL_1\], card \[CARD_1\]\./);
        assert.ok(said.includes(`Mail ${MAIL} and ${MAIL}, card ${CARD}.`), said);
        assert.ok(!text.includes('[EMAIL_1]'), text);
      });

      it(`leaves placeholders where nothing is to be put back, ${how}`, async () => {
        const { said } = await ask(dialect, 'hide', `Mail ${MAIL}.`, stream);
        assert.ok(said.includes('Mail [EMAIL_1].'), said);
      });

      it(`blocks a request: nothing is sent and nothing is billed, ${how}`, async () => {
        const { status, text, sent, id } = await ask(dialect, 'secrets', `Mail ${MAIL}.`, stream);
        assert.equal(status, 400);
        assert.match(text, /blocked by the guard 'secrets': no addresses/);
        assert.equal(sent.length, 0);
        const { data } = await gateway.admin<{ data: unknown[] }>('GET', `/usage?request_id=${id}`);
        assert.deepEqual(data, []);
      });

      it(`blocks an answer: it is billed and not told, ${how}`, async () => {
        const { status, text, said, id } = await ask(dialect, 'launch', 'it is so: the LAUNCH   code is 1234', stream);
        assert.ok(!text.includes('1234') && !/launch/i.test(said), text);
        assert.match(text, /blocked by the guard 'launch'/);
        if (!stream) assert.equal(status, 400);
        const [entry] = await gateway.entries(id);
        assert.equal(entry!.status, 400);
        assert.equal(entry!.error, 'content_blocked');
        assert.deepEqual(entry!.flags, ['guard_blocked']);
        assert.ok(entry!.tokens['output']! > 0 && entry!.cost_nusd['output']! > 0);
      });
    }
  });
}

const chat = dialects['chat completions']!;
const post = (key: string, body: object, path = '/v1/chat/completions') =>
  fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keys[key]}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
const user = (content: unknown) => ({ model: 'chat', messages: [{ role: 'user', content }] });

describe('every text of a request', () => {
  const texts: Readonly<Record<string, object>> = {
    'a system message': {
      messages: [
        { role: 'system', content: MAIL },
        { role: 'user', content: 'x' },
      ],
    },
    'parts that are one text': user([
      { type: 'text', text: 'to jo.doe@exa' },
      { type: 'text', text: 'mple.com' },
    ]),
    'arguments of a call': {
      messages: [
        { role: 'user', content: 'x' },
        {
          role: 'assistant',
          tool_calls: [
            { id: 'c', type: 'function', function: { name: 'f', arguments: '{"to":"jo.d\\u006fe@example.com"}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'c', content: 'done' },
      ],
    },
    'names in arguments': {
      messages: [
        {
          role: 'assistant',
          tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: `{"${MAIL}":1}` } }],
        },
        { role: 'tool', tool_call_id: 'c', content: 'done' },
      ],
    },
    'a result of a tool': {
      messages: [
        { role: 'assistant', tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] },
        { role: 'tool', tool_call_id: 'c', content: `{"mail":"${MAIL}"}` },
      ],
    },
    'a description of a tool': {
      ...user('x'),
      tools: [{ type: 'function', function: { name: 'f', description: MAIL } }],
    },
    'a field that nobody knows': { ...user('x'), guided_regex: MAIL },
    'a stop sequence': { ...user('x'), stop: [MAIL] },
  };
  for (const [name, body] of Object.entries(texts)) {
    it(`${name} is seen`, async () => {
      const response = await post('secrets', { model: 'chat', ...body });
      assert.equal(response.status, 400);
      assert.equal(((await response.json()) as { error: { code: string } }).error.code, 'content_blocked');
    });
  }

  it('an escape in the body hides nothing', async () => {
    const body = JSON.stringify(user(MAIL)).replace('jo.doe@', 'j\\u006f.doe\\u0040');
    const response = await gateway.chat(keys['secrets']!, body);
    assert.equal(response.status, 400);
  });

  it('a name that is given twice is refused, since two readers could take different ones', async () => {
    const response = await gateway.chat(
      keys['secrets']!,
      `{"model":"chat","messages":[{"role":"user","content":"${MAIL}","content":"x"}]}`,
    );
    assert.equal(response.status, 400);
    assert.match(await response.text(), /names a field twice/);
  });

  it('documents, tool use and results of the messages dialect are seen; base64 is not read', async () => {
    const messages = (content: unknown) => ({ model: 'claude', max_tokens: 10, messages: [{ role: 'user', content }] });
    for (const content of [
      [{ type: 'document', source: { type: 'text', media_type: 'text/plain', data: MAIL } }],
      [{ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: MAIL }] }],
    ])
      assert.equal((await post('secrets', messages(content), '/v1/messages')).status, 400);
    const inBase64 = { type: 'base64', media_type: 'application/pdf', data: Buffer.from(MAIL).toString('base64') };
    assert.equal(
      (await post('secrets', messages([{ type: 'document', source: inBase64 }]), '/v1/messages')).status,
      200,
    );
    assert.equal((await post('secrets', messages('fine'), '/v1/messages/count_tokens')).status, 200);
    assert.equal((await post('secrets', messages(MAIL), '/v1/messages/count_tokens')).status, 400);
  });

  it('inputs of embeddings are redacted, and tokens, which nobody can read, are refused', async () => {
    const before = upstream.requests.length;
    assert.equal((await post('mask', { model: 'embed', input: ['a', MAIL] }, '/v1/embeddings')).status, 200);
    assert.deepEqual(upstream.requests[before]!.json()['input'], ['a', '[EMAIL_1]']);
    const tokens = await post('mask', { model: 'embed', input: [[1, 2, 3]] }, '/v1/embeddings');
    assert.equal(tokens.status, 400);
    assert.match(await tokens.text(), /given as tokens/);
  });

  it('a prompt of megabytes with a thousand finds is read in turns', async () => {
    const words = Array.from({ length: 1_000 }, (_, n) => `${'lorem ipsum '.repeat(250)} user${n}@example.com`).join(
      ' ',
    );
    const before = upstream.requests.length;
    assert.equal((await post('mask', user(words))).status, 200);
    const sent = upstream.requests[before]!.body.toString('utf8');
    assert.ok(sent.includes('[EMAIL_1000]') && !sent.includes('@example.com'));
  });
});

describe('what restores', () => {
  it('does not follow placeholders that the model or the caller made up', async () => {
    upstream.next((request) => answerChat(request, { text: '[EMAIL_1] [EMAIL_2] [CARD_9]' }));
    const response = await post('mask', user(`[EMAIL_1] is no address, ${MAIL} is.`));
    const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
    assert.equal(choices[0]!.message.content, `[EMAIL_1] ${MAIL} [CARD_9]`);
  });

  it('puts back in arguments of calls, which stay JSON', async () => {
    const saying = { calls: [{ name: 'send', arguments: '{"to":"[EMAIL_1]","n":1}' }] };
    for (const stream of [false, true]) {
      upstream.next((request) => answerChat(request, saying));
      const text = await (await post('mask', { ...user(`x"${MAIL}`), stream })).text();
      assert.ok(text.includes('jo.doe@') && text.includes('example.com') && !text.includes('EMAIL'), text);
    }
  });
});

describe('answers', () => {
  it('every choice is read, and the likelihoods of what was redacted go', async () => {
    const choice = (index: number, content: string) => ({
      ...{
        index,
        finish_reason: 'stop',
        message: { role: 'assistant', content, reasoning_content: `I think of ${MAIL}` },
      },
      logprobs: { content: [{ token: MAIL, logprob: -1, bytes: null, top_logprobs: [] }] },
    });
    upstream.next(
      json(200, {
        ...{ id: 'c', object: 'chat.completion', created: 1, model: 'm' },
        choices: [choice(0, 'no'), choice(1, MAIL)],
        usage: { prompt_tokens: 1, completion_tokens: 9, total_tokens: 10 },
      }),
    );
    const text = await (await post('hide', { ...user('x'), n: 2, logprobs: true })).text();
    assert.ok(!text.includes(MAIL), text);
    const { choices } = JSON.parse(text) as { choices: { logprobs: unknown; message: { content: string } }[] };
    assert.deepEqual(
      choices.map(({ message }) => message.content),
      ['no', '[EMAIL_1]'],
    );
    assert.equal(choices[1]!.logprobs, null);
  });

  it('a stream of two choices, with likelihoods, cut within an address', async () => {
    const chunk = (index: number, content: string) =>
      event({
        id: 'c',
        object: 'chat.completion.chunk',
        created: 1,
        model: 'm',
        choices: [
          { index, delta: { content }, finish_reason: null, logprobs: { content: [{ token: content, logprob: -1 }] } },
        ],
      });
    const end = (index: number) =>
      event({
        id: 'c',
        object: 'chat.completion.chunk',
        created: 1,
        model: 'm',
        choices: [{ index, delta: {}, finish_reason: 'stop' }],
      });
    upstream.next(
      sse(
        chunk(0, 'a jo.doe'),
        chunk(1, 'b '),
        chunk(0, '@example'),
        chunk(1, MAIL),
        chunk(0, '.com c'),
        end(0),
        end(1),
        'data: [DONE]\n\n',
      ),
    );
    const text = await (await post('hide', { ...user('x'), n: 2, logprobs: true, stream: true })).text();
    assert.ok(!text.includes('jo.doe') && !text.includes('@example'), text);
    assert.ok(text.endsWith('data: [DONE]\n\n'));
  });

  it('a block in the middle of a stream ends it with an error and a closed connection', async () => {
    const filler = 'nothing to see here, go on. '.repeat(30);
    upstream.next(
      sse(
        contentChunk(filler),
        contentChunk(filler),
        contentChunk('the launch co'),
        contentChunk('de is 1234'),
        contentChunk(filler),
        contentChunk('', 'stop'),
        'data: [DONE]\n\n',
      ),
    );
    const { text, status, id } = await ask(chat, 'launch', 'x', true);
    assert.equal(status, 200);
    assert.ok(text.includes('nothing to see') && !text.includes('launch co') && !text.includes('[DONE]'), text);
    assert.match(text, /"code":"content_blocked"/);
    const [entry] = await gateway.entries(id);
    assert.ok(entry!.status === 400 && entry!.stream && entry!.tokens['output']! === 50, JSON.stringify(entry));
  });

  it('an answer that is too long is stopped', async () => {
    upstream.next(
      sse(contentChunk('x'.repeat(90)), contentChunk('y'.repeat(90)), contentChunk('', 'stop'), 'data: [DONE]\n\n'),
    );
    assert.match((await ask(chat, 'brief', 'x', true)).text, /blocked by the guard 'brief'/);
    assert.equal((await ask(chat, 'brief', 'z'.repeat(200), false)).status, 400);
    assert.equal((await ask(chat, 'brief', 'short', false)).status, 200);
  });

  it('guards that only log change nothing and are told of', async () => {
    const { said, id } = await ask(chat, 'watch', `Mail ${MAIL}.`, true);
    assert.ok(said.includes(MAIL));
    const [entry] = await gateway.entries(id);
    assert.deepEqual(entry!.flags, ['guard_logged']);
  });
});
