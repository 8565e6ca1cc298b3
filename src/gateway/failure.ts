/** What a caller is told when the upstream failed: its own status and words where it had any, cleaned of what is ours. */

import type { Target } from '../catalog/model.js';
import type { FailureClass, UpstreamFailure } from '../formats/failure.js';
import { type ErrorCode, type Refusal, refuse } from '../lib/errors.js';

const LONGEST_RETRY_AFTER_MS = 60_000; // some clients sleep for as long as they are told

export function refusalOf(uncleaned: UpstreamFailure, target: Target, why?: FailureClass): Refusal {
  const failure = cleaned(uncleaned, target.clean);
  const { message, status } = failure;
  const headers = retryHeaders(failure.retryAfterMs, why);
  const late = failure.kind === 'timeout' || (failure.kind === 'connect' && status === 504);
  if (late) return refuse('upstream_timeout', message, { headers });
  if (status === 529) return refuse('overloaded', message, { headers });
  const told = failure.kind === 'status' || failure.kind === 'in_band';
  if (!told || status === undefined || status < 400 || status > 599) {
    return refuse('upstream_error', message, { headers, ...(told ? { upstream: words(failure, 502) } : {}) });
  }
  const known = why && MEANT[why];
  return refuse(known ?? codeFor(status), message, {
    headers,
    ...(failure.param ? { param: failure.param } : {}),
    upstream: known && failure.code == null ? { ...words(failure, status), code: known } : words(failure, status),
  });
}

/** An upstream may put what it likes into every text of its error. */
function cleaned(failure: UpstreamFailure, clean: Target['clean']): UpstreamFailure {
  const { message, type, code, param } = failure;
  return {
    ...failure,
    message: clean(message),
    type: type && clean(type),
    code: typeof code === 'string' ? clean(code) : code,
    param: param && clean(param),
  };
}

/** What an upstream may say without a code, or with a status alone, and callers look for by its code. */
const MEANT: Partial<Record<FailureClass, ErrorCode>> = {
  context_window: 'context_length_exceeded',
  content_policy: 'content_policy_violation',
};

const words = (failure: UpstreamFailure, status: number): NonNullable<Refusal['upstream']> => ({
  status,
  type: failure.type,
  // A client's fault that the upstream gave no code keeps none: the table's would guess.
  ...(failure.code === undefined || (failure.code === null && status >= 500) ? {} : { code: failure.code }),
});

/** The table's row that fits an upstream's status, for what the upstream left unsaid. */
function codeFor(status: number): ErrorCode {
  if (status === 404) return 'model_not_found';
  if (status === 413) return 'request_too_large';
  if (status === 429) return 'rate_limit_exceeded';
  if (status === 503) return 'overloaded';
  return status < 500 ? 'invalid_value' : 'upstream_error';
}

function retryHeaders(retryAfterMs: number | undefined, why: FailureClass | undefined): Record<string, string> {
  if (why === 'quota') return { 'x-should-retry': 'false' }; // money does not come back within a client's patience
  if (retryAfterMs === undefined) return {};
  const ms = Math.min(Math.max(0, Math.ceil(retryAfterMs)), LONGEST_RETRY_AFTER_MS);
  return { 'retry-after': String(Math.ceil(ms / 1000)), 'retry-after-ms': String(ms) };
}
