/**
 * One gateway under load while what it stands on fails, one after the other: Postgres stands still and crashes, the network to it
 * swallows bytes and breaks, Redis stands still and is killed, the upstream stands still. At the end every request that was answered is
 * in the ledger once, and ledger, report and limits agree to the nano-dollar. docs/faults.md names the suites of the other faults.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CutProxy, cutProxy } from '../store/cut-proxy.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { freshDatabase, type Postgres, startPostgres } from '../support/postgres.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { type FakeUpstream, faithful, startUpstream } from '../support/upstream.js';
import { stall } from '../support/upstream-steps.js';

const CALLERS = 4;
const FAULT_MS = 2_500;
/** No request may take longer, whatever fails. */
const WITHIN_MS = 20_000;
const BUDGET_USD = '1000';

interface Answered {
  readonly id: string;
  readonly status: number;
  readonly code: string | undefined;
  readonly tookMs: number;
}

let postgres: Postgres;
let line: CutProxy;
let redis: TestRedis;
let upstream: FakeUpstream;
let gateway: Gateway;
let key: { id: string; key: string };
const answers: Answered[] = [];
let running = true;
let load: Promise<unknown>;

before(async () => {
  [postgres, redis, upstream] = await Promise.all([startPostgres(), startRedis({ own: true }), startUpstream()]);
  const database = await freshDatabase(postgres.url);
  line = await cutProxy(database.url);
  gateway = await startGateway({
    database: line.url,
    config: {
      redis: { url: redis.url },
      providers: { up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-up' } },
      models: {
        m: {
          targets: [{ provider: 'up', model: 'm' }],
          price: { input: 1, output: 1 },
          retry: { max_attempts: 1 },
          breaker: { min_requests: 1_000_000 },
          timeout: { first_byte: '800ms', total: '1500ms' },
        },
      },
      telemetry: { log: { level: 'warn' } },
    },
  });
  key = await gateway.key({ limits: [{ unit: 'usd', max: BUDGET_USD, per: 'month' }] });
  load = Promise.all(Array.from({ length: CALLERS }, (_, caller) => call(caller)));
  await answered(20);
});
after(async () => {
  running = false;
  await load?.catch(() => {});
  postgres?.proceed();
  await gateway?.close();
  await line?.close();
  await Promise.all([postgres?.stop(), redis?.close(), upstream?.stop()]);
});

/** Asks one after the other until the load ends, whole and streamed. */
async function call(caller: number): Promise<void> {
  for (let n = 0; running; n++) {
    const id = `load-${caller}-${n}`;
    const at = performance.now();
    const body = {
      model: 'm',
      stream: n % 3 === 0,
      max_tokens: 50,
      messages: [{ role: 'user', content: 'Say hello.' }],
    };
    const response = await gateway.chat(key.key, body, {
      headers: { 'x-request-id': id },
      signal: AbortSignal.timeout(WITHIN_MS),
    });
    const text = await response.text();
    const code = response.ok ? undefined : (JSON.parse(text) as { error: { code: string } }).error.code;
    answers.push({ id, status: response.status, code, tookMs: performance.now() - at });
    await sleep(5);
  }
}

/** Resolves when there are so many more answers; fails with the load. */
async function answered(more: number): Promise<void> {
  const until = answers.length + more;
  while (answers.length < until) await Promise.race([sleep(10), load]);
}

/** The answers while `fault` is, and the first after `mend`. */
async function during(fault: () => unknown, mend: () => unknown): Promise<readonly Answered[]> {
  await answered(CALLERS);
  const from = answers.length;
  await fault();
  await sleep(FAULT_MS);
  await mend();
  await answered(3 * CALLERS);
  return answers.slice(from);
}

/** What a metric says now; `series` is its name with its labels. */
async function metric(series: string): Promise<number> {
  const lines = (await (await fetch(`${gateway.url}/metrics`)).text()).split('\n');
  return Number(lines.find((each) => each.startsWith(`${series} `))?.slice(series.length + 1));
}

/**
 * Redis counts again, its budgets rebuilt, and everybody is served, within the time that this needs. That everybody is served is
 * not enough: until Redis is seen again the gateway admits its share alone.
 */
async function again(): Promise<void> {
  const end = performance.now() + WITHIN_MS;
  do {
    assert.ok(performance.now() < end, 'still refused');
    await answered(2 * CALLERS);
  } while (
    (await metric('tollgate_limits_state{state="redis"}')) !== 1 ||
    answers.slice(-CALLERS).some(({ status }) => status !== 200)
  );
}

/** Everything was served; but for `but`, whose codes are named. */
function served(told: readonly Answered[], ...but: readonly string[]): void {
  assert.ok(told.length > 0);
  assert.deepEqual(
    told.filter(({ status, code }) => status !== 200 && !but.includes(code ?? '')),
    [],
  );
}

test('Postgres stands still: requests of a known key are served', async () => {
  served(
    await during(
      () => postgres.pause(),
      () => postgres.proceed(),
    ),
  );
});

test('Postgres crashes and starts again: so they are', async () => {
  served(
    await during(
      () => postgres.crash(),
      () => postgres.resume(),
    ),
  );
});

test('the network swallows what goes to Postgres, then breaks: so they are', async () => {
  served(
    await during(
      () => line.stall(),
      async () => {
        line.cut();
        await sleep(200);
        line.mend();
      },
    ),
  );
});

test('Redis stands still: so they are, and none waits for long', async () => {
  const told = await during(
    () => redis.pause(),
    () => redis.resume(),
  );
  served(told);
  const waited = told.filter(({ tookMs }) => tookMs > 1_000);
  assert.ok(waited.length <= CALLERS, `${waited.length} of ${told.length} took more than a second`);
});

test('Redis is killed and starts empty: what is refused meanwhile is refused as `unavailable`, and the budget is rebuilt', async () => {
  served(
    await during(
      () => redis.stop('SIGKILL'),
      () => redis.start(),
    ),
    'unavailable',
    'overloaded',
  );
  await again();
});

test('the upstream stands still: each is told a time-out of the upstream, within its deadline', async () => {
  const told = await during(
    () => upstream.always([stall]),
    () => upstream.always(faithful),
  );
  served(told, 'upstream_timeout');
  const late = told.filter(({ code }) => code === 'upstream_timeout');
  assert.ok(late.length >= CALLERS);
  for (const { status, tookMs } of late) assert.ok(status === 504 && tookMs > 700, `${status} after ${tookMs} ms`);
});

test('afterwards nothing is lost, nothing is there twice, and ledger, report and limits agree to the nano-dollar', async () => {
  running = false;
  await load;
  while ((await metric('tollgate_spool_entries')) > 0) await sleep(50);
  assert.equal(await metric('tollgate_ledger_lost'), 0);
  const entries = await allEntries();
  const ok = answers.filter(({ status }) => status === 200).map(({ id }) => id);
  const entered = entries.filter(({ status }) => status === 200).map(({ request_id }) => request_id);
  assert.deepEqual(entered.sort(), ok.sort());
  const cost = entries.reduce((sum, { cost_nusd }) => sum + cost_nusd.total, 0);
  const { total } = await gateway.admin<{ total: { cost_nusd: number } }>('GET', '/reports/spend?group_by=key');
  assert.equal(total.cost_nusd, cost);
  const { spent, held } = await settled();
  assert.equal(Math.round(Number(spent) * 1e9), cost);
  assert.equal(Number(held), 0);
});

interface Line {
  readonly request_id: string;
  readonly status: number;
  readonly cost_nusd: { readonly total: number };
}

async function allEntries(): Promise<Line[]> {
  const found: Line[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: { data: Line[]; next_cursor: string | null } = await gateway.admin(
      'GET',
      `/usage?key=${key.id}&limit=1000${cursor && `&cursor=${cursor}`}`,
    );
    found.push(...page.data);
    cursor = page.next_cursor;
  }
  return found;
}

/** The budget once no hold is open; the last ones end when their lease does. */
async function settled(): Promise<{ spent: string; held: string }> {
  for (const end = Date.now() + 40_000; ; await sleep(100)) {
    const { data } = await gateway.admin<{ data: { spent: string; held: string }[] }>('GET', `/limits?key=${key.id}`);
    if (Number(data[0]!.held) === 0 || Date.now() > end) return data[0]!;
  }
}
