/**
 * Loaded into a gateway by `--import`: how long its event loop is held at most, in processor time of its thread, which a busy
 * machine does not lengthen, and by the clock. Each new maximum is written to the file `LOOP_WATCH`; SIGUSR2 begins anew.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const file = process.env['LOOP_WATCH'];

/** Linux counts it for each thread, to a tick of a few milliseconds. */
function cpuMs(): number {
  return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ', 1)[0]) / 1e6;
}

if (file !== undefined && isMainThread) {
  let most = { cpuMs: 0, clockMs: 0 };
  let lastCpu = cpuMs();
  let lastClock = performance.now();
  const look = (): void => {
    const cpu = cpuMs();
    const clock = performance.now();
    const held = { cpuMs: cpu - lastCpu, clockMs: clock - lastClock };
    lastCpu = cpu;
    lastClock = clock;
    if (held.cpuMs <= most.cpuMs && held.clockMs <= most.clockMs) return;
    most = { cpuMs: Math.max(most.cpuMs, held.cpuMs), clockMs: Math.max(most.clockMs, held.clockMs) };
    tell();
  };
  /** Whoever reads the file finds it whole. */
  const tell = (): void => {
    writeFileSync(`${file}.new`, JSON.stringify(most));
    renameSync(`${file}.new`, file);
  };
  setInterval(look, 1).unref();
  process.on('SIGUSR2', () => {
    look();
    most = { cpuMs: 0, clockMs: 0 };
    tell();
  });
}
