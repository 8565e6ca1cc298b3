/** Whether it was the database that could not be reached, or a fault of our own. */

const AWAY = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'ENOENT'],
  ...['EHOSTUNREACH', 'ENETUNREACH'],
]);

/** A connection exception: the SQLSTATE of an error that stands for one that another process had. */
export const DATABASE_AWAY = '08000';

/** Classes of SQLSTATE: no connection, no resources, stopped by somebody or by its time, a deadlock, one that cannot write. */
const AWAY_STATE = /^(08|53|57|40|25006)/;

const AWAY_WORDS =
  /^Connection terminated|timeout exceeded when trying to connect|^Query read timeout|not queryable|^Cannot use a pool after/;

/** Whether the error, or one that caused it, says that the database cannot be reached, does not answer, or is shutting down. */
export function isDatabaseAway(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string' && (AWAY.has(code) || AWAY_STATE.test(code))) return true;
    if (AWAY_WORDS.test(at.message)) return true;
  }
  return false;
}
