/**
 * Tools, the choice among them, and the form of the answer. They are decided together: where a model cannot be held to a
 * JSON schema by itself, its answer is asked for as the input of a tool that it must call.
 */

import type { Tool, ToolChoice } from '@anthropic-ai/sdk/resources/messages';
import type { ModelFacts } from '../../formats/anthropic-messages/model-facts.js';
import type { ForcedToolChoice } from '../../formats/translation.js';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import type { ToolNames } from '../tool-names.js';
import { type AnswerForm, readAnswerForm } from './response-format.js';
import { rootObject } from './root-object.js';
import { readTools } from './tool-declarations.js';

export interface ToolPlan {
  readonly tools: Tool[];
  readonly choice: ToolChoice | undefined;
  readonly form: AnswerForm;
  /** The name of the tool whose input is the answer. */
  readonly jsonTool: string | undefined;
  /** What the model is told in place of being made to call a tool. */
  readonly instruction: string | undefined;
}

export interface ToolTerms {
  readonly facts: ModelFacts;
  readonly names: ToolNames;
  /** What is done where the model cannot be made to call a tool. */
  readonly forced: ForcedToolChoice;
  /** The conversation has calls or results of tools. */
  readonly inHistory: boolean;
}

export function planTools(body: Json, { facts, names, forced, inHistory }: ToolTerms, findings: Findings): ToolPlan {
  const declared = readTools(body['tools'], facts, names, findings);
  const wanted = readChoice(body['tool_choice'], declared, names, findings);
  const { tools, choice, instruction } = allowedBy(wanted, declared, facts, forced, findings);
  const form = readAnswerForm(body['response_format'], facts, forced, findings);
  const mayAnswer = choice?.type !== 'any' && choice?.type !== 'tool'; // else this answer is a call, and has no other form
  if (form.type === 'tool' && mayAnswer) return withJsonTool(form, tools, choice, findings);
  const parallel = body['parallel_tool_calls'] ?? true;
  if (typeof parallel !== 'boolean') findings.invalid('parallel_tool_calls', 'must be a boolean');
  if (tools.length === 0)
    return {
      ...(inHistory ? placeholder : { tools, choice: undefined }),
      ...{ form, jsonTool: undefined, instruction: undefined },
    };
  return {
    tools,
    choice: parallel === false ? oneAtATime(choice ?? { type: 'auto' }) : choice,
    ...{ form, jsonTool: undefined, instruction },
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
  const json: Tool = { name, description, input_schema: { ...rootObject(schema).schema, type: 'object' } };
  const alone = tools.length === 0 || choice?.type === 'none';
  // One call at a time: two calls would be two answers.
  const forced: ToolChoice = alone ? { type: 'tool', name } : { type: 'any' };
  return { tools: [...tools, json], choice: oneAtATime(forced), form, jsonTool: name, instruction: undefined };
}

const oneAtATime = (choice: ToolChoice): ToolChoice =>
  choice.type === 'none' ? choice : { ...choice, disable_parallel_tool_use: true };

interface Wanted {
  readonly choice: ToolChoice | undefined;
  /** Only these may be called; undefined: all. */
  readonly names?: readonly string[];
}

function readChoice(choice: unknown, tools: readonly Tool[], names: ToolNames, findings: Findings): Wanted {
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
  if (choice['type'] === 'allowed_tools') return readAllowedTools(choice['allowed_tools'], tools, names, findings);
  if (choice['type'] !== 'function') {
    findings.unsupported('tool_choice.type', 'cannot be translated for this model');
    return { choice: undefined };
  }
  const name = declaredName(choice, 'tool_choice', tools, names, findings);
  return name === undefined ? { choice: undefined } : { choice: { type: 'tool', name }, names: [name] };
}

function readAllowedTools(allowed: unknown, tools: readonly Tool[], names: ToolNames, findings: Findings): Wanted {
  const path = 'tool_choice.allowed_tools';
  const { mode, tools: named } = isObject(allowed) ? allowed : {};
  if (!Array.isArray(named)) findings.invalid(`${path}.tools`, 'must be an array');
  else if (mode !== 'auto' && mode !== 'required') findings.invalid(`${path}.mode`, "must be 'auto' or 'required'");
  else {
    const allowed = named.map((tool, i) => declaredName(tool, `${path}.tools[${i}]`, tools, names, findings) ?? '');
    return { choice: { type: mode === 'auto' ? 'auto' : 'any' }, names: allowed };
  }
  return { choice: undefined };
}

/** The name in `{type: "function", function: {name}}`, which must be that of a declared tool. */
function declaredName(
  choice: unknown,
  path: string,
  tools: readonly Tool[],
  names: ToolNames,
  findings: Findings,
): string | undefined {
  const named = isObject(choice) && isObject(choice['function']) ? choice['function']['name'] : undefined;
  const sent = typeof named === 'string' ? names.sent(named) : undefined;
  if (sent !== undefined && tools.some(({ name }) => name === sent)) return sent;
  return findings.invalid(`${path}.function.name`, "must name one of 'tools'");
}

/**
 * What the choice leaves of the tools. A model that refuses to be forced is offered only what was wanted, where the caller or the
 * configuration agreed to lose the rest of the meaning.
 */
function allowedBy(
  { choice, names }: Wanted,
  tools: Tool[],
  facts: ModelFacts,
  forced: ForcedToolChoice,
  findings: Findings,
): Pick<ToolPlan, 'tools' | 'choice' | 'instruction'> {
  if (isForced(choice) && facts.rejectsForcedTool) {
    if (forced !== 'refuse') return unforced(choice, only(tools, names), forced, findings);
    const words =
      "cannot be forced on this model, which decides by itself whether to call a tool. 'forced_tool_choice' of the model says what is done instead";
    findings.unsupported('tool_choice', words);
    return { tools: only(tools, names), choice: { type: 'auto' }, instruction: undefined };
  }
  // A tool that is named is called: what else there is need not be taken away.
  return { tools: choice?.type === 'tool' ? tools : only(tools, names), choice, instruction: undefined };
}

export const isForced = (choice: ToolChoice | undefined): choice is Extract<ToolChoice, { type: 'any' | 'tool' }> =>
  choice?.type === 'any' || choice?.type === 'tool';

const only = (tools: Tool[], names: readonly string[] | undefined): Tool[] =>
  names ? tools.filter(({ name }) => names.includes(name)) : tools;

/** The plan of a request in which force gives way to thinking. */
export function withoutForce(plan: ToolPlan, forced: ForcedToolChoice, findings: Findings): ToolPlan {
  const { choice, tools } = plan;
  if (!isForced(choice)) return plan;
  const names = choice.type === 'tool' ? [choice.name] : undefined;
  return { ...plan, ...unforced(choice, only(tools, names), forced, findings) };
}

/** `tools`: those that the model may choose from. */
function unforced(
  choice: Extract<ToolChoice, { type: 'any' | 'tool' }>,
  tools: Tool[],
  forced: ForcedToolChoice,
  findings: Findings,
): Pick<ToolPlan, 'tools' | 'choice' | 'instruction'> {
  findings.drop('tool_choice');
  const { disable_parallel_tool_use: single } = choice;
  const which = choice.type === 'tool' ? `the tool '${choice.name}'` : 'one of your tools';
  return {
    tools,
    choice: { type: 'auto', ...(single ? { disable_parallel_tool_use: true } : {}) },
    instruction: forced === 'instruct' ? `Your next answer must be a call of ${which}, not text alone.` : undefined,
  };
}
