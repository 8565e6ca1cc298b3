/**
 * Tools and the choice among them. A name of up to 128 characters is shortened to the 64 that chat completions have, by its own
 * hash, so that it is the same in every request, and told in full again in the answer.
 */
import { isOwnTool } from '../../formats/anthropic-messages/blocks.js';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import { CHAT_NAMES, callersNames, nameFor } from '../tool-names.js';

/** The name of a tool as a chat completion can have it. */
export const toolName = (name: string): string => nameFor(CHAT_NAMES, name);

/** The names of the tools of a request, by what `toolName` makes of them. */
export function namesByChat(request: Json): (name: string) => string {
  const tools: unknown[] = Array.isArray(request['tools']) ? request['tools'] : [];
  const names = tools.map((tool) => (isObject(tool) ? tool['name'] : undefined));
  return callersNames(
    CHAT_NAMES,
    names.filter((name) => typeof name === 'string'),
  );
}

export function readTools(json: Json, findings: Findings): Json {
  const written = Array.isArray(json['tools']) ? (json['tools'] as unknown[]) : [];
  const tools = written.flatMap((tool, i) => {
    const read = readTool(tool, `tools.${i}`, findings);
    return read ? [read] : [];
  });
  if (tools.length === 0) return {};
  const choice = json['tool_choice'];
  if (!isObject(choice)) return { tools };
  const told = readChoice(choice, tools, findings);
  const alone = choice['disable_parallel_tool_use'] === true;
  return {
    tools,
    ...(told === undefined ? {} : { tool_choice: told }),
    ...(alone && told !== 'none' ? { parallel_tool_calls: false } : {}),
  };
}

interface ChatTool {
  readonly type: 'function';
  readonly function: { readonly name: string };
}

function readTool(tool: unknown, path: string, findings: Findings): ChatTool | undefined {
  if (!isObject(tool)) return findings.invalid(path, 'must be an object');
  const { type, name, description, input_schema: schema, strict, cache_control: mark } = tool;
  if (!isOwnTool(tool)) {
    const named = typeof type === 'string' ? type.slice(0, 60) : '';
    return findings.unsupported(path, `is the tool '${named}' of Anthropic's own, which this model does not have`);
  }
  if (typeof name !== 'string' || name === '') return findings.invalid(`${path}.name`, 'must be a non-empty text');
  if (!isAbsent(description) && typeof description !== 'string')
    return findings.invalid(`${path}.description`, 'must be a text');
  if (!isObject(schema)) return findings.invalid(`${path}.input_schema`, 'must be an object');
  const held = strict === true && fitsStrict(schema);
  if (strict === true && !held) findings.drop('tools.strict');
  return {
    type: 'function',
    function: {
      name: toolName(name),
      ...(description ? { description } : {}),
      parameters: schema,
      ...(held ? { strict: true } : {}),
    },
    ...(isAbsent(mark) ? {} : { cache_control: mark }),
  } as ChatTool;
}

function readChoice(choice: Json, tools: readonly ChatTool[], findings: Findings): unknown {
  const { type, name } = choice;
  if (type === 'auto' || type === 'none') return type;
  if (type === 'any') return 'required';
  if (type !== 'tool') return findings.invalid('tool_choice.type', "must be 'auto', 'any', 'tool' or 'none'");
  const called = typeof name === 'string' ? toolName(name) : '';
  if (!tools.some((tool) => tool.function.name === called))
    return findings.invalid('tool_choice.name', "must name one of 'tools'");
  return { type: 'function', function: { name: called } };
}

const DEEPEST = 20;

/** Whether a schema is one that chat completions can hold a model to: every object closed, and every field required. */
export function fitsStrict(schema: unknown, depth = 0): boolean {
  if (Array.isArray(schema)) return schema.every((one) => fitsStrict(one, depth + 1));
  if (!isObject(schema)) return true;
  if (depth > DEEPEST) return false;
  const { type, properties, required, additionalProperties: more, oneOf, allOf, not } = schema;
  if (oneOf !== undefined || allOf !== undefined || not !== undefined) return false;
  if (type === 'object' || isObject(properties)) {
    const names = Object.keys(isObject(properties) ? properties : {});
    const all: unknown[] = Array.isArray(required) ? required : [];
    if (more !== false || !names.every((name) => all.includes(name))) return false;
  }
  return Object.entries(schema).every(([name, value]) => {
    if (['properties', '$defs', 'definitions'].includes(name))
      return !isObject(value) || Object.values(value).every((one) => fitsStrict(one, depth + 1));
    return !['items', 'anyOf'].includes(name) || fitsStrict(value, depth + 1);
  });
}
