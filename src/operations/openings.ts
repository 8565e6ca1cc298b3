/**
 * What keys and teams spent before they came to this gateway, as entries of the ledger: budgets are summed from it when they are
 * first used, so they begin with what was spent. A key is meant by the SHA-256 of its secret and need not exist yet; that way
 * all is entered before the first of them works. There is one entry for each key and team of a source, whoever enters it how
 * often: what is there already is left alone. It counts from the beginning of the day (UTC) on which it is entered. Throws where
 * the database is away; then nothing or all of a call is entered.
 */

import { createHash } from 'node:crypto';
import { noUsage } from '../formats/usage.js';
import type { KeyTx } from '../identity/key-store.js';
import type { Entry } from '../ledger/entry.js';
import type { LedgerStore } from '../ledger/ledger-store.js';
import type { Clock } from '../lib/clock.js';
import { idOfHash } from '../lib/ids.js';

export interface Opening {
  readonly sha256?: string | undefined;
  readonly team?: string | undefined;
  /** A decimal string with up to nine places. */
  readonly usd: string;
}

export interface EnteredOpenings {
  readonly entered: number;
  readonly already_there: number;
}

interface OpeningsDeps {
  readonly ledger: LedgerStore;
  readonly clock: Pick<Clock, 'now'>;
  readonly audit: (line: Parameters<KeyTx['audit']>[0]) => Promise<void>;
}

const DAY_MS = 86_400_000;

export const openingsInto =
  ({ ledger, clock, audit }: OpeningsDeps) =>
  async (source: string, openings: readonly Opening[], actor: string): Promise<EnteredOpenings> => {
    const now = clock.now();
    const fresh = new Map<string, Entry>();
    for (const opening of openings) {
      const entry = entryOf(source, opening, now);
      const there = await ledger.page({ key: entry.key, provider: source }, 10, null);
      if (!there.some(({ team }) => team === entry.team)) fresh.set(entry.id, entry);
    }
    const entries = [...fresh.values()];
    if (entries.length > 0) {
      await ledger.insert(entries);
      await audit({ at: now, actor, action: 'ledger.openings', subject: source, detail: { entered: entries.length } });
    }
    return { entered: entries.length, already_there: openings.length - entries.length };
  };

function entryOf(source: string, { sha256, team, usd }: Opening, now: number): Entry {
  const key = sha256 === undefined ? `team:${team}` : idOfHash('key', sha256);
  const of = createHash('sha256')
    .update(JSON.stringify([source, key, team ?? null]))
    .digest('hex');
  const total = nanoOf(usd);
  return {
    ...{ id: idOfHash('ent', of), at: Math.floor(now / DAY_MS) * DAY_MS, request_id: `opening-${source}`, attempt: 1 },
    ...{ key, team: team ?? null, user: null, tags: [], metadata: { opening: true }, endpoint: 'opening' },
    ...{ model: source, served_model: null, provider: source, target: `${source}/opening`, status: 200, error: null },
    ...{ stream: false, cache: 'off' as const, tokens: noUsage(), usage_source: 'provider' as const },
    cost_nusd: { input: 0, cache_read: 0, cache_write: 0, output: 0, request: total, total },
    ...{ price_version: source, first_byte_ms: null, duration_ms: 0, overhead_ms: 0 },
    // It is no request: what corrects something counts as none.
    corrects: source,
  };
}

function nanoOf(usd: string): number {
  const [whole, fraction = ''] = usd.split('.');
  return Number(whole) * 1e9 + Number(fraction.padEnd(9, '0'));
}
