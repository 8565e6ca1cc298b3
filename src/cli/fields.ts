/** What verbs share that make or change something field by field. */
import { UserError } from './gateway-client.js';

/** For options that may be repeated: all that were given. */
export const repeatable = (value: string, before: string[] = []): string[] => [...before, value];

/** The change that is sent: what is given, and null for what is to be cleared. */
export function patchOf(
  clear: readonly string[],
  clearable: readonly string[],
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const wrong = clear.find((field) => !clearable.includes(field));
  if (wrong !== undefined) throw new UserError(`--clear ${wrong}: expected one of ${clearable.join(', ')}.`);
  const patch = { ...Object.fromEntries(clear.map((field) => [field, null])), ...given };
  if (Object.keys(patch).length === 0) throw new UserError('Name what is to change; --help shows what can.');
  return patch;
}

/** The words for `--clear` in the help. */
export const clearWords = (clearable: readonly string[]): string =>
  `take away all of one of ${clearable.join(', ')}; may be repeated`;
