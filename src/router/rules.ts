/**
 * Model routing: the first rule whose conditions all hold names the model that serves the request. Rules are compiled with the
 * configuration. The choice is a pure function of the rules, the request, the time and the random numbers that are handed in;
 * requests share only the vectors of the examples. The last rule has no conditions, so there is always a choice.
 */
import type { Embedder } from '../lib/embedder.js';
import type { RouteRule, WeightedUse } from '../lib/route-spec.js';
import { type Condition, type ConditionResult, conditionsOf, type RouteRequest, shareOf } from './conditions.js';

interface Rule {
  readonly conditions: readonly Condition[];
  readonly use: readonly WeightedUse[];
  readonly salt: string;
}

export interface Choice {
  /** The rule's place in the list, from 0. */
  readonly rule: number;
  /** A public name of a model. */
  readonly model: string;
}

/** The result of one rule, for `explain`. Rules after the one that matched are not evaluated. */
export interface RuleTrace {
  readonly rule: number;
  readonly use: string[];
  readonly matched: boolean | null;
  readonly conditions: ({ readonly name: string; readonly wanted: unknown } & Partial<ConditionResult>)[];
}

export class Rules {
  readonly #rules: readonly Rule[];

  /** `name`: of the model whose rules they are. */
  constructor(name: string, rules: readonly RouteRule[], embedder: Embedder | null) {
    const met = new Map<string, number>();
    this.#rules = rules.map(({ when, use }) => {
      const models = use.map(({ model }) => model);
      // The salt does not depend on the position in the list, so a rule keeps its users when another is inserted before it; of
      // several rules with the same models each has one of its own.
      const alike = `${name}\n${models.join('\n')}`;
      const before = met.get(alike) ?? 0;
      met.set(alike, before + 1);
      const salt = before === 0 ? alike : `${alike}\n\n${before}`;
      return { conditions: when ? conditionsOf(when, { salt, models, embedder }) : [], use, salt };
    });
  }

  /** Every model that a rule may choose. */
  get uses(): readonly string[] {
    return [...new Set(this.#rules.flatMap(({ use }) => use.map(({ model }) => model)))];
  }

  /** The model that serves where no condition holds. */
  get last(): string {
    return this.#rules.at(-1)!.use[0]!.model;
  }

  choose(request: RouteRequest): Choice | Promise<Choice> {
    return this.#from(0, 0, request);
  }

  /** Evaluates from a condition of a rule on. Synchronous as long as the conditions are. */
  #from(first: number, condition: number, request: RouteRequest): Choice | Promise<Choice> {
    for (let rule = first, at = condition; rule < this.#rules.length - 1; rule++, at = 0) {
      const { conditions } = this.#rules[rule]!;
      for (; at < conditions.length; at++) {
        const finding = conditions[at]!.ask(request);
        if (finding instanceof Promise) {
          const [r, c] = [rule, at];
          return finding.then(({ holds }) => (holds ? this.#from(r, c + 1, request) : this.#from(r + 1, 0, request)));
        }
        if (!finding.holds) break;
      }
      if (at === conditions.length) return this.#use(rule, request);
    }
    return this.#use(this.#rules.length - 1, request);
  }

  #use(rule: number, request: RouteRequest): Choice {
    const { use, salt } = this.#rules[rule]!;
    return { rule, model: use.length === 1 ? use[0]!.model : drawn(use, shareOf(request, `use\n${salt}`)) };
  }

  /** The choice and how it came about. All conditions are evaluated of each rule up to the one that matched. */
  async explain(request: RouteRequest): Promise<{ choice: Choice; trace: readonly RuleTrace[] }> {
    let choice: Choice | undefined;
    const trace: RuleTrace[] = [];
    for (const [rule, { conditions, use }] of this.#rules.entries()) {
      const asked = choice === undefined;
      const findings = asked ? await Promise.all(conditions.map((condition) => condition.ask(request))) : [];
      const matched = asked ? findings.every(({ holds }) => holds) : null;
      if (matched) choice = this.#use(rule, request);
      trace.push({
        rule,
        use: use.map(({ model }) => model),
        matched,
        conditions: conditions.map(({ name, wanted }, i) => ({ name, wanted, ...findings[i] })),
      });
    }
    return { choice: choice ?? this.#use(this.#rules.length - 1, request), trace };
  }
}

function drawn(use: readonly WeightedUse[], place: number): string {
  const total = use.reduce((sum, { weight }) => sum + weight, 0);
  let left = place * total;
  for (const { model, weight } of use) {
    if (left < weight) return model;
    left -= weight;
  }
  return use.findLast(({ weight }) => weight > 0)!.model;
}
