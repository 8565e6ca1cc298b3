/** The processes of a gateway with workers, as its log tells of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Gateway } from './gateway.js';

/** The process number of each worker but the first, by its number; the newest where one was replaced. */
export function workerPids({ output }: Gateway): Map<number, number> {
  const pids = new Map<number, number>();
  for (const [, worker, pid] of output.matchAll(/"peer":(\d+),"pid":(\d+),"msg":"a worker serves"/g))
    pids.set(Number(worker), Number(pid));
  return pids;
}

/** The new process of a worker whose process had another number. */
export async function replacedBy(gateway: Gateway, worker: number, before: number, withinMs = 60_000): Promise<number> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const now = workerPids(gateway).get(worker);
    if (now !== undefined && now !== before) return now;
    if (Date.now() > deadline) throw new Error(`worker ${worker} was not replaced:\n${gateway.output}`);
    await sleep(25);
  }
}

/** Which worker had a request, by its line in the access log: others may be about it too. */
export async function workerOf(gateway: Gateway, requestId: string): Promise<number> {
  for (;;) {
    const line = gateway.output
      .split('\n')
      .find((one) => one.includes(`"request_id":"${requestId}"`) && one.includes('"msg":"request"'));
    const [, worker] = /"worker":(\d+)/.exec(line ?? '') ?? [];
    if (worker !== undefined) return Number(worker);
    await sleep(25);
  }
}

/** True while there is such a process. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
