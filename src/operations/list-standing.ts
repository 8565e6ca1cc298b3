/**
 * How the keys and teams of a page of a list stand: last use, what they spent this month, and what is left of their limits. One
 * statement for the use, one reading of the counters, and one statement for each beginning of a window whose counters nobody
 * needed yet: these are summed from the ledger for the list alone, and are left to be summed exactly when a request needs them.
 */
import { keyLimits, teamLimits } from '../gateway/applicable.js';
import type { Key, Team } from '../identity/key.js';
import type { UseOfModel, UserKind, UseStore } from '../ledger/use-pg.js';
import type { Clock } from '../lib/clock.js';
import { usd } from '../lib/money.js';
import { counts, type Limit } from '../limits/limit.js';
import type { LimitReading, Limits } from '../limits/limits.js';
import { type LimitLevel, shownLevel } from '../limits/shown.js';

export interface Standing {
  /** ISO 8601; null: never used. */
  readonly last_used_at: string | null;
  /** Since the beginning of the month, in UTC. */
  readonly month: { readonly requests: number; readonly cost_nusd: number; readonly cost_usd: string };
  /** Null: what they have spent cannot be known just now. */
  readonly limit_states: readonly LimitLevel[] | null;
}

export interface ListStanding {
  ofKeys(keys: readonly Key[]): Promise<ReadonlyMap<string, Standing>>;
  ofTeams(teams: readonly Team[]): Promise<ReadonlyMap<string, Standing>>;
}

interface StandingDeps {
  readonly use: UseStore;
  readonly limits: Pick<Limits, 'readKnown'>;
  readonly clock: Pick<Clock, 'now'>;
}

/** Nothing is known of it, as of what was never used. */
export const noStanding: Standing = {
  last_used_at: null,
  month: { requests: 0, cost_nusd: 0, cost_usd: usd(0) },
  limit_states: [],
};

export function listStanding({ use, limits, clock }: StandingDeps): ListStanding {
  const of = async (kind: UserKind, limitsOf: ReadonlyMap<string, readonly Limit[]>) => {
    const ids = [...limitsOf.keys()];
    if (ids.length === 0) return new Map<string, Standing>();
    const [used, levels] = await Promise.all([
      use.of(kind, ids, monthOf(clock.now())),
      levelsOf(kind, ids, [...limitsOf.values()].flat()),
    ]);
    return new Map(
      ids.map((id) => {
        const { lastAtMs, requests, costNano } = used.get(id) ?? { lastAtMs: null, requests: 0, costNano: 0 };
        return [
          id,
          {
            last_used_at: lastAtMs === null ? null : new Date(lastAtMs).toISOString(),
            month: { requests, cost_nusd: costNano, cost_usd: usd(costNano) },
            limit_states: levels && (levels.get(id) ?? []),
          },
        ] as const;
      }),
    );
  };

  async function levelsOf(kind: UserKind, ids: readonly string[], all: readonly Limit[]) {
    if (all.length === 0) return new Map<string, LimitLevel[]>();
    const known = await limits.readKnown(all);
    if (!known) return null;
    const unknown = all.filter((_, i) => known[i] === null);
    const summed = await sumsOf(kind, ids, unknown);
    const levels = new Map<string, LimitLevel[]>();
    all.forEach((limit, i) => {
      const { id } = limit.scope;
      const level = shownLevel(known[i] ?? summed.get(limit)!);
      levels.set(id, [...(levels.get(id) ?? []), level]);
    });
    return levels;
  }

  /** What the ledger's sums say of limits whose counters nobody needed yet. */
  async function sumsOf(kind: UserKind, ids: readonly string[], unknown: readonly Limit[]) {
    const now = clock.now();
    const fromOf = (limit: Limit): number => limit.windowAt(now)?.startMs ?? now;
    const sums = new Map<number, readonly UseOfModel[]>();
    for (const fromMs of new Set(unknown.filter(({ kind: of }) => of === 'budget').map(fromOf)))
      sums.set(fromMs, await use.since(kind, ids, fromMs));
    return new Map(
      unknown.map((limit): [Limit, LimitReading] => {
        const rows = (sums.get(fromOf(limit)) ?? []).filter(
          ({ id, model }) => id === limit.scope.id && counts(limit, model),
        );
        const spent = rows.reduce((sum, row) => sum + amountOf(limit, row), 0);
        const windowEndsAtMs = endOf(limit.windowAt(now)?.endMs);
        return [limit, { limit, spent, held: 0, remaining: Math.max(0, limit.spec.max - spent), windowEndsAtMs }];
      }),
    );
  }

  return {
    ofKeys: (keys) => of('key', new Map(keys.map((key) => [key.id, keyLimits(key)]))),
    ofTeams: (teams) => of('team', new Map(teams.map((team) => [team.id, teamLimits(team)]))),
  };
}

function amountOf({ spec }: Limit, row: UseOfModel): number {
  if (spec.unit === 'usd') return row.costNano;
  if (spec.unit === 'requests') return row.requests;
  if (spec.unit === 'input_tokens') return row.inputTokens;
  if (spec.unit === 'output_tokens') return row.outputTokens;
  return spec.unit === 'tokens' ? row.inputTokens + row.outputTokens : 0;
}

const endOf = (ms: number | undefined): number | null => (ms === undefined || !Number.isFinite(ms) ? null : ms);

function monthOf(ms: number): number {
  const date = new Date(ms);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}
