/** The texts of the Responses API. */
import type { Json } from '../../lib/json.js';
import { openaiApart, openaiPlain } from '../openai-chat/texts.js';
import type { FormatTexts, TextPiece, TextRules } from '../texts.js';

const plain: ReadonlySet<string> = new Set([
  ...openaiPlain,
  ...['previous_response_id', 'summary', 'effort', 'truncation', 'include', 'phase', 'server_label', 'container_id'],
]);

const request: TextRules = {
  apart: new Set([...openaiApart, 'previous_response_id', 'conversation', 'include', 'reasoning', 'client_metadata']),
  plain,
  free: new Set(['arguments', 'args', 'parameters', 'schema']),
  echoes: new Set(),
};

const answer: TextRules = {
  ...request,
  // What the answer repeats of its request was looked at there.
  apart: new Set([...request.apart, 'instructions', 'tools', 'tool_choice', 'prompt']),
  frame: 'response',
  echoes: new Set(['logprobs']),
};

/** Deltas go by the place of their item; the ends of parts and items say the whole text once more. */
function pieces(event: Json): readonly TextPiece[] {
  const { delta, type } = event;
  if (typeof delta !== 'string' || delta === '') return [];
  return [{ holder: event as Record<string, unknown>, key: 'delta', of: `${itemOf(event)}${partOf(event)}/${type}` }];
}

const itemOf = ({ output_index: index, item_id: id }: Json): string =>
  `/${typeof index === 'number' ? index : String(id)}/`;
const partOf = ({ content_index: content, summary_index: summary }: Json): string => String(content ?? summary ?? '');

function ends(event: Json): readonly string[] {
  const type = String(event['type']);
  if (type === 'response.output_item.done') return [itemOf(event)];
  return type.endsWith('.done') && event['output_index'] !== undefined ? [`${itemOf(event)}${partOf(event)}/`] : [];
}

export const responsesTexts: FormatTexts = { request, answer, pieces, ends };
