/**
 * The folders of the spool. Each gateway process owns one of its own, `<data_dir>/spool/<machine>-<n>`, by a lock: the first
 * one of its machine that is free. At its start it also takes over all others that nobody owns any more, so that what a
 * replica left which never comes back is entered by the next gateway that starts: those of its own machine whose process is
 * gone, and those of other machines (or containers) over the same volume whose lock was not touched for a minute.
 */
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { SpoolFolder } from './spool.js';
import { countResults } from './spool-reader.js';
import { newSegment, type Segment } from './spool-segment.js';

export interface ClaimOptions {
  readonly dataDir: string;
  /** Takes a lock file, or throws where a living process has it; answers how to give it back. */
  readonly takeLock: (file: string) => Promise<() => void>;
  /** Whether an error of `takeLock` says that another process has it. */
  readonly isTaken: (error: unknown) => boolean;
  readonly machine?: string;
  readonly nowMs?: () => number;
}

/** `release` once the spool is closed. */
export type Claimed = SpoolFolder & { release(): void };

const MOST_TRIES = 100;
const TOUCH_MS = 10_000;
const ABANDONED_MS = 60_000;

/** Throws where the folder cannot be made or written. */
export async function claimFolder(options: ClaimOptions): Promise<Claimed> {
  const root = join(options.dataDir, 'spool');
  const machine = (options.machine ?? hostname()).replace(/[^\w.-]/g, '_') || 'gateway';
  await mkdir(root, { recursive: true, mode: 0o700 });
  await adoptAbandoned(root, machine, (options.nowMs ?? Date.now)());
  const taken: { dir: string; release: () => void }[] = [];
  const release = (): void => {
    for (const { release: one } of taken) one();
  };
  try {
    const numbers = await numbersIn(root, machine);
    const claim = async (n: number): Promise<void> => {
      const dir = join(root, `${machine}-${n}`);
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const unlock = await lock(options, join(dir, 'lock'));
      if (unlock) taken.push({ dir, release: unlock });
    };
    for (const n of numbers) await claim(n);
    const next = (numbers.at(-1) ?? 0) + 1;
    for (let n = next; taken.length === 0 && n < next + MOST_TRIES; n++) await claim(n);
    const [own, ...orphans] = taken;
    if (!own) throw new Error('other gateways keep taking its folders');
    const left: Segment[] = [];
    for (const { dir } of orphans) await readSegments(dir, left);
    const nextNumber = await readSegments(own.dir, left);
    const touching = setInterval(() => {
      const now = new Date();
      for (const { dir } of taken) utimes(join(dir, 'lock'), now, now).catch(() => {});
    }, TOUCH_MS).unref();
    return {
      dir: own.dir,
      left,
      nextNumber,
      release: () => {
        clearInterval(touching);
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

/** Folders of other machines that nobody owns any more get names of this one. Of two that try, one succeeds. */
async function adoptAbandoned(root: string, machine: string, nowMs: number): Promise<void> {
  let n = (await numbersIn(root, machine)).at(-1) ?? 0;
  for (const name of await readdir(root)) {
    if (numberOf(name, machine) !== null || !/-\d+$/.test(name)) continue;
    const touched = await stat(join(root, name, 'lock')).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
    if (nowMs - touched < ABANDONED_MS) continue;
    const adopted = join(root, `${machine}-${++n}`);
    try {
      await rename(join(root, name), adopted);
      await rm(join(adopted, 'lock'), { force: true });
    } catch {
      // Another gateway was first.
    }
  }
}

const numbersIn = async (root: string, machine: string): Promise<number[]> =>
  (await readdir(root))
    .map((name) => numberOf(name, machine))
    .filter((n) => n !== null)
    .sort((a, b) => a - b);

const numberOf = (name: string, machine: string): number | null =>
  name.startsWith(`${machine}-`) && /^\d{1,9}$/.test(name.slice(machine.length + 1))
    ? Number(name.slice(machine.length + 1))
    : null;

async function lock({ takeLock, isTaken }: ClaimOptions, file: string): Promise<(() => void) | undefined> {
  try {
    return await takeLock(file);
  } catch (error) {
    if (isTaken(error)) return undefined;
    throw error;
  }
}

/** Adds the folder's segments to `left`; answers the number of the next file. */
async function readSegments(dir: string, left: Segment[]): Promise<number> {
  const names = (await readdir(dir)).sort();
  let last = 0;
  for (const name of names) {
    const match = /^(\d+)\.spool(\.damaged)?$/.exec(name);
    if (!match) continue;
    last = Math.max(last, Number(match[1]));
    if (match[2]) continue;
    const file = join(dir, name);
    const { size } = await stat(file);
    const { results } = await countResults(file, size);
    const order = (left.at(-1)?.order ?? 0) + 1;
    left.push(newSegment(file, order, { bytes: size, unposted: results, results, sealed: true, old: true }));
  }
  return last + 1;
}
