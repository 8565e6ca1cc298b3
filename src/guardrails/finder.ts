/** What looks for something in a text. */

/** Told of a place that was found, and what was found there. */
export type Found = (start: number, end: number, type: string) => void;

export interface Finder {
  /** So much text is looked at in one step. Characters. */
  readonly step: number;
  /** Longer finds than this are not looked for. Characters. */
  readonly longest: number;
  /**
   * Finds, from left to right, what begins at `from` or later and before `until`. `text` is bounded by the caller, and its
   * beginning is there to be looked back at.
   */
  find(text: string, from: number, until: number, found: Found): void;
}
