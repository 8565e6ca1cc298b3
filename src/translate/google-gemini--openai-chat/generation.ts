/** `generationConfig` as parameters of a chat completion. */
import { camelOf, field, objectIn } from '../../formats/google-gemini/fields.js';
import type { TargetFacts } from '../../formats/translation.js';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import { plainSchema } from './schema.js';

/** Names that mean the same. */
const alike: Readonly<Record<string, string>> = {
  temperature: 'temperature',
  topP: 'top_p',
  topK: 'top_k',
  seed: 'seed',
  presencePenalty: 'presence_penalty',
  frequencyPenalty: 'frequency_penalty',
  stopSequences: 'stop',
  candidateCount: 'n',
  responseLogprobs: 'logprobs',
  logprobs: 'top_logprobs',
};

/** Read below. */
const further: ReadonlySet<string> = new Set([
  ...['maxOutputTokens', 'responseMimeType', 'responseSchema', 'responseJsonSchema', 'responseModalities'],
  'thinkingConfig',
]);

/** They tune how media are read and words are looked after; an answer without them is still one. */
const harmless: ReadonlySet<string> = new Set([
  ...['mediaResolution', 'audioTimestamp', 'enableEnhancedCivicAnswers', 'routingConfig', 'modelSelectionConfig'],
]);

export function readGeneration(config: Json, target: TargetFacts, findings: Findings): Json {
  const told: Record<string, unknown> = {};
  for (const [written, value] of Object.entries(config)) {
    const name = camelOf(written);
    if (isAbsent(value) || further.has(name)) continue;
    const same = alike[name];
    if (same !== undefined) told[same] = value;
    else if (harmless.has(name)) findings.drop(`generationConfig.${written}`);
    else findings.unsupported(`generationConfig.${written}`, "has no equivalent at this model's provider");
  }
  if (told['logprobs'] !== true) delete told['top_logprobs'];
  if (Array.isArray(told['stop']) && told['stop'].length === 0) delete told['stop'];
  const most = field(config, 'maxOutputTokens');
  if (typeof most === 'number') told[target.outputField] = Math.min(most, target.maxOutput ?? most);
  return {
    ...told,
    ...readForm(config, findings),
    ...readModalities(config, findings),
    ...readThinking(config, findings),
  };
}

function readForm(config: Json, findings: Findings): Json {
  const type = field(config, 'responseMimeType');
  const schema = field(config, 'responseJsonSchema') ?? field(config, 'responseSchema');
  if (isAbsent(type) || type === 'text/plain') return {};
  if (type !== 'application/json') {
    findings.unsupported('generationConfig.responseMimeType', 'must be text/plain or application/json for this model');
    return {};
  }
  if (isAbsent(schema)) return { response_format: { type: 'json_object' } };
  if (!isObject(schema)) return findings.invalid('generationConfig.responseSchema', 'must be an object') ?? {};
  return { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: plainSchema(schema) } } };
}

function readModalities(config: Json, findings: Findings): Json {
  const asked = field(config, 'responseModalities');
  if (!Array.isArray(asked)) return {};
  const names = asked.map((one) => String(one).toLowerCase());
  if (names.every((name) => name === 'text')) return {};
  if (names.every((name) => name === 'text' || name === 'image')) return { modalities: names };
  findings.unsupported('generationConfig.responseModalities', 'may hold TEXT and IMAGE only for this model');
  return {};
}

/** Tokens of thinking up to which a budget is a small one, and a middling one. */
const SMALL_BUDGET = 2_048;
const MIDDLING_BUDGET = 16_384;
const levels: ReadonlySet<unknown> = new Set(['minimal', 'low', 'medium', 'high']);

/** A level, or a budget of tokens; without either, how much is thought is left to the model. */
function readThinking(config: Json, findings: Findings): Json {
  const thinking = objectIn(config, 'thinkingConfig');
  if (!thinking) return {};
  const level = field(thinking, 'thinkingLevel');
  const path = 'generationConfig.thinkingConfig';
  if (!isAbsent(level)) {
    const name = String(level).toLowerCase();
    if (levels.has(name)) return { reasoning_effort: name };
    if (name === 'thinking_level_unspecified') return {};
    return findings.invalid(`${path}.thinkingLevel`, "must be 'MINIMAL', 'LOW', 'MEDIUM' or 'HIGH'") ?? {};
  }
  const budget = field(thinking, 'thinkingBudget');
  if (isAbsent(budget) || budget === -1) return {};
  if (typeof budget !== 'number') return findings.invalid(`${path}.thinkingBudget`, 'must be a number') ?? {};
  if (budget === 0) return { reasoning_effort: 'none' };
  return { reasoning_effort: budget <= SMALL_BUDGET ? 'low' : budget <= MIDDLING_BUDGET ? 'medium' : 'high' };
}
