/**
 * The signature under thinking that came from a target which signs nothing. The messages dialect has no thinking without a
 * signature, and callers send it back with the conversation: by this one it is known again. It names the target and the text,
 * so that thinking goes back to the target that wrote it, unchanged, and to no other one. It is no secret and proves nothing.
 */
import { createHash } from 'node:crypto';

const MARK = 'tg1.';

/** The index of a citation that came from another maker's model. */
export const OWN_CITATION = `${MARK}citation`;

/** The field of a chat completion in which the target tells its thinking. */
export type ThinkingField = 'reasoning_content' | 'reasoning';

export const ownSignature = (target: string, field: ThinkingField, thinking: string): string =>
  `${MARK}${field === 'reasoning' ? 'r' : 'c'}.${digest(target, thinking)}`;

export const isOwnSignature = (signature: unknown): boolean =>
  typeof signature === 'string' && signature.startsWith(MARK);

/** The field in which the thinking may go back to a target; undefined: it is another one's, or was changed. */
export function replayField(signature: unknown, target: string, thinking: string): ThinkingField | undefined {
  if (typeof signature !== 'string') return undefined;
  for (const field of ['reasoning_content', 'reasoning'] as const)
    if (signature === ownSignature(target, field, thinking)) return field;
  return undefined;
}

const digest = (target: string, thinking: string): string =>
  createHash('sha256').update(target).update('\0').update(thinking).digest('base64url').slice(0, 27);
