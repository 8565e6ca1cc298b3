/**
 * The words of a text and where they begin. The gateway and the embedding process read a text in the same way, so that the
 * one can ask the other about a word by its place.
 */
export interface PlacedWord {
  /** As written. */
  readonly word: string;
  /** Index of its first UTF-16 unit. */
  readonly at: number;
}

const WORD = /\p{L}[\p{L}\p{M}\p{N}]*/gu;

export function placedWords(text: string): PlacedWord[] {
  const found: PlacedWord[] = [];
  for (const match of text.matchAll(WORD)) found.push({ word: match[0], at: match.index });
  return found;
}
