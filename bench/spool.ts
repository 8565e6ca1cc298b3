/**
 * What the spool costs a request: its intent and its result written down, eight requests in a turn of the event loop, over a
 * store that does nothing. Beside it the same without a spool. Microseconds of CPU per request (all threads of the process),
 * and how long a lone request waits for its two writes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Entry } from '../src/ledger/entry.js';
import { createLedger, type Ledger } from '../src/ledger/ledger.js';
import { Spool } from '../src/ledger/spool.js';
import { systemClock } from '../src/lib/clock.js';
import { entry } from '../test/contract/ledger.js';

const TURNS = 5_000;
const AT_ONCE = 8;
const log = { info: () => {}, error: (fields: object, message: string) => console.error(message, fields) };

export async function run(): Promise<void> {
  for (const mode of ['none', 'process', 'fsync'] as const) {
    const dir = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
    const options = { log, sync: mode === 'fsync', maxBytes: 2 ** 32, onFull: 'refuse' } as const;
    const spool = mode === 'none' ? undefined : new Spool({ dir, left: [], nextNumber: 1 }, options);
    const ledger = createLedger({
      store: { insert: async () => [], page: async () => [] },
      clock: systemClock,
      log,
      spool,
    });
    const turns = mode === 'fsync' ? TURNS / 10 : TURNS;
    await requests(ledger, turns, AT_ONCE); // warm
    const cpu = process.cpuUsage();
    await requests(ledger, turns, AT_ONCE);
    const { user, system } = process.cpuUsage(cpu);
    const start = performance.now();
    await requests(ledger, 500, 1);
    const waitUs = ((performance.now() - start) * 1000) / 500;
    const cpuUs = (user + system) / (turns * AT_ONCE);
    console.log(
      `spool, ${mode.padEnd(7)}: ${cpuUs.toFixed(1)} us CPU per request, a lone one takes ${waitUs.toFixed(0)} us`,
    );
    await ledger.close();
    rmSync(dir, { recursive: true });
  }
}

async function requests(ledger: Ledger, turns: number, atOnce: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    await Promise.all(Array.from({ length: atOnce }, () => request(ledger, entry({ at: Date.now() }))));
  }
}

async function request(ledger: Ledger, intent: Entry): Promise<void> {
  const begun = ledger.begin(intent);
  if (begun instanceof Promise) await begun;
  ledger.append({ ...intent, overhead_ms: 0.5 });
  const durable = ledger.durable();
  if (durable) await durable;
}
