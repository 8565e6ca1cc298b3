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

export const time = (iso: string | null): string =>
  iso === null ? '–' : new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

export const day = (iso: string | null): string =>
  iso === null ? '–' : new Date(iso).toLocaleDateString(undefined, { dateStyle: 'medium' });

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
