/**
 * The embedding process as others use it. Started with the first question. Its queue is bounded: what does not fit is not
 * asked, so that a burst costs misses and not time; an answer that is late is not waited for. A process that ends, or that
 * has questions and answers none of them for a while, is replaced with the next question, with an empty table.
 *
 * It is a process and not a thread because the runtime keeps state that all threads which load it share without a lock: each
 * one that is started or ends may corrupt the memory of the others, and with it the gateway.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Reply, Work, WorkerOptions } from './worker-messages.js';

const PROGRAM = fileURLToPath(new URL('./embed-worker.js', import.meta.url));

/** The queue was full, the answer too late, or the process ended. */
export class WorkerAway extends Error {}

export interface VectorWorkerOptions extends WorkerOptions {
  readonly mostWaiting: number;
  /** A process that owes answers and gives none for so long is ended. */
  readonly stallMs?: number;
  /** The process ended by itself. */
  readonly onEnd?: (error: Error) => void;
}

/** Far beyond what one text takes, and loading the model; a machine that is busy takes its time to start a process. */
const STALL_MS = 10_000;
const START_MS = 30_000;
/** Idle work begins once nothing else was asked for so long: who asks often asks again soon, and would wait behind it. */
const QUIET_MS = 10;
/** It does not wait for quiet where so many wait. */
const MOST_PATIENT = 4;
/** What has waited for so long goes among the questions of others, one at a time. */
const LONGEST_PATIENCE_MS = 250;
/** One that is silent for so long is not asked by those who would not wait so long themselves. */
const STUCK_MS = 1_000;

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  readonly isIdle: boolean;
}

interface Patient {
  readonly go: () => void;
  /** Monotonic milliseconds. */
  readonly since: number;
}

export class VectorWorker {
  readonly #options: VectorWorkerOptions;
  readonly #stallMs: number;
  readonly #waiting = new Map<number, Waiting>();
  readonly #idle: Patient[] = [];
  #idleTimer: NodeJS.Timeout | undefined;
  /** How many of it may go and are not answered: one, but where a process ended. */
  #going = 0;
  /** When somebody who cannot wait last asked or was answered. */
  #busyAt = Number.NEGATIVE_INFINITY;
  #worker: ChildProcess | undefined;
  #next = 1;
  #closed = false;
  /** The process that runs now. */
  #hasAnswered = false;
  #stalls: NodeJS.Timeout | undefined;
  /** When it last answered, or was asked after it had answered all. Monotonic milliseconds. */
  #heardAt = 0;

  constructor(options: VectorWorkerOptions) {
    this.#options = options;
    this.#stallMs = options.stallMs ?? STALL_MS;
  }

  /** It was asked before, and has not ended. */
  get running(): boolean {
    return this.#worker !== undefined;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Rejects with `WorkerAway` where it is busy (`most` wait already) or late, else with its own error. */
  ask(work: Work, withinMs: number, most = this.#options.mostWaiting): Promise<Reply> {
    this.#busyAt = performance.now();
    return this.#ask(work, withinMs, most, false);
  }

  #ask(work: Work, withinMs: number, most: number, isIdle: boolean): Promise<Reply> {
    if (this.#closed) return Promise.reject(new WorkerAway('closed'));
    if (this.#waiting.size >= most) return Promise.reject(new WorkerAway('the queue is full'));
    if (withinMs < STUCK_MS && this.#isStuck()) return Promise.reject(new WorkerAway('it owes answers for too long'));
    let worker: ChildProcess;
    try {
      worker = this.#worker ??= this.#start();
    } catch (error) {
      return Promise.reject(error as Error);
    }
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new WorkerAway(`no answer within ${withinMs} ms`)), withinMs);
      timer.unref();
      // It stays in the queue until it is answered, for it still occupies the process.
      const settle =
        <T>(then: (value: T) => void) =>
        (value: T): void => {
          clearTimeout(timer);
          then(value);
        };
      if (this.#waiting.size === 0) this.#watch(worker, this.#hasAnswered ? this.#stallMs : START_MS);
      this.#waiting.set(id, { resolve: settle(resolve), reject: settle(reject), isIdle });
      // Whoever waits for an answer waits for the process, and nobody else does.
      worker.ref();
      worker.channel?.ref();
      worker.send({ ...work, id }, () => {}); // one that is gone says so itself
    });
  }

  /** Asked once nothing else is, and in its turn. */
  async askIdly(work: Work, withinMs: number): Promise<Reply> {
    const { mostWaiting } = this.#options;
    if (this.#idle.length >= mostWaiting) throw new WorkerAway('the idle queue is full');
    await new Promise<void>((go) => {
      this.#idle.push({ go, since: performance.now() });
      this.#goIdly();
    });
    return this.#ask(work, withinMs, mostWaiting, true).finally(() => {
      this.#going--;
      this.#goIdly();
    });
  }

  /** The next idle work goes now, or is looked at again once it may go. */
  #goIdly(): void {
    clearTimeout(this.#idleTimer);
    const next = this.#idle[0];
    if (!next || this.#going > 0) return;
    const leftMs = this.#idleLeftMs(next.since + LONGEST_PATIENCE_MS);
    const isQuiet = performance.now() - this.#busyAt >= QUIET_MS;
    if (leftMs > 0) this.#idleTimer = setTimeout(() => this.#goIdly(), leftMs);
    else if (this.#waiting.size > 0 || isQuiet || this.#closed) this.#letGo(this.#idle.shift());
    else {
      // Who was answered just now asks its next question in this turn of the loop.
      this.#going++;
      setImmediate(() => {
        this.#going--;
        if (this.#waiting.size === 0) this.#letGo(this.#idle.shift());
        else this.#goIdly();
      });
    }
  }

  /** How long idle work waits still, if nothing happens until then. */
  #idleLeftMs(patientUntil: number): number {
    if (this.#closed) return 0;
    const waiting = this.#waiting.size;
    if (waiting >= this.#options.mostWaiting) return LONGEST_PATIENCE_MS; // no room: an answer makes some
    if (waiting === 0 && this.#idle.length > MOST_PATIENT) return 0;
    const at = waiting > 0 ? patientUntil : Math.min(patientUntil, this.#busyAt + QUIET_MS);
    return at - performance.now();
  }

  #letGo(patient: Patient | undefined): void {
    if (!patient) return;
    this.#going++;
    patient.go();
  }

  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    if (worker?.pid === undefined || worker.exitCode !== null || worker.signalCode !== null) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.ref();
    // It has nothing to write down, and its runtime may fail where it is asked to end.
    worker.kill('SIGKILL');
    await ended;
  }

  /** It has answered before, owes answers, and has given none for a while: who cannot wait need not ask. */
  #isStuck(): boolean {
    return this.#hasAnswered && this.#waiting.size > 0 && performance.now() - this.#heardAt > STUCK_MS;
  }

  /** From now on it has its time for the next answer. */
  #watch(worker: ChildProcess, withinMs: number): void {
    clearTimeout(this.#stalls);
    this.#heardAt = performance.now();
    this.#stalls = setTimeout(() => {
      if (this.#waiting.size > 0 && this.#worker === worker) worker.kill('SIGKILL');
    }, withinMs).unref();
  }

  #start(): ChildProcess {
    const { folder, network, pooling, prefix, mostPieces, capacity, perScope } = this.#options;
    const given: WorkerOptions = { folder, network, pooling, prefix, mostPieces, capacity, perScope };
    this.#hasAnswered = false;
    const worker = fork(PROGRAM, [JSON.stringify(given)], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: [],
      env: environment(),
    });
    worker.unref();
    worker.channel?.unref();
    worker.on('message', (message) => {
      const reply = message as Reply;
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      this.#hasAnswered = true;
      this.#watch(worker, this.#stallMs);
      if (reply.error === undefined) waiting?.resolve(reply);
      else waiting?.reject(new Error(reply.error));
      if (!waiting?.isIdle) this.#busyAt = performance.now();
      if (this.#closed) return;
      if (this.#waiting.size === 0) {
        worker.unref();
        worker.channel?.unref();
      }
      this.#goIdly();
    });
    let over = false;
    const end = (failure: Error): void => {
      if (over) return;
      over = true;
      if (this.#worker === worker) this.#worker = undefined;
      for (const { reject } of this.#waiting.values()) reject(new WorkerAway('the embedding process ended'));
      this.#waiting.clear();
      for (const patient of this.#idle.splice(0)) this.#letGo(patient);
      if (!this.#closed) this.#options.onEnd?.(failure);
    };
    worker.on('exit', (code, signal) => end(new Error(`it ended with ${signal ?? `code ${code}`}`)));
    worker.on('error', (error) => {
      if (worker.pid === undefined) end(error); // it could not be started
    });
    return worker;
  }
}

/** No secret of the gateway's. */
function environment(): Record<string, string> {
  const { PATH, LD_LIBRARY_PATH, SystemRoot } = process.env;
  return { ...(PATH && { PATH }), ...(LD_LIBRARY_PATH && { LD_LIBRARY_PATH }), ...(SystemRoot && { SystemRoot }) };
}
