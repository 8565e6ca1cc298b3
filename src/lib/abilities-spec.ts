/** What a model takes and gives: as the table of models knows it, and as the configuration may state it. */
import { z } from 'zod';

const inputKinds = ['text', 'image', 'audio', 'video', 'file'] as const;
const outputKinds = ['text', 'image', 'audio', 'embedding'] as const;
const reasoningForms = ['none', 'effort', 'budget', 'level', 'adaptive'] as const;

export type InputKind = (typeof inputKinds)[number];
export type OutputKind = (typeof outputKinds)[number];
export type ReasoningForm = (typeof reasoningForms)[number];

/** Null: that is not known, and nothing is refused or left out for it. */
export interface ModelAbilities {
  readonly input: readonly InputKind[] | null;
  readonly output: readonly OutputKind[] | null;
  /** It takes `temperature` and `top_p`. */
  readonly sampling: boolean | null;
  readonly tools: boolean | null;
  /** It can be made to call a tool. */
  readonly forcedTool: boolean | null;
  /** Its answer can be held to a JSON schema. */
  readonly jsonSchema: boolean | null;
  /** How it is told how much to think: by an effort, a budget of tokens, a level, an effort that it adapts; `none`: it is not. */
  readonly reasoning: ReasoningForm | null;
}

export const nothingKnown: ModelAbilities = {
  ...{ input: null, output: null, reasoning: null },
  ...{ sampling: null, tools: null, forcedTool: null, jsonSchema: null },
};

const flag = (what: string) => z.boolean().optional().describe(what);

export const abilitiesSpec = z
  .strictObject({
    input: z.array(z.enum(inputKinds)).min(1).max(5).optional().describe('What it reads.'),
    output: z.array(z.enum(outputKinds)).min(1).max(4).optional().describe('What it answers with.'),
    sampling: flag('It takes `temperature` and `top_p`.'),
    tools: flag('It calls tools.'),
    forced_tool: flag('It can be made to call a tool.'),
    json_schema: flag('Its answer can be held to a JSON schema.'),
    reasoning: z.enum(reasoningForms).optional().describe('How it is told how much to think.'),
  })
  .describe(
    'What the model can do, where the table of models does not know it or knows it wrong. All else of the table stays.',
  );

export type StatedAbilities = z.infer<typeof abilitiesSpec>;
