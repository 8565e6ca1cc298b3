/**
 * Functions that a model may call, and the choice among them, as a chat completion has them. Google takes dots, colons and longer
 * names: such a name is sent as one that ends in a hash of it, and told in full again in the answer.
 */
import { field, listIn, objectIn } from '../../formats/google-gemini/fields.js';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import { CHAT_NAMES, callersNames, nameFor } from '../tool-names.js';
import { plainSchema } from './schema.js';

const DECLARATIONS: ReadonlySet<string> = new Set(['functionDeclarations', 'function_declarations']);

/** The name of a function as a chat completion can have it. */
export const functionName = (name: string): string => nameFor(CHAT_NAMES, name);

/** The names of the functions of a request, by what `functionName` makes of them. */
export function namesByChat(json: Json): (name: string) => string {
  const names = listIn(json, 'tools')
    .flatMap((tool) => (isObject(tool) ? listIn(tool, 'functionDeclarations') : []))
    .map((declared) => (isObject(declared) ? declared['name'] : undefined));
  return callersNames(
    CHAT_NAMES,
    names.filter((name) => typeof name === 'string'),
  );
}

export function readTools(json: Json, findings: Findings): Json {
  const tools = listIn(json, 'tools').flatMap((tool, i) => {
    if (!isObject(tool)) return findings.invalid(`tools[${i}]`, 'must be an object') ?? [];
    for (const [name, value] of Object.entries(tool)) {
      if (DECLARATIONS.has(name) || isAbsent(value)) continue;
      findings.unsupported(`tools[${i}].${name}`, "is a tool of Google's, which this model's provider does not have");
    }
    return listIn(tool, 'functionDeclarations').flatMap(
      (declared, k) => readFunction(declared, `tools[${i}].functionDeclarations[${k}]`, findings) ?? [],
    );
  });
  const config = objectIn(json, 'toolConfig') ?? {};
  for (const name of Object.keys(config)) {
    if (name !== 'functionCallingConfig' && name !== 'function_calling_config') findings.drop(`toolConfig.${name}`);
  }
  if (tools.length === 0) return {};
  const choice = readChoice(objectIn(config, 'functionCallingConfig'), findings);
  return { tools, ...(choice === undefined ? {} : { tool_choice: choice }) };
}

function readFunction(declared: unknown, path: string, findings: Findings): Json[] | undefined {
  if (!isObject(declared)) return findings.invalid(path, 'must be an object');
  const { name, description } = declared;
  if (typeof name !== 'string' || name === '') return findings.invalid(`${path}.name`, 'must be a non-empty text');
  for (const more of ['behavior', 'response', 'responseJsonSchema'])
    if (!isAbsent(field(declared, more))) findings.drop(`tools.functionDeclarations.${more}`);
  const schema = field(declared, 'parametersJsonSchema') ?? declared['parameters'];
  if (!isAbsent(schema) && !isObject(schema)) return findings.invalid(`${path}.parameters`, 'must be an object');
  const parameters = isObject(schema) ? plainSchema(schema) : { type: 'object', properties: {} };
  const words = typeof description === 'string' && description !== '' ? { description } : {};
  return [{ type: 'function', function: { name: functionName(name), ...words, parameters } }];
}

function readChoice(config: Json | undefined, findings: Findings): unknown {
  if (!config) return undefined;
  const mode = String(config['mode'] ?? 'AUTO').toUpperCase();
  const names = listIn(config, 'allowedFunctionNames').filter((name) => typeof name === 'string');
  const named = names.map((name) => ({ type: 'function', function: { name: functionName(name) } }));
  const allowed = (how: 'auto' | 'required') => ({ type: 'allowed_tools', allowed_tools: { mode: how, tools: named } });
  switch (mode) {
    case 'NONE':
      return 'none';
    case 'ANY':
      return named.length === 0 ? 'required' : named.length === 1 ? named[0] : allowed('required');
    case 'VALIDATED': // it may answer with words, too
      return named.length === 0 ? undefined : allowed('auto');
    case 'AUTO':
    case 'MODE_UNSPECIFIED':
      return undefined;
    default:
      return findings.invalid('toolConfig.functionCallingConfig.mode', "must be 'AUTO', 'ANY', 'NONE' or 'VALIDATED'");
  }
}
