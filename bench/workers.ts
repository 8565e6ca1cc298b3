/**
 * What two workers cost and bring beside one process, and beside two gateways that share nothing: the same requests with a key that
 * has three limits, in turn, embedded database and limits in memory. Load and upstream run on the same machine. Aims: at most 1.15 times
 * the CPU per request of one process, and on a machine where processors are idle 1.3 times the requests. Two processes need longer than
 * one until their code is compiled, since each has half of the requests: all are warmed for so long that this does not count.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Gateway, startGateway } from '../test/support/gateway.js';
import { needs } from '../test/support/packages.js';
import { workerPids } from '../test/support/workers.js';
import { configFor, sideOf, startNginx } from './proxy.js';
import { compare, type Side } from './sides.js';

const WARM_SECONDS = 15;

const limits = [
  { unit: 'requests', max: 100_000_000, per: 'minute' },
  { unit: 'tokens', max: 9_000_000_000, per: 'minute' },
  { unit: 'usd', max: 1_000_000, per: 'month' },
];

export async function run(): Promise<void> {
  needs('wrk');
  needs('nginx');
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
  const upstream = await startNginx(dir);
  const running: Gateway[] = [];
  const start = async (name: string, workers: number): Promise<Side> => {
    const config = { ...configFor(upstream.url), server: { workers } };
    const gateway = await startGateway({ database: 'embedded', config });
    running.push(gateway);
    const { key } = await gateway.key({ limits });
    return sideOf(dir, name, gateway.url, gateway.pid, key, [...workerPids(gateway).values()]);
  };
  try {
    const one = await start('one process', 1);
    const apart = await start('two gateways apart', 1);
    const other = await start('', 1);
    const both = { ...apart, pids: [...apart.pids, ...other.pids], beside: other.load };
    await compare([one, both, await start('2 workers', 2)], one.name, WARM_SECONDS);
  } finally {
    for (const gateway of running) await gateway.close();
    upstream.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}
