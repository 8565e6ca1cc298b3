/**
 * The limits as one would explain them, without a thought for speed: lists that are summed anew at each question. The
 * property test runs it beside a store. Maxima below 64 keep every taking of a rate apart, so that the two agree exactly.
 */
import type { Actuals, Estimate } from '../../src/limits/amount.js';
import type { Limit } from '../../src/limits/limit.js';

interface ModelPart {
  readonly limit: Limit;
  readonly windowId: string;
  amount: number;
  counted: number;
  taking: Taking | undefined;
}

interface Taking {
  readonly at: number;
  amount: number;
}

export interface ModelHold {
  parts: ModelPart[];
  outputTokens: number;
  state: 'open' | 'lapsed' | 'settled';
  leaseEnds: number;
}

export interface ModelFailure {
  readonly limit: Limit;
  readonly retryAfterMs: number | null;
  readonly affordableOutput: number;
}

export type ModelOutcome = ModelHold | readonly ModelFailure[] | 'gone';

const unitOf = (limit: Limit, requests: number, input: number, output: number, usd: number): number =>
  ({ requests, tokens: input + output, input_tokens: input, output_tokens: output, usd, concurrent: 0 })[
    limit.spec.unit
  ];

export class Model {
  readonly #leaseMs: number;
  readonly #takings = new Map<Limit, Taking[]>();
  readonly #spent = new Map<string, number>();
  readonly #holds: ModelHold[] = [];

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  level(limit: Limit, now: number): { spent: number; held: number } {
    this.#lapse(now);
    if (limit.kind === 'rate') return { spent: this.#inWindow(limit, now), held: 0 };
    const windowId = limit.windowAt(now)?.id ?? '';
    return { spent: this.#spent.get(`${limit.counter} ${windowId}`) ?? 0, held: this.#held(limit, windowId) };
  }

  reserve(hold: ModelHold | undefined, limits: readonly Limit[], estimate: Estimate, now: number): ModelOutcome {
    this.#lapse(now);
    if (hold && hold.state !== 'open') return 'gone';
    const { want, expected } = estimate.output;
    const min = Math.min(estimate.output.min, want);
    const failures: ModelFailure[] = [];
    let granted = want;
    for (const limit of limits) {
      const own = hold?.parts.find((part) => part.limit === limit);
      if (limit.kind === 'rate') {
        if (own) continue;
        const amount = this.#expected(limit, estimate, Math.min(want, expected));
        if (amount === 0 || this.#inWindow(limit, now) + amount <= limit.spec.max) continue;
        failures.push({ limit, retryAfterMs: this.#wait(limit, amount, now), affordableOutput: 0 });
        continue;
      }
      let affords = want;
      while (affords >= 0 && !this.#fits(limit, own, estimate, affords, now)) affords -= 1;
      granted = Math.min(granted, affords);
      const enough = limit.spec.on_exhausted === 'reject' ? want : min;
      if (affords < enough) failures.push({ limit, retryAfterMs: null, affordableOutput: affords });
    }
    if (failures.length > 0) return failures;
    return this.#take(hold, limits, estimate, granted, now);
  }

  settle(hold: ModelHold, used: Actuals, exact: boolean, now: number): void {
    if (hold.state === 'settled') return;
    for (const part of hold.parts) {
      const { limit, taking } = part;
      if (limit.kind === 'concurrent') continue;
      let actual = unitOf(limit, used.requests, used.inputTokens, used.outputTokens, used.usdNano);
      if (!exact) actual = Math.max(actual, part.amount);
      if (limit.kind === 'budget') this.#add(part, actual - (hold.state === 'lapsed' ? part.counted : 0));
      else if (actual < part.amount) taking!.amount -= part.amount - actual;
      else if (actual > part.amount) this.#takingsOf(limit).push({ at: now, amount: actual - part.amount });
    }
    hold.state = 'settled';
  }

  #take(
    before: ModelHold | undefined,
    limits: readonly Limit[],
    estimate: Estimate,
    granted: number,
    now: number,
  ): ModelHold {
    const hold = before ?? { parts: [], outputTokens: 0, state: 'open' as const, leaseEnds: 0 };
    if (!before) this.#holds.push(hold);
    hold.outputTokens = granted;
    hold.leaseEnds = now + this.#leaseMs;
    for (const limit of limits) {
      let part = hold.parts.find((other) => other.limit === limit);
      const isNew = !part;
      part ??= { limit, windowId: limit.windowAt(now)?.id ?? '', amount: 0, counted: 0, taking: undefined };
      if (isNew) hold.parts.push(part);
      if (limit.kind === 'rate') {
        if (!isNew) continue;
        part.amount = this.#expected(limit, estimate, Math.min(estimate.output.expected, estimate.output.want));
        part.taking = { at: now, amount: part.amount };
        this.#takingsOf(limit).push(part.taking);
      } else {
        part.amount = Math.max(part.amount, this.#worst(limit, estimate, granted));
        if (limit.kind === 'budget') part.counted = Math.max(part.counted, this.#worst(limit, estimate, 0));
      }
    }
    return hold;
  }

  #worst(limit: Limit, estimate: Estimate, output: number): number {
    if (limit.kind === 'concurrent') return 1;
    const usd = estimate.inputNanoMost + Math.ceil((output * estimate.outputPicoMost) / 1000);
    return unitOf(limit, 1, estimate.inputTokensMost, output, usd);
  }

  #expected(limit: Limit, estimate: Estimate, output: number): number {
    const usd = (tokens: number) => estimate.inputNanoMost + Math.ceil((tokens * estimate.outputPicoMost) / 1000);
    const whole = unitOf(limit, 1, estimate.inputTokens, output, usd(output));
    const input = unitOf(limit, 1, estimate.inputTokens, 0, usd(0));
    return input <= limit.spec.max ? Math.min(whole, limit.spec.max) : whole;
  }

  #fits(limit: Limit, own: ModelPart | undefined, estimate: Estimate, output: number, now: number): boolean {
    const asks = this.#worst(limit, estimate, output);
    if (this.#worst(limit, estimate, estimate.output.want) === 0) return true;
    const windowId = own?.windowId ?? limit.windowAt(now)?.id ?? '';
    const spent = this.#spent.get(`${limit.counter} ${windowId}`) ?? 0;
    return spent + this.#held(limit, windowId) - (own?.amount ?? 0) + asks <= limit.spec.max;
  }

  #wait(limit: Limit, amount: number, now: number): number | null {
    if (amount > limit.spec.max) return null;
    const ends = this.#takingsOf(limit).map(({ at }) => at + limit.windowMs);
    const moments = ends.filter((end) => end > now).sort((a, b) => a - b);
    return moments.find((end) => this.#inWindow(limit, end) + amount <= limit.spec.max)! - now;
  }

  #inWindow(limit: Limit, now: number): number {
    return sum(this.#takingsOf(limit).filter(({ at }) => at > now - limit.windowMs));
  }

  #held(limit: Limit, windowId: string): number {
    const open = this.#holds.filter(({ state }) => state === 'open').flatMap(({ parts }) => parts);
    return sum(open.filter((part) => part.limit === limit && part.windowId === windowId));
  }

  #lapse(now: number): void {
    for (const hold of this.#holds) {
      if (hold.state !== 'open' || hold.leaseEnds > now) continue;
      hold.state = 'lapsed';
      for (const part of hold.parts) if (part.limit.kind === 'budget') this.#add(part, part.counted);
    }
  }

  #add({ limit, windowId }: ModelPart, amount: number): void {
    const name = `${limit.counter} ${windowId}`;
    this.#spent.set(name, (this.#spent.get(name) ?? 0) + amount);
  }

  #takingsOf(limit: Limit): Taking[] {
    let takings = this.#takings.get(limit);
    if (!takings) {
      takings = [];
      this.#takings.set(limit, takings);
    }
    return takings;
  }
}

const sum = (list: readonly { readonly amount: number }[]): number =>
  list.reduce((total, { amount }) => total + amount, 0);
