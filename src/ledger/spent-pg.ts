/**
 * What the ledger says was spent, for budgets whose counters have to be made anew. Throws where the database is away or the
 * sum takes too long. Entries that wait in a process to be written are not seen: they are to be flushed first.
 *
 * An entry counts when its hold was taken (`held_at`), which may be earlier than when it was sent (`at`), by as long as a
 * request may run; what was sent without a hold counts when it was sent. Entries are read where that matters: at the beginning
 * of the window, and in the last four days, where holds may have to be left out. What lies between is read from the sums by day
 * that reports use, so that a rebuild costs about the same however long the window is.
 *
 * Where retention dropped entries, the sums are all that is left: the window then begins with the whole hour in which it
 * began, and a budget of a model or with a pattern of models counts by the model that was asked for.
 */

import type { Clock } from '../lib/clock.js';
import type { LimitUnit } from '../lib/limit-spec.js';
import { type Cube, type Grain, rollupTable } from '../lib/spend-sums.js';
import type { Store } from '../store/pg.js';
import { cleanText } from './clean.js';

export interface SpentQuery {
  /** Each that is given must be equal. */
  readonly key?: string;
  readonly team?: string;
  readonly user?: string;
  /** These two may have a `*`, which stands for at least one character. */
  readonly model?: string;
  readonly target?: string;
  /** Names of that model or target, or patterns of names, that are not meant though they match its `*`. */
  readonly not?: readonly string[];
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
  /** How long the last answers were, oldest first. Estimates are no answers. */
  lastAnswers(most: number): Promise<readonly { readonly model: string; readonly outputTokens: number }[]>;
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

/** What is summed: the same columns in entries and in sums. An entry that is not its request's first has 0 `requests`. */
const input = 'input_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens';
const amounts: Readonly<Record<LimitUnit, string>> = {
  requests: 'requests',
  tokens: `${input} + output_tokens`,
  input_tokens: input,
  output_tokens: 'output_tokens',
  usd: 'total_nusd',
  concurrent: '0',
};

const requestsByHold = 'count(distinct hold) + coalesce(sum(requests) filter (where hold is null), 0)';

/** The model whose limits an entry counts for. */
const counted = 'coalesce(limit_model, model)';

const columns = { key: 'key_id', team: 'team', user: 'end_user', target: 'target' } as const;

const DAY_MS = 86_400_000;
/** Longest that a request may have run before its last attempt was sent. */
const LONGEST_MS = DAY_MS;
/** Entries of holds that may have to be left out are younger: a hold may be open, then lapsed, then closed, a day each. */
const RECENT_MS = 4 * DAY_MS;

/** A span of time, each end a time or infinite. */
interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface SpentPieces {
  /** Entries, by when their hold was taken. */
  readonly entries: readonly Span[];
  /** Whole hours and days of sums. */
  readonly hours: readonly Span[];
  readonly days: readonly Span[];
}

/**
 * From where a window's spending is read. `keptMs`: entries before it were dropped, which is the beginning of a day; minus
 * infinity where all are there.
 */
export function piecesOf({ fromMs, toMs }: Span, keptMs: number, nowMs: number): SpentPieces {
  const recentMs = Math.max(keptMs, dayOf(Math.min(toMs, nowMs) - RECENT_MS));
  if (fromMs >= keptMs) {
    const sumsMs = Number.isFinite(fromMs) ? nextDay(fromMs + LONGEST_MS) : fromMs;
    if (sumsMs >= recentMs) return { entries: [{ fromMs, toMs }], hours: [], days: [] };
    const entries = [{ fromMs: recentMs, toMs }];
    if (sumsMs > fromMs) entries.unshift({ fromMs, toMs: sumsMs });
    return { entries, hours: [], days: [{ fromMs: sumsMs, toMs: recentMs }] };
  }
  const firstDayMs = Number.isFinite(fromMs) ? nextDay(fromMs) : fromMs;
  const endMs = Math.min(recentMs, dayOf(toMs));
  return {
    entries: toMs > endMs ? [{ fromMs: endMs, toMs }] : [],
    hours: firstDayMs > fromMs ? [{ fromMs: Math.floor(fromMs / 3_600_000) * 3_600_000, toMs: firstDayMs }] : [],
    days: [{ fromMs: firstDayMs, toMs: endMs }],
  };
}

const dayOf = (ms: number): number => (Number.isFinite(ms) ? Math.floor(ms / DAY_MS) * DAY_MS : ms);
const nextDay = (ms: number): number => Math.ceil(ms / DAY_MS) * DAY_MS;

export function pgSpentStore({ pool }: Pick<Store, 'pool'>, clock: Pick<Clock, 'now'>): SpentStore {
  const kept = async (): Promise<number> => {
    const { rows } = await pool.query<{ since: Date }>('select since from ledger_kept');
    return rows[0]?.since.getTime() ?? Number.NEGATIVE_INFINITY;
  };
  return {
    async spent(query) {
      // Retention says what it drops in the transaction that drops it: what was kept before and after the sum was there during it.
      for (let keptMs = await kept(); ; ) {
        const { text, values } = spentQuery(query, piecesOf(query, keptMs, clock.now()));
        const { rows } = await pool.query<{ sum: string }>(text, values);
        const keptNowMs = await kept();
        if (keptNowMs === keptMs) return Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Number(rows[0]!.sum)));
        keptMs = keptNowMs;
      }
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
    async lastAnswers(most) {
      const text = `select ${counted} as model, output_tokens::text as tokens from entries
        where output_tokens > 0 and estimate is null order by at desc, id desc limit $1`;
      const { rows } = await pool.query<{ model: string; tokens: string }>(text, [most]);
      return rows.reverse().map(({ model, tokens }) => ({ model, outputTokens: Number(tokens) }));
    },
  };
}

/** One statement over all pieces. */
function spentQuery(query: SpentQuery, pieces: SpentPieces): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const amount = amounts[query.unit];
  const named = (column: string, name: string | undefined): string[] => {
    if (name === undefined) return [];
    if (!name.includes('*')) return [`${column} = ${bind(cleanText(name))}`];
    const others = (query.not ?? []).map((other) => wildcard(other));
    return [`${column} like ${bind(wildcard(name))}`, `${column} not like all(${bind(others)}::text[])`];
  };
  const scope = (['key', 'team', 'user', 'target'] as const).flatMap((name) => named(columns[name], query[name]));
  const byModel = (name: string) => [
    ...named(name, query.model),
    ...(query.models === null ? [] : [`${name} like ${bind(likePattern(query.models))}`]),
  ];
  const during = (name: string, { fromMs, toMs }: Span, laterMs = 0) => [
    ...(Number.isFinite(fromMs) ? [`${name} >= ${bind(new Date(fromMs).toISOString())}`] : []),
    ...(Number.isFinite(toMs) ? [`${name} < ${bind(new Date(toMs + laterMs).toISOString())}`] : []),
  ];
  const sumOf = (what: string, from: string, where: readonly string[]) =>
    `select sum(${what}) as part from ${from} where ${['true', ...where].join(' and ')}`;

  const parts: string[] = [];
  const whole = pieces.days.length + pieces.hours.length === 0;
  const atOnePlace = query.model !== undefined || query.target !== undefined || query.models !== null;
  for (const span of pieces.entries) {
    const where = [
      ...scope,
      ...byModel(counted),
      ...during('at', span, LONGEST_MS),
      ...heldDuring(span, query, during),
    ];
    // For what an index can find.
    if (query.model !== undefined && !query.model.includes('*')) {
      const model = bind(cleanText(query.model));
      where.push(`(model = ${model} or limit_model = ${model})`);
    }
    if (query.except.length > 0) where.push(`(hold is null or hold <> all(${bind(query.except)}::text[]))`);
    // Where no sums are beside them, requests are counted by their holds, whatever ids clients gave them. So are those of a model
    // or a target, which may have come there by a retry or a fallback; the sums know of such a request where it began.
    const byHold = query.unit === 'requests' && (whole || atOnePlace);
    parts.push(
      byHold
        ? `select ${requestsByHold} as part from entries where ${['true', ...where].join(' and ')}`
        : sumOf(amount, 'entries', where),
    );
  }
  const cube = cubeOf(query);
  const summed: readonly (readonly [Grain, readonly Span[]])[] = [
    ['hour', pieces.hours],
    ['day', pieces.days],
  ];
  for (const [grain, spans] of summed) {
    for (const span of spans) {
      parts.push(sumOf(amount, rollupTable(grain, cube), [...scope, ...byModel('model'), ...during('start', span)]));
      if (query.model === undefined && query.models === null) continue;
      // Sums go by the model that was asked for. Entries that say another one move from the one to the other.
      const other = [...scope, 'limit_model is not null', ...during('at', span)];
      parts.push(sumOf(amount, 'entries', [...other, ...byModel('limit_model')]));
      parts.push(sumOf(`-(${amount})`, 'entries', [...other, ...byModel('model')]));
    }
  }
  return { text: `select coalesce(sum(part), 0)::text as sum from (${parts.join(' union all ')}) as parts`, values };
}

/**
 * When holds were taken, for entries of a span. Only the window's own ends go by it: where a span ends inside the window, sums
 * go on, which know when an entry was sent.
 */
function heldDuring(
  span: Span,
  { fromMs, toMs }: Span,
  during: (name: string, span: Span, laterMs?: number) => string[],
): string[] {
  const held = 'coalesce(held_at, at)';
  return [
    ...during(held, {
      fromMs: span.fromMs === fromMs ? fromMs : Number.NEGATIVE_INFINITY,
      toMs: span.toMs === toMs ? toMs : Number.POSITIVE_INFINITY,
    }),
    ...(span.toMs === toMs ? [] : during('at', { fromMs: Number.NEGATIVE_INFINITY, toMs: span.toMs })),
  ];
}

/** The smallest table of sums that knows whose budget it is. */
function cubeOf({ key, user, target }: SpentQuery): Cube {
  if (user !== undefined) return 'user';
  return key !== undefined || target !== undefined ? 'main' : 'team';
}

/** The names behind a `*` of the configuration. */
const wildcard = (name: string): string => literal(cleanText(name)).replaceAll('*', '_%');

/** `*` is anything; what has a meaning to `like` is itself. */
const likePattern = (pattern: string): string => literal(pattern).replaceAll('*', '%');

const literal = (text: string): string => text.replace(/[\\%_]/g, '\\$&');
