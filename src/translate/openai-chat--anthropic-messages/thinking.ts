/**
 * How much the model thinks: what a caller says in the target's own words (`thinking`), in OpenAI's (`reasoning_effort`), or in
 * both. Newer models decide for themselves how long to think and are told an effort; older ones get a budget of tokens out of
 * the answer's maximum (which is never raised for it: the caller's maximum bounds what the answer may cost, reasoning included,
 * as it does at OpenAI).
 *
 * Thinking gives way, and is named as left out, where the API would refuse it and the caller asked for more: a tool that
 * must be called, an answer that is begun, a tool result whose call was made without signed thinking.
 */
import type { OutputConfig, ThinkingConfigParam } from '@anthropic-ai/sdk/resources/messages';
import type { ModelFacts } from '../../formats/anthropic-messages/model-facts.js';
import type { Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import { type AskedThinking, type Display, LEAST_BUDGET, readThinking } from './thinking-request.js';

type Effort = NonNullable<OutputConfig['effort']>;

export interface ThinkingPlan {
  readonly thinking?: ThinkingConfigParam;
  readonly effort?: Effort;
}

export interface ThinkingTerms {
  readonly maxTokens: number;
  readonly forcedTool: boolean;
  readonly prefill: boolean;
  readonly unsignedToolLoop: boolean;
}

interface EffortRow {
  readonly effort: Effort;
  /** Tokens, before what the answer's maximum allows. */
  readonly budget: number;
}

const efforts = new Map<unknown, EffortRow>([
  ['minimal', { effort: 'low', budget: LEAST_BUDGET }],
  ['low', { effort: 'low', budget: 2048 }],
  ['medium', { effort: 'medium', budget: 8192 }],
  ['high', { effort: 'high', budget: 16_384 }],
  ['xhigh', { effort: 'xhigh', budget: 32_768 }],
  ['max', { effort: 'max', budget: Number.MAX_SAFE_INTEGER }],
]);
const USUAL: EffortRow = efforts.get('medium')!;

export function planThinking(body: Json, facts: ModelFacts, terms: ThinkingTerms, findings: Findings): ThinkingPlan {
  const { reasoning_effort: effort } = body;
  const row = efforts.get(effort);
  if (!isAbsent(effort) && effort !== 'none' && !row) {
    const names = ['none', ...efforts.keys()].join("', '");
    return findings.invalid('reasoning_effort', `must be one of '${names}'`) ?? {};
  }
  const asked = readThinking(body['thinking'], findings);
  if (asked) return new Planner(facts, terms, findings).asked(asked, row, effort === 'none');
  if (effort === 'none') return leastThinking(facts);
  return row ? new Planner(facts, terms, findings).byEffort(row) : {};
}

class Planner {
  readonly #facts: ModelFacts;
  readonly #terms: ThinkingTerms;
  readonly #findings: Findings;

  constructor(facts: ModelFacts, terms: ThinkingTerms, findings: Findings) {
    this.#facts = facts;
    this.#terms = terms;
    this.#findings = findings;
  }

  byEffort(row: EffortRow): ThinkingPlan {
    if (this.#facts.adaptiveThinking) {
      const effort = this.#effort(row);
      // Without `thinking` the effort still steers. Some models hide what they think unless asked for a summary.
      return this.#mayAdapt ? { thinking: { type: 'adaptive', display: 'summarized' }, ...effort } : effort;
    }
    if (!this.#mayBudget) return this.#findings.drop('reasoning_effort') ?? {};
    return { thinking: this.#budget(row.budget) };
  }

  /** `thinking` decides whether the model thinks; an effort beside it says how much where that says nothing of it. */
  asked(asked: AskedThinking, row: EffortRow | undefined, none: boolean): ThinkingPlan {
    if (asked.type === 'disabled' || asked.type === 'between_tools') return this.#off(asked.type, row);
    if (none) this.#findings.drop('reasoning_effort');
    return asked.type === 'enabled' ? this.#enabled(asked, row) : this.#adaptive(asked.display, row);
  }

  #off(type: 'disabled' | 'between_tools', row: EffortRow | undefined): ThinkingPlan {
    const facts = this.#facts;
    if (row && !facts.adaptiveThinking) this.#findings.drop('reasoning_effort');
    const least = leastThinking(facts);
    const between = type === 'between_tools' && facts.betweenToolsThinking;
    const asSaid = between || !facts.adaptiveThinking || least.thinking?.type === type;
    if (!asSaid) this.#findings.drop('thinking');
    return { ...least, ...this.#effort(row) };
  }

  #adaptive(display: Display, row: EffortRow | undefined): ThinkingPlan {
    const { adaptiveThinking } = this.#facts;
    if (adaptiveThinking && this.#mayAdapt) return { thinking: { type: 'adaptive', ...display }, ...this.#effort(row) };
    if (adaptiveThinking || !this.#mayBudget) return this.#gaveWay(row);
    this.#findings.drop('thinking.type');
    return { thinking: { ...this.#budget((row ?? USUAL).budget), ...display } };
  }

  #enabled({ budget, display }: Extract<AskedThinking, { type: 'enabled' }>, row: EffortRow | undefined): ThinkingPlan {
    const { adaptiveThinking } = this.#facts;
    if (this.#mayBudget) {
      if (row && !adaptiveThinking) this.#findings.drop('reasoning_effort');
      if (budget >= this.#terms.maxTokens) this.#findings.drop('thinking.budget_tokens');
      return { thinking: { ...this.#budget(budget, this.#terms.maxTokens - 1), ...display }, ...this.#effort(row) };
    }
    if (!adaptiveThinking || !this.#mayAdapt) return this.#gaveWay(row);
    this.#findings.drop('thinking.budget_tokens');
    const shown = { display: 'summarized' as const, ...display };
    return { thinking: { type: 'adaptive', ...shown }, ...this.#effort(row ?? rowOf(budget)) };
  }

  /** What is left where thinking cannot be. */
  #gaveWay(row: EffortRow | undefined): ThinkingPlan {
    this.#findings.drop('thinking');
    if (row && !this.#facts.adaptiveThinking) this.#findings.drop('reasoning_effort');
    return this.#effort(row);
  }

  get #mayAdapt(): boolean {
    return !this.#terms.forcedTool && !this.#terms.prefill;
  }

  get #mayBudget(): boolean {
    const { maxTokens, unsignedToolLoop } = this.#terms;
    return this.#mayAdapt && !this.#facts.rejectsBudgetThinking && maxTokens > LEAST_BUDGET && !unsignedToolLoop;
  }

  /** As many tokens, where they are no more than `most`; else what leaves room for the answer itself. */
  #budget(tokens: number, most?: number): Extract<ThinkingConfigParam, { type: 'enabled' }> {
    const room = Math.max(LEAST_BUDGET, Math.floor(this.#terms.maxTokens * 0.8));
    const fits = most !== undefined && tokens <= most;
    return { type: 'enabled', budget_tokens: fits ? tokens : Math.min(tokens, room) };
  }

  #effort(row: EffortRow | undefined): { effort?: Effort } {
    if (!row || !this.#facts.adaptiveThinking) return {};
    return { effort: row.effort === 'xhigh' && !this.#facts.xhighEffort ? 'high' : row.effort };
  }
}

/** The effort that a budget stands for: the least whose own budget is as large. */
function rowOf(budget: number): EffortRow {
  const large = [...efforts.values()].find((row) => row.budget >= budget && row.effort !== 'max');
  return large ?? efforts.get('xhigh')!;
}

/** The least thinking that the model can be brought down to. */
function leastThinking(facts: ModelFacts): ThinkingPlan {
  if (!facts.adaptiveThinking) return {}; // only thinks when asked
  if (facts.betweenToolsThinking) return { thinking: { type: 'between_tools' } };
  return facts.rejectsThinkingDisabled ? { effort: 'low' } : { thinking: { type: 'disabled' } };
}
