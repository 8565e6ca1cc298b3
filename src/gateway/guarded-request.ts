/** The guards of one request: what they said of it, what they took out, and how its answer is read. */

import type { GuardSet } from '../guardrails/guards.js';
import type { Placeholders } from '../guardrails/placeholders.js';
import type { GuardVerb, GuardWords } from '../guardrails/text-guard.js';
import type { EntryFlag } from '../ledger/entry.js';

export interface Guarded {
  readonly set: GuardSet;
  readonly words: GuardWords;
  readonly placeholders: Placeholders;
}

/** What of an answer depends on guards: which ones there are, and what they put back into it. */
export const guardedBy = (guarded: Guarded | null): readonly string[] =>
  guarded ? [`guards ${guarded.set.digest} ${guarded.placeholders.digest()}`] : [];

/** What an entry says of the guards, whichever they were. */
export const guardFlags = ({ words: { said } }: Guarded): readonly EntryFlag[] => [
  ...new Set(said.map(({ action }) => FLAGS[action])),
];

const FLAGS = {
  block: 'guard_blocked',
  redact: 'guard_redacted',
  log: 'guard_logged',
  error: 'guard_unasked',
} as const satisfies Record<GuardVerb, EntryFlag>;

/** Whether anything is to be done with an answer. */
export const readsAnswers = ({ set: { output }, placeholders }: Guarded): boolean =>
  placeholders.restores || output.texts.length > 0 || output.sizes.length > 0 || output.asked.length > 0;
