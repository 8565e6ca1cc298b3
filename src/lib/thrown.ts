/** What was thrown need not be an error. These say what it is, for logs and messages. */

/** Its message. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Its message and where it was thrown; for faults of our own. */
export const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

export const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
