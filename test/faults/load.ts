/** Callers that ask one after the other, whole and streamed, while what a gateway stands on fails; and what must be true afterwards. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Gateway, NewKey } from '../support/gateway.js';

const CALLERS = 4;
/** No request may take longer, whatever fails. */
export const WITHIN_MS = 20_000;

export interface Answered {
  readonly id: string;
  readonly status: number;
  readonly code: string | undefined;
  readonly tookMs: number;
}

export class Load {
  readonly callers = CALLERS;
  readonly answers: Answered[] = [];
  readonly #gateway: Gateway;
  readonly #key: NewKey;
  readonly #done: Promise<unknown>;
  #running = true;

  constructor(gateway: Gateway, key: NewKey) {
    this.#gateway = gateway;
    this.#key = key;
    this.#done = Promise.all(Array.from({ length: CALLERS }, (_, caller) => this.#call(caller)));
    this.#done.catch(() => {}); // told to whoever waits for answers
  }

  async #call(caller: number): Promise<void> {
    for (let n = 0; this.#running; n++) {
      this.answers.push(await askNamed(this.#gateway, this.#key, `load-${caller}-${n}`, n % 3 === 0));
      await sleep(5);
    }
  }

  /** Resolves when there are so many more answers; fails with the load. */
  async answered(more: number): Promise<void> {
    const until = this.answers.length + more;
    while (this.answers.length < until) await Promise.race([sleep(10), this.#done]);
  }

  /** The answers while `fault` is, which lasts so long, and the first after `mend`. */
  async during(fault: () => unknown, lastsMs: number, mend: () => unknown): Promise<readonly Answered[]> {
    await this.answered(CALLERS);
    const from = this.answers.length;
    await fault();
    await sleep(lastsMs);
    await mend();
    await this.answered(3 * CALLERS);
    return this.answers.slice(from);
  }

  /**
   * Redis counts again, its budgets rebuilt, and everybody is served, within the time that this needs. That everybody is served is
   * not enough: until Redis is seen again the gateway admits its share alone.
   */
  async again(): Promise<void> {
    const end = performance.now() + WITHIN_MS;
    do {
      assert.ok(performance.now() < end, 'still refused');
      await this.answered(2 * CALLERS);
    } while (
      (await metricOf(this.#gateway, 'tollgate_limits_state{state="redis"}')) !== 1 ||
      this.answers.slice(-CALLERS).some(({ status }) => status !== 200)
    );
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
  }
}

export async function askNamed(
  gateway: Gateway,
  { key }: Pick<NewKey, 'key'>,
  id: string,
  stream = false,
): Promise<Answered> {
  const at = performance.now();
  const messages = [{ role: 'user', content: 'Say hello.' }];
  const response = await gateway.chat(
    key,
    { model: 'm', stream, max_tokens: 50, messages },
    { headers: { 'x-request-id': id }, signal: AbortSignal.timeout(WITHIN_MS) },
  );
  const text = await response.text();
  const code = response.ok ? undefined : (JSON.parse(text) as { error: { code: string } }).error.code;
  return { id, status: response.status, code, tookMs: performance.now() - at };
}

/** Everything was served; but for `but`, whose codes are named. */
export function served(told: readonly Answered[], ...but: readonly string[]): void {
  assert.ok(told.length > 0);
  assert.deepEqual(
    told.filter(({ status, code }) => status !== 200 && !but.includes(code ?? '')),
    [],
  );
}

/** What a metric says now; `series` is its name with its labels. */
export async function metricOf({ url }: Pick<Gateway, 'url'>, series: string): Promise<number> {
  const lines = (await (await fetch(`${url}/metrics`)).text()).split('\n');
  return Number(lines.find((each) => each.startsWith(`${series} `))?.slice(series.length + 1));
}

/** Each request that was answered is in the ledger once, nothing else is, and ledger, report and limits agree to the nano-dollar. */
export async function agrees(gateway: Gateway, key: NewKey, answers: readonly Answered[]): Promise<void> {
  assert.equal(await metricOf(gateway, 'tollgate_ledger_lost'), 0);
  const entries = await allEntries(gateway, key);
  const ok = answers.filter(({ status }) => status === 200).map(({ id }) => id);
  const entered = entries.filter(({ status }) => status === 200).map(({ request_id }) => request_id);
  assert.deepEqual(entered.sort(), ok.sort());
  const cost = entries.reduce((sum, { cost_nusd }) => sum + cost_nusd.total, 0);
  const { total } = await gateway.admin<{ total: { cost_nusd: number } }>(
    'GET',
    `/reports/spend?group_by=key&key=${key.id}`,
  );
  assert.equal(total.cost_nusd, cost);
  const { spent, held } = await settled(gateway, key);
  assert.equal(Math.round(Number(spent) * 1e9), cost);
  assert.equal(Number(held), 0);
}

interface Line {
  readonly request_id: string;
  readonly status: number;
  readonly cost_nusd: { readonly total: number };
}

async function allEntries(gateway: Gateway, { id }: NewKey): Promise<Line[]> {
  const found: Line[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: { data: Line[]; next_cursor: string | null } = await gateway.admin(
      'GET',
      `/usage?key=${id}&limit=1000${cursor && `&cursor=${cursor}`}`,
    );
    found.push(...page.data);
    cursor = page.next_cursor;
  }
  return found;
}

/** The budget once no hold is open; the last ones end when their lease does. */
async function settled(gateway: Gateway, { id }: NewKey): Promise<{ spent: string; held: string }> {
  for (const end = Date.now() + 40_000; ; await sleep(100)) {
    const { data } = await gateway.admin<{ data: { spent: string; held: string }[] }>('GET', `/limits?key=${id}`);
    if (Number(data[0]!.held) === 0 || Date.now() > end) return data[0]!;
  }
}
