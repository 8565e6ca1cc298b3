/** The texts of Google's dialect. Parts go on where those of the event before ended, whatever their place in the list is. */
import { isObject, type Json } from '../../lib/json.js';
import type { FormatTexts, TextPiece, TextRules } from '../texts.js';

const request: TextRules = {
  apart: new Set(['model', 'cachedContent', 'cached_content', 'labels', 'safetySettings', 'safety_settings']),
  plain: new Set([
    ...[
      'role',
      'name',
      'id',
      'mimeType',
      'mime_type',
      'type',
      'format',
      'thoughtSignature',
      'thought_signature',
      'mode',
    ],
    ...['responseMimeType', 'response_mime_type', 'responseModalities', 'response_modalities', 'taskType', 'task_type'],
    ...['language', 'outcome', 'finishReason', 'category', 'probability', 'modelVersion', 'responseId', 'voiceName'],
  ]),
  free: new Set([
    ...['args', 'response', 'parameters', 'parametersJsonSchema', 'parameters_json_schema'],
    ...['responseSchema', 'response_schema', 'responseJsonSchema', 'response_json_schema'],
  ]),
  echoes: new Set(),
};

const answer: TextRules = {
  ...request,
  apart: new Set(['usageMetadata', 'modelVersion', 'responseId', 'createTime', 'promptFeedback']),
  echoes: new Set(['logprobsResult']),
};

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function pieces(event: Json): readonly TextPiece[] {
  return listOf(event['candidates']).flatMap((candidate, place) => {
    if (!isObject(candidate) || !isObject(candidate['content'])) return [];
    const of = `/${String(candidate['index'] ?? place)}/`;
    return listOf(candidate['content']['parts']).flatMap((part): TextPiece[] =>
      isObject(part) && typeof part['text'] === 'string' && part['text'] !== ''
        ? [
            {
              holder: part as Record<string, unknown>,
              key: 'text',
              of: `${of}${part['thought'] === true ? 'thought' : 'text'}`,
            },
          ]
        : [],
    );
  });
}

const ends = (event: Json): readonly string[] =>
  listOf(event['candidates']).flatMap((candidate, place) =>
    isObject(candidate) && typeof candidate['finishReason'] === 'string'
      ? [`/${String(candidate['index'] ?? place)}/`]
      : [],
  );

export const geminiTexts: FormatTexts = { request, answer, pieces, ends };
