/**
 * Delivers scheduled reports. Every replica looks once a minute which periods have ended and are not delivered; who first
 * claims one in the database makes it. A claim lapses after a quarter of an hour, so that a report whose replica died, or
 * that could not be delivered, is tried again, for two days. A period is done five minutes after its end, when what was
 * spent in it is in the ledger. A receiver may see one twice where a replica dies after sending: its `webhook-id` is the same.
 * With the database away nothing is due, and the next look catches up.
 */
import type { Clock } from '../lib/clock.js';
import { messageOf } from '../lib/thrown.js';
import { duePeriods, type Every, type Period } from './periods.js';
import type { Reports } from './reports.js';
import type { Format, Grouping } from './request.js';

export interface ScheduledReport {
  readonly name: string;
  readonly every: Every;
  readonly format: Format;
  readonly groupBy: readonly Grouping[];
  readonly timezone: string;
  /** Takes the report somewhere; throws where it cannot. */
  readonly deliver: (delivery: Delivery) => Promise<void>;
}

export interface Delivery {
  /** The same for every try. */
  readonly id: string;
  readonly name: string;
  readonly fileName: string;
  readonly mediaType: string;
  readonly bytes: AsyncIterable<Buffer>;
}

/** Who delivers which (`runs-pg.ts`). */
export interface ReportRuns {
  /** Up to when all periods were delivered or given up; null where none was begun. */
  lastEnd(name: string): Promise<number | null>;
  /** Which try this is, from 1, where the period is now ours to deliver; else 0. */
  claim(name: string, period: Period, nowMs: number, lapsedMs: number): Promise<number>;
  delivered(name: string, period: Period, nowMs: number): Promise<void>;
  failed(name: string, period: Period, error: string, givenUpAtMs: number | null): Promise<void>;
}

interface ScheduleLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const SETTLE_MS = 5 * 60_000;
export const CLAIM_MS = 15 * 60_000;
/** Two days of tries. */
const MOST_TRIES = 192;

export interface SchedulerDeps {
  readonly reports: Reports;
  readonly runs: ReportRuns;
  readonly clock: Clock;
  readonly log: ScheduleLog;
}

/** Delivers what is due now; answers the names of what was. Throws where the database is away. */
export async function deliverDue(scheduled: readonly ScheduledReport[], deps: SchedulerDeps): Promise<string[]> {
  const done: string[] = [];
  for (const report of scheduled) {
    const nowMs = deps.clock.now();
    const last = await deps.runs.lastEnd(report.name);
    for (const period of duePeriods(report.every, report.timezone, nowMs - SETTLE_MS, last)) {
      const attempt = await deps.runs.claim(report.name, period, deps.clock.now(), CLAIM_MS);
      if (attempt > 0 && (await deliver(report, period, attempt, deps))) done.push(report.name);
    }
  }
  return done;
}

async function deliver(
  report: ScheduledReport,
  period: Period,
  attempt: number,
  deps: SchedulerDeps,
): Promise<boolean> {
  const { name, format, groupBy, timezone } = report;
  const from = new Date(period.fromMs).toISOString();
  try {
    const made = await deps.reports.run({ ...period, groupBy, filters: {}, timezone, format });
    if (!made.ok) throw new Error(made.refusal.message);
    const { mediaType, fileName, bytes } = made.value;
    const id = `report_${name}_${period.fromMs}`;
    await report.deliver({ id, name, fileName: fileName.replace(/^spend/, name), mediaType, bytes });
    await deps.runs.delivered(name, period, deps.clock.now());
    deps.log.info({ report: name, from }, 'a scheduled report was delivered');
    return true;
  } catch (error) {
    const words = messageOf(error);
    const givenUp = attempt >= MOST_TRIES;
    deps.log.error({ report: name, from, error: words, given_up: givenUp }, 'a scheduled report was not delivered');
    await deps.runs.failed(name, period, words.slice(0, 500), givenUp ? deps.clock.now() : null);
    return false;
  }
}
