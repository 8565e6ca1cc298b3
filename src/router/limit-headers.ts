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

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `1m2.5s`, `120ms`, a number of seconds, or a time; undefined where it is none of these. */
export function resetMs(written: string | undefined, nowMs: number): number | undefined {
  if (written === undefined || written === '' || written.length > 100) return undefined;
  if (/^\d+(\.\d+)?$/.test(written)) return Number(written) * 1000;
  if (/^(\d{1,20}(\.\d{1,20})?(ms|s|m|h|d))+$/.test(written)) {
    let sum = 0;
    for (const [, amount, unit] of written.matchAll(/(\d{1,20}(?:\.\d{1,20})?)(ms|s|m|h|d)/g))
      sum += Number(amount) * UNIT_MS[unit!]!;
    return sum;
  }
  const at = Date.parse(written);
  return Number.isFinite(at) ? Math.max(0, at - nowMs) : undefined;
}
