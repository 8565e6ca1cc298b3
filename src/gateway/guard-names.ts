/** The guards of models. What a request may reach decides: the model, those that its route uses, and the fallbacks of all of them. */
import type { Model, Models } from '../catalog/model.js';

const found = new WeakMap<Model, readonly string[]>();
/** More models than one request can reach. */
const MOST = 1_000;

export function guardNamesOf(model: Model, models: Models): readonly string[] {
  const known = found.get(model);
  if (known) return known;
  const reached = new Set<Model>([model]);
  for (const one of reached) {
    if (reached.size > MOST) break;
    const { fallbacks, contextWindowFallbacks, contentPolicyFallbacks, route } = one;
    for (const name of [...(route?.uses ?? []), ...fallbacks, ...contextWindowFallbacks, ...contentPolicyFallbacks]) {
      const next = models.get(name);
      if (next) reached.add(next);
    }
  }
  const names = [...new Set([...reached].flatMap(({ guards }) => guards))];
  found.set(model, names);
  return names;
}
