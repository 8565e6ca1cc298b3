/**
 * Whether one of the nearest prompts may answer for this one. A candidate must be near enough, nothing may speak against it,
 * and no candidate behind it with another answer may be nearly as near: where two answers compete, neither is served. A
 * candidate that something speaks against hides none behind it.
 */
import type { SemanticPolicy } from '../cache.js';
import type { Objection } from './alignment.js';

export interface Candidate {
  readonly similarity: number;
  /** Candidates of one group have the same answer, as far as that could be judged. */
  readonly group: string;
}

export type Rejection = Objection | 'margin';

export interface Decision<C extends Candidate> {
  /** The one that answers. */
  readonly hit: C | undefined;
  /** The one that would answer, were the threshold lower: what a fresh answer is compared with. */
  readonly near: C | undefined;
  /** Why candidates above the threshold were not taken. */
  readonly rejections: readonly Rejection[];
}

/**
 * `candidates` are in order of similarity, nearest first; `objections` say what speaks against them, up to the first that
 * nothing speaks against.
 */
export function decide<C extends Candidate>(
  candidates: readonly C[],
  objections: readonly (Objection | null)[],
  policy: Pick<SemanticPolicy, 'margin'>,
  threshold: number,
): Decision<C> {
  const rejections: Rejection[] = [];
  for (const [i, objection] of objections.entries())
    if (objection && candidates[i]!.similarity >= threshold) rejections.push(objection);
  const at = objections.indexOf(null);
  const best = candidates[at];
  if (!best) return { hit: undefined, near: undefined, rejections };
  const rival = candidates.find((other, i) => i > at && other.group !== best.group);
  if (rival && best.similarity - rival.similarity < policy.margin) {
    if (best.similarity >= threshold) rejections.push('margin');
    return { hit: undefined, near: undefined, rejections };
  }
  return { hit: best.similarity >= threshold ? best : undefined, near: best, rejections };
}
