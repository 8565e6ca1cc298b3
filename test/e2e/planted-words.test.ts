/**
 * What callers and upstreams say is in no line of the log, whatever the level and whatever fails: words are planted in requests,
 * headers, errors, answers, tool arguments, whole and streamed, and each line is searched for them.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { contentChunk, event } from '../support/openai-answers.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { anthropicError, type Behaviour, html, json, openaiError, raw, sse } from '../support/upstream-steps.js';

const PLANTED = 'PLANTEDPROMPT';
const said = `You said: ${PLANTED}.`;
const price = { input: 1, output: 4 };
const once = { price, retry: { max_attempts: 1 }, breaker: { min_requests: 100_000 } };

let upstream: FakeUpstream;
let gateway: Gateway;
let key: string;

before(async () => {
  upstream = await startUpstream();
  const routed = { auth: { none: {} }, upstream: { targets: [{ url: upstream.url }] } };
  gateway = await startGateway({
    config: {
      telemetry: { log: { level: 'trace' } },
      providers: {
        up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'k' },
        claude: { type: 'anthropic', base_url: upstream.url, api_key: 'k' },
      },
      auth: {
        jwt: { issuer: upstream.url, audience: 'a', jwks_url: `${upstream.url}/keys`, claims: { team: 'team' } },
      },
      models: {
        m: { targets: [{ provider: 'up', model: 'm' }], ...once },
        embed: { targets: [{ provider: 'up', model: 'embed' }], ...once },
        cached: { targets: [{ provider: 'up', model: 'cached' }], ...once, cache: { exact: true, ttl: '1h' } },
        claude: { targets: [{ provider: 'claude', model: 'claude-sonnet-4-5' }], ...once },
      },
      routes: [
        { name: 'plain', match: { path: '/plain' }, ...routed },
        {
          name: 'checked',
          match: { path: '/checked' },
          ...routed,
          log_only: ['validate'],
          validate: { body: { type: 'object', additionalProperties: false } },
        },
        {
          name: 'composed',
          match: { path: '/composed' },
          auth: { none: {} },
          compose: [{ url: upstream.url, method: 'POST' }],
        },
      ],
    },
  });
  ({ key } = await gateway.key());
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

const error = { message: said, type: said, code: PLANTED.toLowerCase() + said, param: said };
const answers: readonly (readonly [name: string, model: string, behaviour: () => Behaviour])[] = [
  ['an error of the request', 'm', () => openaiError(400, error)],
  ['an error of the account', 'm', () => openaiError(401, error)],
  ['a quota', 'm', () => openaiError(429, { ...error, code: 'insufficient_quota' })],
  ['a rate limit', 'm', () => openaiError(429, error)],
  ['an error of the server', 'm', () => openaiError(500, error)],
  ['an overload', 'm', () => openaiError(529, error)],
  ['an error without a shape', 'm', () => json(422, { detail: [{ loc: ['body'], input: said, msg: said }] })],
  ['a page', 'm', () => html(502, `<html>${said}</html>`)],
  ['words alone', 'm', () => json(400, said)],
  ['no JSON', 'm', () => html(200, said)],
  [
    'half a JSON',
    'm',
    () => [
      raw(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 30\r\n\r\n{"choices":"${PLANTED}`),
    ],
  ],
  ['no HTTP', 'm', () => [raw(`${said}\r\n\r\n`)]],
  ['an error under status 200', 'm', () => json(200, { error })],
  ['an answer of another shape', 'm', () => json(200, { choices: said })],
  ['an answer in headers', 'm', () => json(400, { error }, { 'x-echo': said, 'retry-after': said })],
  ['an error inside a stream', 'm', () => sse(contentChunk(said), event({ error }))],
  ['a stream of something else', 'm', () => sse(contentChunk(said), `data: ${said}\n\n`)],
  ['a stream that is cut', 'm', () => sse(contentChunk(said))],
  ['an error for claude', 'claude', () => anthropicError(400, said, said)],
  ['a message that is none', 'claude', () => json(200, { content: said, error: said })],
  [
    'an answer',
    'm',
    () =>
      json(200, {
        id: said,
        model: said,
        choices: [{ message: { role: 'assistant', content: said }, finish_reason: said }],
        usage: { prompt_tokens: said },
      }),
  ],
  [
    'calls of tools',
    'm',
    () =>
      json(200, {
        id: 'c',
        model: 'm',
        choices: [
          {
            message: {
              role: 'assistant',
              tool_calls: [{ id: said, type: 'function', function: { name: said, arguments: said } }],
            },
            finish_reason: 'tool_calls',
          },
        ],
      }),
  ],
  [
    'an answer that is kept',
    'cached',
    () =>
      json(200, {
        id: 'c',
        model: 'm',
        choices: [{ message: { role: 'assistant', content: said }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      }),
  ],
  ['vectors that are none', 'embed', () => json(200, { data: [{ embedding: said }] })],
];

const call = { id: said, type: 'function', function: { name: 'look', arguments: `{"a":"${PLANTED}` } };
const requestOf = (model: string, stream: boolean): object =>
  model === 'embed'
    ? { model, input: said }
    : {
        ...{ model, stream, max_tokens: 5, user: said, metadata: { note: said }, stop: [said] },
        messages: [
          { role: 'system', content: said },
          { role: 'user', content: said, name: PLANTED },
          { role: 'assistant', content: null, tool_calls: [call] },
          { role: 'tool', tool_call_id: said, content: said },
        ],
        tools: [{ type: 'function', function: { name: 'look', description: said, parameters: { type: 'object' } } }],
      };

async function post(path: string, body: unknown, token: string, headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, 'x-prompt': said, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  let text = '';
  try {
    for await (const piece of response.body ?? []) text += Buffer.from(piece).toString();
  } catch {
    // A stream that failed is cut.
  }
  return text;
}

describe('planted words', () => {
  it('go where they belong, and are in no line of the log', async () => {
    for (const [name, model, behaviour] of answers) {
      for (const stream of model === 'embed' ? [false] : [false, true]) {
        upstream.next(behaviour());
        const path = model === 'embed' ? '/v1/embeddings' : '/v1/chat/completions';
        const text = await post(path, requestOf(model, stream), key);
        if (name === 'an error of the request') assert.match(text, /PLANTEDPROMPT/, 'its caller is told');
      }
    }
    for (const bad of [
      `{"model":"${said}`,
      `{"model":"m","messages":"${said}"}`,
      { model: said },
      { [said]: said },
      said,
    ])
      await post('/v1/chat/completions', bad, key);
    await post('/v1/chat/completions', { model: 'm', messages: [] }, PLANTED);
    for (const [header, value] of [
      ['x-tollgate-metadata', `{"a":"${said}`],
      ['x-tollgate-cache', said],
      ['x-tollgate-timeout', said],
      ['traceparent', said],
      ['x-request-id', said],
    ] as const)
      await post('/v1/chat/completions', requestOf('m', false), key, { [header]: value });
    // A token whose issuer answers with something that is no JSON, and quotes it.
    upstream.always(html(200, said));
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const token = `${part({ alg: 'RS256', kid: 'k' })}.${part({ iss: upstream.url, aud: 'a', sub: said })}.c2ln`;
    await post('/v1/chat/completions', requestOf('m', false), token);
    upstream.always(json(422, { error: said }, { 'x-echo': said }));
    for (const path of ['/plain', '/checked', '/composed'])
      await post(`${path}?q=${PLANTED}`, { [PLANTED]: said }, said);
    upstream.always();
    // The admin's own requests, with a wrong and with the right key.
    for (const admin of [PLANTED, gateway.adminKey]) {
      await post(`/admin/v1/keys?q=${PLANTED}`, { [PLANTED]: said, name: [said] }, admin);
      await post('/admin/v1/explain', { key: said, body: requestOf('m', false) }, admin);
      await post('/admin/v1/explain', `{"${said}`, admin);
    }
    assert.equal(await gateway.stop(), 0);
    const lines = gateway.output.split('\n').filter((line) => line !== '');
    assert.ok(lines.length > answers.length, 'there is a log');
    assert.ok(
      lines.some((line) => /"reason":"[a-z_]+: status 400, \d+ characters"/.test(line)),
      'it says what failed',
    );
    assert.deepEqual(
      lines.filter((line) => line.toUpperCase().includes(PLANTED)),
      [],
    );
  });
});
