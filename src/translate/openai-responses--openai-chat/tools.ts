/**
 * Tools of the Responses API as functions of a chat completion, and calls of these told back as what they were. A custom tool,
 * whose input is plain text, becomes a function with one text; the tools of a namespace get its name in front of theirs. Tools
 * that OpenAI runs are refused by name.
 */
import { createHash } from 'node:crypto';
import { inputItems, itemType, listOf } from '../../formats/openai-responses/items.js';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';

/** What the caller calls a function of the chat completion. */
export interface CallerTool {
  readonly kind: 'function' | 'custom';
  readonly name: string;
  readonly namespace?: string;
}

export interface ToolPlan {
  /** As chat completions declare them. */
  readonly tools: readonly Json[];
  readonly choice: unknown;
}

/** Names of functions are this long at most. */
const LONGEST_NAME = 64;

/** A name that is too long keeps its beginning and ends in a hash of the whole. */
export function functionName(name: string, namespace: unknown): string {
  if (typeof namespace !== 'string' || namespace === '') return name;
  const joined = `${namespace}__${name}`;
  if (joined.length <= LONGEST_NAME) return joined;
  const hash = createHash('sha256').update(joined).digest('hex').slice(0, 8);
  return `${joined.slice(0, LONGEST_NAME - 9)}_${hash}`;
}

interface DeclaredTool {
  readonly tool: Json;
  readonly namespace: string | undefined;
  /** The field that it stands in. */
  readonly path: string;
}

/** Every tool, with those of namespaces and those that an item of the input adds. */
function* declaredTools({ tools, input }: Json): Generator<DeclaredTool, void> {
  yield* within(listOf(tools), 'tools');
  if (typeof input === 'string') return;
  for (const [i, item] of inputItems(input).entries())
    if (itemType(item) === 'additional_tools') yield* within(listOf(item['tools']), `input[${i}].tools`);
}

function* within(tools: readonly unknown[], path: string): Generator<DeclaredTool, void> {
  for (const [i, tool] of tools.entries()) {
    const at = `${path}[${i}]`;
    if (!isObject(tool)) yield { tool: {}, namespace: undefined, path: at };
    else if (tool['type'] !== 'namespace') yield { tool, namespace: undefined, path: at };
    else {
      const namespace = String(tool['name'] ?? '');
      for (const [j, child] of listOf(tool['tools']).entries())
        yield { tool: isObject(child) ? child : {}, namespace, path: `${at}.tools[${j}]` };
    }
  }
}

const kindOf = ({ type, name }: Json): CallerTool['kind'] | undefined => {
  if (typeof name !== 'string' || name === '') return undefined;
  return type === 'custom' ? 'custom' : type === 'function' || type === undefined ? 'function' : undefined;
};

/** Function of the chat completion -> the caller's tool. */
export function callerTools(request: Json): ReadonlyMap<string, CallerTool> {
  const found = new Map<string, CallerTool>();
  for (const { tool, namespace } of declaredTools(request)) {
    const kind = kindOf(tool);
    if (!kind) continue;
    const name = tool['name'] as string;
    found.set(functionName(name, namespace), { kind, name, ...(namespace !== undefined && { namespace }) });
  }
  return found;
}

export function planTools(request: Json, findings: Findings): ToolPlan {
  const tools: Json[] = [];
  for (const { tool, namespace, path } of declaredTools(request)) {
    const declared = declaration(tool, namespace, path, findings);
    if (declared) tools.push(declared);
  }
  return chosen(request['tool_choice'], tools, findings);
}

function declaration(tool: Json, namespace: string | undefined, path: string, findings: Findings): Json | undefined {
  const { type, name, description, parameters, strict } = tool;
  if (type !== undefined && type !== 'function' && type !== 'custom') {
    const what = typeof type === 'string' ? `is '${type.slice(0, 60)}', a tool` : 'is a kind of tool';
    return findings.unsupported(`${path}.type`, `${what} that this model's provider does not run`);
  }
  if (typeof name !== 'string' || name === '') return findings.invalid(`${path}.name`, 'must be a non-empty string');
  const called = { name: functionName(name, namespace), ...(isAbsent(description) ? {} : { description }) };
  if (type === 'custom') return { type: 'function', function: { ...called, ...textInput(tool) } };
  return {
    type: 'function',
    function: {
      ...called,
      ...(isAbsent(parameters) ? {} : { parameters }),
      ...(typeof strict === 'boolean' ? { strict } : {}),
    },
  };
}

/** A custom tool takes a text, which may have to follow a grammar: the model is told of it in words. */
function textInput({ description, format }: Json): Json {
  const grammar = isObject(format) && format['type'] === 'grammar' ? format : undefined;
  const rule = grammar
    ? `The input must follow this ${String(grammar['syntax'] ?? 'grammar')} grammar:\n${String(grammar['definition'] ?? '')}`
    : '';
  return {
    ...(rule === ''
      ? {}
      : { description: [description, rule].filter((text) => typeof text === 'string').join('\n\n') }),
    parameters: {
      type: 'object',
      properties: { input: { type: 'string', description: 'The input of the tool, as plain text.' } },
      required: ['input'],
      additionalProperties: false,
    },
  };
}

const nameOf = (tool: Json): unknown => (isObject(tool['function']) ? tool['function']['name'] : undefined);

function chosen(choice: unknown, tools: readonly Json[], findings: Findings): ToolPlan {
  if (isAbsent(choice) || tools.length === 0) return { tools, choice: undefined };
  if (typeof choice === 'string') return { tools, choice };
  if (!isObject(choice)) {
    findings.invalid('tool_choice', "must be 'none', 'auto', 'required' or an object");
    return { tools, choice: undefined };
  }
  const { type, name, namespace, mode } = choice;
  if ((type === 'function' || type === 'custom') && typeof name === 'string')
    return { tools, choice: { type: 'function', function: { name: functionName(name, namespace) } } };
  if (type === 'allowed_tools') {
    const names = new Set(
      listOf(choice['tools'])
        .filter(isObject)
        .map((tool) => functionName(String(tool['name'] ?? ''), tool['namespace'])),
    );
    return {
      tools: tools.filter((tool) => names.has(String(nameOf(tool)))),
      choice: mode === 'required' ? mode : 'auto',
    };
  }
  findings.unsupported('tool_choice.type', "names a tool that this model's provider does not run");
  return { tools, choice: undefined };
}
