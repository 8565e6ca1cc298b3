/**
 * Entries on their way from a worker's spool to the ledger. They go as the lines that the spool has of them, and the primary writes
 * these to the database as they are; it reads a line only where somebody asks for its entry. So a worker's entries cost the
 * primary little more than their bytes, and there is one place that writes: with the embedded database there can be no other.
 *
 * A worker's entries stay in its spool until the primary says that they are written.
 */
import type { Entry } from '../ledger/entry.js';
import { entryOfLine, entryText, readLine } from '../ledger/entry-text.js';
import { EntryRefused, type LedgerStore } from '../ledger/ledger-store.js';
import { CallFailed } from './link.js';

/** What the primary does for the ledgers of workers. */
export interface LedgerDesk {
  /** Answers those that found an estimate under their id. `holds`: whose entries they are, where anybody wants to know. */
  insert(lines: readonly string[], holds: readonly string[]): Promise<readonly Entry[]>;
}

/** The store as a worker's ledger has it. What is read of the ledger is read in the primary. */
export const remoteLedgerStore = (desk: LedgerDesk, tellHolds: boolean): LedgerStore => ({
  async insert(entries, lines = entries.map(entryText)) {
    const holds = tellHolds ? entries.flatMap(({ hold }) => hold ?? []) : [];
    try {
      return await desk.insert(lines, holds);
    } catch (error) {
      if (error instanceof CallFailed && error.name === 'EntryRefused') throw new EntryRefused(error.message);
      throw error;
    }
  },
  page: () => Promise.reject(new Error('entries are read in the primary process')),
});

/** The entries of lines; each is read when it is first asked for. */
export function entriesOf(lines: readonly string[]): readonly Entry[] {
  const read = new Array<Entry | undefined>(lines.length);
  return new Proxy(read as readonly Entry[], {
    get(target, name, receiver) {
      if (typeof name === 'string' && name.charCodeAt(0) <= 57) {
        const at = Number(name);
        if (Number.isInteger(at) && at >= 0 && at < lines.length)
          return (read[at] ??= entryOfLine(readLine(lines[at]!)));
      }
      return Reflect.get(target, name, receiver) as unknown;
    },
  });
}
