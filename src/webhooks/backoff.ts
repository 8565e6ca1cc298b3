/**
 * When a delivery that failed is tried again: after 5 seconds, then three times as long each time up to 2 hours, each a
 * quarter shorter or longer by chance, so that what failed together does not come back together. The last try is at the end
 * of the delivery's time. A whole endpoint that keeps failing is left alone for up to a minute, whatever waits for it.
 */
const FIRST_MS = 5_000;
const FACTOR = 3;
const MOST_MS = 2 * 3_600_000;
const ASKED_MOST_MS = 3_600_000;
const PATIENCE = 3;
const MOST_PAUSE_MS = 60_000;

interface Failed {
  readonly nowMs: number;
  /** Failed tries so far, this one included. */
  readonly tries: number;
  readonly expiresAtMs: number;
  /** What the receiver asked for by `retry-after`; null: nothing. */
  readonly askedMs: number | null;
  readonly random: () => number;
}

/** When to try again; null: never. */
export function nextTryAt({ nowMs, tries, expiresAtMs, askedMs, random }: Failed): number | null {
  if (nowMs >= expiresAtMs) return null;
  const base = Math.min(MOST_MS, FIRST_MS * FACTOR ** Math.min(tries - 1, 20));
  const jittered = base * (0.75 + random() / 2);
  const wait = Math.max(jittered, Math.min(askedMs ?? 0, ASKED_MOST_MS));
  return Math.min(Math.round(nowMs + wait), expiresAtMs);
}

/** How long an endpoint is left alone after so many failures in a row; 0: not at all. */
export const pauseMs = (failures: number): number =>
  failures < PATIENCE ? 0 : Math.min(MOST_PAUSE_MS, 2_000 * 2 ** Math.min(failures - PATIENCE, 10));
