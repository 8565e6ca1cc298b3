/**
 * What workers that ended have left: entries in their spools, and holds. Whoever takes a spool over (the replacement, another worker,
 * another gateway over the same folder) brings it to the ledger, and removes its files when all of it is there. So a worker's holds
 * are closed, at what the ledger has of them, once every file that it left is gone; until then they count as they were held. Where
 * the ledger cannot be read then, it is asked again a second later.
 *
 * A gateway of another machine takes a folder away once its lock is not touched for a minute, and then the files are gone without being
 * in the ledger. So the lock of the worker that ended is touched in its place, until its folder has a new owner.
 *
 * A worker that had no spool yet had no requests.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { access, readFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../lib/clock.js';
import { messageOf } from '../lib/thrown.js';
import type { LimitsDesk } from './limits-desk.js';

interface LeftBehindDeps {
  /** Closes the holds of a worker; rejects where it cannot be known yet what they came to. */
  readonly closeHolds: (desk: LimitsDesk) => Promise<void>;
  readonly log: { warn(fields: object, message: string): void };
}

interface Left {
  readonly worker: number;
  readonly desk: LimitsDesk;
  readonly sinceMs: number;
  /** Undefined: it left none. */
  readonly lock: SpoolLock | undefined;
  /** Files of its spool that are still there. */
  files: readonly string[];
  lockTouchedMs: number;
  /** It was told that its holds stay open. */
  told: boolean;
  /** It was told that its files are still there. */
  filesTold: boolean;
}

interface SpoolLock {
  readonly file: string;
  /** What it says: whose it is. */
  readonly owner: string;
}

const LOOK_MS = 100;
const AGAIN_MS = 1_000;
const TOUCH_MS = 10_000;
const LONG_MS = 60_000;
const SEGMENT = /^\d+\.spool$/;

export class LeftBehind {
  readonly #deps: LeftBehindDeps;
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly #left = new Set<Left>();
  readonly #waiting = new Set<() => void>();
  #looking = false;

  constructor(deps: LeftBehindDeps, clock: Pick<Clock, 'now' | 'monotonic'> = systemClock) {
    this.#deps = deps;
    this.#clock = clock;
  }

  /** A worker has ended. To be called before anybody can have taken over its folder. */
  add(worker: number, desk: LimitsDesk, spoolDir: string | undefined): void {
    const files = spoolDir === undefined ? [] : segmentsIn(spoolDir);
    if (desk.size === 0 && files.length === 0) return;
    this.#left.add({
      ...{ worker, desk, files },
      lock: spoolDir !== undefined && files.length > 0 ? lockIn(spoolDir) : undefined,
      sinceMs: this.#clock.monotonic(),
      lockTouchedMs: Number.NEGATIVE_INFINITY,
      ...{ told: false, filesTold: false },
    });
    if (this.#looking) return;
    this.#looking = true;
    this.#lookIn(LOOK_MS);
  }

  /** Resolves when nothing is left; rejects where that takes longer. */
  async settled(withinMs: number): Promise<void> {
    if (this.#left.size === 0) return;
    await new Promise<void>((resolve, reject) => {
      const done = (): void => {
        clearTimeout(late);
        resolve();
      };
      const late = setTimeout(() => {
        this.#waiting.delete(done);
        reject(new Error('what an ended worker left is not in the ledger yet'));
      }, withinMs);
      this.#waiting.add(done);
    });
  }

  #lookIn(ms: number): void {
    setTimeout(() => void this.#look(), ms).unref();
  }

  async #look(): Promise<void> {
    let failed = false;
    for (const left of this.#left) if (!(await this.#close(left))) failed = true;
    if (this.#left.size > 0) return this.#lookIn(failed ? AGAIN_MS : LOOK_MS);
    this.#looking = false;
    for (const done of this.#waiting) done();
    this.#waiting.clear();
  }

  async #wait(left: Left): Promise<void> {
    const { worker, desk, files, lock, sinceMs } = left;
    const nowMs = this.#clock.monotonic();
    if (lock && nowMs - left.lockTouchedMs >= TOUCH_MS) {
      left.lockTouchedMs = nowMs;
      await touch(lock, new Date(this.#clock.now()));
    }
    if (left.filesTold || nowMs - sinceMs < LONG_MS) return;
    left.filesTold = true;
    const fields = { peer: worker, holds: desk.size, files: files.length, file: files[0] };
    this.#deps.log.warn(fields, 'the spool of a worker that ended is still there after a minute; its holds stay open');
  }

  /** False: it is to be tried again later. */
  async #close(left: Left): Promise<boolean> {
    const { worker, desk, files } = left;
    left.files = await stillThere(files);
    if (left.files.length > 0) {
      await this.#wait(left);
      return true;
    }
    try {
      await this.#deps.closeHolds(desk);
      this.#left.delete(left);
      return true;
    } catch (error) {
      const fields = { peer: worker, holds: desk.size, error: messageOf(error) };
      if (!left.told)
        this.#deps.log.warn(fields, 'holds of a worker that ended stay open until the ledger can be read');
      left.told = true;
      return false;
    }
  }
}

/** At once, so that none of a successor's files is among them. Where the folder cannot be read, nobody reads from it. */
function segmentsIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir)
      .filter((name) => SEGMENT.test(name))
      .map((name) => join(dir, name));
  } catch {
    return [];
  }
}

function lockIn(dir: string): SpoolLock | undefined {
  const file = join(dir, 'lock');
  try {
    return { file, owner: readFileSync(file, 'utf8') };
  } catch {
    return undefined;
  }
}

/** Does nothing where it has a new owner, who touches it. */
async function touch({ file, owner }: SpoolLock, now: Date): Promise<void> {
  try {
    if ((await readFile(file, 'utf8')) === owner) await utimes(file, now, now);
  } catch {
    // It is gone: somebody takes the folder over.
  }
}

async function stillThere(files: readonly string[]): Promise<readonly string[]> {
  const there: string[] = [];
  for (const file of files) {
    const gone = await access(file).then(
      () => false,
      (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
    );
    if (!gone) there.push(file);
  }
  return there;
}
