/**
 * How an answer is held to a form.
 *
 * - A JSON schema is given to the model as such where it understands that, else it becomes a tool that the model must call.
 *   A schema with dictionaries, or one that refers to itself, goes the second way too: constrained decoding takes neither. A model
 *   that cannot be made to call a tool is told the schema in words, where the caller or the configuration agrees to that.
 * - "Some JSON object" exists nowhere at the target. The model is told, and a Markdown fence is taken off its answer. (A tool
 *   without a schema would be surer to be JSON, but models tend to call it with `{}`.)
 */

import type { JSONOutputFormat } from '@anthropic-ai/sdk/resources/messages';
import type { ModelFacts } from '../../formats/anthropic-messages/model-facts.js';
import type { ForcedToolChoice } from '../../formats/translation.js';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import { cannotHold, sanitiseSchema } from './schema-sanitise.js';

export type AnswerForm =
  | { readonly type: 'free' }
  | { readonly type: 'native'; readonly format: JSONOutputFormat }
  | { readonly type: 'tool'; readonly schema: Json; readonly description: string }
  | { readonly type: 'told'; readonly instruction: string };

const free: AnswerForm = { type: 'free' };
const INSTRUCTION =
  'Whenever you answer with text, that text must be one JSON object and nothing else: no prose around it, no Markdown fence.';
const told: AnswerForm = { type: 'told', instruction: INSTRUCTION };

const toldSchema = (schema: Json): AnswerForm => ({
  type: 'told',
  instruction: `${INSTRUCTION} It must be valid by this JSON schema: ${JSON.stringify(schema)}`,
});

/** `forced`: what is done where a model cannot be made to call a tool. */
export function readAnswerForm(
  format: unknown,
  facts: ModelFacts,
  forced: ForcedToolChoice,
  findings: Findings,
): AnswerForm {
  if (isAbsent(format)) return free;
  if (!isObject(format)) return findings.invalid('response_format', 'must be an object') ?? free;
  switch (format['type']) {
    case 'text':
      return free;
    case 'json_object':
      return told;
    case 'json_schema':
      return readSchema(format['json_schema'], facts, forced, findings);
    default:
      return findings.invalid('response_format.type', "must be 'text', 'json_object' or 'json_schema'") ?? free;
  }
}

function readSchema(wrapped: unknown, facts: ModelFacts, forced: ForcedToolChoice, findings: Findings): AnswerForm {
  const path = 'response_format.json_schema';
  if (!isObject(wrapped)) return findings.invalid(path, 'must be an object') ?? free;
  const { schema, description } = wrapped;
  if (isAbsent(schema)) return told;
  if (!isObject(schema)) return findings.invalid(`${path}.schema`, 'must be an object') ?? free;
  const why = cannotHold(schema);
  if (facts.nativeStructuredOutput && why === undefined) {
    return { type: 'native', format: { type: 'json_schema', schema: sanitiseSchema(schema) } };
  }
  if (facts.rejectsForcedTool) {
    if (forced === 'refuse') findings.unsupported(`${path}.schema`, cannotImpose(why));
    else findings.drop(`${path}.schema`);
    return toldSchema(schema);
  }
  const words = 'Give your answer by calling this tool: its input is the answer.';
  return { type: 'tool', schema, description: typeof description === 'string' ? `${words} ${description}` : words };
}

const cannotImpose = (why: string | undefined): string =>
  why === undefined ? 'cannot be imposed on this model' : `${why}, and this model cannot be held to that`;
