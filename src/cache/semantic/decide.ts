/**
 * Whether one of the nearest prompts may answer for this one. A candidate must be near enough, no guard may speak against
 * it, and no candidate with another answer that passes the guards as well may be nearly as near: where two answers compete,
 * neither is served. A candidate that a guard rejects hides none behind it.
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
  let best: C | undefined;
  let rival: C | undefined;
  for (const candidate of candidates) {
    if (policy.guards !== 'off') {
      const guard = objection(prompt, candidate.signature, policy.guards === 'strict');
      if (guard) {
        if (candidate.similarity >= threshold) rejections.push(guard);
        continue;
      }
    }
    if (!best) best = candidate;
    else if (candidate.group !== best.group) {
      rival = candidate;
      break;
    }
  }
  if (!best) return { hit: undefined, near: undefined, rejections };
  if (rival && best.similarity - rival.similarity < policy.margin) {
    if (best.similarity >= threshold) rejections.push('margin');
    return { hit: undefined, near: undefined, rejections };
  }
  return { hit: best.similarity >= threshold ? best : undefined, near: best, rejections };
}
