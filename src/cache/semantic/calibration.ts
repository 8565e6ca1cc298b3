/**
 * Verified mode, for one scope: which threshold keeps the share of wrong hits under the bound, judged by what fresh answers
 * said about candidates. Misses above the threshold's floor label their candidate for free; of would-be hits a random share
 * is answered upstream instead, and each such label stands for the hits that were not looked at. A threshold is certified
 * where the upper confidence bound of the error among labels at or above it is below the bound, with all thresholds of the
 * grid tried together (Bonferroni). Served is the lowest threshold that is certified. Where none is, and so configured, the
 * configured threshold is served for as long as its few labels say nothing, and then the lowest one whose observed error is
 * within the bound; where there is none, nothing is served until labels of later misses say better. Only the latest labels
 * count, so that it follows change.
 */

export interface Label {
  readonly similarity: number;
  readonly correct: boolean;
  readonly weight: number;
  readonly audit: boolean;
}

export interface CalibrationOptions {
  /** The configured threshold: no hit is below it. */
  readonly threshold: number;
  readonly maxErrorRate: number;
  readonly untilCertified: 'serve' | 'miss';
  readonly window?: number;
}

export type Standing = 'learning' | 'certified' | 'off';

export interface Verdict {
  readonly standing: Standing;
  /** Null: nothing is served. */
  readonly threshold: number | null;
  /** Labels at or above the threshold, as many as they are worth. */
  readonly labels: number;
  /** Share of right ones among them, with its 95 % interval; null where there are none. */
  readonly precision: number | null;
  readonly interval: readonly [low: number, high: number];
}

const STEPS = 10;
/** One-sided 95 % over the grid together: the normal quantile of 1 - 0.05 / 10. */
const Z_CERTIFY = 2.576;
const Z_95 = 1.96;
/** Fewer labels say nothing for or against a threshold. */
const LEAST_TO_JUDGE = 20;
const WINDOW = 3_000;

export class Calibration {
  readonly #options: CalibrationOptions;
  readonly #window: number;
  readonly #labels: Label[] = [];
  #verdict: Verdict | undefined;

  constructor(options: CalibrationOptions, labels: readonly Label[] = []) {
    this.#options = options;
    this.#window = options.window ?? WINDOW;
    for (const label of labels) this.add(label);
  }

  add(label: Label): void {
    if (label.similarity < this.#options.threshold) return;
    this.#labels.push(label);
    if (this.#labels.length > this.#window) this.#labels.shift();
    this.#verdict = undefined;
  }

  get verdict(): Verdict {
    this.#verdict ??= this.#judge();
    return this.#verdict;
  }

  #judge(): Verdict {
    const { threshold, maxErrorRate, untilCertified } = this.#options;
    let standing: Standing = 'off';
    let at: number | null = null;
    let provisional: number | null = null;
    for (let step = 0; step < STEPS; step++) {
      const tried = threshold + ((0.995 - threshold) * step) / (STEPS - 1);
      const { size, wrong } = this.#above(tried);
      if (size > 0 && wilson(wrong, size, Z_CERTIFY)[1] <= maxErrorRate) {
        standing = 'certified';
        at = tried;
        break;
      }
      const enough = size >= LEAST_TO_JUDGE;
      // The configured threshold has the benefit of the doubt; a higher one must have shown that it does better.
      if (enough ? wrong <= maxErrorRate : step === 0) provisional ??= tried;
    }
    if (standing === 'off' && provisional !== null) {
      standing = 'learning';
      at = untilCertified === 'serve' ? provisional : null;
    }
    const { size, wrong } = this.#above(at ?? provisional ?? threshold);
    const interval = wilson(1 - wrong, size, Z_95);
    return { standing, threshold: at, labels: size, precision: size > 0 ? 1 - wrong : null, interval };
  }

  /** The share of wrong ones among labels at or above a threshold, and how many independent labels that is worth. */
  #above(threshold: number): { size: number; wrong: number } {
    let sum = 0;
    let squares = 0;
    let wrong = 0;
    for (const { similarity, correct, weight } of this.#labels) {
      if (similarity < threshold) continue;
      sum += weight;
      squares += weight * weight;
      if (!correct) wrong += weight;
    }
    return sum === 0 ? { size: 0, wrong: 0 } : { size: (sum * sum) / squares, wrong: wrong / sum };
  }
}

/** Wilson's score interval of a share that was observed over `n`. */
export function wilson(share: number, n: number, z: number): [low: number, high: number] {
  if (n === 0) return [0, 1];
  const square = (z * z) / n;
  const centre = share + square / 2;
  const reach = z * Math.sqrt((share * (1 - share)) / n + square / (4 * n));
  return [Math.max(0, (centre - reach) / (1 + square)), Math.min(1, (centre + reach) / (1 + square))];
}
