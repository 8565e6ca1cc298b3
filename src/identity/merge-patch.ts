/** A JSON merge patch (RFC 7396) of one object: what is left out stays, null removes, objects are merged member by member. */
import { isObject, type Json } from '../lib/json.js';
/** `undefined` changes nothing; null empties. Depth is bounded where the patch was validated. */
export function mergePatch(target: Json, patch: Json | null | undefined): Json {
  if (patch === undefined) return target;
  if (patch === null) return {};
  const merged = new Map(Object.entries(target));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else if (isObject(value)) merged.set(name, mergePatch(asObject(merged.get(name)), value));
    else merged.set(name, value);
  }
  return Object.fromEntries(merged);
}

const asObject = (value: unknown): Json => (isObject(value) ? value : {});
