/** What may come later and is there at once, because it is small. */
import assert from 'node:assert/strict';

export function atOnce<T>(value: T | Promise<T>): T {
  assert.ok(!(value instanceof Promise), 'it is there at once');
  return value;
}
