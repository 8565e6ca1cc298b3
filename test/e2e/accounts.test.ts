/**
 * Whose fault: what an upstream says about the gateway's own account is 502 `upstream_account_error`, which names the provider
 * and what its operator must do, never the caller's fault. A provider without the credential that it needs is never asked, and
 * what only it serves is not listed. A configuration can say what the errors of a provider mean.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { contentChunk, event } from '../support/openai-answers.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { anthropicError, type Behaviour, json, openaiError, sse } from '../support/upstream-steps.js';

const messages = [{ role: 'user', content: 'Say hello.' }];
const price = { input: 1, output: 4 };

interface ToldError {
  readonly message: string;
  readonly type: string;
  readonly code: string | null;
  readonly param: string | null;
}

let upstream: FakeUpstream;
let gateway: Gateway;
let key: string;
let asked = 0;

before(async () => {
  upstream = await startUpstream();
  const at = (type: string, more: object = {}) => ({
    type,
    base_url: `${upstream.url}/v1`,
    api_key: 'sk-upstream-1',
    ...more,
  });
  const own = Array.from({ length: 40 }, (_, i) => `own-${i}`);
  const failures = [
    { is: 'quota', status: 418, message: 'the * is empty' },
    { is: 'context_window', code: 'E17*' },
    { is: 'rate_limit', status: [400, 409], type: 'too_busy' },
  ];
  const to = (provider: string, model = 'm') => ({ targets: [{ provider, model }], price });
  gateway = await startGateway({
    config: {
      providers: {
        ...Object.fromEntries(own.map((name) => [name, at('openai-compatible')])),
        claude: at('anthropic', { base_url: upstream.url }),
        worded: at('openai-compatible', { failures }),
        spare: at('openai-compatible'),
        keyless: at('openai', { api_key: '' }),
        'keyless-claude': at('anthropic', { api_key: '', headers: { 'anthropic-version': '2023-06-01' } }),
        headed: at('openai', { api_key: '', headers: { Authorization: 'Bearer of-the-house' } }),
        one: { type: 'openai', base_url: `${upstream.url}/v1`, api_keys: ['', 'sk-upstream-2'] },
        open: { type: 'openai-compatible', base_url: `${upstream.url}/v1` },
      },
      defaults: { retry: { max_attempts: 3, base: '10ms', max: '20ms' }, breaker: { min_requests: 2 } },
      models: {
        ...Object.fromEntries(own.map((name) => [name, to(name)])),
        claude: to('claude', 'claude-sonnet-4-5'),
        worded: { ...to('worded'), context_window_fallbacks: ['spare'] },
        spare: to('spare'),
        rescued: { ...to('own-39'), fallbacks: ['spare'] },
        'any/*': { targets: [{ provider: 'spare', model: '*' }], price },
        keyless: to('keyless'),
        'keyless-claude': to('keyless-claude', 'claude-sonnet-4-5'),
        'keyless-or-spare': {
          targets: [...to('keyless').targets, ...to('spare').targets],
          price,
          balance: 'round_robin',
        },
        'keyless-then-spare': { ...to('keyless'), fallbacks: ['spare'] },
        'keyless/*': { targets: [{ provider: 'keyless', model: '*' }], price },
        'by-route': { route: [{ when: { has: ['image'] }, use: 'keyless' }, { use: 'spare' }] },
        'by-keyless-route': { route: [{ use: 'keyless' }] },
        headed: to('headed'),
        one: to('one'),
        open: to('open'),
      },
    },
  });
  ({ key } = await gateway.key());
});

after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

async function ask(model: string, behaviour?: Behaviour, body: object = {}) {
  const requestId = `account-${++asked}`;
  const before = upstream.requests.length;
  if (behaviour) upstream.next(behaviour);
  const response = await gateway.chat(key, { model, messages, ...body }, { headers: { 'x-request-id': requestId } });
  const text = await response.text().catch(() => '');
  const told = text.startsWith('{') ? (JSON.parse(text) as { error?: ToldError }) : {};
  return { response, requestId, text, error: told.error, sent: upstream.requests.slice(before) };
}

const secret = 'org-of-the-house';
const accounts: readonly (readonly [string, Behaviour, RegExp])[] = [
  ['401', openaiError(401, { message: `Incorrect API key, ${secret}`, code: 'invalid_api_key' }), /`api_key`/],
  ['401 in another form', json(401, { detail: `Unauthorized ${secret}` }), /`api_key`/],
  ['402', openaiError(402, { message: `Pay, ${secret}` }), /credit/],
  ['403', openaiError(403, { message: `Not for ${secret}`, code: 'permission_denied' }), /`api_key`/],
  [
    '404 of the model',
    openaiError(404, { message: `The model does not exist ${secret}`, code: 'model_not_found' }),
    /`model`.*`base_url`/,
  ],
  [
    '404 of a deployment',
    openaiError(404, { message: `None, ${secret}`, code: 'DeploymentNotFound' }),
    /`model`.*`base_url`/,
  ],
  ['404 of the address', json(404, { detail: 'Not Found' }), /`model`.*`base_url`/],
  [
    '429 of a quota',
    openaiError(429, { message: `Over it, ${secret}`, type: 'insufficient_quota', code: 'insufficient_quota' }),
    /credit/,
  ],
  [
    '429 of a day, in a list',
    json(429, [
      {
        error: {
          code: 429,
          message: secret,
          status: 'RESOURCE_EXHAUSTED',
          details: [{ violations: [{ quotaId: 'RequestsPerDay' }] }],
        },
      },
    ]),
    /credit/,
  ],
  ['400 that is about a key', openaiError(400, { message: `Incorrect API key provided: ${secret}` }), /`api_key`/],
  [
    '200 with an error of the account',
    json(200, { error: { message: `Insufficient credits ${secret}`, code: 402 } }),
    /credit/,
  ],
];

describe("what an upstream says of the gateway's account", () => {
  let next = 0;
  for (const [what, behaviour, toDo] of accounts) {
    for (const stream of [false, true]) {
      it(`${what}${stream ? ', streamed' : ''}: 502, whose operator must act`, async () => {
        const name = `own-${next++}`;
        const { response, error, requestId, text, sent } = await ask(name, behaviour, { stream });
        assert.equal(response.status, 502, text);
        assert.equal(error!.code, 'upstream_account_error');
        assert.equal(error!.type, 'api_error');
        assert.match(error!.message, new RegExp(`'${name}'`));
        assert.match(error!.message, toDo);
        assert.match(error!.message, /The operator must/);
        assert.ok(!text.includes(secret), text);
        assert.equal(response.headers.get('x-should-retry'), 'false');
        assert.equal(response.headers.get('retry-after'), null);
        assert.equal(sent.length, 1);
        const [entry] = await gateway.entries(requestId);
        assert.deepEqual([entry!.status, entry!.error], [502, 'upstream_account_error']);
        // The log has what kind of failure it was, and none of the provider's words.
        await waitFor(() => gateway.output.includes(requestId));
        const line = gateway.output.split('\n').find((one) => one.includes(`"${requestId}"`))!;
        assert.match(line, /"error":"upstream_account_error"/);
        assert.match(line, /"reason":"(credential|quota|not_found): [^"]* characters"/);
        assert.ok(!line.includes(secret), line);
      });
    }
  }

  it('in the middle of a stream ends it with that error', async () => {
    const cause = event({ error: { message: 'Insufficient credits', code: 402 } });
    upstream.next(sse(contentChunk('Half'), cause));
    const response = await gateway.chat(key, { model: 'own-30', messages, stream: true });
    let text = '';
    try {
      for await (const piece of response.body!) text += Buffer.from(piece).toString();
    } catch {
      // A stream that failed is cut.
    }
    assert.match(text, /Half/);
    assert.match(text, /upstream_account_error/);
    assert.doesNotMatch(text, /Insufficient/);
  });

  it('is said in the messages dialect, too', async () => {
    const { response, error } = await ask('claude', anthropicError(401, 'authentication_error', 'invalid x-api-key'));
    assert.equal(response.status, 502);
    assert.equal(error!.code, 'upstream_account_error');
  });

  it('lets a fallback answer, and the entries say whose fault the first attempt was', async () => {
    const { response, requestId } = await ask('rescued', openaiError(401, { message: 'No.' }));
    assert.equal(response.status, 200);
    const entries = (await gateway.entries(requestId, 2)).sort((a, b) => a.attempt - b.attempt);
    assert.deepEqual(
      entries.map((entry) => `${entry.provider} ${entry.status} ${entry.error}`),
      ['own-39 502 upstream_account_error', 'spare 200 null'],
    );
  });

  it('does not open the breaker', async () => {
    for (let i = 0; i < 4; i++) await ask('own-31', openaiError(401, { message: 'No.' }));
    const { data } = await gateway.admin<{ data: { id: string; targets: { breaker: string; reason: string }[] }[] }>(
      'GET',
      '/models',
    );
    const [target] = data.find(({ id }) => id === 'own-31')!.targets;
    assert.deepEqual([target!.breaker, target!.reason], ['closed', 'credentials_resting']);
  });

  it('is not said of a name that the caller made up behind a wildcard', async () => {
    const { response, error } = await ask(
      'any/gpt-99',
      openaiError(404, { message: 'The model `gpt-99` does not exist.', code: 'model_not_found' }),
    );
    assert.equal(response.status, 404);
    assert.equal(error!.code, 'model_not_found');
  });

  it("is not said of an error of the request, which keeps the upstream's status and words", async () => {
    const { response, error } = await ask(
      'own-32',
      openaiError(400, { message: 'Too hot.', code: 'invalid_value', param: 'temperature' }),
    );
    assert.equal(response.status, 400);
    assert.deepEqual([error!.message, error!.code, error!.param], ['Too hot.', 'invalid_value', 'temperature']);
  });

  for (const [code, told] of [
    [400, null],
    [null, null],
    [1234, '1234'],
  ] as const) {
    it(`the code ${code} of an error of the request is ${told} for the caller`, async () => {
      const { error } = await ask('own-33', json(400, { error: { message: 'Bad.', type: 'BadRequestError', code } }));
      assert.strictEqual(error!.code, told);
    });
  }

  it('a number as the code does not hide what the words say', async () => {
    const { response, error } = await ask(
      'own-34',
      json(400, { error: { message: 'Prompt is too long for the context window.', code: 400 } }),
    );
    assert.equal(response.status, 400);
    assert.equal(error!.code, 'context_length_exceeded');
  });
});

describe('a provider without the credential that it needs', () => {
  for (const model of ['keyless', 'keyless-claude', 'keyless/gpt-4o', 'by-keyless-route']) {
    it(`is never asked: ${model}`, async () => {
      const { response, error, sent } = await ask(model);
      assert.equal(response.status, 502);
      assert.equal(error!.code, 'upstream_account_error');
      assert.match(error!.message, /no credential is configured for the provider 'keyless.*operator.*`api_key`/);
      assert.equal(response.headers.get('x-should-retry'), 'false');
      assert.equal(sent.length, 0);
    });
  }

  for (const model of ['keyless-or-spare', 'keyless-then-spare', 'by-route']) {
    it(`is passed over where there is another: ${model}`, async () => {
      for (let i = 0; i < 3; i++) {
        const { response, sent } = await ask(model);
        assert.equal(response.status, 200);
        assert.equal(response.headers.get('x-tollgate-provider'), 'spare');
        assert.equal(response.headers.get('x-tollgate-attempts'), '1');
        assert.equal(sent.length, 1);
      }
    });
  }

  it('is not among the models where nothing else serves them', async () => {
    const list = async (path: string) => {
      const response = await fetch(`${gateway.url}/v1/models${path}`, { headers: { authorization: `Bearer ${key}` } });
      return { status: response.status, body: (await response.json()) as { data?: { id: string }[] } };
    };
    const ids = (await list('')).body.data!.map(({ id }) => id);
    for (const model of ['keyless', 'keyless-claude', 'by-keyless-route']) {
      assert.ok(!ids.includes(model), model);
      assert.equal((await list(`/${model}`)).status, 404);
    }
    for (const model of ['keyless-or-spare', 'keyless-then-spare', 'by-route', 'headed', 'one', 'open', 'spare']) {
      assert.ok(ids.includes(model), model);
      assert.equal((await list(`/${model}`)).status, 200);
    }
    assert.equal((await list('/keyless%2Fgpt-4o')).status, 404);
  });

  it('is shown as that to an admin', async () => {
    const { data } = await gateway.admin<{ data: { id: string; healthy: boolean; targets: { reason: string }[] }[] }>(
      'GET',
      '/models',
    );
    const shown = data.find(({ id }) => id === 'keyless')!;
    assert.deepEqual([shown.healthy, shown.targets[0]!.reason], [false, 'no_credential']);
    const plan = await gateway.admin<{ would: string; error: { code: string } }>('POST', '/explain', {
      key,
      request: { model: 'keyless', messages },
    });
    assert.deepEqual([plan.would, plan.error.code], ['refuse', 'upstream_account_error']);
  });

  it('has one where a header carries it, and an empty one of several is left out', async () => {
    const { sent: headed } = await ask('headed');
    assert.equal(headed[0]!.headers.authorization, 'Bearer of-the-house');
    for (let i = 0; i < 3; i++) {
      const { sent } = await ask('one');
      assert.equal(sent[0]!.headers.authorization, 'Bearer sk-upstream-2');
    }
  });

  it('is none of those types that need none', async () => {
    const { sent } = await ask('open', json(400, { error: { message: 'x' } }));
    assert.equal(sent.length, 1);
    assert.equal(sent[0]!.headers.authorization, undefined);
  });
});

describe('rules of the configuration', () => {
  it('say what an error means, before the type of the provider does', async () => {
    const { error } = await ask('worded', json(418, { error: { message: 'Sorry: The Purse Is Empty!' } }));
    assert.equal(error!.code, 'upstream_account_error');
    await gateway.admin('POST', '/targets/worded%2Fm/close');
    const { response } = await ask('worded', json(400, { error: { message: 'x', code: 'e170' } }));
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('x-tollgate-fallback'), 'spare');
  });

  it('apply only where all that they state does', async () => {
    const { response, error } = await ask('worded', json(418, { error: { message: 'The purse is full.' } }));
    assert.equal(response.status, 418);
    assert.equal(error!.message, 'The purse is full.');
    const other = await ask('worded', json(409, { error: { message: 'x', type: 'too_busy_today' } }));
    assert.equal(other.response.status, 409);
    assert.equal(other.sent.length, 1);
    const busy = await ask('worded', json(409, { error: { message: 'x', type: 'too_busy' } }));
    assert.ok(busy.sent.length >= 1);
    const { data } = await gateway.admin<{ data: { id: string; targets: { reason: string | null }[] }[] }>(
      'GET',
      '/models',
    );
    assert.equal(data.find(({ id }) => id === 'worded')!.targets[0]!.reason, 'resting');
  });
});

async function waitFor(condition: () => boolean): Promise<void> {
  const until = Date.now() + 10_000;
  while (!condition() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
}
