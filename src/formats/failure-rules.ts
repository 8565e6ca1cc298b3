/** What a provider states about its failures and its limits, as data. */
import type { FailureClass } from './failure.js';

/** A rule applies where all that it states does. The first that applies counts. */
export interface FailureRule {
  readonly is: FailureClass;
  readonly status?: readonly number[];
  /** Matches the error's code. */
  readonly code?: RegExp;
  /** Matches the error's type. */
  readonly type?: RegExp;
  /** Matches the error's words. They may quote the request, so a rule that reads them states a status or a code as well. */
  readonly message?: RegExp;
  /** Only where the upstream did not say when to come back. */
  readonly withoutRetryAfter?: true;
}

/** Headers in which a provider tells what is left of a limit, and when it is full again. */
export interface LimitHeader {
  readonly remaining: string;
  readonly reset: string;
}
