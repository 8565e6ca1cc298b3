/** What errors of the chat dialect mean, as OpenAI and the many that speak like it word them. */
import type { FailureRule, LimitHeader } from '../failure-rules.js';
import { vendorFailures } from '../vendor-failures.js';

export const chatFailures: readonly FailureRule[] = [
  {
    is: 'quota',
    status: [402, 403, 429],
    code: /^(insufficient_quota|credit_balance_exhausted|billing_hard_limit_reached|billing_not_active)$|spend_limit|credits?_exhausted/,
  },
  // Older servers tell an exhausted quota by the type alone; a code beside it that says "rate limit" wins.
  { is: 'rate_limit', code: /^(rate_limit_exceeded|slow_down|too_many_requests)$/ },
  { is: 'quota', status: [429], type: /^insufficient_quota$/ },
  { is: 'overload', code: /^(server_is_overloaded|engine_overloaded|overloaded_error|capacity_exceeded)$/ },
  { is: 'overload', type: /^(service_unavailable_error|overloaded_error)$/ },
  { is: 'caller', code: /^string_above_max_length$/ },
  { is: 'context_window', code: /^(context_length_exceeded|model_max_prompt_tokens_exceeded)$/ },
  {
    is: 'context_window',
    status: [400, 413, 422],
    message:
      /maximum context length|input tokens exceed the configured limit|exceeds? the available context size|prompt is too long|context window|too many tokens|current length is \d{1,9} while limit is/i,
  },
  {
    is: 'content_policy',
    code: /^(content_policy_violation|content_filter|invalid_prompt|bio_policy|misalignment_policy_violation)$/,
  },
  {
    is: 'content_policy',
    status: [400, 403],
    message: /violat\w{1,10} our usage polic|content management policy|content filtering policy|input was flagged/i,
  },
  { is: 'credential', code: /^(invalid_api_key|account_deactivated|invalid_authentication)$/ },
  { is: 'not_found', code: /^(model_not_found|DeploymentNotFound)$/ },
  { is: 'not_found', status: [404], message: /^the model \W|^model \W/i },
  ...vendorFailures,
];

export const chatLimitHeaders: readonly LimitHeader[] = [
  { remaining: 'x-ratelimit-remaining-requests', reset: 'x-ratelimit-reset-requests' },
  { remaining: 'x-ratelimit-remaining-tokens', reset: 'x-ratelimit-reset-tokens' },
  { remaining: 'x-ratelimit-remaining', reset: 'x-ratelimit-reset' },
  { remaining: 'ratelimit-remaining', reset: 'ratelimit-reset' },
];
