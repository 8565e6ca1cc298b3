/** Figures of a report in the words of the contract. Every sum is exact: a number where JSON holds it exactly, else its digits. */

import { offsetMs } from '../lib/time-zone.js';
import type { Grouping } from './request.js';
import type { GroupValue, SpendRow } from './spend-row.js';

/** A whole number as JSON keeps it: as a number up to 2^53, and beyond it as a text of digits. */
export const exact = (value: bigint): number | string =>
  value <= Number.MAX_SAFE_INTEGER && value >= -Number.MAX_SAFE_INTEGER ? Number(value) : String(value);

/** Nano-dollars as dollars with nine places. */
export function dollars(nano: bigint): string {
  const digits = String(nano < 0n ? -nano : nano).padStart(10, '0');
  return `${nano < 0n ? '-' : ''}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/** What a row is of, as JSON and as text: an hour is a time with the offset of the time zone. */
export function groupValue(name: Grouping, value: GroupValue, timezone: string): string | number | boolean | null {
  if (value instanceof Date) return name === 'hour' ? localIso(value.getTime(), timezone) : value.toISOString();
  return value;
}

function localIso(ms: number, timezone: string): string {
  const offset = offsetMs(ms, timezone);
  const local = new Date(ms + offset).toISOString().slice(0, 19);
  if (offset === 0) return `${local}Z`;
  const minutes = Math.abs(offset) / 60_000;
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0');
  return `${local}${offset < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
}

export function tokensOf({ sums }: SpendRow): Record<string, bigint> {
  return {
    input: sums.input_tokens,
    cache_read: sums.cache_read_tokens,
    cache_write_5m: sums.cache_write_5m_tokens,
    cache_write_1h: sums.cache_write_1h_tokens,
    output: sums.output_tokens,
    reasoning: sums.reasoning_tokens,
    audio_input: sums.audio_input_tokens,
    audio_output: sums.audio_output_tokens,
    image_input: sums.image_input_tokens,
    image_output: sums.image_output_tokens,
  };
}

/** The figures of a row as JSON has them. */
export function figuresOf(row: SpendRow): Record<string, unknown> {
  const { sums } = row;
  return {
    requests: exact(sums.requests),
    attempts: exact(sums.attempts),
    errors: exact(sums.errors),
    cache_hits: exact(sums.cache_hits),
    tokens: Object.fromEntries(Object.entries(tokensOf(row)).map(([kind, count]) => [kind, exact(count)])),
    cost_nusd: exact(sums.total_nusd),
    cost_usd: dollars(sums.total_nusd),
    billed_nusd: exact(sums.billed_nusd),
    billed_usd: dollars(sums.billed_nusd),
  };
}
