/** What may come later, but is there at once for small bodies. */
import assert from 'node:assert/strict';

export function atOnce<T>(value: T | Promise<T>): T {
  assert.ok(!(value instanceof Promise), 'was not done at once');
  return value;
}
