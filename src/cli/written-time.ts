/** Times as they are typed: whole, or from now. */
import { UserError } from './gateway-client.js';

const unitsMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `2027-01-01T00:00:00Z`, a date, or `12h`, `30d` from now. */
export function instantOf(written: string, nowMs: number): string {
  const from = /^(\d{1,6})([mhd])$/.exec(written);
  const ms = from ? nowMs + Number(from[1]) * unitsMs[from[2]!]! : Date.parse(written);
  if (!from && !/^\d{4}-\d{2}-\d{2}(T.*(Z|[+-]\d{2}:\d{2}))?$/.test(written)) {
    throw new UserError(
      `--expires ${written}: expected a time with a zone, such as 2027-01-01T00:00:00Z, a date, or 12h, 30d.`,
    );
  }
  if (!Number.isFinite(ms)) throw new UserError(`--expires ${written}: there is no such time.`);
  return new Date(ms).toISOString();
}

/** A date is its beginning in UTC. What is wrong, the gateway says. */
export const dayOrInstant = (written: string | undefined): string | undefined =>
  written !== undefined && /^\d{4}-\d\d-\d\d$/.test(written) ? `${written}T00:00:00Z` : written;
