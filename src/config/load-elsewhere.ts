/**
 * Loads a configuration in a thread of its own, so that the requests of a running gateway do not wait while a long file is
 * parsed. The thread loads one after the other, and ends when there was nothing to load for a while: many changes in a row do not
 * begin one each. Where it cannot do it, it is done here.
 */
import { Worker } from 'node:worker_threads';
import type { LoadedWithAdded } from './added.js';
import { freeze } from './freeze.js';
import { type LoadOptions, loadConfig } from './load.js';

const KEPT_MS = 5_000;

export async function loadElsewhere(options: LoadOptions): Promise<LoadedWithAdded> {
  try {
    const loaded = await inTurn(options);
    return loaded.ok ? { ...loaded, config: freeze(loaded.config) } : loaded;
  } catch {
    return loadConfig(options);
  }
}

let thread: Worker | undefined;
let ending: NodeJS.Timeout | undefined;
let last: Promise<unknown> = Promise.resolve();

function inTurn(options: LoadOptions): Promise<LoadedWithAdded> {
  const loaded = last.then(() => inThread(options));
  last = loaded.catch(() => {});
  return loaded;
}

async function inThread(options: LoadOptions): Promise<LoadedWithAdded> {
  clearTimeout(ending);
  thread ??= new Worker(new URL('./load-worker.js', import.meta.url)).on('error', () => {});
  try {
    return await answerOf(thread, { ...options, env: { ...options.env } });
  } catch (error) {
    endThread();
    throw error;
  } finally {
    ending = setTimeout(endThread, KEPT_MS).unref();
  }
}

function endThread(): void {
  void thread?.terminate();
  thread = undefined;
}

function answerOf(worker: Worker, options: LoadOptions): Promise<LoadedWithAdded> {
  worker.ref();
  return new Promise((resolve, reject) => {
    const settle = (result: () => void) => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit).unref();
      result();
    };
    const onMessage = (loaded: LoadedWithAdded) => settle(() => resolve(loaded));
    const onError = (error: unknown) => settle(() => reject(error));
    const onExit = () => settle(() => reject(new Error('the thread ended without an answer')));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage(options);
  });
}
