/** What models that are spoken to in the messages format can do: translators ask. */

import type { StatedAbilities } from '../../lib/abilities-spec.js';

export interface ModelFacts {
  /** Most tokens that the model can answer with. */
  readonly maxOutput: number;
  /** `temperature`, `top_p`, `top_k` are refused. */
  readonly rejectsSampling: boolean;
  /** `thinking: {type: "adaptive"}` and `output_config.effort` are understood. */
  readonly adaptiveThinking: boolean;
  /** `thinking: {type: "disabled"}` is refused. */
  readonly rejectsThinkingDisabled: boolean;
  /** `thinking: {type: "enabled", budget_tokens}` is refused. */
  readonly rejectsBudgetThinking: boolean;
  /** `tool_choice` `any` and `tool` are refused. */
  readonly rejectsForcedTool: boolean;
  /** `output_config.format` with a JSON schema is understood. */
  readonly nativeStructuredOutput: boolean;
  /** `output_config.effort` may be `xhigh`. */
  readonly xhighEffort: boolean;
  /** `thinking: {type: "between_tools"}` is understood: the least thinking that the model can be brought down to. */
  readonly betweenToolsThinking: boolean;
  /** A last message of the assistant, to be continued by the answer, is refused. */
  readonly rejectsPrefill: boolean;
}

/** A model of which nothing is known. */
export const unknownModel: ModelFacts = {
  maxOutput: 32_000,
  rejectsSampling: false,
  adaptiveThinking: false,
  rejectsThinkingDisabled: false,
  rejectsBudgetThinking: true,
  rejectsForcedTool: false,
  nativeStructuredOutput: false,
  xhighEffort: false,
  betweenToolsThinking: false,
  rejectsPrefill: false,
};

/** What the configuration states of the model counts before what is known. */
export function statedFacts(facts: ModelFacts, stated: StatedAbilities | null | undefined): ModelFacts {
  if (!stated) return facts;
  const { sampling, forced_tool: forced, json_schema: schema, reasoning } = stated;
  return {
    ...facts,
    ...(sampling !== undefined && { rejectsSampling: !sampling }),
    ...(forced !== undefined && { rejectsForcedTool: !forced }),
    ...(schema !== undefined && { nativeStructuredOutput: schema }),
    ...(reasoning !== undefined && {
      adaptiveThinking: reasoning === 'adaptive' || reasoning === 'effort',
      rejectsBudgetThinking: reasoning !== 'budget',
    }),
  };
}

/** Made once for each model of a configuration rather than for each request. */
const unknownStated = new WeakMap<StatedAbilities, ModelFacts>();

/** Of a model of which nothing is known but what the configuration states. */
export function unknownWithStated(stated: StatedAbilities | null | undefined): ModelFacts {
  if (!stated) return unknownModel;
  let facts = unknownStated.get(stated);
  if (!facts) unknownStated.set(stated, (facts = statedFacts(unknownModel, stated)));
  return facts;
}
