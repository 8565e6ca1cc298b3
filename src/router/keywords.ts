/**
 * Words and phrases in a text, as whole words and whatever their case: `prove` is in "Prove it", and not in "improve". One
 * expression of literals, compiled once; what is not a letter at a word's edge (`c++`) needs no edge.
 */
const WORD = '[\\p{L}\\p{N}_]';
const isWord = (character = ''): boolean => /[\p{L}\p{N}_]/u.test(character);

/** The first of the keywords that is in a text; undefined: none is. */
export function anyKeyword(keywords: readonly string[]): (text: string) => string | undefined {
  const words = keywords.map((keyword) => keyword.trim()).filter((keyword) => keyword !== '');
  if (words.length === 0) return () => undefined;
  const pattern = new RegExp(words.map(asWhole).join('|'), 'iu');
  return (text) => pattern.exec(text)?.[0];
}

function asWhole(keyword: string): string {
  const characters = [...keyword];
  const before = isWord(characters[0]) ? `(?<!${WORD})` : '';
  const after = isWord(characters.at(-1)) ? `(?!${WORD})` : '';
  return before + keyword.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&').replace(/\s+/g, '\\s+') + after;
}
