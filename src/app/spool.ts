/** The part of the composition that keeps the ledger's spool: its folder, and what is told of it. */
import type { Config } from '../config/config.js';
import type { Ledger } from '../ledger/ledger.js';
import { Spool } from '../ledger/spool.js';
import { claimFolder } from '../ledger/spool-folder.js';
import { smallVolume, spoolBound, volumeOf } from '../ledger/spool-volume.js';
import { messageOf } from '../lib/thrown.js';
import { DataDirectoryInUse, takeLock } from '../store/data-lock.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';

export interface OpenedSpool {
  readonly dir: string;
  readonly spool: Spool;
  /** What operators are to know of its volume; undefined where all is well. */
  notice(): Promise<string | undefined>;
  release(): void;
}

const DRAIN_MS = 100;
const MOST_DRAIN_MS = 500;

/**
 * How long entries wait for others. A statement that writes them costs the database much whatever it brings (it adds to all sums), so
 * several processes together make about as many as one would.
 */
export const drainMs = (processes: number): number => Math.min(DRAIN_MS * processes, MOST_DRAIN_MS);

/** `processes` share the space. Throws where `data_dir` cannot be written: without a spool nothing is served. */
export async function openSpool(config: Config, log: Log, processes = 1): Promise<OpenedSpool> {
  const folder = await claimFolder({
    dataDir: config.data_dir,
    takeLock,
    isTaken: (error) => error instanceof DataDirectoryInUse,
  }).catch((error: unknown) => {
    const why = messageOf(error);
    throw new Error(`the ledger's spool in data_dir (${config.data_dir}) cannot be opened: ${why}`, { cause: error });
  });
  const { durability, max_size, on_full, sent_unknown } = config.ledger;
  const volume = await volumeOf(folder.dir);
  const small = smallVolume(max_size, volume);
  if (small) log.warn({ data_dir: config.data_dir }, small);
  const spool = new Spool(folder, {
    ...{
      log,
      sync: durability !== 'process',
      maxBytes: Math.floor(spoolBound(max_size, volume) / processes),
      onFull: on_full,
    },
    sentUnknown: sent_unknown,
  });
  return {
    dir: folder.dir,
    spool,
    notice: async () => smallVolume(max_size, await volumeOf(folder.dir)),
    release: () => folder.release(),
  };
}

export function spoolMetrics(metrics: Metrics, ledger: Ledger): void {
  metrics.gauge('tollgate_spool_entries', () => ledger.queued);
  metrics.gauge('tollgate_spool_bytes', () => ledger.spool?.bytes ?? 0);
  metrics.gauge('tollgate_spool_refusing', () => (ledger.spool?.problem ? 1 : 0));
  metrics.gauge('tollgate_spool_damages', () => ledger.spool?.damages ?? 0);
  metrics.gauge('tollgate_ledger_lost', () => ledger.lost);
}

export async function spoolHealth(
  ledger: Ledger,
  opened: Pick<OpenedSpool, 'notice'>,
): Promise<{ ok: boolean; detail: string }> {
  const { problem, bytes } = ledger.spool ?? { problem: null, bytes: 0 };
  const waiting = `${ledger.queued} entries wait, ${bytes} bytes`;
  const state = problem === null ? waiting : `${problem}: ${waiting}`;
  const notice = await opened.notice();
  return { ok: ledger.refusal() === undefined, detail: notice ? `${state}. ${notice}` : state };
}
