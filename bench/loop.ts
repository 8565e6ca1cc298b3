/**
 * How long the event loop of a gateway is held at most by requests that are made for it: processor time of its thread, and by
 * the clock, which on a machine that does something else tells that too; and the slowest small request beside it. The promise is
 * 20 ms.
 */
import { dialectHolds } from '../test/support/held-dialects.js';
import { holds, startLoopRig } from '../test/support/held-loop.js';

const ROUNDS = 3;

export async function run(): Promise<void> {
  const rig = await startLoopRig();
  try {
    for (const hold of [...holds, ...dialectHolds]) {
      let best = { cpuMs: Infinity, clockMs: Infinity, neighbourMs: Infinity };
      let statuses = '';
      for (let round = 0; round < ROUNDS; round++) {
        const held = await rig.measure(hold);
        statuses = [...new Set(held.statuses)].join();
        best = {
          cpuMs: Math.min(best.cpuMs, held.cpuMs),
          clockMs: Math.min(best.clockMs, held.clockMs),
          neighbourMs: Math.min(best.neighbourMs, held.neighbourMs),
        };
      }
      const figures = `${best.cpuMs.toFixed(0).padStart(5)} ms of processor ${best.clockMs.toFixed(0).padStart(6)} ms by the clock ${best.neighbourMs.toFixed(0).padStart(6)} ms for a neighbour`;
      console.log(`${hold.name.padEnd(48)} ${figures}  (${statuses})`);
    }
  } finally {
    await rig.close();
  }
}
