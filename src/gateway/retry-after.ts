/** How long an upstream asks to be left alone. */
import type { AnswerHeaders } from '../upstream/attempt.js';

/** `retry-after-ms`, else `retry-after` in seconds or as a date. */
export function retryAfterMs(headers: AnswerHeaders, nowMs: number): number | undefined {
  const inMs = headers.get('retry-after-ms');
  if (inMs !== undefined && Number.isFinite(Number(inMs))) return Number(inMs);
  const written = headers.get('retry-after');
  if (written === undefined) return undefined;
  const seconds = Number(written);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(written) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
