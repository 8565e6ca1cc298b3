/** A request as the semantic tier reads it: whether its prompt is compared at all, and the scope within which it is. */
import type { Prompt, PromptUnfit } from '../../formats/format.js';
import type { SemanticPolicy } from '../cache.js';
import type { Question } from '../recall.js';
import type { Scope, Tenant } from '../scope.js';
import type { ComparedText } from './counterparts.js';
import type { Placed } from './near-prompts.js';
import type { Embedded } from './prompt-embedder.js';
import { signatureOf } from './signature.js';
import { type TextUnfit, unfitText } from './text-fit.js';

export type Skip = PromptUnfit | TextUnfit | 'language' | 'too long' | 'busy' | 'not loaded';

/** In characters; what is longer is not read at all. */
const LONGEST_TEXT = 8_000;
/** In bytes: what is hashed of a larger request is hashed in a turn of its own. */
const LARGEST_AT_ONCE = 32_768;

/** What is to be compared. */
export interface AskedPrompt extends ComparedText {
  readonly prompt: Prompt;
  readonly question: Question;
  readonly tenant: Tenant;
  readonly policy: SemanticPolicy;
  readonly generation: number;
  /** Where it will be compared, as far as that is known before it is embedded. */
  readonly expected: { readonly space: string; readonly scope: string } | undefined;
}

/** Where it is compared, and by what. */
export interface EmbeddedPrompt extends AskedPrompt {
  readonly scope: string;
  readonly vector: Float32Array;
}

/** `space`: of the vector that will be made of it, where that is known. */
export function askedPrompt(
  scope: Scope,
  question: Question,
  tenant: Tenant,
  generation: number,
  space: string | undefined,
): AskedPrompt | Skip {
  const policy = question.policy.semantic!;
  const prompt = question.replay.prompt(question.request, policy.max_turns);
  if (typeof prompt === 'string') return prompt;
  if (prompt.text.length > LONGEST_TEXT) return 'too long';
  const signature = signatureOf(prompt.text);
  const unfit = unfitText(prompt.text, signature);
  if (unfit) return unfit;
  const isMeasured = signature.language !== null && policy.languages.includes(signature.language);
  if (policy.guards !== 'off' && !isMeasured) return 'language';
  const asked = { prompt, text: prompt.text, signature, question, tenant, policy, generation, expected: undefined };
  if (space === undefined || question.request.body.length > LARGEST_AT_ONCE) return asked;
  return { ...asked, expected: { space, scope: scopeOf(scope, asked, space) } };
}

/** The scope has the embedding's space in it: vectors of different models never meet. */
export function placedAt(scope: Scope, asked: AskedPrompt, { vector, space }: Embedded): EmbeddedPrompt {
  const { expected } = asked;
  return { ...asked, scope: expected?.space === space ? expected.scope : scopeOf(scope, asked, space), vector };
}

const scopeOf = (scope: Scope, { tenant, question, generation, prompt }: AskedPrompt, space: string): string =>
  scope.partition(tenant, { ...question, generation }, prompt, space);

/** Least similarity that counts. */
export const leastOf = ({ threshold, margin }: SemanticPolicy): number => threshold - margin;

export const placed = (own: EmbeddedPrompt): Placed => ({ ...own, least: leastOf(own.policy) });
