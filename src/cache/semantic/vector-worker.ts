/**
 * The embedding thread as others use it. Started with the first question. Its queue is bounded: what does not fit is not
 * asked, so that a burst costs misses and not time; an answer that is late is not waited for. A thread that ends is started
 * again with the next question, with an empty table.
 */
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { Reply, Work, WorkerOptions } from './worker-messages.js';

const require = createRequire(import.meta.url);

/** The queue was full, the answer too late, or the thread ended. */
export class WorkerAway extends Error {}

export interface VectorWorkerOptions extends WorkerOptions {
  readonly mostWaiting: number;
  /** The thread ended by itself. */
  readonly onEnd?: (error: Error | undefined) => void;
}

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

export class VectorWorker {
  readonly #options: VectorWorkerOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #idle: (() => void)[] = [];
  #worker: Worker | undefined;
  #next = 1;
  #closed = false;

  constructor(options: VectorWorkerOptions) {
    this.#options = options;
  }

  /** It was asked before, and has not ended. */
  get running(): boolean {
    return this.#worker !== undefined;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Rejects with `WorkerAway` where the thread is busy (`most` wait already) or late, else with its own error. */
  ask(work: Work, withinMs: number, most = this.#options.mostWaiting): Promise<Reply> {
    if (this.#closed) return Promise.reject(new WorkerAway('closed'));
    if (this.#waiting.size >= most) return Promise.reject(new WorkerAway('the queue is full'));
    let worker: Worker;
    try {
      worker = this.#worker ??= this.#start();
    } catch (error) {
      return Promise.reject(error as Error);
    }
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new WorkerAway(`no answer within ${withinMs} ms`)), withinMs);
      timer.unref();
      // It stays in the queue until it is answered, for it still occupies the thread.
      const settle =
        <T>(then: (value: T) => void) =>
        (value: T): void => {
          clearTimeout(timer);
          then(value);
        };
      this.#waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
      worker.ref();
      worker.postMessage({ ...work, id });
    });
  }

  /** Asked once nothing else is; in its turn like all others of its kind. */
  async askIdly(work: Work, withinMs: number): Promise<Reply> {
    if (this.#waiting.size > 0 || this.#idle.length > 0) {
      if (this.#idle.length >= this.#options.mostWaiting) throw new WorkerAway('the idle queue is full');
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
    return this.ask(work, withinMs);
  }

  /** Ends the thread after what it is doing now: to be stopped inside a computation is more than the runtime survives. */
  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    if (!worker) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.ref();
    worker.postMessage({ op: 'close' });
    await ended;
  }

  #start(): Worker {
    // Held here, or it would be unloaded with the first thread that ends, under the feet of others, and for good.
    require('onnxruntime-node');
    const { folder, mostPieces, capacity, perScope } = this.#options;
    const workerData: WorkerOptions = { folder, mostPieces, capacity, perScope };
    const worker = new Worker(new URL('./embed-worker.js', import.meta.url), { workerData });
    worker.unref();
    worker.on('message', (reply: Reply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.error === undefined) waiting?.resolve(reply);
      else waiting?.reject(new Error(reply.error));
      if (this.#waiting.size > 0 || this.#closed) return;
      worker.unref();
      this.#idle.shift()?.();
    });
    let failure: Error | undefined;
    worker.on('error', (error: Error) => {
      failure = error;
    });
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
      for (const { reject } of this.#waiting.values()) reject(new WorkerAway('the embedding thread ended'));
      this.#waiting.clear();
      for (const go of this.#idle.splice(0)) go();
      if (!this.#closed) this.#options.onEnd?.(failure);
    });
    return worker;
  }
}
