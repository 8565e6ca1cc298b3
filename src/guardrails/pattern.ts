/** Patterns of RE2: they take time that grows with the text and never more, whatever the text is. */
import { RE2JS } from 're2js';
import type { Finder, Found } from './finder.js';

/** Characters; a longer match may be missed. */
const LONGEST_MATCH = 512;
/** A pattern may take a microsecond for each character, and a step is to take about one of a thousand. */
const STEP = 1_024;

export class PatternFinder implements Finder {
  readonly step = STEP;
  readonly longest = LONGEST_MATCH;
  readonly #patterns: readonly RE2JS[];
  readonly #type: string;

  constructor(patterns: readonly string[], type: string) {
    this.#patterns = patterns.map((pattern) => RE2JS.compile(pattern));
    this.#type = type;
  }

  find(text: string, from: number, until: number, found: Found): void {
    for (const pattern of this.#patterns) {
      const matcher = pattern.matcher(text);
      let at = from;
      while (at < until && matcher.find(at)) {
        const [start, end] = [matcher.start(), matcher.end()];
        // What is empty is nowhere.
        if (end > start) found(start, end, this.#type);
        at = end > start ? end : end + 1;
      }
    }
  }
}
