/**
 * What the ledger says was spent, for budgets whose counters have to be made anew. One query, on an index of the scope that
 * it sums; throws where the database is away or the sum takes too long. Entries that wait in a process to be written are not
 * seen: they are to be flushed first.
 *
 * An entry counts when its hold was taken (`held_at`), which may be earlier than when it was sent (`at`), by as long as a
 * request may run; what was sent without a hold counts when it was sent.
 */
import type { LimitUnit } from '../lib/limit-spec.js';
import type { Store } from '../store/pg.js';
import { cleanText } from './clean.js';

export interface SpentQuery {
  /** Each that is given must be equal. */
  readonly key?: string;
  readonly team?: string;
  readonly user?: string;
  readonly model?: string;
  readonly target?: string;
  /** A pattern of model names (`gpt-4o*`); null: all. */
  readonly models: string | null;
  readonly unit: LimitUnit;
  /** Milliseconds since the Unix epoch, inclusive; may be infinite. */
  readonly fromMs: number;
  /** Exclusive; may be infinite. */
  readonly toMs: number;
  /** Holds whose entries are left out. */
  readonly except: readonly string[];
}

export interface SpentStore {
  /** In the unit that is asked for; nano-dollars for `usd`. Requests are counted by hold, not by attempt. */
  spent(query: SpentQuery): Promise<number>;
  /** What the entries of holds come to, by hold, for each model and target; holds without entries are left out. */
  ofHolds(holds: readonly HoldAsked[]): Promise<ReadonlyMap<string, readonly HoldSum[]>>;
}

export interface HoldAsked {
  readonly requestId: string;
  readonly hold: string;
}

export interface HoldSum {
  /** The one whose limits count it. */
  readonly model: string;
  readonly target: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly usdNano: number;
}

const input = 'input_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens';
const sums: Readonly<Record<LimitUnit, string>> = {
  requests: 'count(distinct coalesce(hold, corrects, id))',
  tokens: `sum(${input} + output_tokens)`,
  input_tokens: `sum(${input})`,
  output_tokens: 'sum(output_tokens)',
  usd: 'sum(total_nusd)',
  concurrent: '0',
};

/** The model whose limits an entry counts for. */
const counted = 'coalesce(limit_model, model)';

const columns = { key: 'key_id', team: 'team', user: 'end_user', model: 'model', target: 'target' } as const;

/** Longest that a request may have run before its last attempt was sent. */
const LONGEST_MS = 86_400_000;

export function pgSpentStore({ pool }: Pick<Store, 'pool'>): SpentStore {
  return {
    async spent(query) {
      const values: unknown[] = [];
      const bind = (value: unknown) => `$${values.push(value)}`;
      const time = (ms: number) => bind(new Date(ms).toISOString());
      const where: string[] = [];
      for (const name of ['key', 'team', 'user', 'model', 'target'] as const) {
        const value = query[name];
        if (value === undefined) continue;
        const bound = bind(cleanText(value));
        // The second condition is the first one for what an index can find.
        if (name === 'model') where.push(`${counted} = ${bound} and (model = ${bound} or limit_model = ${bound})`);
        else where.push(`${columns[name]} = ${bound}`);
      }
      if (query.models !== null) where.push(`${counted} like ${bind(likePattern(query.models))}`);
      if (Number.isFinite(query.fromMs)) {
        where.push(`at >= ${time(query.fromMs)} and coalesce(held_at, at) >= ${time(query.fromMs)}`);
      }
      if (Number.isFinite(query.toMs)) {
        where.push(`at < ${time(query.toMs + LONGEST_MS)} and coalesce(held_at, at) < ${time(query.toMs)}`);
      }
      if (query.except.length > 0) where.push(`(hold is null or hold <> all(${bind(query.except)}::text[]))`);
      const text = `select coalesce(${sums[query.unit]}, 0)::text as sum from entries where ${where.join(' and ')}`;
      const { rows } = await pool.query<{ sum: string }>(text, values);
      return Number(rows[0]!.sum);
    },
    async ofHolds(holds) {
      const text = `select hold, ${counted} as model, target, sum(${input})::text as input,
        sum(output_tokens)::text as output, sum(total_nusd)::text as usd
        from entries where request_id = any($1::text[]) and hold = any($2::text[]) group by hold, ${counted}, target`;
      const values = [holds.map(({ requestId }) => requestId), holds.map(({ hold }) => hold)];
      const { rows } = await pool.query<Record<'hold' | 'model' | 'target' | 'input' | 'output' | 'usd', string>>(
        text,
        values,
      );
      const found = new Map<string, HoldSum[]>();
      for (const { hold, model, target, input, output, usd } of rows) {
        const sums = found.get(hold) ?? [];
        found.set(hold, sums);
        sums.push({
          ...{ model, target, inputTokens: Number(input) },
          ...{ outputTokens: Number(output), usdNano: Number(usd) },
        });
      }
      return found;
    },
  };
}

/** `*` is anything; what has a meaning to `like` is itself. */
const likePattern = (pattern: string): string => pattern.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%');
