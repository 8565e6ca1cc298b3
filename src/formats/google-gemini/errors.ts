/** The gateway's own words as Google writes errors: `{"error": {"code", "message", "status", "details"}}`. */
import { type Refusal, statusOf } from '../../lib/errors.js';
import type { ErrorWriter } from '../format.js';

const statuses: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  405: 'UNIMPLEMENTED',
  408: 'DEADLINE_EXCEEDED',
  409: 'ABORTED',
  413: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

const TYPE = 'type.googleapis.com/google.rpc';

/** What happened in a word, the field at fault, and when to come back, as Google tells such things. */
function detailsOf({ code, param, headers = {} }: Refusal): object[] {
  const seconds = headers['retry-after'];
  return [
    { '@type': `${TYPE}.ErrorInfo`, reason: code.toUpperCase(), domain: 'tollgate' },
    ...(param === undefined ? [] : [{ '@type': `${TYPE}.BadRequest`, fieldViolations: [{ field: param }] }]),
    ...(seconds === undefined ? [] : [{ '@type': `${TYPE}.RetryInfo`, retryDelay: `${seconds}s` }]),
  ];
}

export function googleError(refusal: Refusal): string {
  const code = statusOf(refusal);
  const status = statuses[code] ?? (code >= 500 ? 'INTERNAL' : 'INVALID_ARGUMENT');
  return JSON.stringify({ error: { code, message: refusal.message, status, details: detailsOf(refusal) } });
}

export const googleErrors: ErrorWriter = {
  body: (refusal) => Buffer.from(googleError(refusal)),
  event: (refusal) => Buffer.from(`data: ${googleError(refusal)}\n\n`),
  keepAlive: Buffer.from(': keep-alive\n\n'),
};

/** In a stream that is one JSON array: the error is its last element, and the array is closed. */
export const arrayErrors: ErrorWriter = {
  body: googleErrors.body,
  event: (refusal) => Buffer.from(`,${googleError(refusal)}]`),
  keepAlive: Buffer.from('\n'),
};
