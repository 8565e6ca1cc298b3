/** Redis is stopped and started under load: what each way of failing promises, and that everybody finds back. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Gateway, startGateway } from '../support/gateway.js';
import { ask, askUntilKnown, levelIs, realCost, sandboxConfig, type Told, words } from '../support/limits-http.js';
import { startRedis, type TestRedis } from '../support/redis.js';

const detail = async (gateway: Gateway): Promise<string> => {
  const response = await fetch(`${gateway.url}/readyz`, { headers: { authorization: `Bearer ${gateway.adminKey}` } });
  return ((await response.json()) as { parts: { limits: { detail: string } } }).parts.limits.detail;
};

const detailIs = async (gateway: Gateway, pattern: RegExp) => {
  const deadline = performance.now() + 10_000;
  while (!pattern.test(await detail(gateway))) {
    assert.ok(performance.now() < deadline, `still ${await detail(gateway)}`);
    await sleep(25);
  }
};

for (const mode of ['local', 'closed', 'open'] as const) {
  describe(`on_failure: ${mode}`, () => {
    let redis: TestRedis;
    let gateway: Gateway;
    before(async () => {
      redis = await startRedis({ own: true });
      gateway = await startGateway({
        config: { ...sandboxConfig, redis: { url: redis.url, on_failure: mode } },
      });
    });
    after(async () => {
      await gateway?.close();
      await redis?.close();
    });

    test('a Redis that goes and comes back under load', async () => {
      const max = 3000 * realCost(10);
      const limits = [{ unit: 'usd', max: (max / 1e9).toFixed(9), per: 'month' }];
      const { key, id } = await gateway.key({ limits });
      const free = await gateway.key();
      assert.match(await detail(gateway), /redis/);
      for (let i = 0; i < 5; i++) assert.equal((await askUntilKnown(gateway, key, words(10))).status, 200);
      const long = askUntilKnown(gateway, key, words(20, { stream: true }, '[pace=50ms]'));

      const answers: Told[] = [];
      let over = false;
      const load = Promise.all(
        Array.from({ length: 4 }, async () => {
          while (!over) {
            const told = await ask(gateway, key, words(1));
            answers.push(told);
            await sleep(60);
          }
        }),
      );
      await sleep(100);
      await redis.stop('SIGKILL');
      await detailIs(gateway, /^away/);
      const fromHere = answers.length;
      assert.equal((await ask(gateway, free.key, words(1))).status, 200, 'without limits nothing changes');
      while (answers.length < fromHere + 8) await sleep(20);
      const meanwhile = answers.slice(fromHere + 4).map(({ status }) => status);
      assert.ok(
        meanwhile.every((status) => status === (mode === 'closed' ? 503 : 200)),
        `${meanwhile}`,
      );
      if (mode === 'closed') assert.ok(answers.at(-1)!.headers.get('retry-after-ms'));
      await redis.start();
      await detailIs(gateway, /^redis$/);
      over = true;
      await load;
      assert.equal((await long).status, 200);
      await sleep(1500); // what was refused as recovering has an end
      assert.ok(
        answers.every(({ status }) => status === 200 || status === 503),
        'no budget was exceeded',
      );

      const admitted = answers.filter(({ status }) => status === 200).length;
      const expected = 5 * realCost(10) + realCost(20, '[pace=50ms]') + admitted * realCost(1);
      const { spent, held } = await levelIs(gateway, `key=${id}`, (now) => now.held === 0);
      assert.equal(spent, expected, 'each request is counted once, wherever it was admitted');
      assert.equal(held, 0);
      const told = gateway.output.match(/Redis is away|in Redis again/g) ?? [];
      assert.ok(told.length >= 2);
      for (const [i, words] of told.entries()) {
        assert.equal(words, i % 2 === 0 ? 'Redis is away' : 'in Redis again', 'each change of the state is told once');
      }
      assert.equal((await askUntilKnown(gateway, key, words(1))).status, 200);
    });

    test('a Redis that stands still delays no request by more than its 50 ms, and then none', async () => {
      const { key } = await gateway.key({ limits: [{ unit: 'requests', max: 1_000_000, per: 'minute' }] });
      await askUntilKnown(gateway, key, words(1));
      redis.pause();
      const overheads: number[] = [];
      for (let i = 0; i < 10; i++) {
        const at = performance.now();
        const { status } = await ask(gateway, key, words(1));
        overheads.push(performance.now() - at);
        assert.equal(status, mode === 'closed' ? 503 : 200);
      }
      redis.resume();
      await detailIs(gateway, /^redis$/);
      // On a shared machine some take longer; were Redis asked each time, none could take less.
      assert.ok(overheads[0]! < 1000, `${overheads[0]} ms`);
      assert.ok(Math.min(...overheads.slice(1)) < 50, `${overheads} ms`);
      assert.equal((await askUntilKnown(gateway, key, words(1))).status, 200);
    });
  });
}
