/** What failures of upstreams mean, and rules for it, as a configuration has them. */
/** What a failure means, whoever words it. Providers state which of their words mean what; the router decides what follows. */
export const failureClasses = [
  'rate_limit', // too many requests for now: another target, or later
  'quota', // money or a quota is used up: another credential, or another provider
  'overload', // it has no room: another target
  'transient', // it may work the next time
  'invalid_output', // the model wrote what its server could not use: it may do better the next time
  'context_window', // the input does not fit into the model
  'content_policy', // the provider does not want to answer this
  'credential', // the gateway's own key is not taken, or its account is blocked
  'not_found', // there is no such model or deployment
  'caller', // the request is at fault wherever it goes
] as const;

export type FailureClass = (typeof failureClasses)[number];

/** A rule as a configuration writes it: texts in which `*` stands for any run of characters, in any case. */
export interface WrittenFailureRule {
  readonly is: FailureClass;
  readonly status: readonly number[] | null;
  readonly code: string | null;
  readonly type: string | null;
  /** Is found anywhere in the error's words. */
  readonly message: string | null;
}
