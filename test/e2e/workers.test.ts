/** A gateway with four workers: what all of them share, and what there is one of. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Gateway, startGateway } from '../support/gateway.js';
import { ask, ledgerOf, level, levelIs, sandboxConfig, words } from '../support/limits-http.js';

let gateway: Gateway;
before(async () => {
  gateway = await startGateway({
    config: { ...sandboxConfig, server: { workers: 4 }, telemetry: { log: { level: 'info' } } },
  });
});
after(() => gateway.close());

/** Each call on a connection of its own, so that all workers are asked. */
const fresh = { headers: { connection: 'close' } };

async function statusOnFresh(key: string): Promise<number> {
  const answer = await gateway.chat(key, words(2), fresh);
  await answer.text();
  return answer.status;
}

const workersOf = (requestIds: readonly string[]): Set<string> => {
  const seen = new Set<string>();
  for (const line of gateway.output.split('\n')) {
    if (!requestIds.some((id) => line.includes(`"${id}"`))) continue;
    const [, worker] = /"worker":(\d+)/.exec(line) ?? [];
    if (worker !== undefined) seen.add(worker);
  }
  return seen;
};

test('requests are spread over all workers, and the log says which one had each', { timeout: 30_000 }, async () => {
  const { key } = await gateway.key();
  const ids = Array.from({ length: 24 }, (_, i) => `spread-${i}`);
  await Promise.all(
    ids.map((id) => gateway.chat(key, words(2), { headers: { 'x-request-id': id } }).then((answer) => answer.text())),
  );
  while (workersOf(ids).size < 4) await sleep(50);
  assert.deepEqual([...workersOf(ids)].sort(), ['1', '2', '3', '4']);
});

test('a rate limit: of 200 at once exactly as many pass as it says', async () => {
  const { key, id } = await gateway.key({ limits: [{ unit: 'requests', max: 70, per: 'hour' }] });
  const answers = await Promise.all(Array.from({ length: 200 }, () => ask(gateway, key, words(2))));
  assert.equal(answers.filter(({ status }) => status === 200).length, 70);
  const refused = answers.filter(({ status }) => status === 429);
  assert.equal(refused.length, 130);
  assert.ok(refused.every(({ headers }) => Number(headers.get('retry-after')) > 3_000));
  assert.equal((await level(gateway, `key=${id}`)).spent, 70);
  const report = await gateway.admin<{ total: number }>('GET', `/reports/refusals?key=${id}`);
  assert.equal(report.total, 130, 'refusals of all workers are told at once');
});

test('a budget: never over, whatever is asked at once, and ledger and counter agree to the nano-dollar', async () => {
  const { key, id } = await gateway.key({ limits: [{ unit: 'usd', max: 0.01, per: 'total' }] });
  const levels: number[] = [];
  let racing = true;
  const watching = (async () => {
    while (racing) {
      const { spent, held } = await level(gateway, `key=${id}`);
      levels.push(spent + held);
    }
  })();
  const answers = await Promise.all(Array.from({ length: 200 }, () => ask(gateway, key, words(20))));
  racing = false;
  await watching;
  assert.ok(answers.some(({ status }) => status === 200));
  assert.ok(answers.every(({ status }) => status === 200 || status === 429));
  assert.ok(Math.max(...levels) <= 10_000_000, `${Math.max(...levels)}`);
  const settled = await levelIs(gateway, `key=${id}`, ({ held }) => held === 0);
  assert.equal((await ledgerOf(gateway, id)).usdNano, settled.spent);
});

test('all or nothing: a request that one limit refuses takes nothing of another', async () => {
  const limits = [
    { unit: 'requests', max: 1000, per: 'hour' },
    { unit: 'requests', max: 5, per: 'minute' },
  ];
  const { key, id } = await gateway.key({ limits });
  await Promise.all(Array.from({ length: 60 }, () => ask(gateway, key, words(2))));
  const { data } = await gateway.admin<{ data: { per: string; spent: number }[] }>('GET', `/limits?key=${id}`);
  assert.deepEqual(data.map(({ per, spent }) => [per, spent]).sort(), [
    ['hour', 5],
    ['minute', 5],
  ]);
});

test('slots: never more at once than there are, and they are free for the same client at once', async () => {
  const { key } = await gateway.key({ limits: [{ unit: 'concurrent', max: 1 }] });
  for (let i = 0; i < 40; i++) {
    assert.equal(await statusOnFresh(key), 200, `call ${i}`);
  }
});

test('tokens asked for at once with a stated maximum: never over', async () => {
  const { key, id } = await gateway.key({ limits: [{ unit: 'tokens', max: 20_000, per: 'hour' }] });
  const { max_tokens: _, ...body } = words(800);
  await Promise.all(Array.from({ length: 120 }, () => ask(gateway, key, { ...body, max_tokens: 800 })));
  const { spent } = await level(gateway, `key=${id}`);
  assert.ok(spent <= 20_000 * 1.25 && spent >= 20_000 * 0.9, `${spent}`);
});

test('a key that is revoked or blocked is refused by every worker when the admin is answered', async () => {
  const made = await gateway.key();
  const call = () => statusOnFresh(made.key);
  const many = () => Promise.all(Array.from({ length: 16 }, call));
  assert.deepEqual([...new Set(await many())], [200]);
  await gateway.admin('POST', `/keys/${made.id}/block`);
  assert.ok(
    (await many()).every((status) => status === 401 || status === 403),
    'blocked',
  );
  await gateway.admin('POST', `/keys/${made.id}/unblock`);
  assert.deepEqual([...new Set(await many())], [200], 'unblocked');
  await gateway.admin('DELETE', `/keys/${made.id}`);
  assert.deepEqual([...new Set(await many())], [401]);
});

test('one scrape answers for all processes, and the admin API for all workers', async () => {
  const { key, id } = await gateway.key();
  const counted = async () => {
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith('tollgate_requests_total{endpoint="chat"'));
    return lines
      .filter((line) => line.includes('status="200"'))
      .reduce((sum, line) => sum + Number(line.split(' ')[1]), 0);
  };
  const before = await counted();
  await Promise.all(Array.from({ length: 40 }, () => ask(gateway, key, words(2))));
  assert.equal((await counted()) - before, 40);
  assert.equal((await ledgerOf(gateway, id)).entries, 40);
  const models = await Promise.all(
    Array.from({ length: 8 }, () =>
      fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${key}`, connection: 'close' } }),
    ),
  );
  assert.ok(models.every(({ status }) => status === 200));
  const ready = await fetch(`${gateway.url}/readyz`, { headers: { authorization: `Bearer ${gateway.adminKey}` } });
  const { parts } = (await ready.json()) as { parts: { workers: { detail: string } } };
  assert.equal(parts.workers.detail, '4 of 4 serve');
  assert.match(await (await fetch(`${gateway.url}/metrics`)).text(), /^tollgate_workers 4$/m);
});
