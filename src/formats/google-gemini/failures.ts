/** What errors of `generateContent` mean. Google tells most by `status` and `details`, which the common rules read. */
import type { FailureRule } from '../failure-rules.js';
import { vendorFailures } from '../vendor-failures.js';

export const geminiFailures: readonly FailureRule[] = [
  {
    is: 'context_window',
    type: /^INVALID_ARGUMENT$/,
    message:
      /exceeds the maximum number of tokens|input token count .{0,40}exceeds|token count .{0,60}exceeds the maximum/i,
  },
  // A file or a cache that the request names and that this account does not have.
  { is: 'caller', type: /^(?:PERMISSION_DENIED|NOT_FOUND)$/, message: /cached ?content|access the file/i },
  // A project without the API, or one that may not use the model.
  { is: 'credential', type: /^PERMISSION_DENIED$/ },
  { is: 'credential', message: /SERVICE_DISABLED|CONSUMER_INVALID|BILLING_DISABLED/, status: [400, 403] },
  { is: 'not_found', type: /^NOT_FOUND$/ },
  { is: 'transient', type: /^(?:INTERNAL|DEADLINE_EXCEEDED|ABORTED)$/ },
  ...vendorFailures,
];
