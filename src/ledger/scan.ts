/** An entry that is no correction, with the corrections that were made to it. */
import type { Entry } from './entry.js';

export interface Scanned {
  readonly entry: Entry;
  readonly corrections: readonly Entry[];
}
