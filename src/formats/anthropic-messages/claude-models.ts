/** What is known of Claude's models by their names, wherever they are served. */
import { type ModelFacts, unknownModel } from './model-facts.js';

export interface ClaudeFamily {
  /** Parts of a model's name that tell the family. */
  readonly names: readonly string[];
  readonly facts: ModelFacts;
  /** Tokens per token of `o200k_base`, rounded up: holds are taken by it. */
  readonly factor: number;
}

/** The tokenizer up to 4.6: up to 8 % more tokens than `o200k_base` on English, code and JSON, more on Chinese. */
const FIRST_TOKENIZER = 1.1;
/** The tokenizer since Opus 4.7: about 30 % more than the first. */
export const SECOND_TOKENIZER = 1.45;

const earliest: ModelFacts = { ...unknownModel, maxOutput: 4096 };
const budgeted: ModelFacts = { ...earliest, maxOutput: 64_000, rejectsBudgetThinking: false };
const structured: ModelFacts = { ...budgeted, nativeStructuredOutput: true };
const adaptive: ModelFacts = { ...structured, maxOutput: 128_000, adaptiveThinking: true, rejectsPrefill: true };
const adaptiveOnly: ModelFacts = { ...adaptive, rejectsSampling: true, rejectsBudgetThinking: true, xhighEffort: true };
const alwaysThinking: ModelFacts = { ...adaptiveOnly, rejectsThinkingDisabled: true };
const unforced: ModelFacts = { ...alwaysThinking, rejectsForcedTool: true };

/** The first row that matches counts, so longer names stand before their beginnings. */
const families: readonly ClaudeFamily[] = [
  { names: ['claude-sonnet-5-5'], facts: { ...unforced, betweenToolsThinking: true }, factor: SECOND_TOKENIZER },
  {
    names: ['claude-opus-5-5', 'claude-fable-5-1', 'claude-fable-5-2', 'claude-mythos-5-1'],
    facts: unforced,
    factor: SECOND_TOKENIZER,
  },
  { names: ['claude-fable-5', 'claude-mythos-5'], facts: alwaysThinking, factor: SECOND_TOKENIZER },
  {
    names: ['claude-mythos-preview'],
    facts: { ...alwaysThinking, xhighEffort: false },
    factor: SECOND_TOKENIZER,
  },
  {
    names: ['claude-opus-5', 'claude-sonnet-5', 'claude-haiku-5', 'claude-opus-4-8', 'claude-opus-4-7'],
    facts: adaptiveOnly,
    factor: SECOND_TOKENIZER,
  },
  { names: ['claude-opus-4-6', 'claude-sonnet-4-6'], facts: adaptive, factor: FIRST_TOKENIZER },
  { names: ['claude-opus-4-5', 'claude-sonnet-4-5', 'claude-haiku-4-5'], facts: structured, factor: FIRST_TOKENIZER },
  { names: ['claude-opus-4'], facts: { ...budgeted, maxOutput: 32_000 }, factor: FIRST_TOKENIZER },
  { names: ['claude-sonnet-4', 'claude-3-7'], facts: budgeted, factor: FIRST_TOKENIZER },
  { names: ['claude-3-5'], facts: { ...earliest, maxOutput: 8192 }, factor: FIRST_TOKENIZER },
  { names: ['claude-3', 'claude-2', 'claude-instant'], facts: earliest, factor: FIRST_TOKENIZER },
  // A Claude that came later. What newer models do not take is left out; what a caller must have is left to the API to judge.
  { names: ['claude'], facts: alwaysThinking, factor: SECOND_TOKENIZER },
];

/** Another maker's model behind the same dialect. */
const foreign: ClaudeFamily = { names: [], facts: { ...earliest, maxOutput: 32_000 }, factor: SECOND_TOKENIZER };

/** Names may carry a prefix (`anthropic/`), a date, or dots instead of hyphens in their version. */
export function claudeFamily(model: string): ClaudeFamily {
  const name = model.toLowerCase().replaceAll('.', '-');
  return families.find(({ names }) => names.some((part) => name.includes(part))) ?? foreign;
}
