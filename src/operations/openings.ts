/**
 * What keys and teams spent before they came to this gateway, as entries of the ledger: budgets are summed from it when they are
 * first used, so they begin with what was spent. A key is meant by the SHA-256 of its secret and need not exist yet; that way
 * all is entered before the first of them works. A key's sum may come in pieces, of the key alone and of the key and its team; they
 * come in one call. A source enters the sum of a key once, whatever its team and whatever the figures are when they are told again,
 * and the part of a team that no key has once. Where that is in the ledger the team's sum is whole: what comes for its keys afterwards
 * counts for them alone. An entry counts from the beginning of the day (UTC) on which it is entered. Throws where
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
    const isThere = async (key: string): Promise<boolean> =>
      (await ledger.page({ key, provider: source, target: targetOf(source) }, 1, null)).length > 0;
    const there = await eachOnce(openings.map(keyOf), isThere);
    const whole = await eachOnce(
      openings.flatMap(({ sha256, team }) => (sha256 === undefined || team === undefined ? [] : [keyOf({ team })])),
      isThere,
    );
    const pieces = new Map<string, Piece>();
    for (const { sha256, team, usd } of openings) {
      const key = keyOf({ sha256, team });
      if (!there.get(key)) pieces.set(JSON.stringify([key, team]), { key, team: team ?? null, nano: nanoOf(usd) });
    }
    const fresh = new Map<string, Entry>();
    for (const { key, team, nano } of pieces.values()) {
      const counted = team !== null && key !== keyOf({ team }) && whole.get(keyOf({ team })) ? null : team;
      const { id } = entryOf(source, { key, team: counted, nano }, now);
      const before = fresh.get(id)?.cost_nusd.total ?? 0;
      fresh.set(id, entryOf(source, { key, team: counted, nano: nano + before }, now));
    }
    const entries = [...fresh.values()];
    if (entries.length > 0) {
      await ledger.insert(entries);
      await audit({ at: now, actor, action: 'ledger.openings', subject: source, detail: { entered: entries.length } });
    }
    return { entered: pieces.size, already_there: openings.length - pieces.size };
  };

interface Piece {
  readonly key: string;
  readonly team: string | null;
  readonly nano: number;
}

const targetOf = (source: string): string => `${source}/opening`;

/** What of a team no key has is of a key that there is not. */
const keyOf = ({ sha256, team }: Pick<Opening, 'sha256' | 'team'>): string =>
  sha256 === undefined ? `team:${team}` : idOfHash('key', sha256);

async function eachOnce(
  keys: readonly string[],
  ask: (key: string) => Promise<boolean>,
): Promise<ReadonlyMap<string, boolean>> {
  const answers = new Map<string, boolean>();
  for (const key of keys) if (!answers.has(key)) answers.set(key, await ask(key));
  return answers;
}

function entryOf(source: string, { key, team, nano: total }: Piece, now: number): Entry {
  const of = createHash('sha256')
    .update(JSON.stringify([source, key, team]))
    .digest('hex');
  return {
    ...{ id: idOfHash('ent', of), at: Math.floor(now / DAY_MS) * DAY_MS, request_id: `opening-${source}`, attempt: 1 },
    ...{ key, team, user: null, tags: [], metadata: { opening: true }, endpoint: 'opening' },
    ...{ model: source, served_model: null, provider: source, target: targetOf(source), status: 200, error: null },
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
