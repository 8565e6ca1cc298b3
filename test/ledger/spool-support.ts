/** A ledger with a spool in a folder of the test's own, over a store in memory that can be told to be away. */
import fs from 'node:fs';
import { join } from 'node:path';
import type { Entry } from '../../src/ledger/entry.js';
import { createLedger, type Ledger, type LedgerOptions } from '../../src/ledger/ledger.js';
import { memoryLedgerStore } from '../../src/ledger/ledger-memory.js';
import type { LedgerStore } from '../../src/ledger/ledger-store.js';
import { Spool } from '../../src/ledger/spool.js';
import { claimFolder } from '../../src/ledger/spool-folder.js';
import type { SpoolOptions } from '../../src/ledger/spool-options.js';
import { systemClock } from '../../src/lib/clock.js';
import { DataDirectoryInUse, takeLock } from '../../src/store/data-lock.js';

export interface Rig {
  readonly ledger: Ledger;
  readonly spool: Spool;
  readonly dir: string;
  readonly logged: { level: string; message: string; fields: Record<string, unknown> }[];
  /** The spool's files, oldest first. */
  files(): string[];
  /** Gives the folder back as a process that ended without a word would. */
  die(): void;
  /** Closes in good order. */
  close(): Promise<void>;
}

export class TestStore implements LedgerStore {
  readonly written: Entry[] = [];
  readonly lines: string[] = [];
  away = false;
  readonly #memory = memoryLedgerStore();

  async insert(batch: readonly Entry[], lines: readonly string[] = []): Promise<readonly Entry[]> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.away) throw new Error('connect ECONNREFUSED');
    this.lines.push(...lines);
    const late = await this.#memory.insert(batch);
    const known = new Set(this.written.map(({ id }) => id));
    this.written.push(...batch.filter(({ id }) => !known.has(id)));
    return late;
  }

  page(...asked: Parameters<LedgerStore['page']>) {
    return this.#memory.page(...asked);
  }
}

export const claim = (dataDir: string, machine = 'test', nowMs?: () => number) =>
  claimFolder({
    dataDir,
    machine,
    takeLock,
    isTaken: (error) => error instanceof DataDirectoryInUse,
    ...(nowMs && { nowMs }),
  });

export async function rig(
  dataDir: string,
  store: LedgerStore,
  options: Partial<SpoolOptions> = {},
  ledgerOptions: Partial<LedgerOptions> = {},
): Promise<Rig> {
  const folder = await claim(dataDir);
  const logged: Rig['logged'] = [];
  const log = {
    info: (fields: object, message: string) => void logged.push({ level: 'info', message, fields: { ...fields } }),
    error: (fields: object, message: string) => void logged.push({ level: 'error', message, fields: { ...fields } }),
  };
  const spool = new Spool(folder, {
    log,
    sync: false,
    maxBytes: 64 * 1024 * 1024,
    onFull: 'refuse',
    retryMs: 20,
    ...options,
  });
  let dead = false;
  const ledger = createLedger({
    store,
    clock: systemClock,
    log,
    spool,
    batchMs: 5,
    after: (ms, run) => {
      const timer = setTimeout(() => dead || run(), ms > 1_000 ? ms : ms / 10);
      return () => clearTimeout(timer);
    },
    ...ledgerOptions,
  });
  return {
    ledger,
    spool,
    dir: folder.dir,
    logged,
    files: () =>
      fs
        .readdirSync(folder.dir)
        .filter((name) => name.endsWith('.spool'))
        .sort()
        .map((name) => join(folder.dir, name)),
    die: () => {
      dead = true;
      folder.release();
    },
    close: async () => {
      await ledger.close();
      folder.release();
    },
  };
}

/** An attempt from its beginning to its end. Throws where it is refused. */
export async function attempt(ledger: Ledger, intent: Entry, result: Entry): Promise<void> {
  const refusal = await ledger.begin(intent);
  if (refusal) throw new Error(refusal.message);
  ledger.append(result);
  await ledger.durable();
}
