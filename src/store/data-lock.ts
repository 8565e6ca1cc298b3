/**
 * One process at a time in a data directory: a file that names the process that holds it. It is made exclusively, so of two
 * processes one wins. A file whose process is gone, or whose process number now belongs to another process, is taken over.
 * It guards against a second process on this machine, not against another machine that mounts the same directory.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export class DataDirectoryInUse extends Error {
  override readonly name = 'DataDirectoryInUse';
}

interface Holder {
  readonly pid: number;
  /** What tells this process from a later one with the same number; null where the system does not say. */
  readonly born: string | null;
}

const TRIES = 20;
const held = new Set<string>();

/** Takes `file`, whose directory exists; answers how to give it back. Throws `DataDirectoryInUse`. */
export async function takeLock(file: string): Promise<() => void> {
  const mine = JSON.stringify({ pid: process.pid, born: birthOf(process.pid) } satisfies Holder);
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      writeFileSync(file, mine, { flag: 'wx', mode: 0o600 });
      held.add(file);
      let ours = true;
      return () => {
        if (ours) release(file);
        ours = false;
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const there = read(file);
    const holder = parse(there);
    if (holder && (holder.pid === process.pid ? held.has(file) : isAlive(holder))) {
      throw new DataDirectoryInUse(
        `${file}: this data directory is in use by process ${holder.pid}. Stop it, or use another data_dir.`,
      );
    }
    // An unreadable file is one that is being written just now, unless it stays so.
    if (holder || tries > TRIES / 2) discard(file, there);
    await sleep(10);
  }
  throw new DataDirectoryInUse(`${file}: other processes keep taking this data directory.`);
}

function release(file: string): void {
  held.delete(file);
  rmSync(file, { force: true });
}

/** Removes the file if it still says what was read: another process may have taken it over meanwhile. */
function discard(file: string, seen: string | null): void {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
    if (read(aside) === seen) rmSync(aside, { force: true });
    else renameSync(aside, file);
  } catch {
    // It is gone already: the next try sees.
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function parse(written: string | null): Holder | null {
  try {
    const holder = JSON.parse(written ?? '') as Holder;
    return Number.isInteger(holder.pid) && holder.pid > 0 ? holder : null;
  } catch {
    return null;
  }
}

function isAlive({ pid, born }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = birthOf(pid);
  return born === null || now === null || born === now;
}

/** Linux: the boot, and the clock tick of it at which the process started (field 22 of its `stat`). */
function birthOf(pid: number): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[19] ? `${boot}/${fields[19]}` : null;
  } catch {
    return null;
  }
}
