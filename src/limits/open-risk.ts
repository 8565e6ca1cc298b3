/**
 * How far the requests that run now may take a rate beyond its maximum. A rate takes the answer that is expected, and a request that
 * states a maximum may use that much. As long as all that run together may go over by no more than a quarter of the window, each
 * takes what is expected; the next ones take more, up to all that they state. So answers of any length after many short ones, all
 * asked for at once, take a window over by a quarter, or by one answer where that is more. Counted in this process, for all
 * its workers: each of several gateways allows its own quarter.
 */
import { cost, type Estimate } from './amount.js';
import type { Limit } from './limit.js';

const SHARE = 0.25;

/** Gives back what a request might have used beyond what was taken. Again, it does nothing. */
export type Ended = () => void;

/** Where somebody else counts it. */
export const riskElsewhere: Pick<OpenRisk, 'take'> = {
  take: (_limits, estimate) => ({ estimate, ended: undefined }),
};

export class OpenRisk {
  /** By counter, in the unit of its limit. */
  readonly #open = new Map<string, number>();

  /** Counters that are open now. */
  get size(): number {
    return this.#open.size;
  }

  /** The estimate that rates take of a request that states its maximum, and what is to be called at its end. */
  take(
    limits: readonly Limit[],
    estimate: Estimate,
  ): { readonly estimate: Estimate; readonly ended: Ended | undefined } {
    const rates = limits.filter(takesExpected);
    const { want, expected } = estimate.output;
    if (rates.length === 0 || expected >= want) return { estimate, ended: undefined };
    let beyond = want - expected;
    for (const limit of rates) beyond = Math.min(beyond, this.#room(limit, estimate));
    const taken = { ...estimate, output: { ...estimate.output, expected: want - beyond } };
    if (beyond === 0) return { estimate: taken, ended: undefined };
    const risks = rates.map((limit): readonly [string, number] => [limit.counter, inUnitOf(limit, beyond, estimate)]);
    for (const [counter, risk] of risks) this.#open.set(counter, (this.#open.get(counter) ?? 0) + risk);
    let open = true;
    const ended = () => {
      if (!open) return;
      open = false;
      for (const [counter, risk] of risks) this.#close(counter, risk);
    };
    return { estimate: taken, ended };
  }

  #close(counter: string, risk: number): void {
    const left = (this.#open.get(counter) ?? 0) - risk;
    if (left > 0) this.#open.set(counter, left);
    else this.#open.delete(counter);
  }

  /** Output tokens that one more request may use beyond what is taken of it. */
  #room(limit: Limit, estimate: Estimate): number {
    const open = this.#open.get(limit.counter);
    if (open === undefined) return Number.POSITIVE_INFINITY; // one answer
    const left = limit.spec.max * SHARE - open;
    if (left <= 0) return 0;
    const milli = limit.spec.unit === 'usd' ? estimate.outputPicoMost : 1000;
    return milli === 0 ? Number.POSITIVE_INFINITY : Math.floor((left * 1000) / milli);
  }
}

const takesExpected = ({ kind, spec }: Limit): boolean =>
  kind === 'rate' &&
  spec.hold !== 'worst' &&
  (spec.unit === 'tokens' || spec.unit === 'output_tokens' || spec.unit === 'usd');

const inUnitOf = ({ spec }: Limit, tokens: number, { outputPicoMost }: Estimate): number =>
  spec.unit === 'usd' ? cost(tokens, outputPicoMost) : tokens;
