/**
 * Words and phrases in a text, as whole words: `prove` is in "Prove it", and not in "improve". Scripts that are written without
 * spaces, or that join endings to words, have no such edges: there a keyword is found anywhere, and a word of another script may
 * stand right beside them. All keywords are looked for at once, in one pass whose time is in proportion to the text (Aho and
 * Corasick's automaton): each state is a beginning of keywords, and leads to the next by the character that follows.
 */
import { foldText } from './fold-text.js';

/** Written without spaces between words, or with endings joined to them. */
const UNSPACED =
  /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}\p{scx=Tibt}]/u;
const IN_WORD = /[\p{L}\p{N}\p{M}_]/u;

interface State {
  readonly next: Map<number, State>;
  /** The longest other beginning of a keyword that ends here. */
  fail: State | null;
  /** The nearest state by `fail` at whose end a keyword ends. */
  shorter: State | null;
  keyword: Keyword | null;
}

interface Keyword {
  /** As the configuration has it. */
  readonly written: string;
  readonly length: number;
  readonly edgeBefore: boolean;
  readonly edgeAfter: boolean;
}

/** Answers the first of the keywords that is in a folded text; undefined: none is. */
export function anyKeyword(keywords: readonly string[]): (folded: string) => string | undefined {
  const root = newState();
  for (const written of keywords) add(root, written);
  if (root.next.size === 0) return () => undefined;
  link(root);
  return (text) => search(root, text);
}

const newState = (): State => ({ next: new Map(), fail: null, shorter: null, keyword: null });

function add(root: State, written: string): void {
  const text = foldText(written).trim();
  if (text === '') return;
  let state = root;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    let next = state.next.get(unit);
    if (!next) state.next.set(unit, (next = newState()));
    state = next;
  }
  const { length } = text;
  const [edgeBefore, edgeAfter] = [hasEdge(characterAt(text, 0)), hasEdge(characterBefore(text, length))];
  state.keyword ??= { written: written.trim(), length, edgeBefore, edgeAfter };
}

/** Breadth first: the state that `fail` names is shorter, and so is linked already. */
function link(root: State): void {
  const waiting: State[] = [...root.next.values()];
  for (const state of waiting) state.fail = root;
  for (const state of waiting) {
    for (const [unit, next] of state.next) {
      let fail = state.fail;
      while (fail && !fail.next.has(unit)) fail = fail.fail;
      next.fail = fail?.next.get(unit) ?? root;
      next.shorter = next.fail.keyword ? next.fail : next.fail.shorter;
      waiting.push(next);
    }
  }
}

function search(root: State, text: string): string | undefined {
  let state = root;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    while (state !== root && !state.next.has(unit)) state = state.fail!;
    state = state.next.get(unit) ?? root;
    const found = endingAt(state, text, i + 1);
    if (found) return found.written;
  }
  return undefined;
}

/** The longest keyword that ends at a place, as a whole word where it has edges. */
function endingAt(state: State, text: string, end: number): Keyword | undefined {
  let at = state.keyword ? state : state.shorter;
  if (!at) return undefined;
  // All that end here end with the same character.
  if (at.keyword!.edgeAfter && hasEdge(characterAt(text, end))) return undefined;
  for (; at; at = at.shorter) {
    const keyword = at.keyword!;
    if (!keyword.edgeBefore || !hasEdge(characterBefore(text, end - keyword.length))) return keyword;
  }
  return undefined;
}

/** Whether a word that has this character at its edge goes on with another such. */
const hasEdge = (character: string): boolean => IN_WORD.test(character) && !UNSPACED.test(character);

const characterAt = (text: string, at: number): string =>
  at < text.length ? String.fromCodePoint(text.codePointAt(at)!) : '';

function characterBefore(text: string, end: number): string {
  if (end <= 0) return '';
  const low = text.charCodeAt(end - 1);
  const paired = low >= 0xdc00 && low <= 0xdfff && end > 1;
  return paired ? characterAt(text, end - 2) : text[end - 1]!;
}
