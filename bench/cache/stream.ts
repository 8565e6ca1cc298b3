/**
 * A stream of queries through the semantic tier's own decision, as a gateway that begins with an empty cache would see it:
 * what was answered from the cache, and whether that was right. Two queries have the same answer where they have the same
 * label; that a fresh answer is compared with a candidate's (groups, labels of verified mode) is thus done by an oracle.
 */
import type { SemanticPolicy } from '../../src/cache/cache.js';
import { Calibration, wilson } from '../../src/cache/semantic/calibration.js';
import type { Comparer } from '../../src/cache/semantic/counterparts.js';
import { decide } from '../../src/cache/semantic/decide.js';
import { outlineOf } from '../../src/cache/semantic/outline.js';
import { Outlines } from '../../src/cache/semantic/outlines.js';
import { type Signature, signatureOf } from '../../src/cache/semantic/signature.js';
import { unfitText } from '../../src/cache/semantic/text-fit.js';
import { Vectors } from '../../src/cache/semantic/vectors.js';
import { type Query, randomFrom } from './data.js';

export interface Prepared extends Query {
  readonly vector: Float32Array;
  readonly signature: Signature;
}

export const prepared = (queries: readonly Query[], vectors: readonly Float32Array[]): Prepared[] =>
  queries.map((query, i) => ({ ...query, vector: vectors[i]!, signature: signatureOf(query.text) }));

export type StreamPolicy = Pick<SemanticPolicy, 'threshold' | 'margin' | 'guards'> & {
  readonly maxErrorRate?: number;
  readonly auditRate?: number;
  /** Leave out what is not compared at all (volatile, too short). */
  readonly eligibility: boolean;
};

export interface StreamResult {
  readonly requests: number;
  readonly hits: number;
  readonly wrong: number;
  readonly precision: number;
  readonly interval: readonly [number, number];
  readonly kept: number;
  /** Misses that outlines told. */
  readonly told: number;
  readonly rejections: Readonly<Record<string, number>>;
  readonly finalThreshold: number | null;
}

const ALIAS = 0.98;

export async function stream(
  queries: readonly Prepared[],
  policy: StreamPolicy,
  comparer: Comparer,
): Promise<StreamResult> {
  const vectors = new Vectors(queries[0]!.vector.length, queries.length);
  vectors.open('bench');
  const random = randomFrom(11);
  const calibration =
    policy.maxErrorRate === undefined
      ? undefined
      : new Calibration({ threshold: policy.threshold, maxErrorRate: policy.maxErrorRate, untilCertified: 'serve' });
  const rejections: Record<string, number> = {};
  const outlines = new Outlines({
    store: { texts: async () => [] },
    ...{ clock: { now: () => 0, monotonic: () => 0 }, known: () => undefined, onError: () => {} },
    seal: { open: () => undefined, close: (clear) => clear },
  });
  await outlines.refresh('bench');
  let told = 0;
  let hits = 0;
  let wrong = 0;
  let kept = 0;
  for (const [at, query] of queries.entries()) {
    if (policy.eligibility && (unfitText(query.text, query.signature) || query.signature.language !== 'en')) continue;
    const near = vectors.nearest('bench', query.vector, 12).map(({ id, similarity }) => {
      const known = queries[Number(id)]!;
      return { similarity, text: known.text, signature: known.signature, group: known.label };
    });
    const threshold = calibration ? calibration.verdict.threshold : policy.threshold;
    const close = near.filter(({ similarity }) => similarity >= policy.threshold - policy.margin);
    const objections = await comparer.objections(query, close, policy.guards);
    const isTold = policy.guards !== 'off' && outlines.exclude('bench', outlineOf(query.signature));
    if (isTold) told += 1;
    if (isTold && objections.includes(null)) throw new Error(`outlines hide what may answer '${query.text}'`);
    const decision = decide(close, objections, policy, threshold ?? Number.POSITIVE_INFINITY);
    for (const why of decision.rejections) rejections[why] = (rejections[why] ?? 0) + 1;
    const audit = decision.hit !== undefined && calibration !== undefined && random() < (policy.auditRate ?? 0.05);
    if (decision.hit && !audit) {
      hits += 1;
      if (decision.hit.group !== query.label) wrong += 1;
      continue;
    }
    if (calibration && decision.near) {
      const weight = audit ? 1 / (policy.auditRate ?? 0.05) : 1;
      const correct = decision.near.group === query.label;
      calibration.add({ similarity: decision.near.similarity, correct, weight, audit });
    }
    if (near[0] && near[0].similarity >= ALIAS && near[0].group === query.label) continue;
    vectors.add('bench', String(at), query.vector);
    outlines.add('bench', query.signature);
    kept += 1;
  }
  return {
    requests: queries.length,
    hits,
    wrong,
    precision: hits === 0 ? 1 : 1 - wrong / hits,
    interval: wilson(hits === 0 ? 1 : 1 - wrong / hits, hits, 1.96),
    kept,
    told,
    rejections,
    finalThreshold: calibration ? calibration.verdict.threshold : policy.threshold,
  };
}
