/**
 * Answers with any type in any place, and streams cut at any byte, through a real gateway whose key has budgets: whatever comes, the
 * caller has an answer or an error that is not the gateway's own, every attempt has its entry within what it can have used, no hold
 * stays open, and the process lives without a fault in its log.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, messageStreamOf } from '../support/anthropic-answers.js';
import { type Gateway, startGateway, textAsFarAsItComes } from '../support/gateway.js';
import { type Chance, chanceOf, spoilt } from '../support/hostile-json.js';
import { completionOf, streamOf } from '../support/openai-answers.js';
import type { Written } from '../support/reload.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { type Behaviour, json, type Received, type Step, sse } from '../support/upstream-steps.js';

const MAX = 200;
const TIMES = 150;
const tools = [
  {
    type: 'function',
    function: { name: 'look', parameters: { type: 'object', properties: { a: { type: 'string' } } } },
  },
];
let upstream: FakeUpstream;
let gateway: Gateway;
let key: string;
let id: string;

before(async () => {
  upstream = await startUpstream();
  const model = (provider: string, name: string) => ({
    targets: [{ provider, model: name }],
    retry: { max_attempts: 1 },
  });
  gateway = await startGateway({
    config: {
      providers: {
        up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' },
        claude: { type: 'anthropic', base_url: upstream.url, api_key: 'sk-upstream' },
      },
      defaults: {
        price: { input: 1, output: 4 },
        breaker: { min_requests: 100_000 },
        timeout: { first_byte: '2s', idle: '2s', total: '5s' },
      },
      models: { chat: model('up', 'gpt-4o'), claude: model('claude', 'claude-sonnet-4-5') },
    },
  });
  ({ key, id } = await gateway.key({
    limits: [
      { unit: 'usd', max: 1000, per: 'month' },
      { unit: 'tokens', max: 1_000_000_000, per: 'month' },
      { unit: 'concurrent', max: 50 },
    ],
  }));
});

after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

let requests = 0;

async function ask(model: string, body: object, behaviour: Behaviour) {
  const requestId = `hostile-${++requests}`;
  upstream.next(behaviour);
  const asked = { model, messages: [{ role: 'user', content: 'Say hello, please.' }], max_tokens: MAX, ...body };
  const response = await gateway.chat(key, asked, { headers: { 'x-request-id': requestId } });
  return { requestId, status: response.status, text: await textAsFarAsItComes(response) };
}

/** What a behaviour would send, with one thing changed. */
type Spoil = (request: Received, chance: Chance) => { readonly steps: readonly Step[]; readonly what: string };

const changedEvent = (events: readonly string[], chance: Chance) => {
  const at = chance(events.length - 1);
  const [, head = '', data = '{}'] = /^((?:event: .*\n)?data: )(.*)\n\n$/.exec(events[at]!)!;
  const { text, what } = spoilt(JSON.parse(data), chance);
  return { bytes: events.toSpliced(at, 1, `${head}${text}\n\n`).join(''), what: `event ${at}: ${what}` };
};

const cutAnywhere = (bytes: string, chance: Chance) => {
  const at = chance(Buffer.from(bytes).length);
  return { bytes: Buffer.from(bytes).subarray(0, at), what: `cut at ${at}` };
};

const inStream = ({ bytes, what }: { bytes: string | Buffer; what: string }) => ({ steps: sse(bytes), what });
const whole = ({ text, what }: { text: string; what: string }) => ({ steps: json(200, text), what });
const errors = (value: unknown, chance: Chance) => {
  const { text, what } = spoilt(value, chance);
  const status = [400, 401, 404, 429, 500, 503][chance(6)]!;
  return { steps: json(status, text), what: `${status}: ${what}` };
};

const openaiError = {
  error: { message: 'No.', type: 'x', param: 'messages', code: 'y', metadata: { raw: 'z', list: [1] } },
};
const claudeError = { type: 'error', error: { type: 'invalid_request_error', message: 'No.' }, request_id: 'r' };
const chatBody = (request: Received) => request.json() as never;

const kinds: Readonly<Record<string, readonly [model: string, body: object, spoil: Spoil]>> = {
  'a whole answer': ['chat', {}, (request, chance) => whole(spoilt(completionOf(chatBody(request)), chance))],
  'a whole answer with calls': [
    'chat',
    { tools },
    (request, chance) => whole(spoilt(completionOf(chatBody(request)), chance)),
  ],
  'an error': ['chat', {}, (_, chance) => errors(openaiError, chance)],
  'a stream': [
    'chat',
    { stream: true },
    (request, chance) => inStream(changedEvent(streamOf(chatBody(request)), chance)),
  ],
  'a stream with calls': [
    'chat',
    { stream: true, tools },
    (request, chance) => inStream(changedEvent(streamOf(chatBody(request)), chance)),
  ],
  'a stream that ends anywhere': [
    'chat',
    { stream: true },
    (request, chance) => inStream(cutAnywhere(streamOf(chatBody(request)).join(''), chance)),
  ],
  "a whole answer of Anthropic's": [
    'claude',
    { tools },
    (request, chance) => whole(spoilt(messageOf(chatBody(request)), chance)),
  ],
  "an error of Anthropic's": ['claude', {}, (_, chance) => errors(claudeError, chance)],
  "a stream of Anthropic's": [
    'claude',
    { stream: true, tools },
    (request, chance) => inStream(changedEvent(messageStreamOf(chatBody(request)), chance)),
  ],
  "a stream of Anthropic's that ends anywhere": [
    'claude',
    { stream: true },
    (request, chance) => inStream(cutAnywhere(messageStreamOf(chatBody(request)).join(''), chance)),
  ],
};

describe('whatever an upstream sends in any place', () => {
  for (const [name, [model, body, spoil]] of Object.entries(kinds)) {
    it(name, async () => {
      for (let seed = 1; seed <= TIMES; seed++) {
        let what = '';
        const { requestId, status, text } = await ask(model, body, (request) => {
          const made = spoil(request, chanceOf(seed * 7_919));
          what = made.what;
          return made.steps;
        });
        const where = `seed ${seed}: ${what}: ${status} ${text.slice(0, 300)}`;
        assert.ok(status === 200 || (status >= 400 && status < 600), where);
        assert.doesNotMatch(text, /internal_error/, where);
        if (status !== 200) assert.equal(typeof JSON.parse(text).error.message, 'string', where);
        if (seed % 15 !== 0) continue;
        const [entry] = await gateway.entries(requestId);
        for (const [kind, count] of Object.entries(entry!.tokens))
          assert.ok(Number.isSafeInteger(count) && count >= 0, `${kind} ${count}, ${where}`);
        assert.ok(entry!.tokens['output']! <= MAX, `${entry!.tokens['output']} tokens of output, ${where}`);
        assert.ok(Number.isSafeInteger(entry!.cost_nusd['total']), where);
      }
    });
  }

  it('leaves no hold open and no fault in the log, and every attempt has one entry', async () => {
    const held = async () => {
      const { data } = await gateway.admin<{ data: Written[] }>('GET', `/limits?key=${id}`);
      return data.map((one) => Number(one.held));
    };
    for (let tries = 0; (await held()).some((one) => one !== 0); tries++) {
      assert.ok(tries < 100, 'a hold stays open');
      await sleep(50);
    }
    let cursor: string | null = null;
    let entries = 0;
    do {
      const page: { data: Written[]; next_cursor: string | null } = await gateway.admin(
        'GET',
        `/usage?limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
      );
      entries += page.data.length;
      cursor = page.next_cursor;
    } while (cursor);
    assert.equal(entries, requests);
    assert.doesNotMatch(gateway.output, /"msg":"fault"/);
  });
});
