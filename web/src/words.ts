/** Figures and times as people read them. */

/** Dollars in as many digits as tell something: cents from one dollar on, more below. */
export function dollars(amount: string | number): string {
  const value = Number(amount);
  if (value === 0) return '$0';
  const digits = Math.abs(value) >= 1 ? 2 : Math.min(9, Math.max(2, 2 - Math.floor(Math.log10(Math.abs(value)))));
  return `$${value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: digits })}`;
}

export const count = (value: number): string => value.toLocaleString('en-US');

export const compact = (value: number): string =>
  value.toLocaleString('en-US', { notation: 'compact', maximumFractionDigits: 1 });

export const milliseconds = (ms: number | null): string =>
  ms === null ? '–' : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;

/** A column that is narrow does not break it into lines. */
const inOne = (text: string): string => text.replace(/\s/g, '\u00a0');

export const time = (iso: string | null): string =>
  iso === null ? '–' : inOne(new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' }));

export const day = (iso: string | null): string =>
  iso === null ? '–' : inOne(new Date(iso).toLocaleDateString(undefined, { dateStyle: 'medium' }));

export const tokensOf = (tokens: Readonly<Record<string, number>>): number =>
  ['input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output'].reduce(
    (sum, kind) => sum + (tokens[kind] ?? 0),
    0,
  );

/** `60 requests a minute`, `$50 a month`. */
export function limitWords({
  unit,
  max,
  per,
  model,
}: {
  unit: string;
  max: number;
  per?: string;
  model?: string;
}): string {
  const amount = unit === 'usd' ? dollars(max) : `${count(max)} ${unit.replaceAll('_', ' ')}`;
  const window = per === undefined || unit === 'concurrent' ? '' : per === 'total' ? ' in all' : ` a ${per}`;
  return `${amount}${window}${model ? ` of ${model}` : ''}`;
}

export const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Names with commas or spaces between them. */
export const namesIn = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

/** Of a limit: dollars, or a number. */
export const amount = (unit: string, value: string | number): string =>
  unit === 'usd' ? dollars(value) : count(Number(value));

const DAY_MS = 86_400_000;

/** The date so many days after another one; undefined where the text is no date. */
export function dateAfter(date: string, days: number): string | undefined {
  const ms = Date.parse(`${date}T00:00:00Z`) + days * DAY_MS;
  return Number.isFinite(ms) ? new Date(ms).toISOString().slice(0, 10) : undefined;
}

/** The date in a time zone. */
export const dateIn = (zone: string, ms: number): string =>
  new Date(ms).toLocaleDateString('sv-SE', { timeZone: zone });

/** The days from one to another, both included, in a time zone, as reports take a period: it ends where the next day begins. */
export const periodOf = (from: string, to: string, zone: string) => ({ from, to: dateAfter(to, 1), timezone: zone });

/** What a field for a date and a time has, which are those of the reader; undefined where it is no time. */
export function instantOf(local: string | undefined): string | undefined {
  const ms = local === undefined ? Number.NaN : new Date(local).getTime();
  return Number.isFinite(ms) ? new Date(ms).toISOString() : undefined;
}

export const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
export const zones = [...new Set([ownZone, 'UTC', ...Intl.supportedValuesOf('timeZone')])].map(
  (name) => [name, name] as const,
);
