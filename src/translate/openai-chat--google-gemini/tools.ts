/**
 * Tools, the choice among them, and the form of the answer. They are decided together: models before Gemini 3 cannot be held to
 * JSON while there are tools to call, and are asked for their answer as the input of one more tool that they must call.
 */
import type { GeminiModel } from '../../formats/google-gemini/models.js';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import type { ToolNames } from '../tool-names.js';
import { jsonSchema, openApiSchema } from './schema.js';

interface Declaration {
  readonly name: string;
  readonly description?: string;
  readonly parametersJsonSchema?: unknown;
  readonly parameters?: Json;
}

interface CallingConfig {
  readonly mode: 'AUTO' | 'ANY' | 'NONE' | 'VALIDATED';
  readonly allowedFunctionNames?: readonly string[];
}

type Names = Pick<ToolNames, 'sent'>;

export interface ToolPlan {
  readonly tools: readonly Declaration[];
  readonly calling: CallingConfig | undefined;
  /** Of `generationConfig`. */
  readonly form: Json;
  /** Said to the model, where nothing else holds it to JSON. */
  readonly instruction: string | undefined;
  /** The name of the tool whose input is the answer. */
  readonly jsonTool: string | undefined;
}

const AS_JSON =
  'Whenever you answer with text, that text must be one JSON object and nothing else: no prose around it, no Markdown fence.';

export function planTools(body: Json, model: GeminiModel, names: Names, findings: Findings): ToolPlan {
  const tools = readTools(body['tools'], model, names, findings);
  const calling = readChoice(body['tool_choice'], tools, names, findings);
  const strict = Array.isArray(body['tools']) && body['tools'].some(isStrict);
  const parallel = body['parallel_tool_calls'] ?? true;
  if (typeof parallel !== 'boolean') findings.invalid('parallel_tool_calls', 'must be a boolean');
  else if (!parallel && tools.length > 0) findings.drop('parallel_tool_calls');
  const form = readForm(body['response_format'], findings);
  const auto = strict && tools.length > 0 ? ({ mode: 'VALIDATED' } as const) : undefined;
  const plain = { tools, calling: calling ?? auto, instruction: undefined, jsonTool: undefined };
  if (form.type === 'free') return { ...plain, form: {} };
  const callable = tools.length > 0 && calling?.mode !== 'NONE';
  // An answer that must be a call has no other form.
  if (callable && calling?.mode === 'ANY') return { ...plain, form: {} };
  if (callable && !model.jsonBesideTools) {
    if (form.schema === undefined) return { ...plain, form: {}, instruction: AS_JSON };
    return withJsonTool(form.schema, form.description, tools, model, findings);
  }
  // Beside tools a model is held to JSON only where it is free to call them.
  const mode = callable ? calling : plain.calling;
  const schema = form.schema === undefined ? {} : answerSchema(form.schema, model, findings);
  return { ...plain, calling: mode, form: { responseMimeType: 'application/json', ...schema } };
}

const isStrict = (tool: unknown): boolean =>
  isObject(tool) && isObject(tool['function']) && tool['function']['strict'] === true;

function withJsonTool(
  schema: Json,
  description: string | undefined,
  tools: readonly Declaration[],
  model: GeminiModel,
  findings: Findings,
): ToolPlan {
  let name = 'json';
  while (tools.some((tool) => tool.name === name)) name += '_answer';
  const words = 'Give your answer by calling this tool: its input is the answer.';
  const declared = parametersOf(schema, 'response_format.json_schema.schema', model, findings);
  const tool = { name, description: description === undefined ? words : `${words} ${description}`, ...declared };
  return { tools: [...tools, tool], calling: { mode: 'ANY' }, form: {}, instruction: undefined, jsonTool: name };
}

function answerSchema(schema: Json, model: GeminiModel, findings: Findings): Json {
  if (model.jsonSchema) return { responseJsonSchema: jsonSchema(schema) };
  const told = openApiSchema(schema);
  if (told) return { responseSchema: told };
  findings.unsupported('response_format.json_schema.schema', RECURSIVE);
  return {};
}

const RECURSIVE = 'holds itself or refers to what is not there, which cannot be told to this model';

type Form =
  | { readonly type: 'free' }
  | { readonly type: 'json'; readonly schema: Json | undefined; readonly description?: string | undefined };

function readForm(format: unknown, findings: Findings): Form {
  const free: Form = { type: 'free' };
  if (isAbsent(format)) return free;
  if (!isObject(format)) return findings.invalid('response_format', 'must be an object') ?? free;
  if (format['type'] === 'text') return free;
  if (format['type'] === 'json_object') return { type: 'json', schema: undefined };
  if (format['type'] !== 'json_schema')
    return findings.invalid('response_format.type', "must be 'text', 'json_object' or 'json_schema'") ?? free;
  const path = 'response_format.json_schema';
  const { json_schema: wrapped } = format;
  if (!isObject(wrapped)) return findings.invalid(path, 'must be an object') ?? free;
  const { schema, description } = wrapped;
  if (!isAbsent(schema) && !isObject(schema)) return findings.invalid(`${path}.schema`, 'must be an object') ?? free;
  return {
    type: 'json',
    schema: schema ?? undefined,
    description: typeof description === 'string' ? description : undefined,
  };
}

function readTools(tools: unknown, model: GeminiModel, names: Names, findings: Findings): Declaration[] {
  if (isAbsent(tools)) return [];
  if (!Array.isArray(tools)) {
    findings.invalid('tools', 'must be an array');
    return [];
  }
  return tools.flatMap((tool, i) => {
    const read = readTool(tool, `tools[${i}]`, model, findings);
    return read ? [{ ...read, name: names.sent(read.name) }] : [];
  });
}

function readTool(tool: unknown, path: string, model: GeminiModel, findings: Findings): Declaration | undefined {
  if (!isObject(tool)) return findings.invalid(path, 'must be an object');
  if (tool['type'] !== 'function')
    return findings.unsupported(`${path}.type`, "must be 'function' for this model: no other kind can be translated");
  if (!isAbsent(tool['cache_control'])) findings.drop('cache_control');
  const { function: declared } = tool;
  if (!isObject(declared)) return findings.invalid(`${path}.function`, 'must be an object');
  const { name, description, parameters } = declared;
  if (typeof name !== 'string' || name === '')
    return findings.invalid(`${path}.function.name`, 'must be a non-empty string');
  if (!isAbsent(description) && typeof description !== 'string')
    return findings.invalid(`${path}.function.description`, 'must be a string');
  if (!isAbsent(parameters) && !isObject(parameters))
    return findings.invalid(`${path}.function.parameters`, 'must be an object');
  const schema = parameters ?? {};
  return {
    name,
    ...(description ? { description } : {}),
    ...(takesNothing(schema) ? {} : parametersOf(schema, `${path}.function.parameters`, model, findings)),
  };
}

/** An object without properties is refused; no schema says the same. */
const takesNothing = (schema: Json): boolean => {
  const { properties, ...rest } = schema;
  const none = properties === undefined || (isObject(properties) && Object.keys(properties).length === 0);
  return none && !Object.keys(rest).some((name) => shapes.has(name)) && !openObject(schema['additionalProperties']);
};

const shapes: ReadonlySet<string> = new Set(['$ref', 'anyOf', 'oneOf', 'allOf', 'patternProperties']);
const openObject = (more: unknown): boolean => more === true || isObject(more);

function parametersOf(
  schema: Json,
  path: string,
  model: GeminiModel,
  findings: Findings,
): Pick<Declaration, 'parameters' | 'parametersJsonSchema'> {
  const typed = { type: 'object', ...schema };
  if (model.jsonSchema) return { parametersJsonSchema: jsonSchema(typed) };
  const told = openApiSchema(typed);
  if (told) return { parameters: told };
  findings.unsupported(path, RECURSIVE);
  return {};
}

function readChoice(
  choice: unknown,
  tools: readonly Declaration[],
  names: Names,
  findings: Findings,
): CallingConfig | undefined {
  if (isAbsent(choice) || choice === 'auto') return undefined;
  if (choice === 'none') return tools.length > 0 ? { mode: 'NONE' } : undefined;
  if (choice === 'required') {
    if (tools.length === 0) findings.invalid('tool_choice', "is 'required', but there are no tools");
    return { mode: 'ANY' };
  }
  if (!isObject(choice)) return findings.invalid('tool_choice', "must be 'none', 'auto', 'required' or an object");
  if (choice['type'] === 'allowed_tools') return readAllowed(choice['allowed_tools'], tools, names, findings);
  if (choice['type'] !== 'function')
    return findings.unsupported('tool_choice.type', 'cannot be translated for this model');
  const name = declaredName(choice, 'tool_choice', tools, names, findings);
  return name === undefined ? undefined : { mode: 'ANY', allowedFunctionNames: [name] };
}

function readAllowed(
  allowed: unknown,
  tools: readonly Declaration[],
  names: Names,
  findings: Findings,
): CallingConfig | undefined {
  const path = 'tool_choice.allowed_tools';
  const { mode, tools: named } = isObject(allowed) ? allowed : {};
  if (!Array.isArray(named)) return findings.invalid(`${path}.tools`, 'must be an array');
  if (mode !== 'auto' && mode !== 'required') return findings.invalid(`${path}.mode`, "must be 'auto' or 'required'");
  const allowedNames = named.map((tool, i) => declaredName(tool, `${path}.tools[${i}]`, tools, names, findings) ?? '');
  return { mode: mode === 'auto' ? 'VALIDATED' : 'ANY', allowedFunctionNames: allowedNames };
}

function declaredName(
  choice: unknown,
  path: string,
  tools: readonly Declaration[],
  names: Names,
  findings: Findings,
): string | undefined {
  const written = isObject(choice) && isObject(choice['function']) ? choice['function']['name'] : undefined;
  const named = typeof written === 'string' ? names.sent(written) : undefined;
  if (named !== undefined && tools.some(({ name }) => name === named)) return named;
  return findings.invalid(`${path}.function.name`, "must name one of 'tools'");
}
