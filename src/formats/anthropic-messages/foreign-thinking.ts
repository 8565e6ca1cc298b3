/**
 * Takes thinking that is signed by this gateway alone (`own-signature.ts`) out of a conversation, in its bytes, and citations that
 * it made: every other byte stays as the caller wrote it. A conversation without such thinking is not read.
 */
import { isObject } from '../../lib/json.js';
import { jsonElements } from '../json-elements.js';
import { jsonFields } from '../json-fields.js';
import { isOwnSignature, OWN_CITATION } from './own-signature.js';

export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly with: string;
}

/** `start` and `end`: where the messages stand in `body`. */
export function withoutForeignThinking(body: Buffer, start: number, end: number): Edit[] {
  const messages = body.subarray(start, end);
  if (!messages.includes('"tg1.')) return [];
  return jsonElements(messages).flatMap((message) => editOf(body, message));
}

function editOf(body: Buffer, message: Buffer): Edit[] {
  const content = jsonFields(message.subarray(message.indexOf('{')))?.fields.findLast(({ name }) => name === 'content');
  if (!content) return [];
  const from = message.byteOffset - body.byteOffset + message.indexOf('{');
  const value = body.subarray(from + content.valueStart, from + content.valueEnd);
  if (value[0] !== 0x5b) return [];
  const blocks = jsonElements(value);
  const kept = blocks.filter((block) => !isForeign(block)).flatMap(withoutOwnCitations);
  if (kept.length === blocks.length && kept.every((block, i) => block === blocks[i])) return [];
  // A turn that said nothing else must say something.
  const left =
    kept.length > 0 ? kept.map((block) => block.toString('utf8').trim()) : ['{"type":"text","text":"(thinking)"}'];
  return [{ start: from + content.valueStart, end: from + content.valueEnd, with: `[${left.join(',')}]` }];
}

function isForeign(block: Buffer): boolean {
  const parsed: unknown = JSON.parse(block.toString('utf8'));
  return isObject(parsed) && parsed['type'] === 'thinking' && isOwnSignature(parsed['signature']);
}

/** A block that has no words and was there for its citations alone goes with them. */
function withoutOwnCitations(block: Buffer): Buffer | readonly Buffer[] {
  if (!block.includes(OWN_CITATION)) return block;
  const parsed: unknown = JSON.parse(block.toString('utf8'));
  if (!isObject(parsed) || !Array.isArray(parsed['citations'])) return block;
  const { citations, ...rest } = parsed;
  const kept = (citations as unknown[]).filter((one) => !isObject(one) || one['encrypted_index'] !== OWN_CITATION);
  if (kept.length === 0 && rest['text'] === '') return [];
  return Buffer.from(JSON.stringify(kept.length > 0 ? { ...rest, citations: kept } : rest));
}
