/**
 * Looks how strained the process is, a few times a second: how late its event loop is, by the lateness of a timer, of which the
 * middle one of the last five counts, so that one long collection of garbage refuses nobody; and its memory, of what the machine or
 * the container gives, and of the heap.
 */

import { totalmem } from 'node:os';
import { constrainedMemory, memoryUsage } from 'node:process';
import { getHeapStatistics } from 'node:v8';
import type { Config } from '../config/config.js';
import type { Clock } from '../lib/clock.js';
import { type Overload, refusedAt } from '../lib/overload.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';

const LOOK_MS = 100;
const LATENESSES = 5;
/** Of all memory, where the configuration says nothing. */
const MEMORY_SHARE = 0.85;
/** Of the heap's limit: at the limit the process ends. */
const HEAP_SHARE = 0.9;
const givenBytes = memoryGiven();

interface StrainDeps {
  readonly overload: Overload;
  readonly inForce: () => { readonly config: Config };
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly inFlight: () => number;
}

export function watchStrain({ overload, inForce, clock, log, metrics, inFlight }: StrainDeps): { close(): void } {
  const latenesses: number[] = [];
  let lookedAtMs = clock.monotonic();
  const look = (): void => {
    const nowMs = clock.monotonic();
    latenesses.push(Math.max(0, nowMs - lookedAtMs - LOOK_MS));
    if (latenesses.length > LATENESSES) latenesses.shift();
    lookedAtMs = nowMs;
    const { overload: limits, workers } = inForce().config.server;
    const strain = {
      delay: middleOf(latenesses) / limits.delay,
      memory: memoryShare(limits.memory ?? givenBytes / workers),
    };
    if (!overload.look(strain, inFlight())) return;
    const delayMs = Math.round(middleOf(latenesses));
    const fields = { level: overload.level, delay_ms: delayMs, memory_bytes: memoryUsage.rss() };
    log.warn(fields, `overload: refused is ${refusedAt(overload.level)}`);
  };
  const timer = setInterval(look, LOOK_MS).unref();
  metrics.gauge('tollgate_overload_level', () => overload.level);
  return { close: () => clearInterval(timer) };
}

/** The most that all processes of the gateway may hold: of its container, else of the machine. */
function memoryGiven(): number {
  const machine = totalmem();
  const container = constrainedMemory();
  return MEMORY_SHARE * (container > 0 && container < machine ? container : machine);
}

function memoryShare(mostBytes: number): number {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  return Math.max(memoryUsage.rss() / mostBytes, used / (HEAP_SHARE * limit));
}

const middleOf = (numbers: readonly number[]): number =>
  numbers.length < LATENESSES ? 0 : numbers.toSorted((a, b) => a - b)[LATENESSES >> 1]!;
