/** Guards that answer elsewhere, one after the other: each is asked about the texts as the one before left them. */
import type { GuardWords } from '../guardrails/text-guard.js';
import type { GuardQuestion } from '../guardrails/verdict.js';
import { ok, type Result, refused } from '../lib/errors.js';
import type { AskedGuardConfig } from '../lib/guard-spec.js';
import { Patience, type Waiter } from './ask-patience.js';
import type { GuardPorts } from './guard-input.js';
import { blockedBy } from './guard-refusals.js';

export type Asking = Omit<GuardQuestion, 'texts'>;

/** None of them can be asked. What blocks then is said by `words`. */
export function unasked(
  guards: readonly AskedGuardConfig[],
  why: string,
  side: Asking['side'],
  requestId: string,
  words: GuardWords,
  { onUnasked }: Pick<GuardPorts, 'onUnasked'>,
): void {
  for (const guard of guards) {
    onUnasked(guard.name, why, requestId);
    if (goesOn(guard)) words.add(guard.name, side, 'error');
    else words.block({ name: guard.name, message: why }, side);
  }
}

/** Without its verdict. */
const goesOn = ({ action, on_failure }: AskedGuardConfig): boolean => on_failure === 'allow' || action === 'log';

/** The same list where nothing was replaced. */
export async function askAll(
  guards: readonly AskedGuardConfig[],
  texts: readonly string[],
  asking: Asking,
  words: GuardWords,
  ports: Pick<GuardPorts, 'ask' | 'onUnasked' | 'clock'>,
  waiter: Waiter | undefined,
): Promise<Result<readonly string[]>> {
  if (guards.length === 0) return ok(texts);
  const patience = new Patience(waiter, ports.clock);
  try {
    return await askEach(guards, texts, asking, words, ports, patience);
  } finally {
    patience.end();
  }
}

async function askEach(
  guards: readonly AskedGuardConfig[],
  texts: readonly string[],
  asking: Asking,
  words: GuardWords,
  { ask, onUnasked }: Pick<GuardPorts, 'ask' | 'onUnasked'>,
  patience: Patience,
): Promise<Result<readonly string[]>> {
  const { side, requestId } = asking;
  let told = texts;
  for (const guard of guards) {
    const { name, action } = guard;
    const verdict = await ask(guard, { ...asking, texts: told }, patience.signal);
    if (patience.refusal) return refused(patience.refusal);
    if (verdict.kind === 'allow') continue;
    if (verdict.kind === 'failed') onUnasked(name, verdict.why, requestId);
    if (verdict.kind === 'failed' && goesOn(guard)) {
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
