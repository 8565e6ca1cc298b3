/** What answers and refusals of the AI endpoints say of limits, in their headers: of every window, of slots, of a limit of nothing. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { until } from '../support/upstream-steps.js';

const messages = [{ role: 'user', content: 'hi' }];
let upstream: FakeUpstream;
let gateway: Gateway;

before(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      providers: { up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'k' } },
      models: { m: { targets: [{ provider: 'up', model: 'm' }], price: { input: 1, output: 1 } } },
    },
  });
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

const FIELDS = /^(ratelimit|x-ratelimit-|retry-after|x-should-retry)/;

async function asked(key: string): Promise<{ status: number; told: Record<string, string> }> {
  const response = await gateway.chat(key, { model: 'm', messages, max_tokens: 5 });
  await response.arrayBuffer();
  const told = Object.fromEntries([...response.headers].filter(([name]) => FIELDS.test(name)));
  return { status: response.status, told };
}

const keyWith = async (...limits: object[]): Promise<string> => (await gateway.key({ limits })).key;

/** Times are told to the second, and these pass. */
function near(value: string | undefined, seconds: number, slack = 5): void {
  assert.ok(value !== undefined, 'is told');
  assert.ok(Math.abs(Number(value) - seconds) <= slack, `${value} is not about ${seconds}`);
}

const DAY_S = 86_400;
const leftOfDay = (): number => DAY_S - (Math.floor(Date.now() / 1000) % DAY_S);
/** A test of a day does not begin in its last seconds. */
const notAtMidnight = async (): Promise<void> => {
  if (leftOfDay() < 30) await new Promise((resolve) => setTimeout(resolve, (leftOfDay() + 1) * 1000));
};

const parameter = (field: string | undefined, name: string): string | undefined =>
  new RegExp(`;${name}=(\\d+)`).exec(field ?? '')?.[1];

describe('a refusal tells', () => {
  it('the window of a rate, and when there is room', async () => {
    const key = await keyWith({ unit: 'requests', max: 1, per: 'minute' });
    const first = await asked(key);
    assert.equal(first.status, 200);
    assert.equal(first.told['x-ratelimit-remaining-requests'], '0');
    const { status, told } = await asked(key);
    assert.equal(status, 429);
    assert.equal(told['ratelimit-policy'], '"requests-per-minute";q=1;w=60');
    assert.match(told['ratelimit']!, /^"requests-per-minute";r=0;t=\d+$/);
    near(told['retry-after'], 60, 20);
    near(parameter(told['ratelimit'], 't'), 60, 20);
    assert.deepEqual([told['x-ratelimit-limit-requests'], told['x-ratelimit-remaining-requests']], ['1', '0']);
    assert.ok(told['x-ratelimit-reset-requests']);
    assert.equal(told['x-should-retry'], undefined);
  });

  for (const [unit, max, name] of [
    ['requests', 1, 'requests'],
    ['usd', 0.000001, 'usd'],
    ['tokens', 1, 'tokens'],
    ['input_tokens', 1, 'tokens'],
  ] as const)
    it(`the end of a day of ${unit}`, async () => {
      await notAtMidnight();
      const key = await keyWith({ unit, max, per: 'day', timezone: 'UTC', on_exhausted: 'reject' });
      if (unit === 'requests') assert.equal((await asked(key)).status, 200);
      const { status, told } = await asked(key);
      const seconds = leftOfDay();
      assert.equal(status, 429);
      near(told['retry-after'], seconds, 60);
      near(parameter(told['ratelimit'], 't'), seconds, 60);
      assert.equal(parameter(told['ratelimit-policy'], 'w'), '86400');
      assert.ok(told[`x-ratelimit-limit-${name}`], JSON.stringify(told));
      assert.ok(told[`x-ratelimit-remaining-${name}`] !== undefined);
      // Nobody should try for a day.
      assert.equal(told['x-should-retry'], 'false');
    });

  it('a limit of nothing, and one that has no end', async () => {
    for (const per of ['second', 'minute', 'hour', 'day', 'month', 'total']) {
      const { status, told } = await asked(await keyWith({ unit: 'requests', max: 0, per }));
      assert.equal(status, 429, per);
      assert.match(told['ratelimit-policy']!, new RegExp(`^"requests-per-${per}";q=0`));
      assert.match(told['ratelimit']!, /;r=0/);
      assert.equal(told['x-ratelimit-limit-requests'], '0');
      assert.equal(told['x-should-retry'], 'false');
      assert.ok(Number(told['retry-after']) >= 1, per); // what never admits: still no client comes at once
    }
  });

  it('slots, and so does an answer', async () => {
    const key = await keyWith({ unit: 'concurrent', max: 1 }, { unit: 'requests', max: 9, per: 'hour' });
    let goOn = (): void => {};
    upstream.next([until(new Promise<void>((resolve) => (goOn = resolve)))]);
    const arrived = upstream.arrival();
    const running = gateway.chat(key, { model: 'm', messages });
    await arrived;
    const { status, told } = await asked(key);
    assert.equal(status, 429);
    assert.deepEqual(told, {
      'ratelimit-policy': '"concurrent";q=1',
      ratelimit: '"concurrent";r=0',
      'x-ratelimit-limit-concurrent': '1',
      'x-ratelimit-remaining-concurrent': '0',
      'retry-after': '1',
      'retry-after-ms': '1000',
    });
    goOn();
    await (await running).arrayBuffer();
    const next = await asked(key);
    assert.equal(next.status, 200);
    assert.equal(next.told['ratelimit-policy'], '"requests-per-hour";q=9;w=3600, "concurrent";q=1');
    assert.equal(next.told['x-ratelimit-remaining-concurrent'], '0');
  });
});
