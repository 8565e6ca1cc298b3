/** How requests spread over targets that hang, fail or are probed, and what an outage of all of them costs. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Gateway, startGateway } from '../support/gateway.js';
import type { Written } from '../support/reload.js';
import { type FakeUpstream, faithful, startUpstream } from '../support/upstream.js';
import * as does from '../support/upstream-steps.js';

const messages = [{ role: 'user', content: 'Say hello.' }];
let a: FakeUpstream;
let b: FakeUpstream;
let probed: FakeUpstream;
let gateway: Gateway;
let key: string;

before(async () => {
  [a, b, probed] = [await startUpstream(), await startUpstream(), await startUpstream()];
  const on = (provider: string, model: string, more: object = {}) => ({ provider, model, ...more });
  const both = (name: string, more: object = {}) => ({ targets: [on('a', name), on('b', name)], ...more });
  gateway = await startGateway({
    config: {
      providers: {
        a: { type: 'openai-compatible', base_url: `${a.url}/v1`, api_key: 'sk-a' },
        b: { type: 'openai-compatible', base_url: `${b.url}/v1`, api_key: 'sk-b' },
        probed: {
          type: 'openai-compatible',
          base_url: `${probed.url}/v1`,
          api_key: 'sk-probed',
          headers: { 'x-team': 'search' },
          health: { interval: '100ms', timeout: '1s', unhealthy_after: 2, healthy_after: 2 },
        },
      },
      defaults: { price: { input: 1, output: 4 }, retry: { base: '5ms', max: '50ms' } },
      models: {
        quick: both('quick', { balance: 'latency', timeout: { total: '20s' } }),
        burst: both('burst', { balance: 'least_busy' }),
        'burst-latency': both('burst-latency', { balance: 'latency' }),
        'burst-cached': both('burst-cached', { balance: 'least_busy', cache: { ttl: '1h' } }),
        outage: both('outage', {
          retry: { max_attempts: 3, budget: { share: '20%', floor: 4, window: '60s' } },
          breaker: { min_requests: 100_000 },
        }),
        unbounded: both('unbounded', { retry: { max_attempts: 3, budget: 'off' }, breaker: { min_requests: 100_000 } }),
        failover: {
          targets: [on('a', 'failover'), on('b', 'failover', { priority: 2 })],
          retry: { budget: { share: 0, floor: 2, window: '60s' } },
          breaker: { min_requests: 100_000 },
        },
        limited: both('limited', { retry: { budget: { share: 0, floor: 0 } } }),
        tools: {
          targets: [on('a', 'tools')],
          retry: { max_attempts: 1 },
          breaker: { min_requests: 2, failure_rate: 0.1 },
        },
        healthy: { targets: [on('probed', 'healthy'), on('b', 'healthy', { priority: 2 })] },
        alone: { targets: [on('probed', 'alone'), on('probed', 'alone-too')] },
        full: {
          targets: [
            on('a', 'full', { limits: [{ unit: 'requests', max: 1, per: 'month' }] }),
            on('b', 'full', { priority: 2 }),
          ],
        },
      },
    },
  });
  ({ key } = await gateway.key());
});

after(async () => {
  await gateway?.close();
  for (const upstream of [a, b, probed]) await upstream?.stop();
});

beforeEach(() => {
  a.always();
  b.always();
});

const ask = async (model: string, body: object = {}, init: { signal?: AbortSignal } = {}) => {
  const response = await gateway.chat(key, { model, messages, ...body }, init);
  const text = await response.text();
  return { status: response.status, text, headers: response.headers };
};

const counted = (of: FakeUpstream, model: string): number =>
  of.requests.filter(({ method, body }) => method === 'POST' && body.includes(`"${model}"`)).length;

const metric = async (line: RegExp): Promise<number> =>
  Number(line.exec(await (await fetch(`${gateway.url}/metrics`)).text())?.[1] ?? 0);

const explain = (model: string) =>
  gateway.admin<Written>('POST', '/explain', { key, endpoint: 'chat', request: { model, messages } });

const stateOf = async (model: string) => {
  const { data } = await gateway.admin<{ data: Written[] }>('GET', '/models');
  return data.find(({ id }) => id === model)!;
};

/** Until it holds: a state that comes with a probe. */
async function soon(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    assert.ok(tries < 400, 'it did not come to it');
    await sleep(25);
  }
}

describe('two targets, one of which hangs', () => {
  it('by latency it gets one request, and the other all that follow', async () => {
    const leave = new AbortController();
    a.always([does.stall]);
    const asked: Promise<unknown>[] = [];
    for (let i = 0; i < 40; i++) {
      const one = ask('quick', {}, { signal: leave.signal }).catch(() => undefined);
      asked.push(one);
      // One after the other, as far as they are answered.
      await Promise.race([one, a.requests.length > 0 ? one : a.arrival()]);
    }
    assert.equal(counted(a, 'quick'), 1);
    assert.equal(counted(b, 'quick'), 39);
    assert.equal((await stateOf('quick')).targets.find(({ id }: Written) => id === 'a/quick').in_flight, 1);
    leave.abort();
    await Promise.all(asked);
  });
});

describe('a burst of requests', () => {
  for (const model of ['burst', 'burst-latency', 'burst-cached']) {
    it(`spreads evenly: ${model}`, async () => {
      let release = (): void => {};
      const all = new Promise<void>((resolve) => {
        release = resolve;
      });
      const held = (): does.Behaviour => (request) => [does.until(all), ...faithful(request)];
      a.always(held());
      b.always(held());
      const asked = Array.from({ length: 40 }, (_, i) => ask(model, { user: `u${i}`, seed: i }));
      await soon(async () => counted(a, model) + counted(b, model) === 40);
      assert.deepEqual([counted(a, model), counted(b, model)], [20, 20]);
      release();
      for (const { status } of await Promise.all(asked)) assert.equal(status, 200);
      const { targets } = await stateOf(model);
      assert.deepEqual(
        targets.map(({ in_flight }: Written) => in_flight),
        [0, 0],
      );
    });
  }

  it('of identical requests, those that wait for the first one count nowhere', async () => {
    let release = (): void => {};
    const all = new Promise<void>((resolve) => {
      release = resolve;
    });
    const held: does.Behaviour = (request) => [does.until(all), ...faithful(request)];
    a.always(held);
    b.always(held);
    const before = counted(a, 'burst-cached') + counted(b, 'burst-cached');
    const asked = Array.from({ length: 10 }, () => ask('burst-cached', { seed: 4711 }));
    await soon(async () => counted(a, 'burst-cached') + counted(b, 'burst-cached') === before + 1);
    await soon(async () => {
      const { targets } = await stateOf('burst-cached');
      return targets.reduce((sum: number, { in_flight }: Written) => sum + in_flight, 0) === 1;
    });
    release();
    for (const { status } of await Promise.all(asked)) assert.equal(status, 200);
  });
});

describe('an outage of every target', () => {
  const down = does.openaiError(500, { message: 'Down.', type: 'server_error' });
  const outage = async (model: string) => {
    a.always(down);
    b.always(down);
    for (let i = 0; i < 50; i++) assert.equal((await ask(model)).status, 500);
    return counted(a, model) + counted(b, model);
  };

  it('costs a fifth more attempts and the floor, not three times as many; the metric tells', async () => {
    const attempts = await outage('outage');
    assert.ok(attempts >= 60 && attempts <= 50 + 10 + 4, `${attempts} attempts of 50 requests`);
    assert.ok((await metric(/^tollgate_retry_budget_spent_total\{model="outage"\} (\d+)/m)) > 30);
    const { model } = await explain('outage');
    assert.equal(model.retries_left, 0);
    assert.deepEqual((await stateOf('outage')).retry_budget, { share: 0.2, floor: 4, window: 60_000, left: 0 });
  });

  it('without a budget it does', async () => {
    assert.equal(await outage('unbounded'), 150);
    assert.equal((await explain('unbounded')).model.retries_left, null);
  });

  it('of one target alone is served by the other, however small the budget', async () => {
    a.always(down);
    for (let i = 0; i < 30; i++) assert.equal((await ask('failover')).status, 200);
    assert.equal(counted(a, 'failover'), 30);
  });

  it('a target that only refuses costs nothing of the budget', async () => {
    a.always(does.openaiError(429, { message: 'Slow down.', type: 'rate_limit_error' }));
    for (let i = 0; i < 6; i++) assert.equal((await ask('limited')).status, 200);
  });
});

describe('what the model did wrong', () => {
  it('is told, and no strike against its target', async () => {
    const error = { message: 'Failed to call a function.', type: 'invalid_request_error', code: 'tool_use_failed' };
    a.always(does.openaiError(400, error));
    for (let i = 0; i < 6; i++) {
      const { status, text } = await ask('tools');
      assert.deepEqual([status, JSON.parse(text).error.code], [400, 'tool_use_failed']);
    }
    const [target] = (await stateOf('tools')).targets;
    assert.deepEqual([target.breaker, target.failures], ['closed', 0]);
  });
});

describe('health probes', () => {
  const probes = () => probed.requests.filter(({ method }) => method === 'GET');
  const isUp = async () => (await metric(/^tollgate_provider_healthy\{provider="probed"\} (\d)/m)) === 1;

  it('ask with the credential for what costs nothing, and pass a target over while it does not answer', async () => {
    probed.always(does.json(200, { data: [] }));
    await soon(async () => probes().length >= 2 && (await isUp()));
    const [first] = probes();
    assert.equal(first!.path, '/v1/models');
    assert.deepEqual([first!.headers.authorization, first!.headers['x-team']], ['Bearer sk-probed', 'search']);
    probed.always(does.html(503));
    await soon(async () => !(await isUp()));
    const before = counted(probed, 'healthy');
    assert.equal((await ask('healthy')).headers.get('x-tollgate-provider'), 'b');
    assert.equal(counted(probed, 'healthy'), before);
    const told = await explain('healthy');
    const of = (id: string) => told.plan.find(({ target }: Written) => target === id);
    assert.deepEqual(of('probed/healthy').probe, { up: false, what: '503' });
    assert.deepEqual([of('probed/healthy').ready, of('probed/healthy').why_not], [false, 'unhealthy']);
    assert.deepEqual([of('b/healthy').ready, of('b/healthy').probe], [true, null]);
    const [shown] = (await stateOf('healthy')).targets;
    assert.deepEqual([shown.healthy, shown.reason], [false, 'unhealthy']);
    const { data } = await gateway.admin<{ data: Written[] }>('GET', '/providers');
    const { probe } = data.find(({ id }) => id === 'probed')!;
    assert.deepEqual([probe.up, probe.good, probe.what], [false, false, '503']);
    assert.ok((await metric(/^tollgate_health_probes_total\{provider="probed",result="bad"\} (\d+)/m)) >= 2);
    probed.always((request) => (request.method === 'GET' ? does.json(401, {}) : faithful(request)));
    await soon(isUp);
    assert.equal((await ask('healthy')).headers.get('x-tollgate-provider'), 'probed');
    assert.equal((await gateway.entries((await ask('healthy')).headers.get('x-request-id')!)).length, 1);
  });

  it('where they keep back all there is, it is tried all the same, and explain says so', async () => {
    probed.always((request) => (request.method === 'GET' ? [does.reset] : faithful(request)));
    await soon(async () => !(await isUp()));
    const told = await explain('alone');
    assert.deepEqual([told.would, told.plan[0].why_not], ['send', 'unhealthy']);
    assert.equal((await ask('alone')).status, 200);
  });
});

describe('explain', () => {
  it('passes over a first target that is at its own limit, as a request does', async () => {
    const before = await explain('full');
    assert.deepEqual(
      before.plan.map(({ target, ready }: Written) => [target, ready]),
      [
        ['a/full', true],
        ['b/full', true],
      ],
    );
    assert.equal((await ask('full')).headers.get('x-tollgate-provider'), 'a');
    const told = await explain('full');
    assert.equal(told.would, 'send');
    assert.deepEqual(
      told.plan.map(({ target, ready, why_not }: Written) => [target, ready, why_not]),
      [
        ['a/full', false, 'at_limit'],
        ['b/full', true, null],
      ],
    );
    assert.deepEqual(
      told.limits.map(({ scope, admits }: Written) => [scope.target, admits]),
      [['a/full', false]],
    );
    assert.equal((await ask('full')).headers.get('x-tollgate-provider'), 'b');
  });
});

describe('when to come back', () => {
  const limited = (headers: Record<string, string>) =>
    a.always(does.openaiError(429, { message: 'Slow down.', type: 'rate_limit_error' }, headers));
  const told = async () => {
    const { status, headers } = await ask('tools');
    return [status, headers.get('retry-after'), headers.get('retry-after-ms')];
  };

  it('is told with every 429: as the upstream says it, else by the tightest of its limits, else soon', async () => {
    limited({ 'retry-after': '9', 'x-ratelimit-reset-tokens': '7s' });
    assert.deepEqual(await told(), [429, '9', '9000']);
    const tokens = { 'x-ratelimit-limit-tokens': '1000', 'x-ratelimit-remaining-tokens': '5' };
    limited({ ...tokens, 'x-ratelimit-reset-tokens': '7.5s', 'x-ratelimit-reset-requests': '2ms' });
    assert.deepEqual(await told(), [429, '8', '7500']);
    limited({});
    assert.deepEqual(await told(), [429, '1', '1000']);
  });

  it('is told with every 503, also where nobody knows', async () => {
    const target = `/targets/${encodeURIComponent('a/tools')}`;
    await gateway.admin('POST', `${target}/open`);
    assert.deepEqual(await told(), [503, '60', '60000']);
    await gateway.admin('POST', `${target}/close`);
    a.always(does.openaiError(503, { message: 'Down.', type: 'server_error' }));
    assert.deepEqual(await told(), [503, '1', '1000']);
  });
});
