/** What steers an answer: its maximum, sampling, where it stops, how many there are, how much is thought. */
import type { GeminiModel, Thinking, ThinkingLevel } from '../../formats/google-gemini/models.js';
import { MESSAGES_SAMPLING, refusedSampling } from '../../formats/sampling.js';
import type { ModelAbilities } from '../../lib/abilities-spec.js';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';

const MOST_STOPS = 5;
const MOST_LOGPROBS = 20;
const MOST_CANDIDATES = 8;

export interface GenerationTerms {
  readonly model: GeminiModel;
  /** The maximum to send instead of the caller's own. */
  readonly maxOutput: number | null;
  /** Vertex AI takes penalties for every model. */
  readonly atVertex: boolean;
  readonly abilities?: ModelAbilities | undefined;
}

/** `generationConfig` without the form of the answer. */
export function readGeneration(body: Json, terms: GenerationTerms, findings: Findings): Json {
  const config: Record<string, unknown> = {};
  const set = (name: string, value: unknown): void => {
    if (value !== undefined) config[name] = value;
  };
  set('maxOutputTokens', readMaximum(body, terms, findings));
  const number = (name: string, least: number, most: number) => readNumber(body[name], name, least, most, findings);
  const refused = refusedSampling(body, terms.abilities, body['reasoning_effort'], MESSAGES_SAMPLING);
  for (const [name, told, most] of sampling) {
    const value = number(name, 0, most);
    if (value !== undefined && refused.includes(name)) findings.drop(name);
    else set(told, value);
  }
  set('seed', readSeed(body['seed'], findings));
  for (const [name, told] of penalties) {
    const value = number(name, -2, 2);
    if (value === undefined || value === 0) continue;
    if (terms.model.rejectsPenalties && !terms.atVertex) findings.drop(name);
    else set(told, value);
  }
  set('stopSequences', readStops(body['stop'], findings));
  set('candidateCount', readCandidates(body['n'], findings));
  Object.assign(config, readLogprobs(body, findings), readModalities(body['modalities'], findings));
  set('thinkingConfig', readThinking(body, terms.model, findings));
  return config;
}

const sampling = [
  ['temperature', 'temperature', 2],
  ['top_p', 'topP', 1],
  ['top_k', 'topK', 1_000_000],
] as const;
const penalties = [
  ['presence_penalty', 'presencePenalty'],
  ['frequency_penalty', 'frequencyPenalty'],
] as const;

function readMaximum(body: Json, { model, maxOutput }: GenerationTerms, findings: Findings): number | undefined {
  const name = isAbsent(body['max_completion_tokens']) ? 'max_tokens' : 'max_completion_tokens';
  const asked = maxOutput ?? body[name];
  if (isAbsent(asked) || asked === 0 || asked === -1) return undefined; // the last two say "no maximum"
  if (!Number.isSafeInteger(asked) || (asked as number) < 0)
    return findings.invalid(name, 'must be a positive integer');
  return Math.min(asked as number, model.maxOutput ?? Number.POSITIVE_INFINITY);
}

function readNumber(value: unknown, name: string, least: number, most: number, findings: Findings): number | undefined {
  if (isAbsent(value)) return undefined;
  if (typeof value === 'number' && value >= least && value <= most) return value;
  return findings.invalid(name, `must be a number from ${least} to ${most}`);
}

/** The target's seed is a number of 32 bits. */
function readSeed(seed: unknown, findings: Findings): number | undefined {
  if (isAbsent(seed)) return undefined;
  if (!Number.isSafeInteger(seed)) return findings.invalid('seed', 'must be an integer');
  const number = seed as number;
  return number >= -(2 ** 31) && number < 2 ** 31 ? number : findings.drop('seed');
}

function readStops(stop: unknown, findings: Findings): string[] | undefined {
  if (isAbsent(stop)) return undefined;
  const all: readonly unknown[] = Array.isArray(stop) ? stop : [stop];
  if (!all.every((one) => typeof one === 'string'))
    return findings.invalid('stop', 'must be a string or a list of them');
  const stops = (all as string[]).filter((one) => one !== '');
  if (stops.length > MOST_STOPS)
    return findings.unsupported('stop', `has more than ${MOST_STOPS} sequences, which is the most for this model`);
  return stops.length > 0 ? stops : undefined;
}

function readCandidates(n: unknown, findings: Findings): number | undefined {
  if (isAbsent(n) || n === 1) return undefined;
  if (!Number.isSafeInteger(n) || (n as number) < 1) return findings.invalid('n', 'must be a positive integer');
  return (n as number) <= MOST_CANDIDATES
    ? (n as number)
    : findings.unsupported('n', `is more than ${MOST_CANDIDATES}, which is the most for this model`);
}

function readLogprobs({ logprobs, top_logprobs: top }: Json, findings: Findings): Json {
  if (isAbsent(logprobs) || logprobs === false) return {};
  if (logprobs !== true) return findings.invalid('logprobs', 'must be a boolean') ?? {};
  const count = readNumber(top, 'top_logprobs', 0, MOST_LOGPROBS, findings);
  return { responseLogprobs: true, ...(count === undefined ? {} : { logprobs: count }) };
}

function readModalities(modalities: unknown, findings: Findings): Json {
  if (isAbsent(modalities)) return {};
  if (!Array.isArray(modalities)) return findings.invalid('modalities', 'must be a list') ?? {};
  const other = modalities.find((one) => one !== 'text' && one !== 'image');
  if (other !== undefined)
    return findings.unsupported('modalities', 'may hold text and image only for this model') ?? {};
  if (!modalities.includes('image')) return {};
  return { responseModalities: modalities.map((one) => (one === 'image' ? 'IMAGE' : 'TEXT')) };
}

/** Shares of the most that may be thought, for models that are told a number of tokens. */
const budgets: ReadonlyMap<unknown, number> = new Map([
  ['minimal', 1024],
  ['low', 1024],
  ['medium', 8192],
  ['high', 24_576],
  ['xhigh', Number.MAX_SAFE_INTEGER],
  ['max', Number.MAX_SAFE_INTEGER],
]);

const ORDER: readonly ThinkingLevel[] = ['minimal', 'low', 'medium', 'high'];

/** `extra_body.google.thinking_config` is what Google's own layer for OpenAI's clients takes, and wins. */
function readThinking(body: Json, { thinking }: GeminiModel, findings: Findings): Json | undefined {
  const own = googleExtra(body)['thinking_config'];
  if (isObject(own)) return camelCased(own);
  const effort = body['reasoning_effort'];
  if (isAbsent(effort)) return undefined;
  if (effort !== 'none' && !budgets.has(effort)) {
    const names = ['none', ...budgets.keys()].join("', '");
    return findings.invalid('reasoning_effort', `must be one of '${names}'`);
  }
  if (thinking.by === 'nothing') return effort === 'none' ? undefined : findings.drop('reasoning_effort');
  if (thinking.by === 'level') {
    const level = levelFor(effort, thinking.levels);
    return { thinkingLevel: level.toUpperCase(), includeThoughts: effort !== 'none' };
  }
  return { thinkingBudget: budgetFor(effort, thinking), includeThoughts: effort !== 'none' };
}

/** The level that was asked for, or the next one that the model has. */
function levelFor(effort: unknown, levels: readonly ThinkingLevel[]): ThinkingLevel {
  const asked = ORDER.indexOf(effort as ThinkingLevel);
  if (effort === 'none') return levels[0]!;
  if (asked === -1) return levels.at(-1)!;
  return levels.find((level) => ORDER.indexOf(level) >= asked) ?? levels.at(-1)!;
}

function budgetFor(effort: unknown, { least, most, off }: Extract<Thinking, { by: 'budget' }>): number {
  if (effort === 'none') return off ? 0 : least;
  return Math.max(least, Math.min(most, budgets.get(effort)!));
}

/** Fields that Google's own layer for OpenAI's clients knows beyond OpenAI's. */
export function googleExtra({ extra_body: extra }: Json): Json {
  const google = isObject(extra) ? extra['google'] : undefined;
  return isObject(google) ? google : {};
}

/** The target takes both spellings; one is easier to read in a log. */
const camelCased = (object: Json): Json =>
  Object.fromEntries(
    Object.entries(object).map(([name, value]) => [
      name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
