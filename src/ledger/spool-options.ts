/** What a spool is given, and what it tells of itself. */
import type { SentUnknown } from './estimate.js';
import type { ReaderLog } from './spool-reader.js';
import type { Segment } from './spool-segment.js';
import type { WriterFs } from './spool-writer.js';

export interface SpoolOptions {
  readonly log: ReaderLog;
  /** Force every write to the disk, so that it outlives the machine; else it outlives the process. */
  readonly sync: boolean;
  /** Most bytes on disk. */
  readonly maxBytes: number;
  readonly onFull: 'refuse' | 'serve';
  /** What is billed of attempts of which nobody can know whether they were sent; `billed` unless told. */
  readonly sentUnknown?: SentUnknown;
  /** Bytes of one file. */
  readonly segmentBytes?: number;
  /** Most entries that wait in memory. */
  readonly maxQueued?: number;
  readonly retryMs?: number;
  readonly fs?: WriterFs;
}

/** A folder of the spool that this process owns. */
export interface SpoolFolder {
  readonly dir: string;
  /** What an earlier process left there. */
  readonly left: readonly Segment[];
  readonly nextNumber: number;
}

export interface SpoolState {
  readonly entries: number;
  readonly bytes: number;
  /** Why attempts are refused now, or served with nothing on disk. */
  readonly problem: 'full' | 'unwritable' | null;
  /** Something that an earlier process left is not yet in the store. */
  readonly inherited: boolean;
  readonly damages: number;
  readonly interrupted: number;
}
