/**
 * What the configuration states of a model, in the words of everybody who asks: it counts before what the table knows. What is not
 * stated stays as it is known.
 */
import { type ModelFacts, statedFacts } from '../../formats/anthropic-messages/model-facts.js';
import type { ConverseFacts } from '../../formats/bedrock-converse/facts.js';
import { type GeminiModel, statedThinking } from '../../formats/google-gemini/models.js';
import type { ChatDialect } from '../../formats/openai-chat/dialect.js';
import { CHAT_SAMPLING, refusesSampling } from '../../formats/sampling.js';
import type { ModelAbilities, StatedAbilities } from '../../lib/abilities-spec.js';

type Stated = StatedAbilities | null;

export function withStated(known: ModelAbilities, stated: Stated): ModelAbilities {
  if (!stated) return known;
  return {
    input: stated.input ?? known.input,
    output: stated.output ?? known.output,
    sampling: stated.sampling ?? known.sampling,
    tools: stated.tools ?? known.tools,
    forcedTool: stated.forced_tool ?? known.forcedTool,
    jsonSchema: stated.json_schema ?? known.jsonSchema,
    reasoning: stated.reasoning ?? known.reasoning,
  };
}

export const factsWithStated = (facts: ModelFacts | null, stated: Stated): ModelFacts | null =>
  facts && statedFacts(facts, stated);

export const geminiWithStated = (model: GeminiModel, stated: Stated): GeminiModel =>
  stated?.reasoning === undefined ? model : { ...model, thinking: statedThinking(model.thinking, stated.reasoning) };

export const converseWithStated = (facts: ConverseFacts | null, stated: Stated): ConverseFacts | null =>
  facts && stated?.reasoning === 'none' ? { ...facts, effort: null } : facts;

/** The vendor's dialect as this model has it, with what the model refuses where its callers agreed to have that left out. */
export function dialectOf(
  own: ChatDialect | undefined,
  abilities: ModelAbilities,
  stated: Stated,
  dropParams: boolean,
): ChatDialect | null {
  const drops = [
    ...(refusesSampling(abilities, undefined) ? CHAT_SAMPLING : []),
    ...(abilities.reasoning === 'none' ? ['reasoning_effort'] : []),
  ];
  const { forced_tool: forced, json_schema: schema } = stated ?? {};
  if ((!dropParams || drops.length === 0) && forced === undefined && schema === undefined) return own ?? null;
  const { requiredTool, namedTool, noSchemas, ...rest } = own ?? {};
  return {
    ...rest,
    ...(forced !== false && requiredTool !== undefined && !(forced && requiredTool === null) && { requiredTool }),
    ...(namedTool === false && !forced && { namedTool }),
    ...(forced === false && { requiredTool: null, namedTool: false }),
    ...((schema === undefined ? noSchemas : !schema) && { noSchemas: true }),
    ...(dropParams && drops.length > 0 && { drops }),
  };
}
