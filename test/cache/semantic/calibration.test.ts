/** Verified mode's arithmetic: when a threshold is vouched for, raised, given up, and taken up again. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Calibration, wilson } from '../../../src/cache/semantic/calibration.js';

const options = { threshold: 0.8, maxErrorRate: 0.02, untilCertified: 'serve' } as const;
const label = (similarity: number, correct: boolean, weight = 1) => ({
  similarity,
  correct,
  weight,
  audit: weight > 1,
});
const many = (count: number, similarity: number, correct: boolean) =>
  Array.from({ length: count }, () => label(similarity, correct));

describe('verified mode', () => {
  it('serves at the configured threshold while nothing speaks against it, or not at all, as configured', () => {
    assert.deepEqual(new Calibration(options).verdict.threshold, 0.8);
    assert.equal(new Calibration({ ...options, untilCertified: 'miss' }).verdict.threshold, null);
    assert.equal(new Calibration(options, many(19, 0.9, false)).verdict.threshold, 0.8, 'too few to say');
  });

  it('certifies where enough was right, and not before', () => {
    const few = new Calibration(options, many(200, 0.9, true));
    assert.equal(few.verdict.standing, 'learning');
    const enough = new Calibration({ ...options, untilCertified: 'miss' }, many(400, 0.9, true));
    assert.equal(enough.verdict.standing, 'certified');
    assert.equal(enough.verdict.threshold, 0.8);
    assert.equal(enough.verdict.precision, 1);
  });

  it('raises the threshold above what was wrong', () => {
    const calibration = new Calibration(options, [...many(40, 0.82, false), ...many(400, 0.96, true)]);
    const { standing, threshold } = calibration.verdict;
    assert.equal(standing, 'certified');
    assert.ok(threshold! > 0.82 && threshold! <= 0.96);
  });

  it('gives up where every threshold is wrong, and comes back when that changes', () => {
    const calibration = new Calibration({ ...options, window: 500 }, many(100, 0.99, false));
    assert.equal(calibration.verdict.standing, 'off');
    assert.equal(calibration.verdict.threshold, null);
    for (const one of many(500, 0.99, true)) calibration.add(one);
    assert.equal(calibration.verdict.standing, 'certified', 'only the latest labels count');
  });

  it('does not take an audit that stands for many as many independent ones', () => {
    const weighed = new Calibration(
      options,
      Array.from({ length: 30 }, () => label(0.9, true, 20)),
    );
    assert.equal(weighed.verdict.standing, 'learning');
    assert.equal(weighed.verdict.labels, 30);
  });

  it('keeps the per-hit error under its bound on a stream of candidates that are wrong below a similarity', () => {
    let seed = 9;
    const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
    const calibration = new Calibration(options);
    let [hits, wrong, late] = [0, 0, 0];
    for (let i = 0; i < 20_000; i++) {
      const similarity = 0.8 + random() * 0.2;
      const correct = similarity > 0.9 || random() < 0.7;
      const { threshold } = calibration.verdict;
      const served = threshold !== null && similarity >= threshold;
      if (served && random() >= 0.05) {
        if (i < 5_000) continue;
        hits += 1;
        if (!correct) wrong += 1;
        late = wrong / hits;
      } else calibration.add(label(similarity, correct, served ? 20 : 1));
    }
    assert.ok(hits > 5_000, `${hits}`);
    assert.ok(late <= 0.02, `${late}`);
  });

  it("knows Wilson's interval", () => {
    const [low, high] = wilson(0.5, 100, 1.96);
    assert.ok(Math.abs(low - 0.4038) < 1e-3 && Math.abs(high - 0.5962) < 1e-3);
    assert.deepEqual(wilson(0, 0, 1.96), [0, 1]);
    assert.equal(wilson(0, 10, 1.96)[0], 0);
  });
});
