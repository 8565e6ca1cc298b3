/**
 * Loaded before a gateway (`--import`): its machine's clock goes as it goes, until a SIGUSR2 steps it by the next of
 * `TEST_CLOCK_STEPS` (milliseconds, comma-separated). What measures time without a date (`performance.now`, timers) goes on, as it does
 * where a system's clock is set.
 */
const steps = (process.env['TEST_CLOCK_STEPS'] ?? '').split(',').map(Number);
const now = Date.now;
let offsetMs = 0;

Date.now = () => now() + offsetMs;
globalThis.Date = new Proxy(Date, {
  construct: (target, given: []) => (given.length === 0 ? new target(now() + offsetMs) : new target(...given)),
});

process.on('SIGUSR2', () => {
  offsetMs += steps.shift() ?? 0;
});
