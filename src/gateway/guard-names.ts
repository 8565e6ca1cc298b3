/** The guards of models: those of all that a request may reach. */
import type { Model, Models } from '../catalog/model.js';
import { reachableFrom } from './reachable.js';

const found = new WeakMap<Model, readonly string[]>();

export function guardNamesOf(model: Model, models: Models): readonly string[] {
  const known = found.get(model);
  if (known) return known;
  const names = [...new Set(reachableFrom(model, models).flatMap(({ guards }) => guards))];
  found.set(model, names);
  return names;
}
