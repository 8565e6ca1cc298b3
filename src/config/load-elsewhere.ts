/**
 * Loads a configuration in a thread of its own, so that the requests of a running gateway do not wait while a long file is
 * parsed. The thread lives for one load. Where it cannot do it, it is done here.
 */
import { Worker } from 'node:worker_threads';
import type { LoadedWithAdded } from './added.js';
import { freeze } from './freeze.js';
import { type LoadOptions, loadConfig } from './load.js';

export async function loadElsewhere(options: LoadOptions): Promise<LoadedWithAdded> {
  try {
    const loaded = await inThread(options);
    return loaded.ok ? { ...loaded, config: freeze(loaded.config) } : loaded;
  } catch {
    return loadConfig(options);
  }
}

function inThread(options: LoadOptions): Promise<LoadedWithAdded> {
  const worker = new Worker(new URL('./load-worker.js', import.meta.url), {
    workerData: { ...options, env: { ...options.env } },
  });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the thread ended without an answer')));
  });
}
