/**
 * Tools, the choice among them, and the form of the answer. They are decided together: where a model cannot be held to a
 * JSON schema by itself, its answer is asked for as the input of a tool that it must call.
 */

import type { Tool, ToolChoice } from '@anthropic-ai/sdk/resources/messages';
import type { ModelFacts } from '../../formats/anthropic-messages/model-facts.js';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import { cacheMark } from './cache-marks.js';
import { type AnswerForm, readAnswerForm } from './response-format.js';
import { sanitiseSchema } from './schema-sanitise.js';

export interface ToolPlan {
  readonly tools: Tool[];
  readonly choice: ToolChoice | undefined;
  readonly form: AnswerForm;
  /** The name of the tool whose input is the answer. */
  readonly jsonTool: string | undefined;
}

/** `inHistory`: the conversation has calls or results of tools. */
export function planTools(body: Json, facts: ModelFacts, inHistory: boolean, findings: Findings): ToolPlan {
  const declared = readTools(body['tools'], facts, findings);
  const { tools, choice } = allowedBy(readChoice(body['tool_choice'], declared, findings), declared, facts, findings);
  const form = readAnswerForm(body['response_format'], facts, findings);
  const mayAnswer = choice?.type !== 'any' && choice?.type !== 'tool'; // else this answer is a call, and has no other form
  if (form.type === 'tool' && mayAnswer) return withJsonTool(form, tools, choice, findings);
  const parallel = body['parallel_tool_calls'] ?? true;
  if (typeof parallel !== 'boolean') findings.invalid('parallel_tool_calls', 'must be a boolean');
  if (tools.length === 0)
    return { ...(inHistory ? placeholder : { tools, choice: undefined }), form, jsonTool: undefined };
  return {
    tools,
    choice: parallel === false ? oneAtATime(choice ?? { type: 'auto' }) : choice,
    form,
    jsonTool: undefined,
  };
}

/** A conversation that has tool blocks is refused without tools, so it gets one that may not be called. */
const placeholder: Pick<ToolPlan, 'tools' | 'choice'> = {
  tools: [{ name: 'unavailable', description: 'Not to be called.', input_schema: { type: 'object', properties: {} } }],
  choice: { type: 'none' },
};

function withJsonTool(
  form: Extract<AnswerForm, { type: 'tool' }>,
  tools: Tool[],
  choice: ToolChoice | undefined,
  findings: Findings,
): ToolPlan {
  const { schema, description } = form;
  if (schema['type'] !== undefined && schema['type'] !== 'object') {
    findings.invalid('response_format.json_schema.schema', "must be of type 'object'");
  }
  let name = 'json';
  while (tools.some((tool) => tool.name === name)) name += '_answer';
  const json: Tool = { name, description, input_schema: { ...schema, type: 'object' } };
  const alone = tools.length === 0 || choice?.type === 'none';
  // One call at a time: two calls would be two answers.
  const forced: ToolChoice = alone ? { type: 'tool', name } : { type: 'any' };
  return { tools: [...tools, json], choice: oneAtATime(forced), form, jsonTool: name };
}

const oneAtATime = (choice: ToolChoice): ToolChoice =>
  choice.type === 'none' ? choice : { ...choice, disable_parallel_tool_use: true };

function readTools(tools: unknown, facts: ModelFacts, findings: Findings): Tool[] {
  if (isAbsent(tools)) return [];
  if (!Array.isArray(tools)) {
    findings.invalid('tools', 'must be an array');
    return [];
  }
  return tools.flatMap((tool, i) => {
    const read = readTool(tool, `tools[${i}]`, facts, findings);
    return read ? [read] : [];
  });
}

function readTool(tool: unknown, path: string, facts: ModelFacts, findings: Findings): Tool | undefined {
  if (!isObject(tool)) return findings.invalid(path, 'must be an object');
  if (tool['type'] !== 'function') {
    return findings.unsupported(`${path}.type`, "must be 'function' for this model: it has no other kind of tool");
  }
  const { function: declared } = tool;
  if (!isObject(declared)) return findings.invalid(`${path}.function`, 'must be an object');
  const { name, description, parameters, strict } = declared;
  if (typeof name !== 'string' || name === '')
    return findings.invalid(`${path}.function.name`, 'must be a non-empty string');
  if (!isAbsent(description) && typeof description !== 'string') {
    return findings.invalid(`${path}.function.description`, 'must be a string');
  }
  if (!isAbsent(parameters) && !isObject(parameters)) {
    return findings.invalid(`${path}.function.parameters`, 'must be an object');
  }
  if (!isAbsent(strict) && typeof strict !== 'boolean')
    return findings.invalid(`${path}.function.strict`, 'must be a boolean');
  // Strict tools and schemas of answers are one ability: constrained decoding.
  const held = strict === true && facts.nativeStructuredOutput;
  if (strict === true && !held) findings.drop('tools[].function.strict');
  const schema = parameters ?? { properties: {} };
  const mark = cacheMark(tool, path, findings) ?? cacheMark(declared, `${path}.function`, findings);
  return {
    name,
    ...(description ? { description } : {}),
    input_schema: { ...(held ? sanitiseSchema({ type: 'object', ...schema }) : schema), type: 'object' },
    ...(held ? { strict: true } : {}),
    ...(mark ? { cache_control: mark } : {}),
  };
}

interface Wanted {
  readonly choice: ToolChoice | undefined;
  /** Only these may be called; undefined: all. */
  readonly names?: readonly string[];
}

function readChoice(choice: unknown, tools: readonly Tool[], findings: Findings): Wanted {
  if (isAbsent(choice)) return { choice: undefined };
  if (choice === 'auto') return { choice: { type: 'auto' } };
  if (choice === 'none') return { choice: { type: 'none' } };
  if (choice === 'required') {
    if (tools.length === 0) findings.invalid('tool_choice', "is 'required', but there are no tools");
    return { choice: { type: 'any' } };
  }
  if (!isObject(choice)) {
    findings.invalid('tool_choice', "must be 'none', 'auto', 'required' or an object");
    return { choice: undefined };
  }
  if (choice['type'] === 'allowed_tools') return readAllowedTools(choice['allowed_tools'], tools, findings);
  if (choice['type'] !== 'function') {
    findings.unsupported('tool_choice.type', 'cannot be translated for this model');
    return { choice: undefined };
  }
  const name = declaredName(choice, 'tool_choice', tools, findings);
  return name === undefined ? { choice: undefined } : { choice: { type: 'tool', name }, names: [name] };
}

function readAllowedTools(allowed: unknown, tools: readonly Tool[], findings: Findings): Wanted {
  const path = 'tool_choice.allowed_tools';
  const { mode, tools: named } = isObject(allowed) ? allowed : {};
  if (!Array.isArray(named)) findings.invalid(`${path}.tools`, 'must be an array');
  else if (mode !== 'auto' && mode !== 'required') findings.invalid(`${path}.mode`, "must be 'auto' or 'required'");
  else {
    const names = named.map((tool, i) => declaredName(tool, `${path}.tools[${i}]`, tools, findings) ?? '');
    return { choice: { type: mode === 'auto' ? 'auto' : 'any' }, names };
  }
  return { choice: undefined };
}

/** The name in `{type: "function", function: {name}}`, which must be that of a declared tool. */
function declaredName(choice: unknown, path: string, tools: readonly Tool[], findings: Findings): string | undefined {
  const named = isObject(choice) && isObject(choice['function']) ? choice['function']['name'] : undefined;
  if (typeof named === 'string' && tools.some(({ name }) => name === named)) return named;
  return findings.invalid(`${path}.function.name`, "must name one of 'tools'");
}

/**
 * What the choice leaves of the tools. A model that refuses to be forced is offered only the tool that was wanted, where
 * the caller agreed to lose the rest of the meaning.
 */
function allowedBy(
  { choice, names }: Wanted,
  tools: Tool[],
  facts: ModelFacts,
  findings: Findings,
): Pick<ToolPlan, 'tools' | 'choice'> {
  const forced = choice?.type === 'any' || choice?.type === 'tool';
  const refusesForce = forced && facts.rejectsForcedTool;
  if (refusesForce)
    findings.unsupported('tool_choice', 'cannot be forced on this model: it decides by itself whether to call a tool');
  const narrowed = names && (refusesForce || choice?.type !== 'tool');
  return {
    tools: narrowed ? tools.filter(({ name }) => names.includes(name)) : tools,
    choice: refusesForce ? { type: 'auto' } : choice,
  };
}
