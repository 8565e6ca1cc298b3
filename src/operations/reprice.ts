/**
 * Bills the ledger anew with the prices that are now known for the time of each entry, and writes what differs as correcting
 * entries: nothing is edited. A correction has the time of its entry, so that reports of the period become right. Its id is
 * made of what it corrects and of all that was corrected before, so that two who reprice at once, or one who is cut off and
 * begins again, write it once. Entries of models or targets that are no longer configured are left as they are, and counted.
 */
import { noUsage } from '../formats/usage.js';
import type { Entry } from '../ledger/entry.js';
import type { Position } from '../ledger/ledger-store.js';
import type { Scanned } from '../ledger/scan.js';
import { correctionId, latestOf, standingOf } from '../ledger/supersede.js';
import { type CostNano, markedUp } from '../lib/money.js';
import { cost, type Price } from '../pricing/price.js';

export interface RepriceDeps {
  readonly scan: (fromMs: number, toMs: number, after: Position | null, limit: number) => Promise<readonly Scanned[]>;
  readonly insert: (entries: readonly Entry[]) => Promise<unknown>;
  /** The price of a target for a model, at a time. */
  readonly priceAt: (model: string, target: string, atMs: number) => Price | undefined;
  /** What a team is billed now; null: no markup. */
  readonly markupOf: (team: string) => Promise<number | null>;
}

export interface RepriceRequest {
  readonly fromMs: number;
  readonly toMs: number;
  readonly model?: string | undefined;
  readonly provider?: string | undefined;
  readonly dryRun: boolean;
}

export interface Repriced {
  readonly entries: number;
  readonly corrected: number;
  /** Entries whose price is not known. */
  readonly unpriced: number;
  readonly beforeNano: bigint;
  readonly afterNano: bigint;
  readonly byModel: readonly {
    readonly model: string;
    readonly target: string;
    readonly corrected: number;
    readonly nano: bigint;
  }[];
}

const PAGE = 500;

export async function reprice(deps: RepriceDeps, request: RepriceRequest): Promise<Repriced> {
  const byModel = new Map<string, { model: string; target: string; corrected: number; nano: bigint }>();
  const markups = new Map<string, number | null>();
  let after: Position | null = null;
  const done = { entries: 0, corrected: 0, unpriced: 0, beforeNano: 0n, afterNano: 0n };
  for (;;) {
    const page: readonly Scanned[] = await deps.scan(request.fromMs, request.toMs, after, PAGE);
    const corrections: Entry[] = [];
    for (const scanned of page) {
      const entry = standingOf(scanned.entry, scanned.corrections);
      if (request.model !== undefined && entry.model !== request.model) continue;
      if (request.provider !== undefined && entry.provider !== request.provider) continue;
      const before = BigInt(entry.cost_nusd.total);
      done.entries += 1;
      done.beforeNano += before;
      done.afterNano += before;
      const isHit = entry.cache === 'hit' || entry.cache === 'semantic';
      const price = isHit ? undefined : deps.priceAt(entry.model, entry.target, entry.at);
      if (!price) {
        if (!isHit) done.unpriced += 1;
        continue;
      }
      const markup = await markupFor(latestOf(scanned.entry, scanned.corrections), deps, markups);
      const correction = correctionOf(entry, scanned.corrections.length, price, markup);
      if (!correction) continue;
      corrections.push(correction);
      const { total } = correction.cost_nusd;
      done.corrected += 1;
      done.afterNano += BigInt(total);
      const name = `${entry.model}\n${entry.target}`;
      const group = byModel.get(name) ?? { model: entry.model, target: entry.target, corrected: 0, nano: 0n };
      byModel.set(name, { ...group, corrected: group.corrected + 1, nano: group.nano + BigInt(total) });
    }
    if (corrections.length > 0 && !request.dryRun) await deps.insert(corrections);
    const last = page.at(-1)?.entry;
    if (!last || page.length < PAGE) break;
    after = last;
  }
  return { ...done, byModel: [...byModel.values()].sort((a, b) => (a.model < b.model ? -1 : 1)) };
}

/** A team that had a markup keeps its ratio; one whose entry cost nothing is billed by today's. */
async function markupFor(entry: Entry, deps: RepriceDeps, known: Map<string, number | null>): Promise<number | null> {
  if (entry.team === null) return null;
  if (entry.cost_nusd.total > 0) {
    return entry.billed_nusd === undefined
      ? null
      : Number(
          (BigInt(entry.billed_nusd) * 1_000_000n + BigInt(entry.cost_nusd.total) / 2n) / BigInt(entry.cost_nusd.total),
        );
  }
  if (!known.has(entry.team)) known.set(entry.team, await deps.markupOf(entry.team));
  return known.get(entry.team) ?? null;
}

/** Null where the entry is billed rightly already. */
function correctionOf(entry: Entry, corrections: number, price: Price, markup: number | null): Entry | null {
  const { tokens, cost_nusd: before } = entry;
  const used = tokens.input + tokens.cache_read + tokens.cache_write_5m + tokens.cache_write_1h + tokens.output > 0;
  const right = cost(tokens, price, { service: entry.service_tier, answered: entry.status < 400 || used });
  // How often the provider used its own tools is not kept: what was charged for them stays.
  const fee = price.toolNano ? (before.request ?? 0) : (right.request ?? 0);
  const total = right.total - (right.request ?? 0) + fee;
  const request = fee - (before.request ?? 0);
  const cost_nusd: CostNano = {
    input: right.input - before.input,
    cache_read: right.cache_read - before.cache_read,
    cache_write: right.cache_write - before.cache_write,
    output: right.output - before.output,
    ...(request !== 0 && { request }),
    total: total - before.total,
  };
  const billed = (markup === null ? total : markedUp(total, markup)) - (entry.billed_nusd ?? before.total);
  const same = Object.values(cost_nusd).every((nano) => nano === 0);
  if (same) return null;
  const { service_tier: _, billed_nusd: __, decision: ___, ...kept } = entry;
  const id = correctionId(entry.id, price.version, corrections, before.total, total);
  return {
    ...kept,
    id,
    metadata: {},
    tokens: noUsage(),
    cost_nusd,
    price_version: price.version,
    corrects: entry.id,
    ...(entry.service_tier !== undefined && { service_tier: entry.service_tier }),
    ...(billed !== cost_nusd.total && { billed_nusd: billed }),
  };
}
