/** How far a rate on tokens goes over its maximum when many long answers are asked for at once. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { ask, level, sandboxConfig, words } from '../support/limits-http.js';

let gateway: Gateway;
before(async () => {
  gateway = await startGateway({ config: sandboxConfig });
});
after(() => gateway.close());

const MAX = 60_000;
const LONG = 1600;
const hour = (more: object = {}) => ({ limits: [{ unit: 'tokens', max: MAX, per: 'hour', ...more }] });
const long = (more: Readonly<Record<string, unknown>> = {}) => {
  const { max_tokens: _, ...body } = words(LONG);
  return { ...body, ...more };
};
const race = async (key: string, count: number, body: unknown): Promise<number> => {
  const answers = await Promise.all(Array.from({ length: count }, () => ask(gateway, key, body)));
  assert.ok(answers.every(({ status }) => status === 200 || status === 429));
  return answers.filter(({ status }) => status === 200).length;
};

test('200 at once, of a model that never answered: with a stated maximum never over, and nearly all of the limit is used', async () => {
  const stated = await gateway.key(hour());
  await race(stated.key, 200, long({ max_tokens: LONG }));
  const first = await level(gateway, `key=${stated.id}`);
  assert.ok(first.spent <= MAX, `${first.spent}`);
  assert.ok(first.spent > MAX * 0.95, `${first.spent}: as much as fits`);
});

test('200 at once after many short answers and one long one: over by a quarter at most', async () => {
  const { key, id } = await gateway.key(hour());
  for (let i = 0; i < 40; i++) assert.equal((await ask(gateway, key, words(2))).status, 200);
  await race(key, 200, long());
  const { spent } = await level(gateway, `key=${id}`);
  assert.ok(spent <= MAX * 1.25, `${spent}`);
});

test('200 at once that state a long maximum, after short answers alone: over by a quarter at most', async () => {
  const { key, id } = await gateway.key(hour());
  const learning = await gateway.key();
  // All that the model ever gave is forgotten.
  await race(learning.key, 600, words(2));
  const before = (await level(gateway, `key=${id}`)).spent;
  await race(key, 200, long({ max_tokens: LONG }));
  const { spent } = await level(gateway, `key=${id}`);
  assert.ok(spent - before <= MAX * 1.25, `${spent}`);
  assert.ok(spent > MAX * 0.95, `${spent}: as much as fits`);
});

test('`hold: worst`: never over, and a request that states no maximum is given one', async () => {
  const { key, id } = await gateway.key(hour({ hold: 'worst' }));
  const admitted = await race(key, 200, long());
  const { spent } = await level(gateway, `key=${id}`);
  assert.ok(spent <= MAX, `${spent}`);
  // Each takes 4096 of output until its answer has ended.
  assert.ok(admitted >= Math.floor(MAX / (4096 + 11)), `${admitted}`);
  const answered = await ask(gateway, key, long());
  assert.equal(answered.headers.get('x-tollgate-max-tokens-clamped'), '4096');
});

test('saturated with answers of one size, one after the other: at least 95 % is admitted', async () => {
  const { key, id } = await gateway.key({ limits: [{ unit: 'tokens', max: 6000, per: 'hour' }] });
  for (let i = 0; i < 200; i++) if ((await ask(gateway, key, words(50, { max_tokens: 50 }))).status === 429) break;
  const { spent } = await level(gateway, `key=${id}`);
  assert.ok(spent > 5700 && spent <= 6000, `${spent}`);
});

test('saturated by eight at once that state eight times what they use: at least 95 % is admitted', async () => {
  const { key, id } = await gateway.key({ limits: [{ unit: 'tokens', max: 12_000, per: 'hour' }] });
  const used = async () => (await level(gateway, `key=${id}`)).spent;
  let tries = 1000;
  const caller = async () => {
    while (tries-- > 0 && (await used()) < 11_400) await ask(gateway, key, words(50, { max_tokens: 400 }));
  };
  await Promise.all(Array.from({ length: 8 }, caller));
  const spent = await used();
  assert.ok(spent >= 11_400 && spent <= 12_000 * 1.25, `${spent}`);
});
