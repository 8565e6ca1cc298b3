/**
 * Which words of English may mean the same, and which are opposites, as WordNet has them: `models/wordnet-3.1`. A pair that
 * is in neither list may still be the same; the model has to be far surer of it then.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/root.js';
import { stemOf } from './word-forms.js';

export interface Synonyms {
  /** They stand in one set of synonyms. */
  same(one: string, two: string): boolean;
  opposite(one: string, two: string): boolean;
}

const FOLDER = join(packageRoot, 'models/wordnet-3.1');

/** Reads two files; done once, at the start. */
export function loadSynonyms(folder = FOLDER): Synonyms {
  const sets = groupsByWord(readFileSync(join(folder, 'synonyms.txt'), 'utf8'));
  const opposites = groupsByWord(readFileSync(join(folder, 'antonyms.txt'), 'utf8'));
  return {
    same: (one, two) => meet(sets, one, two),
    opposite: (one, two) => meet(opposites, one, two) || meet(opposites, withoutDegree(one), withoutDegree(two)),
  };
}

/** `longer` and `longest` are `long`. */
const withoutDegree = (word: string): string => word.replace(/(?<=.{3})(?:er|est)$/, '');

type Groups = ReadonlyMap<string, ReadonlySet<number>>;

/** Stem of a word -> the lines that it is in. */
function groupsByWord(text: string): Groups {
  const found = new Map<string, Set<number>>();
  for (const [line, words] of text.split('\n').entries()) {
    for (const word of words.split(' ')) {
      const stem = stemOf(word);
      const lines = found.get(stem);
      if (lines) lines.add(line);
      else found.set(stem, new Set([line]));
    }
  }
  return found;
}

function meet(groups: Groups, one: string, two: string): boolean {
  const [a, b] = [groups.get(stemOf(one)), groups.get(stemOf(two))];
  if (!a || !b) return false;
  for (const line of a) if (b.has(line)) return true;
  return false;
}
