/**
 * Models whose names hold a `*`: each name that is asked for becomes a model of its own, made when it is first asked for and
 * kept while it is asked for. Names come from callers, so their number is bounded; what belongs to the metrics is shared by
 * all names of a pattern.
 */
import { LRUCache } from 'lru-cache';
import type { Model } from './model.js';

const MOST_NAMES = 1_000;
/** What may stand for the `*`, and a whole name. */
const SANE = /^[A-Za-z0-9._:/@+-]{1,128}$/;

interface Pattern {
  readonly before: string;
  readonly after: string;
  /** The model of a name in which `star` stands for the `*`. */
  readonly make: (name: string, star: string) => Model;
}

export class Wildcards {
  readonly #patterns: Pattern[] = [];
  readonly #made = new LRUCache<string, Model>({ max: MOST_NAMES });

  add(pattern: string, make: Pattern['make']): void {
    const star = pattern.indexOf('*');
    this.#patterns.push({ before: pattern.slice(0, star), after: pattern.slice(star + 1), make });
    // The most telling pattern first.
    this.#patterns.sort((a, b) => b.before.length - a.before.length || b.after.length - a.after.length);
  }

  get(name: string): Model | undefined {
    if (this.#patterns.length === 0) return undefined;
    const made = this.#made.get(name);
    if (made || !SANE.test(name)) return made;
    const pattern = this.#patterns.find(
      ({ before, after }) =>
        name.length > before.length + after.length && name.startsWith(before) && name.endsWith(after),
    );
    if (!pattern) return undefined;
    const model = pattern.make(name, name.slice(pattern.before.length, name.length - pattern.after.length));
    this.#made.set(name, model);
    return model;
  }

  /** The models that were asked for lately. */
  made(): readonly Model[] {
    return [...this.#made.values()];
  }
}
