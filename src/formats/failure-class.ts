/**
 * What a failure means, whoever words it. A provider states as data which of its words mean what (`FailureRule`); the router
 * decides what follows from a class.
 */
export type FailureClass =
  | 'rate_limit' // too many requests for now: another target, or later
  | 'quota' // money or a quota is used up: another credential, or another provider
  | 'overload' // it has no room: another target
  | 'transient' // it may work the next time
  | 'context_window' // the input does not fit into the model
  | 'content_policy' // the provider does not want to answer this
  | 'credential' // the gateway's own key is not taken
  | 'not_found' // there is no such model or deployment
  | 'caller'; // the request is at fault wherever it goes

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
