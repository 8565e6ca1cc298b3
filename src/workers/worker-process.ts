/**
 * One worker as the primary sees it: a process, the line to it, the connections that were handed to it, and whether it answers.
 * A connection is the primary's own copy until the worker says that it has it: where the worker ends before that, nobody has read a
 * byte of it and another worker gets it.
 *
 * A worker that answers no beat for a second gets no connections; after eight seconds it is killed. Time in which the primary itself
 * stood still does not count: what counts is how many beats in a row were not answered.
 */
import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf } from '../lib/thrown.js';
import { Link, type Message, type Ports, remotePort } from './link.js';
import { ALIVE, TAKEN, type WorkerPort } from './messages.js';

export const BEAT_MS = 250;
const HUNG_BEATS = 4;
const DEAD_BEATS = 32;
const TAKE_MS = 2_000;
/** Of the process's files: beside input, output, errors and node's own channel. */
const LINE = 4;

interface WorkerProcessOptions {
  readonly script: string;
  readonly number: number;
  readonly ports: Ports;
  /** Messages that are not of the process itself. */
  readonly onMessage: (message: Message) => void;
  /** It has ended; `left` are connections that it never had. */
  readonly onExit: (why: string, left: readonly Socket[]) => void;
}

export class WorkerProcess<C> {
  readonly number: number;
  readonly link: Link;
  readonly port: WorkerPort<C>;
  readonly #child: ChildProcess;
  readonly #handed = new Map<number, Socket>();
  #handedOver = 0;
  /** Beats since the last answer. */
  #unanswered = 0;
  #connections = 0;
  #ended = false;
  #flushing: Promise<void> | undefined;
  #flushingNext: Promise<void> | undefined;
  #onHung: (() => void) | undefined;
  /** It has begun to serve. */
  ready = false;

  constructor(options: WorkerProcessOptions) {
    this.number = options.number;
    this.#child = fork(options.script, [], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
    });
    const ended = (why: string): void => {
      if (this.#ended) return;
      this.#ended = true;
      this.ready = false;
      this.link.destroy();
      const left = [...this.#handed.values()];
      this.#handed.clear();
      options.onExit(why, left);
    };
    this.#child.on('error', (error) => {
      // Of a process that never was there is no `exit`.
      if (this.#child.pid === undefined && this.link) ended(messageOf(error));
    });
    this.#child.on('exit', (code, signal) => ended(signal ?? `exit code ${code}`));
    // Where too many files are open, node gives the process none, whatever its types say.
    const line = (this.#child.stdio as ChildProcess['stdio'] | undefined)?.[LINE];
    if (!line) throw new Error('too many files are open');
    this.link = new Link({
      socket: line as Duplex,
      ports: options.ports,
      onMessages: (messages) => {
        for (const message of messages) if (!this.#take(message)) options.onMessage(message);
      },
      onEnd: () => {
        // A worker without its line is of no use.
        this.ready = false;
        if (!this.#ended) this.#child.kill('SIGKILL');
      },
    });
    this.port = remotePort<WorkerPort<C>>(this.link, 'worker');
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** It has not answered for a while. */
  get hung(): boolean {
    return this.#unanswered > HUNG_BEATS;
  }

  get state(): 'serving' | 'starting' | 'not_answering' {
    if (!this.ready) return 'starting';
    return this.hung ? 'not_answering' : 'serving';
  }

  /** Connections that it has, as far as it has told, and those on their way. */
  get load(): number {
    return this.#connections + this.#handed.size;
  }

  beat(message: Message): void {
    if (++this.#unanswered > DEAD_BEATS) this.#child.kill('SIGKILL');
    if (this.hung) this.#onHung?.();
    this.link.post(message);
  }

  hand(socket: Socket): void {
    const number = ++this.#handedOver;
    this.#handed.set(number, socket);
    this.#child.send(['connection', number], socket, { keepOpen: true }, (error) => {
      if (error && !this.#ended) this.#child.kill('SIGKILL');
    });
  }

  /**
   * Resolves when what it has appended is in the ledger, or when it does not answer any more. Who asks while an answer is waited for
   * waits for the next one with all others who do: an answer can take as long as the database is away.
   */
  flushed(): Promise<void> {
    if (this.#flushing) {
      this.#flushingNext ??= this.#flushing.then(() => {
        this.#flushingNext = undefined;
        return this.flushed();
      });
      return this.#flushingNext;
    }
    if (this.hung || this.#ended) return Promise.resolve();
    const answered = new Promise<void>((resolve) => {
      this.#onHung = resolve;
      this.port.flush().then(resolve, () => resolve());
    });
    this.#flushing = answered.then(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  /** Resolves when it has every connection that was handed to it; rejects where it does not take them. */
  async allTaken(): Promise<void> {
    const until = performance.now() + TAKE_MS;
    while (this.#handed.size > 0) {
      if (performance.now() > until) throw new Error('the worker does not take its connections');
      await wait(5);
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #take(message: Message): boolean {
    switch (message[0]) {
      case ALIVE:
        this.#unanswered = 0;
        this.#connections = message[1] as number;
        return true;
      case TAKEN: {
        const number = message[1] as number;
        this.#handed.get(number)?.destroy();
        if (this.#handed.delete(number)) this.#connections += 1; // until it tells how many there are
        return true;
      }
      default:
        return false;
    }
  }
}
