/** Guards that answer elsewhere, one after the other: each is asked about the texts as the one before left them. */
import type { GuardWords } from '../guardrails/text-guard.js';
import type { GuardQuestion } from '../guardrails/verdict.js';
import { ok, type Result, refused } from '../lib/errors.js';
import type { AskedGuardConfig } from '../lib/guard-spec.js';
import type { GuardPorts } from './guard-input.js';
import { blockedBy } from './guard-refusals.js';

export type Asking = Omit<GuardQuestion, 'texts'>;

/** The same list where nothing was replaced. */
export async function askAll(
  guards: readonly AskedGuardConfig[],
  texts: readonly string[],
  asking: Asking,
  words: GuardWords,
  { ask, onUnasked }: Pick<GuardPorts, 'ask' | 'onUnasked'>,
): Promise<Result<readonly string[]>> {
  const { side, requestId } = asking;
  let told = texts;
  for (const guard of guards) {
    const { name, action, on_failure } = guard;
    const verdict = await ask(guard, { ...asking, texts: told });
    if (verdict.kind === 'allow') continue;
    if (verdict.kind === 'failed') onUnasked(name, verdict.why, requestId);
    if (verdict.kind === 'failed' && (on_failure === 'allow' || action === 'log')) {
      words.add(name, side, 'error');
    } else if (action === 'log') {
      words.add(name, side, 'log');
    } else if (verdict.kind === 'replace') {
      words.add(name, side, 'redact');
      told = verdict.texts;
    } else {
      words.block({ name, message: null }, side);
      const message = verdict.kind === 'block' ? (verdict.message ?? guard.message) : 'it could not be asked';
      return refused(blockedBy({ name, message }, side));
    }
  }
  return ok(told);
}
