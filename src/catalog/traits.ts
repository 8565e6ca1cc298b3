/** What is known of a model beside its name, to be listed: of several targets the least that all of them have. */
import type { ModelAbilities } from '../lib/abilities-spec.js';
import { inUse } from '../pricing/listed-price.js';
import type { Model, Models, Target } from './model.js';

export interface ModelTraits {
  /** Tokens of a request and its answer; null where that is not known. */
  readonly contextWindow: number | null;
  /** Most tokens of an answer; null where that is not known. */
  readonly maxOutput: number | null;
  /** What all of them take and give; of each, null where that is not known of one of them. */
  readonly abilities: ModelAbilities;
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
    abilities: shared(targets.map(({ abilities }) => abilities)),
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

function shared(all: readonly ModelAbilities[]): ModelAbilities {
  const common = <T>(of: readonly (readonly T[] | null)[]): readonly T[] | null =>
    of.length > 0 && of.every((one) => one !== null)
      ? of[0]!.filter((kind) => of.every((one) => one!.includes(kind)))
      : null;
  const every = (of: readonly (boolean | null)[]): boolean | null =>
    of.length === 0 || of.includes(null) ? null : of.every(Boolean);
  const forms = new Set(all.map(({ reasoning }) => reasoning));
  const [form = null] = forms;
  return {
    input: common(all.map(({ input }) => input)),
    output: common(all.map(({ output }) => output)),
    sampling: every(all.map(({ sampling }) => sampling)),
    tools: every(all.map(({ tools }) => tools)),
    forcedTool: every(all.map(({ forcedTool }) => forcedTool)),
    jsonSchema: every(all.map(({ jsonSchema }) => jsonSchema)),
    reasoning: forms.size === 1 ? form : null,
  };
}

const least = (known: readonly (number | null)[]): number | null =>
  known.reduce((low, one) => (one === null ? low : low === null ? one : Math.min(low, one)), null);
