/** What the admin API tells of the processes of this gateway. */
import type { Server } from 'node:net';
import { promisify } from 'node:util';
import type { WorkerTold } from '../api/admin/workers-route.js';
import type { Clock } from '../lib/clock.js';
import type { RunningCrew } from './crew.js';

/** The first one is this process. */
export async function toldWorkers(
  clock: Clock,
  server: Server,
  crew: RunningCrew | undefined,
  handed: { readonly size: number } | undefined,
): Promise<readonly WorkerTold[]> {
  const connections = handed?.size ?? (await promisify(server.getConnections.bind(server))());
  const own: WorkerTold = {
    ...{ worker: 1, state: 'serving', pid: process.pid, connections, restarts: 0 },
    startedAtMs: Math.round(clock.now() - process.uptime() * 1_000),
  };
  return [own, ...(crew?.workers() ?? [])];
}
