/**
 * What limits cost: reserving and settling ten limits (five of a key, five of its team), in memory and over a Redis on
 * loopback, with 10 to 100,000 keys that are asked in turn, so that each finds its counters out of the processor's cache.
 * Fifty holds are open at any time. Claims: under 20 us in memory, under 1 ms over Redis in two round trips, whatever the
 * number of keys.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { systemClock } from '../src/lib/clock.js';
import type { LimitSpec } from '../src/lib/limit-spec.js';
import type { Actuals, Estimate } from '../src/limits/amount.js';
import { RedisCounters } from '../src/limits/counters-redis.js';
import { Failover } from '../src/limits/failover.js';
import type { Hold } from '../src/limits/hold.js';
import { Limit, type Scope } from '../src/limits/limit.js';
import { Limits } from '../src/limits/limits.js';
import { MemoryStore } from '../src/limits/memory.js';
import { openRedis } from '../src/store/redis.js';

const KEYS = [10, 1_000, 100_000];
const LEASE_MS = 15_000;
const OPEN = 50;

const spec = (unit: LimitSpec['unit'], per: LimitSpec['per'], max: number): LimitSpec => ({
  unit,
  max,
  per,
  model: null,
  warn_at: [0.8, 1],
  timezone: 'Europe/Berlin',
  on_exhausted: 'clamp',
});
const five = [
  spec('requests', 'minute', 1e9),
  spec('tokens', 'minute', 1e12),
  spec('usd', 'month', 9e15),
  spec('tokens', 'day', 9e15),
  spec('concurrent', null, 1e6),
];
const of = (scope: Scope): Limit[] => five.map((one) => new Limit(scope, one));
const estimate: Estimate = {
  inputTokens: 300,
  inputTokensMost: 330,
  inputNanoMost: 49_500,
  outputPicoMost: 600_000,
  output: { want: 1000, min: 1, expected: 200 },
};
const used: Actuals = { requests: 1, inputTokens: 300, outputTokens: 150, usdNano: 135_000 };

export async function run(): Promise<void> {
  console.log('limits: reserve and settle of ten limits');
  for (const keys of KEYS) {
    const limits = new Limits({ clock: systemClock, store: new MemoryStore(systemClock, { leaseMs: LEASE_MS }) });
    const times = await measure(limits, keys, keys, 100_000);
    print('memory', keys, times, 1000, 'us');
  }
  const redis = await startRedis();
  try {
    for (const keys of KEYS) {
      const link = openRedis(redis.url);
      // Filling the counters is all the machine can do; that is not to look like a Redis that is away.
      const counters = new RedisCounters(link, {
        clock: systemClock,
        me: 'bench',
        leaseMs: LEASE_MS,
        prefix: `{bench-${keys}}`,
        recoveryMs: 0,
        timeoutMs: 2000,
      });
      const store = new Failover(counters, link, {
        clock: systemClock,
        leaseMs: LEASE_MS,
        onFailure: 'closed',
        onState: (...told) => console.log(told),
      });
      await store.ready(3000);
      const limits = new Limits({ clock: systemClock, store });
      limits.start();
      // The counters of all keys exist; of those that exist a few thousand are asked.
      const times = await measure(limits, keys, Math.min(keys, 20_000), 3000);
      print('redis', keys, times, 1, 'ms');
      await limits.close();
    }
  } finally {
    await redis.close();
  }
}

/** Milliseconds per reserve and settle, sorted. */
async function measure(limits: Limits, keys: number, warm: number, times: number): Promise<Float64Array> {
  const teams = Array.from({ length: 100 }, (_, i) => of({ kind: 'team', id: `team-${i}` }));
  const all = Array.from({ length: keys }, (_, i) => [...of({ kind: 'key', id: `key_${i}` }), ...teams[i % 100]!]);
  for (let i = 0; i < warm; i += 100) {
    const done = await Promise.all(all.slice(i, Math.min(i + 100, warm)).map((each) => once1(limits, each)));
    limits.posted(done);
  }
  const taken = new Float64Array(times);
  const open: Hold[] = [];
  for (let i = 0; i < times; i++) {
    const each = all[(i * 7919) % warm]!;
    const began = process.hrtime.bigint();
    const made = limits.reserve({ id: `hold-${i}`, limits: each, estimate });
    const outcome = made instanceof Promise ? await made : made;
    if (outcome.kind !== 'reserved') throw new Error(outcome.kind);
    open.push(outcome.hold);
    if (open.length > OPEN) {
      const settled = limits.settle(open.shift()!, used, 'exact');
      if (settled instanceof Promise) await settled;
    }
    taken[i] = Number(process.hrtime.bigint() - began) / 1e6;
    if (i % 1000 === 0) limits.posted(Array.from({ length: 1000 }, (_, j) => `hold-${i - 1000 + j}`));
  }
  for (const hold of open) await limits.settle(hold, used, 'exact');
  return taken.subarray(OPEN).sort();
}

async function once1(limits: Limits, of: readonly Limit[]): Promise<string> {
  const outcome = await limits.reserve({ id: Math.random().toString(36), limits: of, estimate });
  if (outcome.kind !== 'reserved') throw new Error(outcome.kind);
  await limits.settle(outcome.hold, used, 'exact');
  return outcome.hold.id;
}

function print(store: string, keys: number, times: Float64Array, factor: number, unit: string): void {
  const at = (share: number) => (times[Math.floor(times.length * share)]! * factor).toFixed(2).padStart(7);
  console.log(
    `  ${store.padEnd(7)} ${String(keys).padStart(7)} keys   p50 ${at(0.5)} ${unit}   p99 ${at(0.99)} ${unit}`,
  );
}

async function startRedis(): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const redis: ChildProcess = spawn('redis-server', args, { stdio: 'ignore' });
  return {
    url: `redis://127.0.0.1:${port}`,
    async close() {
      const ended = once(redis, 'exit');
      redis.kill('SIGKILL');
      await ended;
    },
  };
}
