/** Which scheduled reports were delivered, and who is at it. One statement claims, so that of several replicas one does. */
import type { Pool } from 'pg';
import type { ReportRuns } from './schedule.js';

const iso = (ms: number): string => new Date(ms).toISOString();

export const pgReportRuns = (pool: Pool): ReportRuns => ({
  async lastEnd(name) {
    const { rows } = await pool.query<{ ended: Date | null }>(
      `select coalesce(min(period_start) filter (where delivered_at is null), max(period_end)) as ended
       from report_runs where name = $1`,
      [name],
    );
    return rows[0]?.ended?.getTime() ?? null;
  },
  async claim(name, period, nowMs, lapsedMs) {
    const { rows } = await pool.query<{ attempts: number }>(
      `insert into report_runs (name, period_start, period_end, claimed_at, attempts) values ($1, $2, $3, $4, 1)
       on conflict (name, period_start) do update
         set claimed_at = excluded.claimed_at, attempts = report_runs.attempts + 1
         where report_runs.delivered_at is null and report_runs.claimed_at < $5
       returning attempts`,
      [name, iso(period.fromMs), iso(period.toMs), iso(nowMs), iso(nowMs - lapsedMs)],
    );
    return rows[0]?.attempts ?? 0;
  },
  async delivered(name, period, nowMs) {
    await pool.query('update report_runs set delivered_at = $3, error = null where name = $1 and period_start = $2', [
      name,
      iso(period.fromMs),
      iso(nowMs),
    ]);
  },
  async failed(name, period, error, givenUpAtMs) {
    await pool.query('update report_runs set error = $3, delivered_at = $4 where name = $1 and period_start = $2', [
      name,
      iso(period.fromMs),
      error,
      givenUpAtMs === null ? null : iso(givenUpAtMs),
    ]);
  },
});
