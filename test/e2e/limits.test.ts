/** Limits through HTTP, with the counters in the gateway's own process. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import {
  ask,
  heldCost,
  ledgerOf,
  level,
  levels,
  realCost,
  sandboxConfig,
  watch,
  words,
} from '../support/limits-http.js';

let gateway: Gateway;
const month = (max: number | string, more: object = {}) => ({ unit: 'usd', max, per: 'month', ...more });
const usd = (nano: number) => (nano / 1e9).toFixed(9);

before(async () => {
  const { providers, models } = sandboxConfig;
  const target = (limits: readonly object[]) => [{ provider: 'sandbox', model: 'limited', limits }];
  gateway = await startGateway({
    config: {
      providers,
      models: {
        ...models,
        'limited-model': { ...models.sandbox, limits: [{ unit: 'requests', max: 2, per: 'day' }] },
        'limited-target': { ...models.sandbox, targets: target([{ unit: 'output_tokens', max: 25, per: 'total' }]) },
        capped: { ...models.sandbox, max_output: 7 },
      },
    },
  });
});
after(() => gateway.close());

test('a budget is settled with what a request cost; when it is spent the refusal says all there is to know', async () => {
  const { key, id } = await gateway.key({ limits: [month('0.0001')] });
  assert.equal((await ask(gateway, key, words(10))).status, 200);
  assert.deepEqual(await levels(gateway, `key=${id}`), [
    {
      scope: { key: id },
      unit: 'usd',
      per: 'month',
      model: null,
      max: '0.000100000',
      spent: '0.000030000',
      held: '0.000000000',
      remaining: '0.000070000',
      window_ends_at: `${nextMonth()}T00:00:00Z`,
    },
  ]);
  await ask(gateway, key, words(10));
  await ask(gateway, key, words(10));
  const refused = await ask(gateway, key, words(10));
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get('x-should-retry'), 'false');
  const { error } = JSON.parse(refused.text);
  assert.equal(error.type, 'insufficient_quota');
  assert.equal(error.code, 'budget_exceeded');
  for (const part of ['0.000100000 USD per month', id, '0.000090000 USD spent', '0.000010000 USD left', nextMonth()]) {
    assert.ok(error.message.includes(part), `${error.message} has no ${part}`);
  }
  assert.deepEqual(await ledgerOf(gateway, id), { usdNano: 90_000, entries: 3 });
});

for (const on_exhausted of ['clamp', 'reject']) {
  test(`200 clients at once, streams and not, never take a nano-dollar more than the budget (${on_exhausted})`, async () => {
    const delay = (i: number) => `[delay=${10 + ((i * 7) % 80)}ms]`;
    const max = 20 * realCost(10, delay(0));
    const { key, id } = await gateway.key({ limits: [month(usd(max), { on_exhausted })] });
    const all = Promise.all(
      Array.from({ length: 200 }, (_, i) => ask(gateway, key, words(10, { stream: i % 2 === 0 }, delay(i)))),
    );
    const [answers] = await Promise.all([all, watch(gateway, `key=${id}`, all)]);
    const { spent, held } = await level(gateway, `key=${id}`);
    const admitted = answers.filter(({ status }) => status === 200).length;
    assert.ok(answers.every(({ status }) => status === 200 || status === 429));
    assert.equal(held, 0);
    assert.ok(spent <= max, `${spent} of ${max}`);
    assert.ok(admitted >= Math.floor(max / heldCost(10, delay(0))), `${admitted} admitted`);
    assert.deepEqual(await ledgerOf(gateway, id), { usdNano: spent, entries: admitted });
  });
}

test('a budget that affords less output than asked for shortens the answer and says so, or refuses', async () => {
  const max = usd(heldCost(4));
  const clamped = await gateway.key({ limits: [month(max)] });
  const short = await ask(gateway, clamped.key, words(10));
  assert.equal(short.headers.get('x-tollgate-max-tokens-clamped'), '4');
  assert.equal(JSON.parse(short.text).usage.completion_tokens, 4);
  assert.equal(JSON.parse(short.text).choices[0].finish_reason, 'length');
  const strict = await gateway.key({ limits: [month(max, { on_exhausted: 'reject' })] });
  assert.equal((await ask(gateway, strict.key, words(10))).status, 429);
  assert.equal((await ask(gateway, strict.key, words(4))).status, 200, 'what it affords whole is admitted');
});

test('without a maximum of its own a request under a budget gets one; under rate limits alone it gets none', async () => {
  const { max_tokens, ...unbounded } = words(10);
  const budget = await gateway.key({ limits: [month(usd(heldCost(6)))] });
  const short = await ask(gateway, budget.key, unbounded);
  assert.equal(short.headers.get('x-tollgate-max-tokens-clamped'), '6');
  assert.equal(JSON.parse(short.text).usage.completion_tokens, 6);
  const rate = await gateway.key({ limits: [{ unit: 'tokens', max: 1000, per: 'minute' }] });
  const whole = await ask(gateway, rate.key, unbounded);
  assert.equal(whole.headers.get('x-tollgate-max-tokens-clamped'), null);
  assert.equal(JSON.parse(whole.text).usage.completion_tokens, 10);
});

test('a model’s max_output caps its answers, with a key that has no limits too', async () => {
  const { key } = await gateway.key();
  const more = await ask(gateway, key, words(10, { model: 'capped' }));
  assert.equal(JSON.parse(more.text).usage.completion_tokens, 7);
  assert.equal(more.headers.get('x-tollgate-max-tokens-clamped'), '7');
  const { max_tokens, ...unbounded } = words(10, { model: 'capped' });
  assert.equal(JSON.parse((await ask(gateway, key, unbounded)).text).usage.completion_tokens, 7);
  const less = await ask(gateway, key, words(5, { model: 'capped' }));
  assert.equal(less.headers.get('x-tollgate-max-tokens-clamped'), null);
});

test('limits hang on keys, teams, end users, models and targets, and each is shown', async () => {
  const requests = (max: number, more: object = {}) => ({ unit: 'requests', max, per: 'day', ...more });
  await gateway.admin('POST', '/teams', {
    name: 'crew',
    limits: [requests(5)],
    user_limits: [requests(2, { timezone: 'Asia/Tokyo' })],
  });
  const one = await gateway.key({ team: 'crew', user_limits: [requests(1, { model: 'sandbox' })] });
  const other = await gateway.key({ team: 'crew' });
  const asked = async (key: string, user: string | null, more: Record<string, unknown> = {}) => {
    const told = await ask(gateway, key, words(1, more), user === null ? undefined : { 'x-tollgate-user': user });
    return told.status === 200 ? 200 : (JSON.parse(told.text).error.message as string);
  };
  assert.equal(await asked(one.key, 'ada'), 200);
  assert.match(String(await asked(one.key, 'ada')), /user ada of key key_/);
  assert.equal(await asked(one.key, 'grace'), 200, 'another user has limits of their own');
  assert.equal(await asked(other.key, 'ada'), 200, 'the other key has no limit for each user');
  assert.match(
    String(await asked(other.key, null, { user: 'ada' })),
    /user ada of team crew/,
    'also as `user` of the body',
  );
  assert.equal(await asked(other.key, null), 200);
  assert.equal(await asked(other.key, 'grace'), 200);
  assert.match(String(await asked(other.key, null)), /of team crew/);
  assert.deepEqual(
    (await levels(gateway, 'user=ada')).map(({ scope, spent, remaining, model }) => ({
      scope,
      spent,
      remaining,
      model,
    })),
    [
      { scope: { user: 'ada', key: one.id }, spent: 1, remaining: 0, model: 'sandbox' },
      { scope: { user: 'ada', team: 'crew' }, spent: 2, remaining: 0, model: null },
    ],
  );
  assert.equal((await levels(gateway, `user=ada&key=${one.id}`)).length, 1);
  assert.equal((await levels(gateway, 'user=ada&team=crew'))[0]!.window_ends_at!.slice(11), '15:00:00Z');
  assert.equal((await level(gateway, 'team=crew')).remaining, 0);

  const free = await gateway.key();
  const model = { model: 'limited-model' };
  assert.deepEqual([await asked(free.key, null, model), await asked(free.key, null, model)], [200, 200]);
  assert.match(String(await asked(free.key, null, model)), /of model limited-model/);
  assert.deepEqual(await level(gateway, 'model=limited-model'), { max: 2, spent: 2, held: 0, remaining: 0 });
  const target = await ask(gateway, free.key, words(20, { model: 'limited-target' }));
  assert.equal(target.status, 200);
  const rest = await ask(gateway, free.key, words(20, { model: 'limited-target' }));
  assert.equal(rest.headers.get('x-tollgate-max-tokens-clamped'), '5');
  assert.deepEqual(await level(gateway, 'target=sandbox/limited'), { max: 25, spent: 25, held: 0, remaining: 0 });
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  assert.match(metrics, /tollgate_limit_rejections_total\{unit="requests",window="day",scope="user"\} 2/);
  assert.match(metrics, /tollgate_limits_state\{state="memory"\} 1/);
});

test('a pattern counts only models that match it', async () => {
  const { key, id } = await gateway.key({ limits: [{ unit: 'requests', max: 1, per: 'day', model: 'cap*' }] });
  assert.equal((await ask(gateway, key, words(1))).status, 200);
  assert.equal((await level(gateway, `key=${id}`)).spent, 0);
  assert.equal((await ask(gateway, key, words(1, { model: 'capped' }))).status, 200);
  assert.equal((await ask(gateway, key, words(1, { model: 'capped' }))).status, 429);
  assert.equal((await ask(gateway, key, words(1))).status, 200);
});

test('a question about limits that names nothing, too much or nobody is refused', async () => {
  const status = async (query: string) =>
    (
      await fetch(`${gateway.url}/admin/v1/limits${query}`, {
        headers: { authorization: `Bearer ${gateway.adminKey}` },
      })
    ).status;
  assert.equal(await status(''), 400);
  assert.equal(await status('?key=key_1&team=a'), 400);
  assert.equal(await status('?nobody=1'), 400);
  assert.equal(await status('?key=key_01h00000000000000000000000'), 404);
  assert.equal(await status('?team=no-such-team'), 404);
  assert.equal(await status('?model=no-such-model'), 404);
  assert.equal(await status('?target=no/such'), 404);
  assert.equal((await fetch(`${gateway.url}/admin/v1/limits?key=a`)).status, 401);
});

test('answers tell what is left of the tightest limits', async () => {
  const { key } = await gateway.key({
    limits: [
      { unit: 'requests', max: 60, per: 'minute' },
      { unit: 'requests', max: 1000, per: 'day' },
      { unit: 'tokens', max: 5000, per: 'minute' },
    ],
  });
  const { headers } = await ask(gateway, key, words(10));
  assert.equal(headers.get('x-ratelimit-limit-requests'), '60');
  assert.equal(headers.get('x-ratelimit-remaining-requests'), '59');
  assert.equal(headers.get('x-ratelimit-limit-tokens'), '5000');
  assert.equal(headers.get('x-ratelimit-remaining-tokens'), String(5000 - 11 - 10));
  assert.match(headers.get('x-ratelimit-reset-requests')!, /^(1m0s|[\d.]+s)$/);
  assert.match(headers.get('ratelimit-policy')!, /"requests-per-minute";q=60;w=60/);
  assert.match(headers.get('ratelimit')!, /"requests-per-minute";r=59;t=\d+/);
});

test('`concurrent` is how many run at once; a slot is free when its request has ended', async () => {
  const { key, id } = await gateway.key({ limits: [{ unit: 'concurrent', max: 2 }] });
  const slow = { ...words(1), messages: [{ role: 'user', content: '[delay=400ms][words=01]' }] };
  const running = [ask(gateway, key, slow), ask(gateway, key, { ...slow, stream: true })];
  while ((await level(gateway, `key=${id}`)).held < 2);
  const refused = await ask(gateway, key, words(1));
  assert.equal(refused.status, 429);
  assert.match(refused.text, /2 concurrent/);
  assert.ok(Number(refused.headers.get('retry-after-ms')) > 0);
  assert.deepEqual(
    (await Promise.all(running)).map(({ status }) => status),
    [200, 200],
  );
  assert.equal((await level(gateway, `key=${id}`)).held, 0);
  assert.equal((await ask(gateway, key, words(1))).status, 200);
});

test('a changed limit is in force with the next request, and keeps what was counted', async () => {
  const { key, id } = await gateway.key({ limits: [{ unit: 'requests', max: 1, per: 'day' }] });
  assert.equal((await ask(gateway, key, words(1))).status, 200);
  assert.equal((await ask(gateway, key, words(1))).status, 429);
  await gateway.admin('PATCH', `/keys/${id}`, { limits: [{ unit: 'requests', max: 2, per: 'day' }] });
  assert.equal((await ask(gateway, key, words(1))).status, 200);
  assert.equal((await ask(gateway, key, words(1))).status, 429);
  await gateway.admin('PATCH', `/keys/${id}`, { limits: null });
  assert.equal((await ask(gateway, key, words(1))).status, 200);
});

function nextMonth(): string {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1)).toISOString().slice(0, 10);
}
