/**
 * How a worker and the primary speak of limits. A message is a list that begins with its kind. Limits are named by numbers that the
 * worker gave them, holds by the number of their reservation.
 */

/** Worker: `[DEFINE, limit, scope, spec, sinceMs]`, before the first use of that number. */
export const DEFINE = 1;
/** Worker: `[RESERVE, hold, id, note, stated, ...the seven numbers of an estimate, ...limits]`. */
export const RESERVE = 2;
/** Worker: `[SETTLE, hold, certain, ...pairs of a limit and what was used, in its unit]`. Is not answered. */
export const SETTLE = 3;
/** Primary: `[RESERVED, hold, atMs, outputTokens, ...three for each part: its limit, what remains, when it is reset]`. */
export const RESERVED = 4;
/** Primary: `[DENIED, hold, atMs, limit, max, spent, held, remaining, asked, retryAfterMs, windowEndsAtMs, affordableOutput]`. */
export const DENIED = 5;
/** Primary: `[UNAVAILABLE, hold, retryAfterMs]`. */
export const UNAVAILABLE = 6;
/** Worker: `[FORGET, limit]`: it will not be named again. */
export const FORGET = 7;

export const ESTIMATE_FROM = 5;
export const LIMITS_FROM = 12;
/** Where the parts of `RESERVED` begin. */
export const PARTS_FROM = 4;
