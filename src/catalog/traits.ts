/** What is known of a model beside its name, to be listed: of several targets the least that all of them have. */
import { inUse } from '../pricing/listed-price.js';
import type { Model, Models, Target } from './model.js';

export interface ModelTraits {
  /** Tokens of a request and its answer; null where that is not known. */
  readonly contextWindow: number | null;
  /** Most tokens of an answer; null where that is not known. */
  readonly maxOutput: number | null;
  /** US dollars for a million tokens, at the target that is asked first; null where that is not known. */
  readonly pricing: { readonly input: number; readonly cached_input: number; readonly output: number } | null;
}

export function traitsOf(model: Model, models: Models, nowMs: number): ModelTraits {
  const targets = targetsOf(model, models);
  const [first] = [...targets].sort((a, b) => a.priority - b.priority);
  const price = first?.priceAt(nowMs);
  return {
    contextWindow: least(targets.map((target) => target.contextWindow)),
    maxOutput: least([model.maxOutput, ...targets.map((target) => target.maxOutput)]),
    pricing: price ? inUse(price) : null,
  };
}

/** Of a route those of all models that it may lead to: a configuration has no circles. */
function targetsOf(model: Model, models: Models): readonly Target[] {
  if (!model.route) return model.targets;
  return model.route.uses.flatMap((name) => {
    const used = models.get(name);
    return used ? targetsOf(used, models) : [];
  });
}

const least = (known: readonly (number | null)[]): number | null =>
  known.reduce((low, one) => (one === null ? low : low === null ? one : Math.min(low, one)), null);
