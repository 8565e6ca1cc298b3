/** Bodies of errors, as vendors word them. */
import type { FailureClass } from '../../src/formats/failure.js';

export type FailureRow = readonly [is: FailureClass, status: number, body: unknown];
export type FailureRows = Readonly<Record<string, readonly FailureRow[]>>;

export const error = (message: string, more: object = {}) => ({ error: { message, ...more } });
export const google = (code: number, status: string, message: string, details: object[] = []) => ({
  error: { code, message, status, details },
});
export const quota = (quotaId: string) => ({ violations: [{ quotaId }] });
export const delay = { '@type': 'x/google.rpc.RetryInfo', retryDelay: '12s' };
