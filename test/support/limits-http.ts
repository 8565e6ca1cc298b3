/** Limits as they are seen from outside: counters through the admin API, and requests that cost what one can reckon. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Gateway } from './gateway.js';

export interface Level {
  readonly scope: Readonly<Record<string, string>>;
  readonly unit: string;
  readonly per: string | null;
  readonly model: string | null;
  readonly max: string | number;
  readonly spent: string | number;
  readonly held: string | number;
  readonly remaining: string | number;
  readonly window_ends_at: string | null;
}

interface Amounts {
  readonly max: number;
  readonly spent: number;
  readonly held: number;
  readonly remaining: number;
}

/** Nano-dollars of a decimal string; other amounts as they are. */
export const nano = (amount: string | number): number =>
  typeof amount === 'number' ? amount : Math.round(Number(amount) * 1e9);

/** On a busy machine Redis may be late, and what it knows unknown for a moment. */
export async function levels(gateway: Gateway, query: string): Promise<readonly Level[]> {
  for (let tries = 0; ; tries++) {
    try {
      return (await gateway.admin<{ data: Level[] }>('GET', `/limits?${query}`)).data;
    } catch (error) {
      if (tries >= 100 || !/answered 503/.test(String(error))) throw error;
      await sleep(50);
    }
  }
}

/** The one limit of the query, money in nano-dollars. */
export async function level(gateway: Gateway, query: string): Promise<Amounts> {
  const all = await levels(gateway, query);
  assert.equal(all.length, 1);
  const { max, spent, held, remaining } = all[0]!;
  return { max: nano(max), spent: nano(spent), held: nano(held), remaining: nano(remaining) };
}

/** Waits until the level is as asked for. */
export async function levelIs(
  gateway: Gateway,
  query: string,
  is: (amounts: Amounts) => boolean,
  withinMs = 10_000,
): Promise<Amounts> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const now = await level(gateway, query);
    if (is(now)) return now;
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(now)} after ${withinMs} ms`);
    await sleep(25);
  }
}

/** What the entries of a key come to. */
export async function ledgerOf(gateway: Gateway, key: string) {
  let usdNano = 0;
  let entries = 0;
  let cursor = '';
  do {
    const page = await gateway.admin<{ data: { cost_nusd: { total: number } }[]; next_cursor: string | null }>(
      'GET',
      `/usage?key=${key}&limit=200${cursor}`,
    );
    for (const entry of page.data) usdNano += entry.cost_nusd.total;
    entries += page.data.length;
    cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : '';
  } while (cursor !== '');
  return { usdNano, entries };
}

/** The models and providers of these tests: a token of input costs 1000 nano-dollars, one of output 2000. */
export const priced = { input: 1, output: 2 };
export const sandboxConfig = {
  providers: { sandbox: { type: 'sandbox' } },
  models: { sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: priced } },
};

/** A request that the sandbox answers with `count` tokens. `told`: more directives for it. */
export const words = (count: number, more: Readonly<Record<string, unknown>> = {}, told = '') => ({
  model: 'sandbox',
  messages: [{ role: 'user', content: `Hello [words=${String(count).padStart(2, '0')}]${told}` }],
  max_tokens: count,
  ...more,
});

/** What it costs in nano-dollars: a token of input for four bytes of text, and six for the frames. */
export const realCost = (count: number, told = ''): number => (10 + Math.ceil(told.length / 4)) * 1000 + count * 2000;
/** What is held for it: the gateway counts the role too. */
export const heldCost = (count: number, told = ''): number => realCost(count, told) + 1000;

export interface Told {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/** Sends a request and reads the answer to its end. */
export async function ask(
  gateway: Gateway,
  key: string,
  body: unknown,
  headers?: Record<string, string>,
): Promise<Told> {
  const response = await gateway.chat(key, body, headers ? { headers } : {});
  return { status: response.status, text: await response.text(), headers: response.headers };
}

/** The same, sent again where what was spent is not known for a moment. */
export async function askUntilKnown(gateway: Gateway, key: string, body: unknown): Promise<Told> {
  for (let tries = 0; ; tries++) {
    const told = await ask(gateway, key, body);
    if (told.status !== 503 || tries >= 100) return told;
    await sleep(Math.min(100, Number(told.headers.get('retry-after-ms') ?? 100)));
  }
}

/** Asks whether `spent + held <= max` again and again until `until` settles; answers how often. */
export async function watch(gateway: Gateway, query: string, until: Promise<unknown>): Promise<number> {
  let over = false;
  let looked = 0;
  void until.finally(() => {
    over = true;
  });
  while (!over) {
    const { spent, held, max } = await level(gateway, query);
    assert.ok(spent + held <= max, `${spent} spent and ${held} held of ${max}`);
    looked += 1;
    await sleep(5);
  }
  return looked;
}
