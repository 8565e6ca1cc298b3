/**
 * The tools of a request as the texts that its model reads. OpenAI's models read a short declaration, counted by the
 * cookbook's formula; what that formula does not know of (nested schemas, `$defs`, constraints) is counted as JSON, which
 * is longer than what the model sees. Other families read the declarations as JSON behind a prompt of their own.
 */

import type { ToolRule } from '../formats/openai-chat/models.js';
import type { ToolDeclaration } from '../formats/request-facts.js';
import { isObject } from '../lib/json.js';
import { jsonText } from '../lib/json-text.js';

/** The system prompt that some providers put before tools. */
const OTHER_TOOLS_PROMPT = 350;
/** Said in every schema and never shown to the model. */
const SILENT_KEYS = ['type', 'properties', 'required', '$schema'];

/** What is put before the tools of a request. `rule` is null for models that are not OpenAI's. */
export function toolsPrompt(rule: ToolRule | null, tally: { tokens: number; flat: number }): void {
  if (rule) tally.tokens += rule.perRequest;
  else tally.flat += OTHER_TOOLS_PROMPT;
}

/** One tool: by the formula where it has a declaration, else as the JSON that was `written`. Yields at least once. */
export function* toolText(
  declared: ToolDeclaration | null,
  written: unknown,
  rule: ToolRule | null,
  tally: { tokens: number },
): Generator<string, void> {
  if (rule && declared) yield* declaration(declared, rule, tally);
  else yield* jsonText(written);
}

function* declaration(
  { name, description, parameters }: ToolDeclaration,
  rule: ToolRule,
  tally: { tokens: number },
): Generator<string, void> {
  tally.tokens += rule.perTool;
  yield `${name}:${sentence(description)}`;
  if (!isObject(parameters)) {
    if (parameters !== undefined && parameters !== null) yield* jsonText(parameters);
    return;
  }
  const properties = parameters['properties'];
  if (isObject(properties)) {
    const names = Object.keys(properties);
    if (names.length > 0) tally.tokens += rule.firstProperty;
    for (const name of names) yield* property(name, properties[name], rule, tally);
  } else if (properties !== undefined) {
    yield* jsonText(properties);
  }
  const open = typeof parameters['additionalProperties'] === 'boolean';
  yield* jsonText(parameters, open ? [...SILENT_KEYS, 'additionalProperties'] : SILENT_KEYS);
}

function* property(name: string, schema: unknown, rule: ToolRule, tally: { tokens: number }): Generator<string, void> {
  tally.tokens += rule.perProperty;
  const { type, description, enum: choices } = isObject(schema) ? schema : {};
  const counted: string[] = [];
  if (typeof type === 'string') counted.push('type');
  if (typeof description === 'string') counted.push('description');
  if (Array.isArray(choices)) {
    counted.push('enum');
    if (choices.length > 0) tally.tokens += rule.firstEnumItem;
    for (const choice of choices) {
      tally.tokens += rule.perEnumItem;
      if (typeof choice === 'string') yield choice;
      else yield* jsonText(choice);
    }
  }
  yield `${name}:${typeof type === 'string' ? type : ''}:${sentence(description)}`;
  if (isObject(schema)) yield* jsonText(schema, counted);
  else yield* jsonText(schema);
}

/** A description without its full stop, as the declaration shows it. */
function sentence(description: unknown): string {
  if (typeof description !== 'string') return '';
  return description.endsWith('.') ? description.slice(0, -1) : description;
}
