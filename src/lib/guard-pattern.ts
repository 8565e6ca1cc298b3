/** Patterns of guards, as they are checked when a configuration is read. */
import { RE2JS } from 're2js';

/** What is wrong with a pattern; undefined: nothing. */
export function patternProblem(pattern: string): string | undefined {
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (error) {
    return `is no pattern of RE2: ${(error as Error).message.slice(0, 200)}`;
  }
  return compiled.matcher('').find() ? 'matches the empty text, which is everywhere' : undefined;
}
