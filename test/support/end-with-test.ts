/**
 * Processes that a test started end with it, also where the test itself is ended from outside: a signal does not run `exit`
 * listeners by itself.
 */
import type { ChildProcess } from 'node:child_process';

let listening = false;

/** Calls `kill` when this process ends; answers a function that takes the child out of this again. */
export function endWithTest(kill: () => void): () => void {
  if (!listening) {
    listening = true;
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
  }
  process.once('exit', kill);
  return () => process.off('exit', kill);
}

export const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;
