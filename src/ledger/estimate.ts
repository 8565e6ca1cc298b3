/** How an attempt is entered whose end nobody knows. */
import type { Entry, Estimate } from './entry.js';

/** What a team is billed for an attempt of which nobody can know whether it was sent: its estimate, or nothing. */
export type SentUnknown = 'billed' | 'free';

/** `sent`: it is known to have been on its way to the upstream. */
export function estimateOf(entry: Entry, estimate: Estimate, sent: boolean, sentUnknown: SentUnknown): Entry {
  const interrupted: Entry = { ...entry, status: 500, error: 'interrupted', estimate };
  if (sent || estimate === 'progress') return interrupted;
  return { ...interrupted, flags: ['sent_unknown'], ...(sentUnknown === 'free' && { billed_nusd: 0 }) };
}
