/**
 * Work on JSON bodies. What is small is done at once. What is larger is done in another thread, one piece after the other, so
 * that nobody else's request waits for it; what waits is bounded by its bytes, each piece by time, the thread by memory. A
 * thread that does not end in its time or runs out of memory is ended, and only the work that it was doing fails.
 */
import { Worker } from 'node:worker_threads';
import { asBuffer, ownedBy } from '../lib/handed-over.js';
import { doJob, type JobKind, type JsonJobs } from './json-job.js';

/** Done at once: takes a millisecond or two at the worst. */
export const LITTLE_BYTES = 16 * 1024;
const LONGEST_MS = 10_000;
const MOST_WAITING_BYTES = 64 * 1024 * 1024;
const MOST_MEMORY_MB = 512;

/** Why work was not done: too much waits already, or it would have taken too much. */
export type Undone = 'busy' | 'failed';
/** `bytes`: those that were worked on. Whoever wants them afterwards takes these, for the others may have been handed over. */
export type Worked<T> = { readonly done: T; readonly bytes: Buffer } | { readonly undone: Undone };

interface Job {
  readonly kind: JobKind;
  readonly plan: unknown;
  readonly bytes: Buffer;
  readonly settle: (worked: Worked<never>) => void;
}

export class JsonWork {
  readonly #longestMs: number;
  readonly #waiting: Job[] = [];
  #waitingBytes = 0;
  #worker: Worker | null = null;
  #running: Job | null = null;
  #late: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(longestMs = LONGEST_MS) {
    this.#longestMs = longestMs;
  }

  /** Answers at once where it is little, as it is unless told. The bytes are not to be used any more. */
  run<K extends JobKind>(
    kind: K,
    plan: JsonJobs[K]['plan'],
    bytes: Buffer,
    isLittle = bytes.length <= LITTLE_BYTES,
  ): Worked<JsonJobs[K]['answer']> | Promise<Worked<JsonJobs[K]['answer']>> {
    if (isLittle) return { done: doJob(kind, plan, bytes), bytes };
    if (this.#closed || this.#waitingBytes + bytes.length > MOST_WAITING_BYTES) return { undone: 'busy' };
    return new Promise((resolve) => {
      this.#waiting.push({ kind, plan, bytes, settle: resolve });
      this.#waitingBytes += bytes.length;
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const job of this.#waiting.splice(0)) job.settle({ undone: 'busy' });
    this.#settle({ undone: 'busy' });
    await this.#end();
  }

  #next(): void {
    if (this.#running !== null) return;
    const job = this.#waiting.shift();
    if (!job) return this.#worker?.unref();
    this.#running = job;
    this.#waitingBytes -= job.bytes.length;
    const { kind, plan, bytes } = job;
    const worker = (this.#worker ??= this.#start());
    worker.ref();
    this.#late = setTimeout(() => this.#failed(worker), this.#longestMs);
    worker.postMessage({ kind, plan, bytes }, ownedBy(bytes));
  }

  #start(): Worker {
    const worker = new Worker(new URL('./json-worker.js', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY_MB },
    });
    worker.on('message', ({ answer, bytes }: { answer: never; bytes: Uint8Array }) => {
      if (worker === this.#worker) this.#settle({ done: answer, bytes: asBuffer(bytes) });
    });
    worker.on('error', () => this.#failed(worker));
    return worker;
  }

  #failed(worker: Worker): void {
    if (worker !== this.#worker) return;
    void this.#end();
    this.#settle({ undone: 'failed' });
  }

  #settle(worked: Worked<never>): void {
    clearTimeout(this.#late);
    const job = this.#running;
    this.#running = null;
    job?.settle(worked);
    if (!this.#closed) this.#next();
  }

  async #end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }
}
