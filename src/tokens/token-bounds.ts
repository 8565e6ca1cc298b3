/**
 * How many tokens a model whose tokenizer is not public can make of a text at most. Each token of `o200k_base` has a measured
 * figure: the most that the real tokenizers of a family make of its bytes (`bench/tokenizers`). A text's bound is their sum,
 * so that it costs a look-up in a table for each token that is counted anyway. The table is read once, at the start.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../lib/root.js';

/** Whose tokenizers are measured together: those of open models and Gemini, Claude's up to 4.6, and Claude's since. */
export const boundFamilies = ['open', 'claude', 'claude_4_7'] as const;
export type BoundFamily = (typeof boundFamilies)[number];

export interface TokenBounds {
  /** By the rank of a token of `o200k_base`. */
  readonly perToken: Uint8Array;
  /** Tokens per byte of a text that nobody counts. Claude's marks of words and capitals come on top of its bytes. */
  readonly perByte: number;
  /**
   * What the sum of tokens may lack, as a factor: two tokens beside each other can be cut at another place than between them. The
   * most that was found in searching for it is stated in docs/limits.md.
   */
  readonly seams: number;
}

let read: Readonly<Record<BoundFamily, TokenBounds>> | undefined;

export function boundsOf(family: BoundFamily): TokenBounds {
  read ??= readTables();
  return read[family];
}

function readTables(): Readonly<Record<BoundFamily, TokenBounds>> {
  const all = readFileSync(join(packageRoot, 'src/tokens/token-bounds.bin'));
  const size = all.length / boundFamilies.length;
  const table = (family: BoundFamily, perByte: number, seams: number): TokenBounds => {
    const from = boundFamilies.indexOf(family) * size;
    return { perToken: all.subarray(from, from + size), perByte, seams };
  };
  return { open: table('open', 1, 1.1), claude: table('claude', 2.4, 1.2), claude_4_7: table('claude_4_7', 2.4, 1.25) };
}

/** Some tokenizers bring a text into a normal form first, in which a character may become several: by how many bytes it grows. */
export function growthOf(text: string): number {
  const sizeBytes = Buffer.byteLength(text);
  let most = sizeBytes;
  for (const form of ['NFC', 'NFKC']) {
    const normal = text.normalize(form);
    if (normal !== text) most = Math.max(most, Buffer.byteLength(normal));
  }
  return most - sizeBytes;
}
