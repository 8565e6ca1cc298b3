/** What an attempt teaches: the class of its failure, and what the state of its target keeps of it. */

import type { Model, Target } from '../catalog/model.js';
import type { FailureClass } from '../formats/failure.js';
import { classify, isFaultOfTarget } from '../router/classify.js';
import type { Trip } from '../router/target-state.js';
import type { Carried } from './carried.js';

/** Ends the attempt in its target's state. Undefined: it answered, was given up, or failed by the gateway's own fault. */
export function learn(
  carried: Carried,
  trip: Trip,
  model: Model,
  { state, failures }: Target,
): FailureClass | undefined {
  const { sentAt, firstByteAt, endedAt, exhaustedMs } = carried.times;
  if (carried.kind === 'gone' || carried.kind === 'fault') {
    state.abandoned(trip, endedAt, carried.kind === 'gone');
    return undefined;
  }
  if (carried.kind !== 'failed') {
    state.succeeded(trip, (firstByteAt ?? endedAt) - sentAt, exhaustedMs, endedAt);
    return undefined;
  }
  const { failure } = carried;
  const why = classify(failure, failures);
  const tookMs = endedAt - sentAt;
  // A deadline that the caller set, or that other attempts had used up, is no fault of the target.
  const ours = failure.deadline === 'total' && tookMs < model.timeouts.total * 0.9;
  const restMs = failure.retryAfterMs ?? (exhaustedMs > 0 ? exhaustedMs : undefined);
  // What is forbidden may be this model alone, or this request.
  const everywhere = failure.status !== 403;
  state.failed(trip, why, isFaultOfTarget(why) && !ours, tookMs, restMs, endedAt, everywhere);
  return why;
}

/** Whether the target refused what its requests were signed with, and may take another one: a token that ended early. */
export function maySignAnew(carried: Carried, { sign, signRefused, failures }: Target): boolean {
  if (!sign || carried.kind !== 'failed' || carried.failure.kind !== 'status') return false;
  return classify(carried.failure, failures) === 'credential' && signRefused();
}

/** Whether an upstream refused to be asked for the usage of a stream, which the gateway had added. */
export function refusedUsage(carried: Carried): boolean {
  if (carried.kind !== 'failed' || carried.failure.kind !== 'status') return false;
  const { status, message, param } = carried.failure;
  if (status !== 400 && status !== 422) return false;
  return /stream_options|include_usage/.test(`${message.slice(0, 2000)} ${(param ?? '').slice(0, 200)}`);
}
