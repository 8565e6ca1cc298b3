/**
 * The folders of the spool. Each gateway process owns one of its own, `<data_dir>/spool/<machine>-<n>`, by a lock; a process
 * takes the first one of its machine that is free, with what an earlier process left there.
 */
import { mkdir, readdir, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { SpoolFolder } from './spool.js';
import { countResults } from './spool-reader.js';
import { newSegment, type Segment } from './spool-segment.js';

/** Takes a lock file, or throws where a living process has it; answers how to give it back. */
export type TakeLock = (file: string) => Promise<() => void>;

export interface ClaimOptions {
  readonly dataDir: string;
  readonly takeLock: TakeLock;
  /** Whether an error of `takeLock` says that another process has it. */
  readonly isTaken: (error: unknown) => boolean;
  readonly machine?: string;
}

export type Claimed = SpoolFolder & { release(): void };

const MOST_GATEWAYS = 1_000;

/** Throws where the folder cannot be made or written. */
export async function claimFolder(options: ClaimOptions): Promise<Claimed> {
  const machine = (options.machine ?? hostname()).replace(/[^\w.-]/g, '_') || 'gateway';
  for (let n = 1; n <= MOST_GATEWAYS; n++) {
    const dir = join(options.dataDir, 'spool', `${machine}-${n}`);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const release = await taken(options, join(dir, 'lock'));
    if (!release) continue;
    try {
      return { ...(await readFolder(dir)), release };
    } catch (error) {
      release();
      throw error;
    }
  }
  throw new Error(`${options.dataDir}: ${MOST_GATEWAYS} gateways have their spools here.`);
}

async function taken({ takeLock, isTaken }: ClaimOptions, file: string): Promise<(() => void) | undefined> {
  try {
    return await takeLock(file);
  } catch (error) {
    if (isTaken(error)) return undefined;
    throw error;
  }
}

async function readFolder(dir: string): Promise<SpoolFolder> {
  const numbers = (await readdir(dir))
    .map((name) => /^(\d+)\.spool(\.damaged)?$/.exec(name))
    .filter((match) => match !== null);
  const left: Segment[] = [];
  const names = numbers.filter((match) => match[2] === undefined).map((match) => match[0]);
  for (const name of names.sort()) {
    const file = join(dir, name);
    const { size } = await stat(file);
    const { results } = await countResults(file, size);
    left.push(newSegment(file, left.length + 1, { bytes: size, unposted: results, results, sealed: true, old: true }));
  }
  return { dir, left, nextNumber: Math.max(0, ...numbers.map((match) => Number(match[1]))) + 1 };
}
