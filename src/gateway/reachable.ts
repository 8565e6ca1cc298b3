/** The models that a request may reach: the one that is asked for, those that its route uses, and the fallbacks of all of them. */
import type { Model, Models } from '../catalog/model.js';

const found = new WeakMap<Model, readonly Model[]>();
/** More models than one request can reach. */
const MOST = 1_000;

export function reachableFrom(model: Model, models: Models): readonly Model[] {
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
  const all = [...reached];
  found.set(model, all);
  return all;
}
