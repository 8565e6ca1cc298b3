import { Limits } from '../../src/limits/limits.js';
import { MemoryStore } from '../../src/limits/memory.js';
import { LEASE_MS } from '../contract/limits/rig.js';
import { limitsContract } from '../contract/limits.js';
import { ManualClock } from '../support/clock.js';

limitsContract(
  'memory',
  async (options) => {
    const clock = new ManualClock();
    return {
      limits: new Limits({ ...options, clock, store: new MemoryStore(clock, { leaseMs: LEASE_MS }) }),
      clock,
      other: undefined,
    };
  },
  async () => {},
);
