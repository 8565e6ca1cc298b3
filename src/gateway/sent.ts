/** What an attempt can have cost, by how far it came. What was never sent costs nothing. */
import type { StreamReader } from '../formats/translation.js';
import type { Carried } from './carried.js';

/**
 * Whether the upstream may have read the request. One that refused, or that was lost before it said anything, is not billed; one
 * that was left working or that answered what cannot be read is.
 */
export function mayHaveCost(carried: Carried): boolean {
  if (!carried.times.wasSent) return false;
  if (carried.kind !== 'failed' || hasWords(carried)) return true;
  const { kind } = carried.failure;
  return kind === 'timeout' || (kind === 'garbage' && carried.reading === undefined);
}

/** Whether a fee for the request itself is due: something was answered. */
export const wasAnswered = (carried: Carried): boolean =>
  carried.kind === 'whole' ||
  carried.kind === 'streamed' ||
  (carried.kind === 'blocked' && carried.answer !== undefined) ||
  Boolean(carried.reading?.usage) ||
  hasWords(carried);

const hasWords = ({ reading }: { readonly reading?: Pick<StreamReader, 'chars'> | undefined }): boolean =>
  reading !== undefined && reading.chars > 0;
