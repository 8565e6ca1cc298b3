/** "Did you mean": the nearest of a few known words, and the words that a place of a schema knows. */
import type { z } from 'zod';
import type { Path } from './problem.js';

/** The candidate that is nearest to a word, if any is near enough to be a slip of the pen. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[-_. ]/g, '');
  let best: string | undefined;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(plain(word.slice(0, 100)), plain(candidate));
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/** `did you mean "port"?`, or the words that would do. */
export function suggestion(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates);
  if (near !== undefined) return `; did you mean "${near}"?`;
  if (candidates.length === 0) return '';
  const shown = candidates.slice(0, 20).join(', ');
  return `; known here: ${shown}${candidates.length > 20 ? ', ...' : ''}`;
}

/** Letters inserted, removed, replaced or swapped with their neighbour. */
export function editDistance(a: string, b: string): number {
  let older: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, previous[j]! + 1, row[j - 1]! + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j]!, older[j - 2]! + 1);
    }
    older = previous;
    previous = row;
  }
  return previous[b.length]!;
}

/** The parts of zod's schemas that a path can lead through. */
interface Def {
  readonly type: string;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly valueType?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly innerType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
}

/** The keys that a schema knows at a path. */
export function knownKeys(schema: z.core.$ZodType, path: Path): string[] {
  const def = schema._zod.def as unknown as Def;
  const inner = def.innerType ?? def.in;
  if (inner) return knownKeys(inner, path);
  if (def.options) return def.options.flatMap((option) => knownKeys(option, path));
  if (path.length === 0) return Object.keys(def.shape ?? {});
  const [step, ...rest] = path;
  const next = def.shape ? def.shape[String(step)] : (def.valueType ?? def.element);
  return next ? knownKeys(next, rest) : [];
}
