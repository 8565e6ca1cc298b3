/**
 * What is told of a request: in the head of its answer, in the metrics and in the access line. The stages write down here what
 * they find out; what they work with they hand on as values (`stages.ts`).
 */
import type { CacheState } from '../cache/cache.js';
import type { Model, Target } from '../catalog/model.js';
import type { GuardWords } from '../guardrails/text-guard.js';
import type { Caller } from '../identity/key.js';
import type { RequestTrace } from '../telemetry/trace.js';
import type { Call } from './call.js';
import type { Tape } from './tape.js';

const NONE: readonly string[] = [];

export class RequestContext {
  readonly call: Call;
  /** When its body was there: monotonic milliseconds. */
  startedAt: number;
  /** Null: the request is not traced. */
  trace: RequestTrace | null = null;
  caller: Caller | null = null;
  /** The model that was asked for, or that its route has chosen. */
  model: Model | null = null;
  /** The model that was asked for, where it has a route. */
  routed: Model | null = null;
  /** The model whose target is tried: a fallback, or the same. */
  serving: Model | null = null;
  target: Target | null = null;
  stream: boolean | undefined = undefined;
  cache: CacheState = 'off';
  attempts = 0;
  /** Of all attempts. */
  costNano = 0;
  /** Milliseconds that were spent on waiting: for upstreams, and between attempts. */
  waitedMs = 0;
  /** Headers that tell of limits, names and values in turn. */
  limitHead: readonly string[] = NONE;
  /** The maximum of the answer that was sent instead of the caller's. */
  outputCap: number | null = null;
  /** Fields of the request that the target's format cannot express and that were left out. */
  dropped: readonly string[] = NONE;
  /** Answers of each target to the parts of a request that goes in several; null: it goes in one. */
  parts: Map<string, (Buffer | undefined)[]> | null = null;

  /** What the caller is told is kept there; null: the request is not captured. */
  tape: Tape | null = null;
  /** What guards said; null: none is in force. */
  guards: GuardWords | null = null;

  constructor(call: Call) {
    this.call = call;
    this.startedAt = call.arrivedAt;
  }
}
