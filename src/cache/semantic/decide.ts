/**
 * Whether one of the nearest prompts may answer for this one. A candidate must be near enough, no guard may speak against
 * it, and no candidate behind it with another answer may be nearly as near: where two answers compete, neither is served. A
 * candidate that a guard rejects hides none behind it.
 */
import type { SemanticPolicy } from '../cache.js';
import { type Guard, objection, type Signature } from './guards.js';

export interface Candidate {
  readonly similarity: number;
  readonly signature: Signature;
  /** Candidates of one group have the same answer, as far as that could be judged. */
  readonly group: string;
}

export type Rejection = Guard | 'margin';

export interface Decision<C extends Candidate> {
  /** The one that answers. */
  readonly hit: C | undefined;
  /** The one that would answer, were the threshold lower: what a fresh answer is compared with. */
  readonly near: C | undefined;
  /** Why candidates above the threshold were not taken. */
  readonly rejections: readonly Rejection[];
}

/** `candidates` are in order of similarity, nearest first. */
export function decide<C extends Candidate>(
  prompt: Signature,
  candidates: readonly C[],
  policy: Pick<SemanticPolicy, 'margin' | 'guards'>,
  threshold: number,
): Decision<C> {
  const rejections: Rejection[] = [];
  const rejected = candidates.map((candidate) => {
    const guard = policy.guards === 'off' ? null : objection(prompt, candidate.signature, policy.guards === 'strict');
    if (guard && candidate.similarity >= threshold) rejections.push(guard);
    return guard;
  });
  const at = rejected.indexOf(null);
  const best = candidates[at];
  if (!best) return { hit: undefined, near: undefined, rejections };
  const rival = candidates.find((other, i) => i > at && other.group !== best.group);
  if (rival && best.similarity - rival.similarity < policy.margin) {
    if (best.similarity >= threshold) rejections.push('margin');
    return { hit: undefined, near: undefined, rejections };
  }
  return { hit: best.similarity >= threshold ? best : undefined, near: best, rejections };
}
