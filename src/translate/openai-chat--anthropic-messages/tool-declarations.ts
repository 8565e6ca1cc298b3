/**
 * The tools that a request declares. Their schemas go as they are, but for a union at the root, which the target does not take,
 * and for what constrained decoding does not know in those that are strict. A tool that cannot be held to its schema is not
 * strict: its schema stays whole.
 */
import type { Tool } from '@anthropic-ai/sdk/resources/messages';
import type { ModelFacts } from '../../formats/anthropic-messages/model-facts.js';
import { isObject } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import type { ToolNames } from '../tool-names.js';
import { cacheMark } from './cache-marks.js';
import { rootObject } from './root-object.js';
import { cannotHold, sanitiseSchema } from './schema-sanitise.js';

export function readTools(tools: unknown, facts: ModelFacts, names: ToolNames, findings: Findings): Tool[] {
  if (isAbsent(tools)) return [];
  if (!Array.isArray(tools)) {
    findings.invalid('tools', 'must be an array');
    return [];
  }
  return tools.flatMap((tool, i) => {
    const read = readTool(tool, `tools[${i}]`, facts, names, findings);
    return read ? [read] : [];
  });
}

function readTool(
  tool: unknown,
  path: string,
  facts: ModelFacts,
  names: ToolNames,
  findings: Findings,
): Tool | undefined {
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
  const { schema, flattened } = rootObject(parameters ?? { properties: {} });
  for (const union of flattened) findings.drop(`tools[].function.parameters.${union}`);
  // Strict tools and schemas of answers are one ability: constrained decoding.
  const held = strict === true && facts.nativeStructuredOutput && cannotHold(schema) === undefined;
  if (strict === true && !held) findings.drop('tools[].function.strict');
  const mark = cacheMark(tool, path, findings) ?? cacheMark(declared, `${path}.function`, findings);
  return {
    name: names.sent(name),
    ...(description ? { description } : {}),
    input_schema: { ...(held ? sanitiseSchema({ type: 'object', ...schema }) : schema), type: 'object' },
    ...(held ? { strict: true } : {}),
    ...(mark ? { cache_control: mark } : {}),
  };
}
