/**
 * Signed thinking of earlier answers, which goes back to the target unmodified and where it stood. It comes as
 * `thinking_blocks` of a message, as answers give it, or as `thinking` and `redacted_thinking` parts of its content. Thinking
 * that nobody signed is not sent: the target refuses it.
 */
import type { RedactedThinkingBlockParam, ThinkingBlockParam } from '@anthropic-ai/sdk/resources/messages';
import { isForeignSignature } from '../../formats/openai-chat/thinking-signature.js';
import { isObject } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import { isGoogles } from '../thought-signatures.js';

export type Thinking = ThinkingBlockParam | RedactedThinkingBlockParam;

/**
 * What of its message stood before a block of thinking: so many characters (UTF-16 code units) of the content and so many tool
 * calls. Answers tell it of blocks that are not at the beginning.
 */
export interface ThinkingPosition {
  readonly content: number;
  readonly tool_calls: number;
}

export interface PlacedThinking {
  readonly block: Thinking;
  readonly position: ThinkingPosition;
}

const BEGINNING: ThinkingPosition = { content: 0, tool_calls: 0 };

export const isThinkingPart = (part: unknown): boolean =>
  isObject(part) && (part['type'] === 'thinking' || part['type'] === 'redacted_thinking');

/** `thinking_blocks` of a message. */
export function placedThinking(blocks: unknown, path: string, findings: Findings): PlacedThinking[] {
  if (isAbsent(blocks)) return [];
  if (!Array.isArray(blocks)) {
    findings.invalid(path, 'must be an array');
    return [];
  }
  return blocks.flatMap((written: unknown, i) => {
    const block = thinkingBlock(written, `${path}[${i}]`, findings);
    const position = isObject(written)
      ? readPosition(written['position'], `${path}[${i}].position`, findings)
      : BEGINNING;
    return block ? [{ block, position }] : [];
  });
}

function readPosition(position: unknown, path: string, findings: Findings): ThinkingPosition {
  if (isAbsent(position)) return BEGINNING;
  const { content = 0, tool_calls = 0 } = isObject(position) ? position : { content: -1 };
  if (isCount(content) && isCount(tool_calls)) return { content, tool_calls };
  findings.invalid(path, "must hold 'content' and 'tool_calls', which are integers");
  return BEGINNING;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Only the fields that the signature is about; undefined for thinking that nobody signed. */
export function thinkingBlock(block: unknown, path: string, findings: Findings): Thinking | undefined {
  const { type, thinking, signature, data } = isObject(block) ? block : {};
  if (type === 'redacted_thinking') {
    if (typeof data !== 'string') return findings.invalid(`${path}.data`, 'must be a string');
    return data === '' ? undefined : { type, data };
  }
  if (type !== 'thinking') return findings.invalid(`${path}.type`, "must be 'thinking' or 'redacted_thinking'");
  if (isAbsent(signature) || signature === '' || isForeignSignature(signature)) return undefined;
  if (typeof signature !== 'string') return findings.invalid(`${path}.signature`, 'must be a string');
  if (typeof thinking !== 'string') return findings.invalid(`${path}.thinking`, 'must be a string');
  if (isGoogles(signature)) return undefined; // of a model of another maker
  return { type, thinking, signature };
}
