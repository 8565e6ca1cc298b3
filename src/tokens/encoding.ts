/**
 * Byte-pair encoding that only counts. The ranks come from `gpt-tokenizer`; the merging is ours, because every tokenizer
 * on the registry is quadratic on one long run (a megabyte of one letter takes ten minutes) and some remember user text.
 *
 * Text is cut into windows of `WINDOW_CHARS`; the encoding's own pattern splits a window into pieces (text of ASCII
 * alone by `ascii-split.ts`, which is faster); a piece that is a
 * token counts as one, any other is merged pair by pair, lowest rank first, with a heap: n log n on any input. Nothing of
 * the text is kept. Special tokens such as `<|endoftext|>` are ordinary text here. Runs synchronously in scratch arrays
 * that all encodings share, about 0.2 ms per window at worst.
 */
import type { ProviderType } from '../provider/provider-type.js';
import { type AsciiRules, splitAscii } from './ascii-split.js';
import { growthOf } from './token-bounds.js';

export type EncodingName = ReturnType<ProviderType['counting']>['encoding'];

/**
 * A run without a splitting place that is longer than this is cut, which can add a token or two per cut (below 0.1 %).
 * Every other text is counted exactly.
 */
export const WINDOW_CHARS = 2048;
const POSITION_BITS = 13; // a window has at most three bytes per character
const SCRATCH_BYTES = 1 << POSITION_BITS;

const bytes = new Uint8Array(SCRATCH_BYTES);
const ends = new Int32Array(SCRATCH_BYTES);
const nextOf = new Int32Array(SCRATCH_BYTES + 1);
const previousOf = new Int32Array(SCRATCH_BYTES + 1);
const rankAt = new Int32Array(SCRATCH_BYTES + 1);
const ownRank = new Int32Array(SCRATCH_BYTES + 1);
const heap = new Int32Array(3 * SCRATCH_BYTES);
let heapSize = 0;
const utf8 = new TextEncoder();

export interface TextTally {
  tokens: number;
  /** How many more another tokenizer may make of the same text; stays as it is where no bounds are asked for. */
  beyond: number;
}

/** What counts the tokens of a text, a window at a time. */
export interface Counter {
  /**
   * Counts one window of `text` from `at`; adds to `tally` and returns where the next window begins. `bounds[rank]`: the most
   * tokens that another tokenizer makes of the token with that rank.
   */
  window(text: string, at: number, tally: TextTally, bounds?: Uint8Array | null): number;
}

/** A token is four bytes of UTF-8, the last one of a window perhaps fewer. */
export const quarterBytes: Counter = {
  window(text, at, tally) {
    const end = Math.min(at + WINDOW_CHARS, text.length);
    tally.tokens += Math.ceil(Buffer.byteLength(text.slice(at, end)) / 4);
    return end;
  },
};

export class Encoding implements Counter {
  readonly #split: RegExp;
  readonly #ascii: AsciiRules;
  readonly #table: RankTable;
  readonly #byteRank = new Int32Array(256);

  /**
   * `ranks[rank]` is a token, as text where it is valid UTF-8, else as bytes; `split` is global and covers any text; `ascii`
   * says the same of text that is ASCII alone.
   */
  constructor(ranks: readonly (string | readonly number[] | undefined)[], split: RegExp, ascii: AsciiRules) {
    this.#split = split;
    this.#ascii = ascii;
    this.#table = new RankTable(ranks);
    for (let byte = 0; byte < 256; byte++) {
      bytes[0] = byte;
      this.#byteRank[byte] = this.#table.rank(bytes, 0, 1);
    }
  }

  window(text: string, at: number, tally: TextTally, bounds: Uint8Array | null = null): number {
    let end = Math.min(at + WINDOW_CHARS, text.length);
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end--;
    const window = text.slice(at, end);
    const { written } = utf8.encodeInto(window, bytes);
    if (written === window.length) return at + this.#countAscii(written, end < text.length, tally, bounds);
    const pieces = window.match(this.#split);
    if (pieces === null) return end;
    if (end < text.length) {
      for (let drop = leftOver(pieces.length); drop > 0; drop--) end -= pieces.pop()!.length;
    }
    let start = 0;
    for (const piece of pieces) {
      const stop = start + Buffer.byteLength(piece);
      this.#count(start, stop, tally, bounds);
      start = stop;
    }
    if (bounds) tally.beyond += growthOf(text.slice(at, end));
    return end;
  }

  /** Counts the pieces of a window that is ASCII alone; answers how much of it was counted. */
  #countAscii(length: number, goesOn: boolean, tally: TextTally, bounds: Uint8Array | null): number {
    let count = splitAscii(bytes, length, this.#ascii, ends);
    if (goesOn) count -= leftOver(count);
    let start = 0;
    for (let i = 0; i < count; i++) {
      const stop = ends[i]!;
      this.#count(start, stop, tally, bounds);
      start = stop;
    }
    return start;
  }

  /** Counts the piece in `bytes` from `start` to `stop`. */
  #count(start: number, stop: number, tally: TextTally, bounds: Uint8Array | null): void {
    const rank = stop - start === 1 ? this.#byteRank[bytes[start]!]! : this.#table.rank(bytes, start, stop);
    if (rank < 0) {
      const tokens = this.#merge(start, stop);
      tally.tokens += tokens;
      if (!bounds) return;
      tally.beyond -= tokens;
      for (let at = start; at < stop; at = nextOf[at]!) tally.beyond += bounds[ownRank[at]!]!;
    } else {
      tally.tokens += 1;
      if (bounds) tally.beyond += bounds[rank]! - 1;
    }
  }

  /** How many tokens the piece in `bytes` from `start` to `stop` has. */
  #merge(start: number, stop: number): number {
    heapSize = 0;
    for (let at = start; at < stop; at++) {
      nextOf[at] = at + 1;
      previousOf[at] = at - 1;
      ownRank[at] = this.#byteRank[bytes[at]!]!;
    }
    for (let at = start; at < stop; at++) this.#rankPair(at, stop);
    let tokens = stop - start;
    while (heapSize > 0) {
      const lowest = pop();
      const at = lowest & (SCRATCH_BYTES - 1);
      if (rankAt[at] !== lowest >> POSITION_BITS) continue; // the pair that was here has been merged since
      const gone = nextOf[at]!;
      const after = nextOf[gone]!;
      rankAt[gone] = -1;
      ownRank[at] = lowest >> POSITION_BITS; // a token's rank is that of the pair that it was merged from
      nextOf[at] = after;
      previousOf[after] = at;
      tokens--;
      this.#rankPair(at, stop);
      if (at > start) this.#rankPair(previousOf[at]!, stop);
    }
    return tokens;
  }

  #rankPair(at: number, stop: number): void {
    const second = nextOf[at]!;
    const rank = second < stop ? this.#table.rank(bytes, at, nextOf[second]!) : -1;
    rankAt[at] = rank;
    if (rank >= 0) push((rank << POSITION_BITS) | at);
  }
}

/**
 * From the bytes of a token to its rank: open addressing in flat arrays, so that a look-up makes no string. A slot is four
 * numbers beside each other (hash, rank, where the token's bytes are, how many), which is one line of the processor's cache.
 */
class RankTable {
  readonly #tokens: Uint8Array;
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #longest: number;

  constructor(ranks: readonly (string | readonly number[] | undefined)[]) {
    const size = 2 ** Math.ceil(Math.log2(ranks.length * 2));
    this.#mask = size - 1;
    this.#slots = new Int32Array(4 * size);
    let total = 0;
    for (const token of ranks) total += typeof token === 'string' ? token.length * 3 : (token?.length ?? 0);
    const all = new Uint8Array(total);
    let end = 0;
    let longest = 0;
    for (let rank = 0; rank < ranks.length; rank++) {
      const token = ranks[rank] ?? '';
      const start = end;
      if (typeof token === 'string') end += utf8.encodeInto(token, all.subarray(start)).written;
      else for (const byte of token) all[end++] = byte;
      longest = Math.max(longest, end - start);
      if (end > start) this.#insert(hashOf(all, start, end), rank, start, end - start);
    }
    this.#tokens = all.slice(0, end);
    this.#longest = longest;
  }

  #insert(hash: number, rank: number, offset: number, length: number): void {
    let slot = hash & this.#mask;
    while (this.#slots[4 * slot + 3]! > 0) slot = (slot + 1) & this.#mask;
    this.#slots.set([hash, rank, offset, length], 4 * slot);
  }

  /** The rank of the token that `source` holds from `start` to `stop`; -1 where that is no token. */
  rank(source: Uint8Array, start: number, stop: number): number {
    const length = stop - start;
    if (length > this.#longest) return -1;
    const hash = hashOf(source, start, stop);
    const slots = this.#slots;
    const mask = this.#mask;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const at = 4 * slot;
      const known = slots[at + 3]!;
      if (known === 0) return -1;
      if (known !== length || slots[at] !== hash) continue;
      if (this.#equals(slots[at + 2]!, source, start, stop)) return slots[at + 1]!;
    }
  }

  #equals(offset: number, source: Uint8Array, start: number, stop: number): boolean {
    const tokens = this.#tokens;
    let from = offset;
    for (let at = start; at < stop; at++) if (tokens[from++] !== source[at]) return false;
    return true;
  }
}

/** FNV-1a, with the high bits folded in because the table uses the low ones. */
function hashOf(source: Uint8Array, start: number, stop: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < stop; at++) hash = Math.imul(hash ^ source[at]!, 0x01000193);
  return hash ^ (hash >>> 15);
}

/** The last two pieces of a window may go on beyond it (`don` `'` `t`), so they are left to the next one. */
const leftOver = (pieces: number): number => Math.min(2, pieces - 1);

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;

function push(entry: number): void {
  let at = heapSize++;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent]! <= entry) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = entry;
}

function pop(): number {
  const lowest = heap[0]!;
  const last = heap[--heapSize]!;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heapSize) break;
    if (child + 1 < heapSize && heap[child + 1]! < heap[child]!) child++;
    if (heap[child]! >= last) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return lowest;
}
