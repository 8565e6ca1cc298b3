/**
 * What workers that ended have left: entries in their spools, and holds. Whoever takes a spool over (the replacement, another worker,
 * another gateway over the same folder) brings it to the ledger, and removes its files when all of it is there. So a worker's holds
 * are closed, at what the ledger has of them, once every file that it left is gone; until then they count as they were held. Where
 * the ledger cannot be read then, it is asked again a second later.
 *
 * A worker that had no spool yet had no requests.
 */
import { readdirSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
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
  /** Files of its spool that are still there. */
  files: readonly string[];
  /** It was told that its holds stay open. */
  told: boolean;
}

const LOOK_MS = 100;
const AGAIN_MS = 1_000;
const SEGMENT = /^\d+\.spool$/;

export class LeftBehind {
  readonly #deps: LeftBehindDeps;
  readonly #left = new Set<Left>();
  readonly #waiting = new Set<() => void>();
  #looking = false;

  constructor(deps: LeftBehindDeps) {
    this.#deps = deps;
  }

  /** A worker has ended. To be called before anybody can have taken over its folder. */
  add(worker: number, desk: LimitsDesk, spoolDir: string | undefined): void {
    const files = spoolDir === undefined ? [] : segmentsIn(spoolDir);
    if (desk.size === 0 && files.length === 0) return;
    this.#left.add({ worker, desk, files, told: false });
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

  /** False: it is to be tried again later. */
  async #close(left: Left): Promise<boolean> {
    const { worker, desk, files } = left;
    left.files = await stillThere(files);
    if (left.files.length > 0) return true;
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
