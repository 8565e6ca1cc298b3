/**
 * A value of a JSON text as it was written: a parsed number may not be the number that was written. The bytes must already have
 * passed `JSON.parse`.
 */

import { jsonElements } from '../formats/json-elements.js';
import { jsonFields } from '../formats/json-fields.js';

/** Undefined where there is nothing at the path, or what is there nests too deep. */
export function rawAt(json: Buffer, path: readonly (string | number)[]): Buffer | undefined {
  let at: Buffer | undefined = json;
  for (const step of path) {
    if (at === undefined) return undefined;
    at = typeof step === 'number' ? elementOf(at, step) : fieldOf(at, step);
  }
  return at;
}

function fieldOf(json: Buffer, name: string): Buffer | undefined {
  const found = jsonFields(json)?.fields.findLast((one) => one.name === name);
  return found && json.subarray(found.valueStart, found.valueEnd);
}

const OPENING = '['.charCodeAt(0);

const elementOf = (json: Buffer, index: number): Buffer | undefined =>
  json[0] === OPENING ? jsonElements(json)[index] : undefined;
