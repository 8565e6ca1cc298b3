/** The texts of chat completions, and of what is derived from them. */
import { isObject, type Json } from '../../lib/json.js';
import { type FormatTexts, piecesBelow, type TextPiece, type TextRules } from '../texts.js';

/** Fields of all of OpenAI's formats. */
export const openaiApart: readonly string[] = [
  ...['model', 'user', 'safety_identifier', 'prompt_cache_key', 'metadata', 'stream_options', 'usage', 'x_tollgate'],
];
export const openaiPlain: readonly string[] = [
  ...[
    'id',
    'object',
    'type',
    'role',
    'name',
    'status',
    'model',
    'index',
    'tool_call_id',
    'call_id',
    'item_id',
    'file_id',
  ],
  ...['detail', 'format', 'service_tier', 'reasoning_effort', 'verbosity', 'modalities', 'voice', 'finish_reason'],
  ...['system_fingerprint', 'signature', 'encrypted_content', 'encoding_format', 'tool_choice', 'obfuscation', 'ttl'],
];

const request: TextRules = {
  apart: new Set(openaiApart),
  plain: new Set(openaiPlain),
  free: new Set(['arguments', 'input', 'args', 'parameters', 'schema']),
  echoes: new Set(),
};

export const chatAnswer: TextRules = {
  ...request,
  apart: new Set([...openaiApart, 'error']),
  echoes: new Set(['logprobs']),
};

/** A chunk's choices: what is in them comes in pieces. */
const chatPieces = ({ choices }: Json): readonly TextPiece[] => [...piecesBelow(choices, '', chatAnswer)];

function endedChoices({ choices }: Json): readonly string[] {
  if (!Array.isArray(choices)) return [];
  return (choices as unknown[]).flatMap((choice, place) => {
    if (!isObject(choice) || typeof choice['finish_reason'] !== 'string' || choice['finish_reason'] === '') return [];
    const { index } = choice;
    return [`/${typeof index === 'number' ? index : place}/`];
  });
}

export const chatTexts: FormatTexts = { request, answer: chatAnswer, pieces: chatPieces, ends: endedChoices };
