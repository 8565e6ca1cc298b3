/**
 * A request for content in Google's dialect told as a chat completion, for targets that speak anything else. Nothing is lost
 * without a word: what a chat completion cannot express is refused by the name of its field, or left out and named where it only
 * tunes or hints. Signatures of thoughts, and `top_k`, travel in extension fields.
 */
import { camelOf, field, objectIn } from '../../formats/google-gemini/fields.js';
import type { GeminiRequest } from '../../formats/google-gemini/request.js';
import type { TargetFacts } from '../../formats/translation.js';
import type { Json } from '../../lib/json.js';
import type { Findings } from '../findings.js';
import { type Fate, judgeParameters } from '../parameter-fates.js';
import type { ChatLeg } from '../through-chat.js';
import { answerOf } from './answer.js';
import { readContents } from './contents.js';
import { readGeneration } from './generation.js';
import { GeminiWriter } from './stream.js';
import { readTools } from './tools.js';

export const geminiByChat: ChatLeg<GeminiRequest> = {
  from: 'google-gemini',
  fieldNames: new Map([
    ['stop', 'generationConfig.stopSequences'],
    ['n', 'generationConfig.candidateCount'],
    ['top_k', 'generationConfig.topK'],
    ['top_p', 'generationConfig.topP'],
    ['temperature', 'generationConfig.temperature'],
    ['seed', 'generationConfig.seed'],
    ['presence_penalty', 'generationConfig.presencePenalty'],
    ['frequency_penalty', 'generationConfig.frequencyPenalty'],
    ['logprobs', 'generationConfig.responseLogprobs'],
    ['top_logprobs', 'generationConfig.logprobs'],
    ['modalities', 'generationConfig.responseModalities'],
    ['reasoning_effort', 'generationConfig.thinkingConfig'],
    ['response_format', 'generationConfig.responseMimeType'],
    ['response_format.json_schema.schema', 'generationConfig.responseJsonSchema'],
    ['max_completion_tokens', 'generationConfig.maxOutputTokens'],
    ['max_tokens', 'generationConfig.maxOutputTokens'],
    ['service_tier', 'serviceTier'],
    ['tool_choice', 'toolConfig.functionCallingConfig'],
    ['thinking_blocks', 'thoughtSignature'],
  ]),
  toChat,
  answer: answerOf,
  writer: (terms) => new GeminiWriter(terms),
};

const fates: Readonly<Record<string, Fate>> = {
  contents: 'carried',
  systemInstruction: 'carried',
  tools: 'carried',
  toolConfig: 'carried',
  generationConfig: 'carried',
  serviceTier: 'carried',
  model: 'carried',
  stream: 'carried',

  labels: 'harmless', // the gateway itself reads them
  safetySettings: 'harmless', // other makers' models have rules of their own
  store: 'harmless',

  cachedContent: 'refused',
  modelArmorConfig: 'refused',
};

function toChat({ json, stream }: GeminiRequest, target: TargetFacts, findings: Findings): Json {
  judgeParameters(
    json,
    { fates, nameOf: camelOf, unknown: 'is not a field that can be translated for this model' },
    findings,
  );
  const messages = readContents(json, target, findings);
  return {
    model: target.model,
    messages,
    ...(stream ? { stream: true } : {}),
    ...readTools(json, findings),
    ...readGeneration(objectIn(json, 'generationConfig') ?? {}, target, findings),
    ...readServiceTier(field(json, 'serviceTier')),
  };
}

function readServiceTier(tier: unknown): Json {
  const name = typeof tier === 'string' ? tier.toLowerCase() : undefined;
  if (name === 'standard') return { service_tier: 'default' };
  return name === undefined ? {} : { service_tier: name };
}
