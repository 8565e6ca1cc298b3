/** `/admin/v1/reports/refusals` and `/reports/performance`: who was refused and why, and how fast targets answered. */
import { z } from 'zod';
import type { Clock } from '../../lib/clock.js';
import { ok, type Result } from '../../lib/errors.js';
import { usd } from '../../lib/money.js';
import {
  type Performance,
  type PerformanceRequest,
  type PerformanceRow,
  performanceGroupings,
} from '../../reports/performance-pg.js';
import { REFUSAL_QUARTER_MS } from '../../reports/refusals.js';
import { type RefusalRequest, type RefusalRow, refusalGroupings } from '../../reports/refusals-pg.js';
import { readGroups, readPeriod, widened } from '../../reports/request.js';
import type { AdminApp } from './admin-api.js';
import { sendRefusal } from './errors.js';
import { route } from './route.js';
import { text } from './schemas.js';

export interface Traffic {
  readonly clock: Clock;
  readonly refusals: (
    request: RefusalRequest,
  ) => Promise<{ readonly rows: readonly RefusalRow[]; readonly more: boolean; readonly refused: number }>;
  readonly performance: (request: PerformanceRequest) => Promise<Performance>;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const when = z.string().max(40).describe('A date (which begins at midnight of `timezone`), or a time with a zone.');
const period = {
  from: when.optional().describe('The beginning of the period; left out: a day ago.'),
  to: when.optional().describe('The end of the period, exclusive; left out: now.'),
  timezone: z.string().max(64).optional(),
};
const groups = (of: readonly string[]) =>
  z
    .string()
    .max(200)
    .optional()
    .describe(`Comma-separated, of ${of.join(', ')}; left out: one row for all.`);

const refusalsQuery = z.strictObject({
  ...period,
  group_by: groups(refusalGroupings),
  team: text(400).optional(),
  key: text(400).optional(),
  model: text(400).optional(),
  reason: text(100).optional().describe('Only refusals for this reason: the code of the error.'),
});

const performanceQuery = z.strictObject({
  ...period,
  group_by: groups(performanceGroupings),
  team: text(400).optional(),
  key: text(400).optional(),
  model: text(400).optional(),
  provider: text(400).optional(),
  target: text(400).optional(),
});

const head = {
  from: z.string(),
  to: z.string(),
  timezone: z.string(),
  group_by: z.array(z.string()),
  more: z.boolean().describe('Whether there are more rows than are told.'),
};

const refusalsAnswer = z
  .object({
    ...head,
    data: z
      .array(
        z.looseObject({
          refused: z.number().describe('How many requests were refused.'),
          last_at: z.string().describe('When the last one was refused.'),
        }),
      )
      .describe(
        'What the row is of, under the names of `group_by` (and `key_name`, the name of the key), and how many.',
      ),
    total: z.number().describe('How many requests were refused.'),
  })
  .meta({ id: 'RefusalReport' });

const percentiles = z
  .object(
    Object.fromEntries(
      ([50, 90, 95, 99] as const).map((percent) => [
        `p${percent}`,
        z.number().nullable().describe(`${percent} % were no slower; null: there were none.`),
      ]),
    ) as Record<'p50' | 'p90' | 'p95' | 'p99', z.ZodNullable<z.ZodNumber>>,
  )
  .meta({ id: 'Percentiles', description: 'Milliseconds, to 5 %: of attempts that were answered by the target.' });

const measured = {
  attempts: z.number(),
  errors: z.number().describe('Attempts whose status was 400 or more.'),
  cache_hits: z.number(),
  saved_usd: z.string().describe('What the answers from the cache would have cost, in dollars as a decimal string.'),
  duration_ms: percentiles,
  first_byte_ms: percentiles,
};
const performanceAnswer = z
  .object({
    ...head,
    data: z
      .array(z.looseObject(measured))
      .describe('What the row is of, under the names of `group_by`, and its figures.'),
    total: z.object(measured).meta({ id: 'PerformanceFigures' }),
    sampled: z.boolean().describe('Of a key or a team, whether only the newest 50,000 entries were read.'),
  })
  .meta({ id: 'PerformanceReport' });

interface Written {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly timezone?: string | undefined;
  readonly group_by?: string | undefined;
}

interface Asked<G> {
  readonly fromMs: number;
  readonly toMs: number;
  readonly timezone: string;
  readonly groupBy: readonly G[];
}

/** The period is widened to whole steps: what is kept is kept by these. */
function asked<G extends string>(
  written: Written,
  known: readonly G[],
  stepMs: number,
  nowMs: number,
): Result<Asked<G>> {
  const read = readPeriod(written, nowMs, () => nowMs - DAY_MS);
  if (!read.ok) return read;
  const groupBy = readGroups(written.group_by, known);
  if (!groupBy.ok) return groupBy;
  const [fromMs, toMs] = widened(read.value.fromMs, read.value.toMs, stepMs);
  return ok({ fromMs, toMs, timezone: read.value.timezone, groupBy: groupBy.value });
}

/** The teams to answer for: those asked for, of those that somebody has to do with. Left out: all. */
const teamsOf = (own: ReadonlySet<string> | null, team: string | undefined): readonly string[] | undefined =>
  own === null
    ? team === undefined
      ? undefined
      : [team]
    : [...own].filter((one) => team === undefined || one === team);

const iso = (ms: number): string => new Date(ms).toISOString();
const shownOf = (of: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(of).map(([name, value]) => [name, value instanceof Date ? iso(value.getTime()) : value]),
  );

const figures = ({ attempts, errors, cacheHits, savedNano, durationMs, firstByteMs }: PerformanceRow) => ({
  ...{ attempts, errors, cache_hits: cacheHits, saved_usd: usd(savedNano) },
  ...{ duration_ms: { ...durationMs }, first_byte_ms: { ...firstByteMs } },
});

export function trafficRoutes(app: AdminApp, { clock, refusals, performance }: Traffic): void {
  route(app, 'getRefusalReport', {
    schema: { querystring: refusalsQuery, response: { 200: refusalsAnswer } },
    handler: async ({ query, principal }, reply) => {
      const read = asked(query, refusalGroupings, REFUSAL_QUARTER_MS, clock.now());
      if (!read.ok) return sendRefusal(reply, read.refusal);
      const { key, model, reason } = query;
      const {
        rows,
        more,
        refused: total,
      } = await refusals({
        ...{ ...read.value, key, model, reason },
        teams: teamsOf(principal.teams, query.team),
      });
      const { fromMs, toMs, timezone, groupBy } = read.value;
      return {
        ...{ from: iso(fromMs), to: iso(toMs), timezone, group_by: [...groupBy], more },
        data: rows.map(({ of, refused: count, lastMs }) => ({ ...shownOf(of), refused: count, last_at: iso(lastMs) })),
        total,
      };
    },
  });

  route(app, 'getPerformanceReport', {
    schema: { querystring: performanceQuery, response: { 200: performanceAnswer } },
    handler: async ({ query, principal }, reply) => {
      const read = asked(query, performanceGroupings, HOUR_MS, clock.now());
      if (!read.ok) return sendRefusal(reply, read.refusal);
      const { key, model, provider, target } = query;
      const { fromMs, toMs, timezone, groupBy } = read.value;
      const { rows, total, more, sampled } = await performance({
        ...{ ...read.value, key, model, provider, target },
        teams: teamsOf(principal.teams, query.team),
      });
      return {
        ...{ from: iso(fromMs), to: iso(toMs), timezone, group_by: [...groupBy], more, sampled },
        data: rows.map((row) => ({ ...shownOf(row.of), ...figures(row) })),
        total: figures(total),
      };
    },
  });
}
