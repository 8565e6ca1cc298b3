/** The texts of the messages dialect. */
import { isObject, type Json } from '../../lib/json.js';
import { type FormatTexts, piecesBelow, type TextPiece, type TextRules } from '../texts.js';

const request: TextRules = {
  apart: new Set(['model', 'metadata', 'service_tier', 'container', 'thinking']),
  plain: new Set([
    ...[
      'id',
      'type',
      'role',
      'name',
      'model',
      'media_type',
      'tool_use_id',
      'file_id',
      'signature',
      'ttl',
      'stop_reason',
    ],
    ...['encrypted_content', 'encrypted_index', 'encrypted_stdout', 'service_tier'],
  ]),
  free: new Set(['input', 'input_schema', 'schema']),
  echoes: new Set(),
};

const answer: TextRules = {
  ...request,
  apart: new Set(['model', 'usage', 'id', 'container', 'error']),
  whole: new Set(['citation', 'citations', 'content']),
};

function pieces(event: Json): readonly TextPiece[] {
  const { type, index, delta, content_block: block } = event;
  if (type === 'content_block_start')
    return isObject(block) ? [...piecesBelow(block, `/${String(index)}`, answer)] : [];
  if (type !== 'content_block_delta' || !isObject(delta)) return [];
  return [...piecesBelow(delta, `/${String(index)}`, answer)];
}

const ends = ({ type, index }: Json): readonly string[] =>
  type === 'content_block_stop' ? [`/${String(index)}/`] : type === 'message_stop' ? ['/'] : [];

export const messagesTexts: FormatTexts = { request, answer, pieces, ends };
