/**
 * Questions of two things that are asked in several frames: `How do A and B differ?`, `How is A different from B?` and
 * `What is the difference between A and B?` are one question, and so are those of a distance. Only a prompt that is one such
 * question and nothing else is read so.
 */
import { list } from './english.js';

interface Frame {
  /** Words, and `...` for one or more of any. */
  readonly reads: readonly string[];
  /** Words, and `1`, `2` for what the dots stood for. */
  readonly becomes: readonly string[];
}

const frameText = `
how do ... differ : difference between 1
how does ... differ from ... : difference between 1 and 2
how do ... differ from ... : difference between 1 and 2
how is ... different from ... : difference between 1 and 2
how are ... different from ... : difference between 1 and 2
how far is it from ... to ... : distance between 1 and 2
how far is ... from ... : distance between 1 and 2
what is the distance from ... to ... : distance between 1 and 2
`;

const frames: readonly Frame[] = frameText
  .trim()
  .split('\n')
  .map((line) => {
    const [reads = '', becomes = ''] = line.split(':');
    return { reads: list(reads), becomes: list(becomes) };
  });

/** The tokens in the frame that the others are told in; the same tokens where they are in none. */
export function framed<T extends { word: string; starts: boolean; at: number }>(tokens: readonly T[]): readonly T[] {
  if (tokens[0]?.word !== 'how' && tokens[0]?.word !== 'what') return tokens;
  if (tokens.some(({ starts }, i) => starts && i > 0)) return tokens;
  for (const { reads, becomes } of frames) {
    const gaps = gapsOf(reads, tokens);
    if (gaps) return becomes.flatMap((word) => gaps[Number(word) - 1] ?? [{ ...tokens[0]!, word, at: -1 }]);
  }
  return tokens;
}

/** What the dots stand for: each up to the next word of the frame, which may come only once, and the last up to the end. */
function gapsOf<T extends { word: string }>(reads: readonly string[], tokens: readonly T[]): T[][] | undefined {
  const gaps: T[][] = [];
  let at = 0;
  for (const [k, word] of reads.entries()) {
    if (word !== '...') {
      if (tokens[at]?.word !== word) return undefined;
      at += 1;
      continue;
    }
    const next = reads[k + 1];
    const rest = tokens.slice(at);
    const end = next === undefined ? rest.length : rest.findIndex((token) => token.word === next);
    if (end < 1 || (next !== undefined && rest.slice(end + 1).some((token) => token.word === next))) return undefined;
    gaps.push(rest.slice(0, end));
    at += end;
  }
  return at === tokens.length ? gaps : undefined;
}
