/**
 * The one table of errors. A code is never reused for another meaning. What a caller reads is a `Refusal`: a value that
 * travels through the stations; each dialect has one mapper that writes it (`http/<dialect>/errors.ts`). What nobody
 * expected is an exception, which the edge turns into `internal_error` and the log explains.
 */
interface Row {
  readonly status: number;
  readonly type: string;
}

const invalid = (status: number): Row => ({ status, type: 'invalid_request_error' });
const permission: Row = { status: 403, type: 'permission_error' };
const api = (status: number): Row => ({ status, type: 'api_error' });

export const errorTable = {
  invalid_json: invalid(400),
  invalid_value: invalid(400),
  missing_required_parameter: invalid(400),
  unsupported_parameter: invalid(400),
  unsupported_endpoint: invalid(400),
  invalid_request: invalid(400),
  context_length_exceeded: invalid(400),
  content_policy_violation: invalid(400),
  /** A guard of the gateway's own has stopped a request or an answer. */
  content_blocked: invalid(400),
  invalid_api_key: invalid(401),
  expired_api_key: invalid(401),
  invalid_token: invalid(401),
  model_not_allowed: permission,
  endpoint_not_allowed: permission,
  ip_not_allowed: permission,
  insufficient_scope: permission,
  key_blocked: permission,
  team_blocked: permission,
  model_not_found: invalid(404),
  not_found: invalid(404),
  method_not_allowed: invalid(405),
  request_timeout: invalid(408),
  previous_response_not_found: invalid(400),
  upgrade_required: invalid(426),
  conflict: invalid(409),
  request_too_large: invalid(413),
  uri_too_long: invalid(414),
  unsupported_media_type: invalid(415),
  config_rejected: invalid(422),
  headers_too_large: invalid(431),
  rate_limit_exceeded: { status: 429, type: 'rate_limit_error' },
  budget_exceeded: { status: 429, type: 'insufficient_quota' },
  client_closed_request: api(499),
  /** Of an attempt, in the ledger: another attempt of the same request answered first. */
  superseded: api(499),
  internal_error: api(500),
  /** The gateway ended before the answer did. In the ledger also: nothing was heard of an attempt's end. */
  interrupted: api(500),
  upstream_error: api(502),
  /** The provider does not serve the gateway's own account, or the configuration leads nowhere there: its operator must act. */
  upstream_account_error: api(502),
  no_target_available: api(503),
  overloaded: api(503),
  unavailable: api(503),
  upstream_timeout: api(504),
  loop_detected: api(508),
  not_cached: api(504),
} as const satisfies Record<string, Row>;

export type ErrorCode = keyof typeof errorTable;

/** Why a request is not served, in public words. `message` says what happened and what to do; it holds no secret. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  /** The field of the request that is at fault, e.g. `messages[0].content`. */
  readonly param?: string;
  /** What the log says instead of `message`, and the caller is not told. */
  readonly cause?: string;
  /** It is the target that is at its limit: another one may serve. */
  readonly atTarget?: true;
  /** Extra response headers, e.g. `retry-after`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** An upstream's own words, which win over the table's: its status, and its error's type and code. */
  readonly upstream?: {
    readonly status: number;
    readonly type?: string | undefined;
    readonly code?: string | null;
  };
}

export const refuse = (code: ErrorCode, message: string, more: Omit<Refusal, 'code' | 'message'> = {}): Refusal => ({
  code,
  message,
  ...more,
});

export const statusOf = (refusal: Refusal): number => refusal.upstream?.status ?? errorTable[refusal.code].status;

/** Seconds, where nobody knows better: of what may pass by itself, and of what somebody has to see to. */
const SOON_S = 1;
const LATER_S = 60;

/** The headers of a refusal with this status: with 429 and 503 always when to come back. Every writer of refusals asks here. */
export function refusalHeaders(
  headers: Readonly<Record<string, string>> = {},
  status: number,
): Readonly<Record<string, string>> {
  if (status !== 429 && status !== 503) return headers;
  const { 'retry-after': after, 'retry-after-ms': ms } = headers;
  if (after !== undefined && ms !== undefined) return headers;
  const known = ms !== undefined ? Math.ceil(Number(ms) / 1000) : Number(after);
  const otherwise = headers['x-should-retry'] === 'false' ? LATER_S : SOON_S;
  const seconds = Number.isFinite(known) ? Math.max(0, known) : otherwise;
  if (after !== undefined && !Number.isFinite(known)) return headers; // a date
  return { ...headers, 'retry-after': after ?? String(seconds), 'retry-after-ms': ms ?? String(seconds * 1000) };
}

/** A result that is either a value or a refusal. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Refusal };

export const ok = <T>(value: T): Result<T> => ({ ok: true, value });
export const refused = (refusal: Refusal): Result<never> => ({ ok: false, refusal });
