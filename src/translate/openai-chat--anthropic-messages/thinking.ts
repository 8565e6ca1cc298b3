/**
 * `reasoning_effort` as thinking. Newer models decide for themselves how long to think and are told an effort; older ones
 * get a budget of tokens out of the answer's maximum (which is never raised for it: the caller's maximum bounds what the
 * answer may cost, reasoning included, as it does at OpenAI).
 *
 * Thinking gives way, and is named as left out, where the API would refuse it and the caller asked for more: a tool that
 * must be called, an answer that is begun, a tool result whose call was made without signed thinking.
 */
import type { OutputConfig, ThinkingConfigParam } from '@anthropic-ai/sdk/resources/messages';
import type { ModelFacts } from '../../formats/anthropic-messages/model-facts.js';
import { type Findings, isAbsent } from '../findings.js';

export interface ThinkingPlan {
  readonly thinking?: ThinkingConfigParam;
  readonly effort?: NonNullable<OutputConfig['effort']>;
}

export interface ThinkingTerms {
  readonly maxTokens: number;
  readonly forcedTool: boolean;
  readonly prefill: boolean;
  readonly unsignedToolLoop: boolean;
}

const LEAST_BUDGET = 1024;

/** `budget`: tokens, before what the answer's maximum allows. */
const efforts = new Map<unknown, { effort: NonNullable<OutputConfig['effort']>; budget: number }>([
  ['minimal', { effort: 'low', budget: LEAST_BUDGET }],
  ['low', { effort: 'low', budget: 2048 }],
  ['medium', { effort: 'medium', budget: 8192 }],
  ['high', { effort: 'high', budget: 16_384 }],
  ['xhigh', { effort: 'xhigh', budget: 32_768 }],
  ['max', { effort: 'max', budget: Number.MAX_SAFE_INTEGER }],
]);

export function planThinking(
  asked: unknown,
  facts: ModelFacts,
  terms: ThinkingTerms,
  findings: Findings,
): ThinkingPlan {
  if (isAbsent(asked)) return {};
  if (asked === 'none') return noThinking(facts);
  const row = efforts.get(asked);
  if (!row) {
    const names = ['none', ...efforts.keys()].join("', '");
    return findings.invalid('reasoning_effort', `must be one of '${names}'`) ?? {};
  }
  if (facts.adaptiveThinking) {
    const effort = row.effort === 'xhigh' && !facts.xhighEffort ? 'high' : row.effort;
    // Without `thinking` the effort still steers. Some models hide what they think unless asked for a summary.
    if (terms.forcedTool || terms.prefill) return { effort };
    return { thinking: { type: 'adaptive', display: 'summarized' }, effort };
  }
  const room = Math.max(LEAST_BUDGET, Math.floor(terms.maxTokens * 0.8));
  const impossible = facts.rejectsBudgetThinking || terms.maxTokens <= LEAST_BUDGET;
  if (impossible || terms.forcedTool || terms.prefill || terms.unsignedToolLoop) {
    return findings.drop('reasoning_effort') ?? {};
  }
  return { thinking: { type: 'enabled', budget_tokens: Math.min(row.budget, room) } };
}

/** The least thinking that the model can be brought down to. */
function noThinking(facts: ModelFacts): ThinkingPlan {
  if (!facts.adaptiveThinking) return {}; // only thinks when asked
  if (facts.betweenToolsThinking) return { thinking: { type: 'between_tools' } };
  return facts.rejectsThinkingDisabled ? { effort: 'low' } : { thinking: { type: 'disabled' } };
}
