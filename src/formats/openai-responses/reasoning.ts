/**
 * What a model thought, as it comes back with the next turn. OpenAI's own blobs are opaque and go back to OpenAI alone. Where
 * another provider's thinking must be sent back (Claude's blocks with their signatures, what others tell as
 * `reasoning_content`), it travels in `encrypted_content` as an envelope of the gateway's: a version, and JSON in base64url. It
 * is not encrypted, since it holds nothing that its caller was not given and what is signed is verified by who signed it.
 */
import { isObject, type Json } from '../../lib/json.js';

const MARK = 'tg1.';
const LONGEST = 4 * 1024 * 1024;

export interface ReasoningEnvelope {
  /** The model that thought it, as its target calls it. */
  readonly model: string;
  /** `thinking_blocks` of the chat dialect: signed, and sent back as they are. */
  readonly blocks?: readonly Json[];
  /** What was thought, where nothing is signed. */
  readonly text?: string;
  /** By the id of a call: fields that its provider wants back with it. */
  readonly calls?: Readonly<Record<string, Json>>;
}

export const isOwnBlob = (blob: unknown): blob is string => typeof blob === 'string' && blob.startsWith(MARK);

export const sealReasoning = (envelope: ReasoningEnvelope): string =>
  MARK + Buffer.from(JSON.stringify(envelope)).toString('base64url');

/** Undefined for a blob of somebody else, and for one that was changed. */
export function openReasoning(blob: unknown): ReasoningEnvelope | undefined {
  if (!isOwnBlob(blob) || blob.length > LONGEST) return undefined;
  try {
    const opened: unknown = JSON.parse(Buffer.from(blob.slice(MARK.length), 'base64url').toString('utf8'));
    if (!isObject(opened) || typeof opened['model'] !== 'string') return undefined;
    const { model, blocks, text, calls } = opened;
    return {
      model,
      ...(Array.isArray(blocks) && { blocks: blocks.filter(isObject) }),
      ...(typeof text === 'string' && { text }),
      ...(isObject(calls) && {
        calls: Object.fromEntries(Object.entries(calls).filter(([, value]) => isObject(value))) as Record<string, Json>,
      }),
    };
  } catch {
    return undefined;
  }
}
