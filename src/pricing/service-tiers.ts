/**
 * What a provider's service tiers cost as multiples of its list price, by the model. The catalogue has no prices of them. A tier
 * that is not here is billed as the standard one.
 */

type Multiples = Readonly<Record<string, number>>;

const HALF: Multiples = { batch: 0.5, flex: 0.5 };

/** OpenAI's priority by model; the first that matches counts. What is not listed costs twice: the dearest of them. */
const openaiPriority: readonly (readonly [model: RegExp, multiple: number])[] = [
  [/^gpt-4o-mini/, 5 / 3],
  [/^gpt-4o/, 1.7],
  [/^gpt-4\.1-nano/, 2],
  [/^gpt-4\.1/, 1.75],
  [/^gpt-5-mini/, 1.8],
  [/^o3/, 1.75],
  [/^o4-mini/, 20 / 11],
];

const byProvider: Readonly<Record<string, (model: string) => Multiples>> = {
  openai: (model) => ({ ...HALF, priority: openaiPriority.find(([pattern]) => pattern.test(model))?.[1] ?? 2 }),
  google: () => ({ ...HALF, priority: 1.8 }),
  // `fast` is the speed of that name, at the dearest multiple that it was sold at.
  anthropic: () => ({ batch: 0.5, fast: 6 }),
};

/** `provider`: its name in the catalogue; `model`: as the catalogue calls it. */
export const serviceMultiples = (provider: string, model: string): Multiples =>
  Object.hasOwn(byProvider, provider) ? byProvider[provider]!(model) : {};
