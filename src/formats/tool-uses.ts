/** How often a provider may use tools of its own for one request. */
import { isObject } from '../lib/json.js';

/** Where a request does not say how often a tool may be used. */
const UNSTATED_USES = 20;
/** More uses of one answer are not believed, and not held for. */
export const MOST_TOOL_USES = 1000;

/** `stated`: the maximum that the request names, whatever stands there. */
export const usesAllowed = (stated: unknown): number =>
  Number.isSafeInteger(stated) && (stated as number) >= 0 ? Math.min(stated as number, MOST_TOOL_USES) : UNSTATED_USES;

/** Of tools that name their maximum each. */
export function usesOfEach(tools: readonly unknown[]): number {
  let uses = 0;
  for (const tool of tools) uses += usesAllowed(isObject(tool) ? tool['max_uses'] : undefined);
  return Math.min(uses, MOST_TOOL_USES);
}
