/** Models that take no sampling, and what they refuse of it. Without thinking those of them that can do without take it all the same. */
import type { ModelAbilities } from '../lib/abilities-spec.js';
import type { Json } from '../lib/json.js';

export const SAMPLING: readonly string[] = ['temperature', 'top_p'];
/** In the messages format. */
export const MESSAGES_SAMPLING: readonly string[] = [...SAMPLING, 'top_k'];
/** What OpenAI's API refuses of chat completions beside it. */
export const CHAT_SAMPLING: readonly string[] = [
  ...SAMPLING,
  ...['presence_penalty', 'frequency_penalty', 'logprobs', 'top_logprobs', 'logit_bias'],
];

/** `effort`: how much thinking is asked for. A model that is told no effort refuses sampling whatever is asked. */
export const refusesSampling = (abilities: ModelAbilities | undefined, effort: unknown): boolean =>
  abilities?.sampling === false && (abilities.reasoning === 'none' || thinksWith(effort));

export const thinksWith = (effort: unknown): boolean => effort !== 'none';

const NONE: readonly string[] = [];

/** Names of sampling that a caller says to a model which refuses it. */
export const refusedSampling = (
  json: Json,
  abilities: ModelAbilities | undefined,
  effort: unknown,
  names = SAMPLING,
): readonly string[] =>
  refusesSampling(abilities, effort) ? names.filter((name) => json[name] !== undefined && json[name] !== null) : NONE;
