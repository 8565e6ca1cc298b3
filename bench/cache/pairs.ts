/**
 * Pairs of prompts through the semantic tier's own decision, both ways: the one is kept and the other asked. A pair of
 * different prompts that is taken is a wrong answer; a pair of the same prompts that is taken is a hit that was worth having.
 */
import { wilson } from '../../src/cache/semantic/calibration.js';
import type { Comparer, Guards } from '../../src/cache/semantic/counterparts.js';
import { signatureOf } from '../../src/cache/semantic/signature.js';
import { unfitText } from '../../src/cache/semantic/text-fit.js';
import type { VectorWorker } from '../../src/cache/semantic/vector-worker.js';
import type { Pair } from './data.js';
import { vectorsOf } from './vectors-of.js';

export interface JudgedPair extends Pair {
  readonly similarity: number;
  /** What speaks against it; null: nothing. */
  readonly why: string | null;
}

const languages = ['en', 'de', 'fr', 'es'];

export async function judgedPairs(
  worker: VectorWorker,
  comparer: Comparer,
  pairs: readonly Pair[],
  threshold: number,
  guards: Guards,
): Promise<JudgedPair[]> {
  const vectors = await vectorsOf(
    worker,
    pairs.flatMap(({ one, two }) => [one, two]),
  );
  const judged: JudgedPair[] = [];
  for (const [i, pair] of pairs.entries()) {
    const similarity = vectors[2 * i]!.reduce((sum, value, at) => sum + value * vectors[2 * i + 1]![at]!, 0);
    const [kept, asked] = [pair.one, pair.two].map((text) => ({ text, signature: signatureOf(text) }));
    let why: string | null = similarity < threshold ? 'threshold' : null;
    for (const { text, signature } of guards === 'off' ? [] : [kept!, asked!]) {
      why ??= unfitText(text, signature);
      if (!languages.includes(signature.language ?? '')) why ??= 'language';
    }
    // Both ways: an answer that is wrong in one of them is wrong.
    for (const [prompt, candidate] of [[asked!, kept!] as const, [kept!, asked!] as const])
      why ??= (await comparer.objections(prompt, [candidate], guards))[0] ?? null;
    judged.push({ ...pair, similarity, why });
  }
  return judged;
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** "4 of 140 (2.9 %, 1.1 to 7.1)": how many were taken, with a 95 % interval. */
export function taken(pairs: readonly JudgedPair[]): string {
  const hits = pairs.filter(({ why }) => why === null).length;
  if (pairs.length === 0) return '-';
  const [low, high] = wilson(hits / pairs.length, pairs.length, 1.96);
  return `${hits} of ${pairs.length} (${percent(hits / pairs.length)}, ${percent(low)} to ${percent(high)})`;
}

export function byKind(pairs: readonly JudgedPair[]): Map<string, JudgedPair[]> {
  const kinds = new Map<string, JudgedPair[]>();
  for (const pair of pairs) kinds.set(pair.kind, [...(kinds.get(pair.kind) ?? []), pair]);
  return kinds;
}
