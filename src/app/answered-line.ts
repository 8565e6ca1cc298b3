/** The line in the log of a request that is neither of the model API nor of a route. */
import type { AccessFields, Log } from '../telemetry/log.js';

/** Addresses that machines ask all the time. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

interface Answered {
  readonly id: string;
  readonly method: string;
  readonly url: string;
  readonly routeOptions: { readonly url?: string | undefined };
}

export const answeredLine =
  (log: Log, access: (fields: AccessFields) => void) =>
  (request: Answered, status: number, durationMs: number): void => {
    const path = request.url.split('?', 1)[0];
    const { method, id } = request;
    const fields = { request_id: id, method, path, status, duration_ms: Math.round(durationMs * 100) / 100 };
    // A probe that is answered well is no news.
    if (status < 400 && PROBES.has(request.routeOptions.url ?? '')) log.debug(fields, 'request');
    else access(fields);
  };
