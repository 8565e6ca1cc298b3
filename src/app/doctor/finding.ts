/** One line of `tollgate doctor`. */
export interface Finding {
  /** What was looked at: `database`, `provider openai`. */
  readonly check: string;
  /** `note`: nothing is wrong, but somebody may want to know. */
  readonly status: 'ok' | 'note' | 'problem';
  readonly detail: string;
  /** What to do about it; left out where there is nothing. */
  readonly todo?: string;
}

export const fine = (check: string, detail: string): Finding => ({ check, status: 'ok', detail });
export const note = (check: string, detail: string, todo?: string): Finding => ({
  check,
  status: 'note',
  detail,
  ...(todo !== undefined && { todo }),
});
export const problem = (check: string, detail: string, todo: string): Finding => ({
  check,
  status: 'problem',
  detail,
  todo,
});

/** Clocks that differ by more than this mislead limits, tokens and signatures of webhooks. */
const MOST_APART_MS = 2_000;

/** A clock elsewhere beside this one: asked at `beforeMs`, answered at `afterMs`. */
export function clockFinding(where: string, theirsMs: number, beforeMs: number, afterMs: number): Finding {
  const check = `clock (${where})`;
  const halfMs = (afterMs - beforeMs) / 2;
  const apartMs = Math.round(theirsMs - (beforeMs + halfMs));
  if (Math.abs(apartMs) <= MOST_APART_MS + halfMs) return fine(check, `${Math.abs(apartMs)} ms from this one`);
  const direction = apartMs > 0 ? 'behind' : 'ahead of';
  return problem(
    check,
    `this clock is ${Math.abs(apartMs / 1000).toFixed(1)} s ${direction} it`,
    'Set both clocks by NTP: windows of limits, ends of keys and prices by date go by them.',
  );
}
