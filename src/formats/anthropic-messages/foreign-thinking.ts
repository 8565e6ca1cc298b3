/**
 * Takes thinking that is signed by this gateway alone (`own-signature.ts`) out of a conversation, in its bytes: every other byte
 * stays as the caller wrote it. A conversation without such thinking is not read.
 */
import { isObject } from '../../lib/json.js';
import { jsonElements } from '../json-elements.js';
import { jsonFields } from '../json-fields.js';
import { isOwnSignature } from './own-signature.js';

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
  const kept = blocks.filter((block) => !isForeign(block));
  if (kept.length === blocks.length) return [];
  // A turn that said nothing else must say something.
  const left =
    kept.length > 0 ? kept.map((block) => block.toString('utf8').trim()) : ['{"type":"text","text":"(thinking)"}'];
  return [{ start: from + content.valueStart, end: from + content.valueEnd, with: `[${left.join(',')}]` }];
}

function isForeign(block: Buffer): boolean {
  const parsed: unknown = JSON.parse(block.toString('utf8'));
  return isObject(parsed) && parsed['type'] === 'thinking' && isOwnSignature(parsed['signature']);
}
