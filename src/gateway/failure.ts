/**
 * What a caller is told when the upstream failed: its own status and words where it had any, cleaned of what is ours. What an
 * upstream says about the gateway's own account is no fault of the caller's: it is told which provider it is and what its
 * operator must do. The log has the class of a failure, its status, its code and the length of its words: they may quote a prompt.
 */

import type { Target } from '../catalog/model.js';
import type { FailureClass, UpstreamFailure } from '../formats/failure.js';
import { type ErrorCode, type Refusal, refuse } from '../lib/errors.js';

const LONGEST_RETRY_AFTER_MS = 60_000; // some clients sleep for as long as they are told

export function refusalOf(uncleaned: UpstreamFailure, target: Target, why?: FailureClass): Refusal {
  const failure = cleaned(uncleaned, target.clean);
  const refusal = toldOf(failure, target, why);
  if (refusal.cause !== undefined || !isTold(failure)) return refusal;
  return { ...refusal, cause: `${why ?? failure.kind}: ${logged(failure)}` };
}

/** Whether the words are the upstream's. */
const isTold = ({ kind }: UpstreamFailure): boolean => kind === 'status' || kind === 'in_band';

/** What the log is told of an upstream's words. */
function logged({ status, code, message }: UpstreamFailure): string {
  const named = code && /^[\w.-]{1,64}$/.test(code) ? `, code ${code}` : '';
  return `${status === undefined ? 'an error in its answer' : `status ${status}`}${named}, ${message.length} characters`;
}

function toldOf(failure: UpstreamFailure, target: Target, why?: FailureClass): Refusal {
  const account = accountError(failure, target, why);
  if (account) return account;
  const { message, status } = failure;
  const headers = retryHeaders(failure.retryAfterMs);
  const late = failure.kind === 'timeout' || (failure.kind === 'connect' && status === 504);
  if (late) return refuse('upstream_timeout', message, { headers });
  if (status === 529) return refuse('overloaded', message, { headers });
  const told = isTold(failure);
  const known = told && why ? MEANT[why] : undefined;
  if (known) return meant(known, failure);
  if (!told || status === undefined || status < 400 || status > 599) {
    return refuse('upstream_error', message, { headers, ...(told ? { upstream: words(failure, 502) } : {}) });
  }
  return refuse(codeFor(status), message, {
    headers,
    ...(failure.param ? { param: failure.param } : {}),
    upstream: words(failure, status),
  });
}

/** An upstream may put what it likes into every text of its error. */
function cleaned(failure: UpstreamFailure, clean: Target['clean']): UpstreamFailure {
  const { message, type, code, param } = failure;
  return {
    ...failure,
    message: clean(message),
    type: type && clean(type),
    code: code && clean(code),
    param: param && clean(param),
  };
}

/** What went wrong with the account at a provider, and what the operator of the gateway must do. */
const accountWords = {
  credential: ({ provider, id }: Target, status: string) =>
    `The provider '${provider}' refuses the gateway's credential (target ${id}, ${status}). The operator must check the \`api_key\` of the provider and what its account may use.`,
  quota: ({ provider }: Target, status: string) =>
    `The gateway's account at the provider '${provider}' is out of money or over its quota (${status}). The operator must add credit or raise the quota.`,
  not_found: ({ provider, id }: Target, status: string) =>
    `The provider '${provider}' does not have what its target ${id} asks for (${status}). The operator must correct the \`model\` of the target or the \`base_url\` of the provider.`,
} as const;

function accountError(failure: UpstreamFailure, target: Target, why: FailureClass | undefined): Refusal | undefined {
  if (why !== 'credential' && why !== 'quota' && why !== 'not_found') return undefined;
  if (why === 'not_found' && namedByCaller(failure, target)) return undefined;
  const status = failure.status === undefined ? 'an error in its answer' : `status ${failure.status}`;
  return refuse('upstream_account_error', accountWords[why](target, status), {
    headers: { 'x-should-retry': 'false' },
    cause: `${why}: the provider '${target.provider}' answered with ${logged(failure)}`,
  });
}

/** Behind a wildcard it is the caller who names the model: where the upstream speaks of that, the name is wrong. */
const namedByCaller = ({ code, message }: UpstreamFailure, { id, label, model }: Target): boolean =>
  id !== label && (code === 'model_not_found' || message.includes(model));

/** What an upstream may say without a code, or with a status alone, and callers look for by its code. */
const MEANT: Partial<Record<FailureClass, ErrorCode>> = {
  context_window: 'context_length_exceeded',
  content_policy: 'content_policy_violation',
};

/** A code in digits is a provider's own number, which no caller looks for. */
function meant(known: ErrorCode, failure: UpstreamFailure): Refusal {
  const { message, param, status = 400, code } = failure;
  const worded = code != null && !/^\d{1,20}$/.test(code);
  return refuse(known, message, {
    ...(param ? { param } : {}),
    upstream: { ...words(failure, status >= 400 && status < 500 ? status : 400), code: worded ? code : known },
  });
}

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

function retryHeaders(retryAfterMs: number | undefined): Record<string, string> {
  if (retryAfterMs === undefined) return {};
  const ms = Math.min(Math.max(0, Math.ceil(retryAfterMs)), LONGEST_RETRY_AFTER_MS);
  return { 'retry-after': String(Math.ceil(ms / 1000)), 'retry-after-ms': String(ms) };
}
