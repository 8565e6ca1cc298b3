/** What an upstream's headers say of its own limits: whether one is used up, and for how long. Pure. */
import type { LimitHeader } from '../formats/failure-rules.js';

interface Headers {
  get(name: string): string | undefined;
}

/** Milliseconds until the last of the limits with nothing left is full again; 0 where all have something left. */
export function exhaustedMs(headers: Headers, known: readonly LimitHeader[], nowMs: number): number {
  let longest = 0;
  for (const { remaining, reset } of known) {
    if (headers.get(remaining) !== '0') continue;
    const ms = resetMs(headers.get(reset), nowMs);
    if (ms !== undefined && ms > longest) longest = ms;
  }
  return longest;
}

/** Milliseconds until the limit of which the smallest share is left is full again; undefined where no header says. */
export function tightestResetMs(headers: Headers, known: readonly LimitHeader[], nowMs: number): number | undefined {
  let tightest: { readonly share: number; readonly ms: number } | undefined;
  for (const { remaining, reset } of known) {
    const ms = resetMs(headers.get(reset), nowMs);
    if (ms === undefined) continue;
    const [left, whole] = [headers.get(remaining), headers.get(remaining.replace('remaining', 'limit'))].map(Number);
    const share = left! / whole!;
    const one = { share: left === 0 ? 0 : share >= 0 ? share : 1, ms };
    if (!tightest || one.share < tightest.share || (one.share === tightest.share && ms > tightest.ms)) tightest = one;
  }
  return tightest?.ms;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Larger numbers are no seconds to wait but a time: seconds since the epoch, or a thousand times as large milliseconds. */
const LEAST_EPOCH_S = 1e9;

/** `1m2.5s`, `120ms`, a number of seconds, or a time; undefined where it is none of these. */
export function resetMs(written: string | undefined, nowMs: number): number | undefined {
  if (written === undefined || written === '' || written.length > 100) return undefined;
  if (/^\d+(\.\d+)?$/.test(written)) {
    const number = Number(written);
    if (number < LEAST_EPOCH_S) return number * 1000;
    return Math.max(0, (number < LEAST_EPOCH_S * 1000 ? number * 1000 : number) - nowMs);
  }
  if (/^(\d{1,20}(\.\d{1,20})?(ms|s|m|h|d))+$/.test(written)) {
    let sum = 0;
    for (const [, amount, unit] of written.matchAll(/(\d{1,20}(?:\.\d{1,20})?)(ms|s|m|h|d)/g))
      sum += Number(amount) * UNIT_MS[unit!]!;
    return sum;
  }
  const at = Date.parse(written);
  return Number.isFinite(at) ? Math.max(0, at - nowMs) : undefined;
}

/** `retry-after-ms`, else `retry-after` in seconds or as a date. */
export function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const inMs = headers.get('retry-after-ms');
  if (inMs !== undefined && Number.isFinite(Number(inMs))) return Number(inMs);
  const written = headers.get('retry-after');
  if (written === undefined) return undefined;
  const seconds = Number(written);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(written) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
