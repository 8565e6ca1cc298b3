/** What errors of the messages dialect mean, as Anthropic words them. */
import type { FailureRule, LimitHeader } from '../failure-rules.js';
import { vendorFailures } from '../vendor-failures.js';

export const messagesFailures: readonly FailureRule[] = [
  // Spend limits share the type of rate limits and say nothing of when to come back.
  { is: 'quota', code: /spend_limit_reached$|^organization_on_hold$/ },
  { is: 'quota', type: /^billing_error$/ },
  {
    is: 'quota',
    status: [400],
    message: /reached your specified (workspace )?api usage limits|credit balance is too low/i,
  },
  { is: 'overload', type: /^overloaded_error$/ },
  { is: 'rate_limit', type: /^rate_limit_error$/ },
  { is: 'context_window', status: [413] },
  {
    is: 'context_window',
    status: [400],
    message: /prompt is too long|exceed context limit|exceeds? the maximum (number of )?tokens|too many input tokens/i,
  },
  { is: 'content_policy', status: [400], message: /content filtering policy|violat\w{1,10} .{0,40}usage polic/i },
  { is: 'credential', type: /^(authentication_error|permission_error)$/ },
  { is: 'not_found', type: /^not_found_error$/, status: [404], message: /^model:/ },
  ...vendorFailures,
];

export const messagesLimitHeaders: readonly LimitHeader[] = ['requests', 'tokens', 'input-tokens', 'output-tokens'].map(
  (what) => ({
    remaining: `anthropic-ratelimit-${what}-remaining`,
    reset: `anthropic-ratelimit-${what}-reset`,
  }),
);
