/**
 * Watches the files of the configuration and calls `onChange` once after a change. Two looks in a row that find the same
 * new content are one change: a burst of writes is one reload, and a file that is still being written is left alone. A
 * look is taken soon after the kernel reports something in a folder of the files (which a rename or a link that points
 * elsewhere does as well), and every `pollMs` anyway, for network and container mounts report nothing. What the files hold
 * is compared with what was last loaded, successfully or not: the same bad file is reported once. Never fails: files that
 * cannot be read are content too.
 */
import { type FSWatcher, watch } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fingerprintNow, type Inputs } from './inputs.js';

interface WatchOptions {
  /** What the last load read. */
  readonly loaded: () => Inputs;
  /** No look is taken until it is done. */
  readonly onChange: () => Promise<unknown>;
  readonly pollMs?: number;
  /** How long content must stay as it is. */
  readonly settleMs?: number;
}

export interface Watch {
  close(): void;
}

export function watchInputs({ loaded, onChange, pollMs = 1000, settleMs = 100 }: WatchOptions): Watch {
  const folders = new Folders(() => {
    stirred = looking;
    lookIn(settleMs);
  });
  let timer: NodeJS.Timeout | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  let candidate: string | undefined;
  let looking = false;
  let stirred = false;
  let closed = false;

  function lookIn(ms: number): void {
    const at = performance.now() + ms;
    if (closed || looking || at >= dueAt) return;
    clearTimeout(timer);
    dueAt = at;
    timer = setTimeout(look, ms).unref();
  }

  async function look(): Promise<void> {
    dueAt = Number.POSITIVE_INFINITY;
    looking = true;
    stirred = false;
    const { files } = loaded();
    const found = await fingerprintNow(files);
    await folders.follow(files);
    if (closed) return;
    // Somebody else may have loaded meanwhile.
    const { fingerprint } = loaded();
    if (found === fingerprint) candidate = undefined;
    else if (found !== candidate) candidate = found;
    else {
      candidate = undefined;
      await onChange();
    }
    looking = false;
    lookIn(candidate === undefined && !stirred ? pollMs : settleMs);
  }

  void look();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      folders.close();
    },
  };
}

/** The folders that hold the files, and those that hold what links lead to. */
class Folders {
  readonly #onEvent: () => void;
  readonly #watched = new Map<string, FSWatcher>();
  #closed = false;

  constructor(onEvent: () => void) {
    this.#onEvent = onEvent;
  }

  async follow(files: readonly string[]): Promise<void> {
    const real = await Promise.all(files.map((file) => realpath(file).catch(() => file)));
    if (this.#closed) return;
    const wanted = new Set([...files, ...real].map((file) => dirname(file)));
    for (const [folder, watcher] of this.#watched) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.#watched.delete(folder);
    }
    for (const folder of wanted) this.#add(folder);
  }

  #add(folder: string): void {
    if (this.#watched.has(folder)) return;
    try {
      const watcher = watch(folder, { persistent: false }, this.#onEvent);
      this.#watched.set(folder, watcher);
      // The folder went, or the kernel has no room for more: looking now and then is enough.
      watcher.on('error', () => this.#drop(folder, watcher));
    } catch {
      // As above.
    }
  }

  #drop(folder: string, watcher: FSWatcher): void {
    watcher.close();
    if (this.#watched.get(folder) === watcher) this.#watched.delete(folder);
  }

  close(): void {
    this.#closed = true;
    for (const watcher of this.#watched.values()) watcher.close();
    this.#watched.clear();
  }
}
