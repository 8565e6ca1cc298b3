/** What `explain` tells of a request. */
import type { Peeked } from '../cache/recall.js';
import type { CaptureMode } from '../lib/capture-spec.js';
import type { DryRunLimit } from '../limits/dry-run.js';
import type { RuleTrace } from '../router/rules.js';
import type { ExplainedGuard } from './explain-guards.js';

/** One rule of a route, with the model whose rule it is. */
export type ExplainedRule = RuleTrace & { readonly of: string };

export interface ExplainedTarget {
  readonly target: string;
  readonly provider: string;
  /** The public name of the model that the target belongs to: the one that serves, or a fallback. */
  readonly model: string;
  readonly upstream_model: string;
  /** `first`: of the model that serves. Else the list of fallbacks that it is in. */
  readonly as: 'first' | 'fallback' | 'context_window_fallback' | 'content_policy_fallback';
  readonly priority: number;
  readonly weight: number;
  readonly ready: boolean;
  /** Why it is passed over: a `SkipReason`, or `at_limit`: a limit of its own is used up. */
  readonly why_not: string | null;
  /** When it may be tried again; null: now, or nobody knows. */
  readonly ready_in_ms: number | null;
  readonly breaker: string;
  /** What health probes of its provider found last; null: there are none. */
  readonly probe: { readonly up: boolean; readonly what: string } | null;
  readonly in_flight: number;
  readonly latency_ms: number;
  /** What of the request its dialect cannot express and would be left out. */
  readonly dropped_params: string[];
  /** Why it cannot carry the request; null: it can. */
  readonly refusal: string | null;
  readonly input_tokens: number;
  /** Null: its price is not known, and it is not served. */
  readonly price_version: string | null;
  readonly cost_usd: string | null;
}

export interface Explanation {
  readonly would: 'send' | 'refuse';
  readonly status: number;
  readonly error: { readonly code: string; readonly message: string; readonly param: string | null } | null;
  readonly caller: { readonly key: string; readonly name: string; readonly team: string | null } | null;
  readonly model: {
    readonly asked: string;
    /** Which one serves; null where it was not come to. */
    readonly serves: string | null;
    readonly balance: string | null;
    readonly max_attempts: number | null;
    /** Further attempts that all requests of the model may make now, where upstreams fail; null: no budget bounds them. */
    readonly retries_left: number | null;
  } | null;
  readonly rules: ExplainedRule[];
  readonly guards: ExplainedGuard[];
  /** Whether it would be captured; null: it was not come to. */
  readonly capture: CaptureMode | null;
  /** Every limit that applies, and whether it admits the request. */
  readonly limits: DryRunLimit[];
  readonly cache: Peeked;
  readonly plan: ExplainedTarget[];
  readonly estimate: {
    readonly input_tokens: number;
    /** What the request allows at most, else what is usual. */
    readonly output_tokens: number;
    /** The most that budgets afford and would hold, over all choices; null: no budget bounds the output. */
    readonly held_output_tokens: number | null;
    /** At the target that is tried first, and at the dearest that may be reached. */
    readonly cost_usd: string | null;
    readonly most_cost_usd: string | null;
  } | null;
}
