/** A gateway with four workers: what all of them share, and what there is one of. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, fetch } from 'undici';
import { type Gateway, startGateway } from '../support/gateway.js';
import { ask, ledgerOf, level, levelIs, sandboxConfig, words } from '../support/limits-http.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { json, until } from '../support/upstream-steps.js';

let gateway: Gateway;
let upstream: FakeUpstream;
before(async () => {
  upstream = await startUpstream();
  const slow = { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'k' };
  gateway = await startGateway({
    config: {
      providers: { ...sandboxConfig.providers, slow },
      models: {
        ...sandboxConfig.models,
        slow: { targets: [{ provider: 'slow', model: 'm' }], price: { input: 1, output: 1 } },
      },
      server: { workers: 4 },
      telemetry: { log: { level: 'info' } },
    },
  });
});
after(async () => {
  await Promise.all(clients.map((client) => client.destroy()));
  await gateway?.close();
  await upstream?.stop();
});

const workersOf = (requestIds: readonly string[]): Set<string> => {
  const seen = new Set<string>();
  for (const line of gateway.output.split('\n')) {
    if (!requestIds.some((id) => line.includes(`"${id}"`))) continue;
    const [, worker] = /"worker":(\d+)/.exec(line) ?? [];
    if (worker !== undefined) seen.add(worker);
  }
  return seen;
};

/** Connections that stay; since each goes to the worker with the fewest, every worker has some of them. */
const clients = Array.from({ length: 16 }, () => new Agent({ connections: 1 }));

async function statusBy(client: Agent, key: string, requestId = ''): Promise<number> {
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      ...{ authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(requestId !== '' && { 'x-request-id': requestId }),
    },
    body: JSON.stringify(words(2)),
    dispatcher: client,
  });
  await answer.text();
  return answer.status;
}

test('requests are spread over all workers, and the log says which one had each', { timeout: 30_000 }, async () => {
  const { key } = await gateway.key();
  const ids = clients.map((_, i) => `spread-${i}`);
  await Promise.all(clients.map((client, i) => statusBy(client, key, ids[i])));
  while (workersOf(ids).size < 4) await sleep(50);
  assert.deepEqual([...workersOf(ids)].sort(), ['1', '2', '3', '4']);
});

const bodies = {
  'of a few bytes': words(2),
  'of many bytes': words(2, {}, 'x'.repeat(80_000)),
};
for (const [kind, body] of Object.entries(bodies))
  test(`requests ${kind}, each on a connection of its own, are served by the workers that have the connections`, {
    timeout: 30_000,
  }, async () => {
    const { key } = await gateway.key();
    const ids = Array.from({ length: 24 }, (_, i) => `own-${body.messages[0]!.content.length}-${i}`);
    const statuses = await Promise.all(
      ids.map(async (id) => {
        const answer = await gateway.chat(key, body, { headers: { 'x-request-id': id, connection: 'close' } });
        await answer.text();
        return answer.status;
      }),
    );
    assert.deepEqual([...new Set(statuses)], [200]);
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

test('slots: never more at once than there are, on all workers together', { timeout: 30_000 }, async () => {
  const { key } = await gateway.key({ limits: [{ unit: 'concurrent', max: 3 }] });
  let answerAll = (): void => {};
  const free = new Promise<void>((resolve) => {
    answerAll = resolve;
  });
  upstream.always([until(free), ...json(200, { choices: [{ message: { content: 'ok' }, finish_reason: 'stop' }] })]);
  let refused = 0;
  const all = Array.from({ length: 60 }, async () => {
    const { status } = await gateway.chat(key, { ...words(2), model: 'slow' });
    if (status === 429 && ++refused === 57) answerAll();
    return status;
  });
  // With fewer refusals the upstream would hold more than three for good.
  const statuses = await Promise.all(all);
  assert.equal(statuses.filter((status) => status === 200).length, 3);
  assert.equal(upstream.requests.length, 3);
  upstream.always();
});

test('slots are free again for the same client at once, whichever worker it comes to', async () => {
  const { key } = await gateway.key({ limits: [{ unit: 'concurrent', max: 1 }] });
  for (const [i, client] of [...clients, ...clients, ...clients].entries())
    assert.equal(await statusBy(client, key), 200, `call ${i}`);
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
  const many = () => Promise.all(clients.map((client) => statusBy(client, made.key)));
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

test('entries of every worker say what was held of a limit that all share, and what was left', async () => {
  const limits = [
    { unit: 'requests', max: 100, per: 'hour' },
    { unit: 'usd', max: 1, per: 'month' },
  ];
  const { key, id } = await gateway.key({ limits });
  const ids = clients.map((_, i) => `decided-${i}`);
  for (const [i, client] of clients.entries()) assert.equal(await statusBy(client, key, ids[i]), 200);
  await Promise.all(ids.map((one) => gateway.entries(one, 1)));
  const { data } = await gateway.admin<{ data: { limits: Record<string, number>[] }[] }>('GET', `/usage?key=${id}`);
  const [requests, usd] = [0, 1].map((at) => data.map((entry) => entry.limits[at]!));
  assert.deepEqual(
    requests!.map(({ held, remaining }) => [held, remaining]).sort(),
    ids.map((_, i) => [1, 99 - i]).sort(),
  );
  assert.ok(usd!.every(({ held, used }) => Number(held) >= Number(used) && Number(used) > 0));
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
  const { data } = await gateway.admin<{ data: Record<string, unknown>[] }>('GET', '/workers');
  assert.deepEqual(
    data.map(({ worker, state, restarts }) => [worker, state, restarts]),
    [1, 2, 3, 4].map((worker) => [worker, 'serving', 0]),
  );
  assert.equal(new Set(data.map(({ pid }) => pid)).size, 4);
  assert.match(await (await fetch(`${gateway.url}/metrics`)).text(), /^tollgate_workers 4$/m);
});
