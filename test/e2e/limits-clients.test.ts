/** The real `openai` client at a limit: it waits as long as it is told, and does not knock at a budget that is spent. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI, { RateLimitError } from 'openai';
import { type Gateway, startGateway } from '../support/gateway.js';
import { ask, heldCost, sandboxConfig, words } from '../support/limits-http.js';

let gateway: Gateway;
before(async () => {
  gateway = await startGateway({ config: sandboxConfig });
});
after(() => gateway.close());

/** A client that counts what it sends. */
function client(apiKey: string) {
  const sent: { status: number; at: number; retryAfterMs: number | null }[] = [];
  const openai = new OpenAI({
    baseURL: `${gateway.url}/v1`,
    apiKey,
    maxRetries: 3,
    fetch: async (url, init) => {
      const response = await fetch(url as string, init as RequestInit);
      const told = response.headers.get('retry-after-ms');
      sent.push({ status: response.status, at: performance.now(), retryAfterMs: told === null ? null : Number(told) });
      return response;
    },
  });
  const say = () =>
    openai.chat.completions.create({
      model: 'sandbox',
      messages: [{ role: 'user', content: 'Hi [words=02]' }],
      max_tokens: 2,
    });
  return { openai, sent, say };
}

test('at a rate limit it waits for as long as it is told, and is then served', async () => {
  const { key } = await gateway.key({ limits: [{ unit: 'requests', max: 2, per: 'second' }] });
  const { say, sent } = client(key);
  for (let i = 0; i < 3; i++) assert.equal((await say()).usage?.completion_tokens, 2);
  const [first, second, refused, served, ...more] = sent;
  assert.deepEqual(more, []);
  assert.deepEqual(
    [first, second, refused, served].map((one) => one?.status),
    [200, 200, 429, 200],
  );
  assert.ok(refused!.retryAfterMs! > 0 && refused!.retryAfterMs! <= 1000);
  assert.ok(served!.at - refused!.at >= refused!.retryAfterMs! - 5, 'it came back when it was told to');
});

test('at a spent budget it gives up at once, with the reason', async () => {
  const { key } = await gateway.key({ limits: [{ unit: 'usd', max: (heldCost(2) / 1e9).toFixed(9), per: 'day' }] });
  const { say, sent } = client(key);
  await say();
  await assert.rejects(say(), (error) => {
    assert.ok(error instanceof RateLimitError);
    assert.equal(error.code, 'budget_exceeded');
    assert.equal(error.type, 'insufficient_quota');
    assert.match(error.message, /Budget exceeded: the limit of 0\.0000\d+ USD per day/);
    return true;
  });
  assert.deepEqual(
    sent.map(({ status }) => status),
    [200, 429],
    'no second try',
  );
});

test('a request that is larger than its whole rate limit is not tried again either', async () => {
  const { key } = await gateway.key({ limits: [{ unit: 'input_tokens', max: 5, per: 'minute' }] });
  const { say, sent } = client(key);
  await assert.rejects(say(), /more than the whole limit/);
  assert.equal(sent.length, 1);
});

test('`retry-after` is when the next request is admitted, to 100 ms', async () => {
  for (let tries = 0; ; tries++) {
    const { key } = await gateway.key({ limits: [{ unit: 'requests', max: 2, per: 'second' }] });
    await ask(gateway, key, words(1));
    await new Promise((resolve) => setTimeout(resolve, 200));
    await ask(gateway, key, words(1));
    const askedAt = performance.now();
    const refused = await ask(gateway, key, words(1));
    assert.equal(refused.status, 429);
    const waitMs = Number(refused.headers.get('retry-after-ms'));
    assert.equal(refused.headers.get('retry-after'), '1');
    await new Promise((resolve) => setTimeout(resolve, waitMs - 100 - (performance.now() - askedAt)));
    const early = await ask(gateway, key, words(1));
    const earlyMs = performance.now() - askedAt;
    await new Promise((resolve) => setTimeout(resolve, waitMs + (performance.now() - askedAt) - earlyMs - 95));
    const late = waitMs - earlyMs;
    if (late < 10 && tries < 20) continue; // the machine was busy: this was no longer early
    assert.equal(early.status, 429, `${late} ms before`);
    while (performance.now() - askedAt < waitMs + 50);
    assert.equal((await ask(gateway, key, words(1))).status, 200);
    return;
  }
});

test('under saturation nobody is refused while the window has less than 95 % of its limit, and it never has more', async () => {
  const max = 40;
  const { key } = await gateway.key({ limits: [{ unit: 'requests', max, per: 'second' }] });
  const told: { status: number; from: number; to: number }[] = [];
  const endsAt = performance.now() + 4000;
  await Promise.all(
    Array.from({ length: 24 }, async () => {
      while (performance.now() < endsAt) {
        const from = performance.now();
        const { status, headers } = await ask(gateway, key, words(1));
        told.push({ status, from, to: performance.now() });
        if (status === 200) continue;
        await new Promise((resolve) => setTimeout(resolve, Math.min(Number(headers.get('retry-after-ms')), 20)));
      }
    }),
  );
  const admitted = told.filter(({ status }) => status === 200);
  const refused = told.filter(({ status }) => status === 429);
  assert.ok(admitted.length >= 2 * max && refused.length > max, `${admitted.length} and ${refused.length}`);
  // Each was decided somewhere between its sending and its answer.
  for (const { from, to } of refused) {
    const inWindow = admitted.filter((one) => one.from <= to && one.to >= from - 1000).length;
    assert.ok(inWindow >= 0.95 * max, `refused with ${inWindow} in the window`);
  }
  for (const { from } of admitted) {
    const inWindow = admitted.filter((one) => one.from >= from && one.to < from + 1000).length;
    assert.ok(inWindow <= max, `${inWindow} in one second`);
  }
});
