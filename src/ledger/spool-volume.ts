/**
 * The volume that the spool is on. Where it is smaller than `max_size`, the spool keeps within the volume instead: entries are
 * refused while there still is room for what was let in, and not by a disk that is full.
 */
import { statfs } from 'node:fs/promises';

export interface Volume {
  readonly totalBytes: number;
  /** For a process that is not root. */
  readonly freeBytes: number;
}

/** Undefined where the system does not tell. */
export async function volumeOf(dir: string): Promise<Volume | undefined> {
  try {
    const { bsize, blocks, bavail } = await statfs(dir);
    const totalBytes = bsize * blocks;
    return totalBytes > 0 ? { totalBytes, freeBytes: bsize * bavail } : undefined;
  } catch {
    return undefined;
  }
}

/** Folders, locks and the ends of files need some of a volume too. */
const USABLE = 15 / 16;

/** Most bytes that the spool may have: as configured, or as its volume allows. */
export const spoolBound = (maxBytes: number, volume: Volume | undefined): number =>
  volume ? Math.min(maxBytes, Math.floor(volume.totalBytes * USABLE)) : maxBytes;

/** What operators are told of a volume that cannot hold what is configured; undefined where it can. */
export function smallVolume(maxBytes: number, volume: Volume | undefined): string | undefined {
  const bound = spoolBound(maxBytes, volume);
  if (!volume || bound === maxBytes) return undefined;
  return (
    `The volume of the ledger's spool has ${megabytes(volume.totalBytes)} and ledger.max_size is ${megabytes(maxBytes)}: ` +
    `at most ${megabytes(bound)} are used. Put data_dir on a larger volume, or lower ledger.max_size.`
  );
}

/** As the configuration has them: 1024 kilobytes. */
const megabytes = (bytes: number): string => `${Math.round((bytes / 1024 ** 2) * 100) / 100} MB`;
