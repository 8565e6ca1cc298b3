/**
 * Loaded into a gateway by `--import`: between one SIGUSR2 and the next it takes the event loop for itself, for most of the time.
 */
import { isMainThread } from 'node:worker_threads';

const HELD_MS = 250;

if (isMainThread) {
  let timer: NodeJS.Timeout | undefined;
  process.on('SIGUSR2', () => {
    if (timer) {
      clearInterval(timer);
      timer = undefined;
      return;
    }
    timer = setInterval(() => {
      const until = performance.now() + HELD_MS;
      while (performance.now() < until);
    }, 1);
  });
}
