/**
 * Google signs what its models thought on the part that the thought led to: a call of a tool, or the text. A signature has to come
 * back on the same part. Chat completions have no field for it, so it travels in two, and either is enough to bring it back:
 *
 * - `extra_content: {google: {thought_signature}}` on the call or on the message, as Google's own layer for OpenAI's clients has it;
 * - `thinking_blocks`, as Anthropic has it, for clients that keep those and nothing else. Their signature says that it is one of
 *   Google's, which no other provider takes, and which part it is of.
 */
import { isObject, type Json } from '../lib/json.js';

/** Which part of an answer: its text, or the call with that number. */
export type SignedPart = 'text' | number;

export interface Signed {
  readonly part: SignedPart;
  readonly signature: string;
}

/** Begins as what this gateway signs does, so that it is taken out of what goes to Anthropic. */
const GOOGLE = 'tg1.google.';

/** Whether a signature in `thinking_blocks` is of one of Google's models. */
export const isGoogles = (signature: string): boolean => signature.startsWith(GOOGLE);

export const extraContent = (signature: string): Json => ({ google: { thought_signature: signature } });

/** The signature that a message or a call carries for itself. */
export function carriedSignature({ extra_content: extra }: Json): string | undefined {
  const google = isObject(extra) ? extra['google'] : undefined;
  const signature = isObject(google) ? google['thought_signature'] : undefined;
  return typeof signature === 'string' && signature !== '' ? signature : undefined;
}

/** A signature as a block, with what was thought before it. */
export const signedBlock = ({ part, signature }: Signed, thinking: string): Json => ({
  type: 'thinking',
  thinking,
  signature: `${GOOGLE}${part}.${signature}`,
});

/** The signatures that a message has in its blocks. */
export function blockSignatures({ thinking_blocks: blocks }: Json): Signed[] {
  if (!Array.isArray(blocks)) return [];
  return blocks.flatMap((block) => {
    const signature = isObject(block) ? block['signature'] : undefined;
    const read = typeof signature === 'string' ? readSigned(signature) : undefined;
    return read ? [read] : [];
  });
}

function readSigned(written: string): Signed | undefined {
  const found = /^tg1\.google\.(text|\d{1,4})\./.exec(written);
  if (!found) return undefined;
  const [head, part] = found;
  return { part: part === 'text' ? part : Number(part), signature: written.slice(head.length) };
}
