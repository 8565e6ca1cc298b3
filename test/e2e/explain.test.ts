/** `POST /admin/v1/explain` tells what a request would come to, and what it tells is what then happens. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { freshDatabase } from '../support/postgres.js';
import type { Written } from '../support/reload.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { openaiError } from '../support/upstream-steps.js';

const price = { input: 1, output: 2 };
const messages = [{ role: 'user', content: 'Hello' }];
let upstream: FakeUpstream;
let gateway: Gateway;
let key: string;
let id: string;

before(async () => {
  upstream = await startUpstream();
  const target = (model: string, more = {}) => ({ provider: 'p', model, ...more });
  gateway = await startGateway({
    config: {
      providers: {
        p: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream-secret' },
        claude: { type: 'anthropic', api_key: 'sk-ant-secret' },
      },
      models: {
        small: { targets: [target('small-up')], price },
        large: {
          targets: [target('l1', { priority: 2 }), target('l2')],
          price: { input: 10, output: 20 },
          fallbacks: ['dear'],
        },
        dear: { targets: [target('dear-up')], price: { input: 100, output: 200 } },
        fragile: {
          targets: [target('f1'), target('f2')],
          balance: 'round_robin',
          price,
          breaker: { min_requests: 1, failure_rate: 0.1, open: '10m' },
          retry: { max_attempts: 1 },
        },
        unpriced: { targets: [target('nobody-knows-its-price')] },
        claude: { targets: [{ provider: 'claude', model: 'claude-sonnet-4-5' }] },
        auto: {
          route: [
            { when: { has: ['tools'] }, use: 'inner' },
            { when: { tags: 'batch' }, use: 'large' },
            { use: 'small' },
          ],
        },
        inner: { route: [{ when: { input_tokens: { gt: 1 } }, use: 'large' }, { use: 'small' }] },
      },
    },
  });
  ({ key, id } = await gateway.key({ team: 'search' }));
});

after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

const explain = (body: object, more: object = {}) =>
  gateway.admin<Written>('POST', '/explain', {
    key: id,
    endpoint: 'chat',
    request: { model: 'small', messages, ...body },
    ...more,
  });

async function refusedExplain(body: unknown): Promise<Written> {
  const response = await fetch(`${gateway.url}/admin/v1/explain`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }];

describe('a request that would be sent', () => {
  it('has its caller, its plan in order, and an estimate; nothing is sent or recorded', async () => {
    const before = upstream.requests.length;
    const told = await explain({ model: 'large', max_tokens: 100 });
    assert.deepEqual([told.would, told.status, told.error], ['send', 200, null]);
    assert.deepEqual(told.caller, { key: id, name: 'test', team: 'search' });
    assert.deepEqual(told.model, {
      ...{ asked: 'large', serves: 'large', balance: 'weighted' },
      ...{ max_attempts: 3, retries_left: 10 },
    });
    assert.deepEqual(told.rules, []);
    assert.deepEqual(
      told.plan.map((one: Written) => [one.target, one.as, one.model, one.ready, one.breaker]),
      [
        ['p/l2', 'first', 'large', true, 'closed'],
        ['p/l1', 'first', 'large', true, 'closed'],
        ['p/dear-up', 'fallback', 'dear', true, 'closed'],
      ],
    );
    const tokens = told.estimate.input_tokens;
    assert.equal(told.estimate.output_tokens, 100);
    assert.equal(Number(told.estimate.cost_usd), (tokens * 10 + 100 * 20) / 1e6);
    assert.equal(Number(told.estimate.most_cost_usd), (tokens * 100 + 100 * 200) / 1e6);
    assert.equal(upstream.requests.length, before);
    assert.deepEqual((await gateway.admin<Written>('GET', '/usage')).data, []);
    assert.doesNotMatch(JSON.stringify(told), /sk-|127\.0\.0\.1/);
  });

  it('a key may be its secret', async () => {
    const { caller } = await explain({}, { key });
    assert.equal(caller.key, id);
  });

  it('shows every rule with what it found, through routes of routes, and what then happens', async () => {
    const body = { model: 'auto', tools };
    const told = await explain(body);
    assert.equal(told.model.serves, 'large');
    assert.deepEqual(
      told.rules.map(({ of, rule, use, matched }: Written) => [of, rule, use, matched]),
      [
        ['auto', 0, ['inner'], true],
        ['auto', 1, ['large'], null],
        ['auto', 2, ['small'], null],
        ['inner', 0, ['large'], true],
        ['inner', 1, ['small'], null],
      ],
    );
    const [{ conditions }] = told.rules;
    assert.deepEqual(conditions, [{ name: 'has', wanted: ['tools'], holds: true, found: ['tools'] }]);
    assert.ok(told.rules[3].conditions[0].found > 1);
    const response = await gateway.chat(key, { model: 'auto', messages, tools });
    await response.arrayBuffer();
    assert.equal(response.headers.get('x-tollgate-model'), told.model.serves);
    assert.equal(response.headers.get('x-tollgate-target'), told.plan[0].target);
  });

  it('reads the headers that a request would have', async () => {
    assert.equal((await explain({ model: 'auto' })).model.serves, 'small');
    const tagged = await explain({ model: 'auto' }, { headers: { 'X-Tollgate-Tags': 'batch' } });
    assert.equal(tagged.model.serves, 'large');
    const alone = await explain({ model: 'large' }, { headers: { 'x-tollgate-fallbacks': 'off' } });
    assert.equal(alone.plan.length, 2);
    const wrong = await explain({}, { headers: { 'x-tollgate-timeout': 'soon' } });
    assert.deepEqual([wrong.would, wrong.status, wrong.error.param], ['refuse', 400, 'x-tollgate-timeout']);
  });

  it('takes no turn: the next request goes where it was told', async () => {
    for (let i = 0; i < 4; i++) {
      const told = await explain({ model: 'fragile' });
      assert.equal((await explain({ model: 'fragile' })).plan[0].target, told.plan[0].target);
      const response = await gateway.chat(key, { model: 'fragile', messages });
      await response.arrayBuffer();
      assert.equal(response.headers.get('x-tollgate-target'), told.plan[0].target);
    }
  });

  it('shows a target whose breaker is open after those that are ready, and why', async () => {
    upstream.next(openaiError(500, { message: 'broken' }));
    const failed = await gateway.chat(key, { model: 'fragile', messages });
    await failed.arrayBuffer();
    assert.equal(failed.status, 500);
    const { plan } = await explain({ model: 'fragile' });
    assert.deepEqual(
      plan.map(({ ready, breaker, why_not }: Written) => [ready, breaker, why_not]),
      [
        [true, 'closed', null],
        [false, 'open', 'open'],
      ],
    );
    assert.equal(plan[1].target, failed.headers.get('x-tollgate-target'));
    assert.ok(plan[1].ready_in_ms > 0);
  });
});

describe('a request that would be refused', () => {
  const refused = async (asked: Promise<Written>, status: number, code: string, words: RegExp) => {
    const told = await asked;
    assert.deepEqual([told.would, told.status, told.error?.code], ['refuse', status, code]);
    assert.match(told.error.message, words);
    return told;
  };

  it('for its key', async () => {
    const narrow = await gateway.key({ models: ['dear'], allowed_ips: ['10.0.0.0/8'] });
    await refused(explain({}, { key: narrow.id }), 403, 'model_not_allowed', /small/);
    await refused(explain({ model: 'dear' }, { key: narrow.id, ip: '11.0.0.1' }), 403, 'ip_not_allowed', /address/);
    for (const ip of [undefined, '10.1.1.1']) {
      assert.equal((await explain({ model: 'dear' }, { key: narrow.id, ...(ip && { ip }) })).would, 'send');
    }
    await gateway.admin('POST', `/keys/${narrow.id}/block`);
    await refused(explain({ model: 'dear' }, { key: narrow.id }), 403, 'key_blocked', /blocked/);
    await gateway.admin('DELETE', `/keys/${narrow.id}`);
    await refused(explain({ model: 'dear' }, { key: narrow.id }), 401, 'invalid_api_key', /not valid/);
    await refused(explain({}, { key: 'sk-tg-nonsense' }), 401, 'invalid_api_key', /not valid/);
  });

  it('for its body, its model, and what a target cannot do', async () => {
    await refused(explain({ messages: 'x' }), 400, 'invalid_value', /messages/);
    await refused(explain({ model: 'smal' }), 404, 'model_not_found', /smal/);
    const told = await refused(explain({ model: 'unpriced' }), 503, 'no_target_available', /price/);
    assert.equal(told.plan[0].cost_usd, null);
    const unfit = await refused(explain({ model: 'claude', logprobs: true }), 400, 'unsupported_parameter', /logprobs/);
    assert.match(unfit.plan[0].refusal, /logprobs/);
  });
});

describe('limits', () => {
  it('are shown with what the request would take, which is what is then held', async () => {
    const limits = [
      { unit: 'requests', max: 2, per: 'hour' },
      { unit: 'usd', max: 1, per: 'month' },
      { unit: 'concurrent', max: 5 },
    ];
    const limited = await gateway.key({ limits });
    const ask = () => explain({ model: 'small', max_tokens: 100 }, { key: limited.id });
    const told = await ask();
    assert.equal(told.would, 'send');
    assert.deepEqual(
      told.limits.map(({ unit, spent, remaining, takes, admits }: Written) => [unit, spent, remaining, takes, admits]),
      [
        ['requests', 0, 2, 1, true],
        ['usd', '0.000000000', '1.000000000', told.limits[1].takes, true],
        ['concurrent', 0, 5, 1, true],
      ],
    );
    assert.ok(Number(told.limits[1].takes) >= Number(told.estimate.most_cost_usd));
    assert.equal(told.estimate.held_output_tokens, 100);
    const again = await ask();
    assert.deepEqual(again.limits, told.limits, 'nothing was taken');
    for (let i = 0; i < 2; i++) {
      const response = await gateway.chat(limited.key, { model: 'small', messages, max_tokens: 100 });
      await response.arrayBuffer();
      assert.equal(response.status, 200);
    }
    const full = await ask();
    assert.deepEqual([full.would, full.status, full.error.code], ['refuse', 429, 'rate_limit_exceeded']);
    assert.equal(full.limits[0].admits, false);
    const response = await gateway.chat(limited.key, { model: 'small', messages });
    await response.arrayBuffer();
    assert.equal(response.status, 429);
  });

  it('a budget that affords less output clamps it, and one that affords none refuses', async () => {
    const ask = async (max: number, on_exhausted = 'clamp') => {
      const { id: poor } = await gateway.key({ limits: [{ unit: 'usd', max, per: 'month', on_exhausted }] });
      return explain({ model: 'small', max_tokens: 1000 }, { key: poor });
    };
    const clamped = await ask(0.001);
    assert.equal(clamped.would, 'send');
    assert.ok(clamped.estimate.held_output_tokens > 100 && clamped.estimate.held_output_tokens < 1000);
    const rejecting = await ask(0.001, 'reject');
    assert.deepEqual([rejecting.would, rejecting.error.code], ['refuse', 'budget_exceeded']);
    const broke = await ask(0.00001);
    assert.deepEqual([broke.would, broke.error.code], ['refuse', 'budget_exceeded']);
    assert.match(broke.error.message, /0\.000010000/);
  });

  it('of a model count what a route sends to it, also after a restart', async (t) => {
    const model = (name: string) => ({ targets: [{ provider: 'p', model: name }], price });
    const database = await freshDatabase();
    t.after(() => database.drop());
    const options = {
      database: database.url,
      config: {
        providers: { p: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' } },
        models: {
          large: { ...model('large-up'), limits: [{ unit: 'requests', max: 100, per: 'month' }] },
          auto: { route: [{ use: 'large' }] },
        },
      },
    };
    const budgeted = await startGateway(options);
    t.after(() => budgeted.close());
    const { key: secret } = await budgeted.key({
      limits: [{ unit: 'requests', max: 100, per: 'month', model: 'lar*' }],
    });
    const spent = async (gate: Gateway) => {
      const { limits } = await gate.admin<Written>('POST', '/explain', {
        key: secret,
        request: { model: 'auto', messages },
      });
      return limits.map(({ scope, spent }: Written) => [Object.keys(scope)[0], spent]);
    };
    for (const name of ['auto', 'large', 'auto']) {
      const response = await budgeted.chat(secret, { model: name, messages });
      await response.arrayBuffer();
      assert.equal(response.status, 200);
    }
    const counted = [
      ['key', 3],
      ['model', 3],
    ];
    assert.deepEqual(await spent(budgeted), counted);
    await budgeted.stop();
    const restarted = await startGateway(options);
    t.after(() => restarted.close());
    assert.deepEqual(await spent(restarted), counted);
  });
});

describe('a question that cannot be understood', () => {
  it('is refused with the field', async () => {
    for (const [body, field] of [
      [{ key: id, request: 'x' }, 'request'],
      [{ request: { model: 'small', messages } }, 'key'],
      [{ key: id, endpoint: 'nowhere', request: {} }, 'endpoint'],
      [{ key: id, request: {}, ip: 'x' }, 'ip'],
      [{ key: id, request: {}, requests: [] }, 'requests'],
    ] as const) {
      const { status, body: problem } = await refusedExplain(body);
      assert.equal(status, 400);
      assert.equal(problem.errors[0].field, field);
    }
    const { status } = await refusedExplain({ key: 'key_01h00000000000000000000000', request: {} });
    assert.equal(status, 404);
    const stranger = await fetch(`${gateway.url}/admin/v1/explain`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: '{}',
    });
    assert.equal(stranger.status, 401);
    await stranger.arrayBuffer();
  });
});
