/** Whether a text may be compared by meaning at all. */
import { volatile } from './guard-words.js';
import type { Signature } from './signature.js';

export type TextUnfit = 'short' | 'volatile';

/** Why a text is better not compared: too little in it, or an answer that does not keep. Null: it may be. */
export function unfitText(text: string, { words }: Signature): TextUnfit | null {
  if (words.length < 3) return 'short';
  return volatile.test(text) ? 'volatile' : null;
}
