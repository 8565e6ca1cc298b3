/**
 * The workers of a gateway, as the first of them, the primary, keeps the others: each is replaced when it ends. One that ended soon
 * after its start is replaced after a pause that doubles, up to half a minute.
 *
 * Connections that an ended worker never had go to others at once. Its replacement takes over its spool; when all of that is in the
 * ledger its holds are closed (`left-behind.ts`).
 */
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf } from '../lib/thrown.js';
import { within } from '../lib/within.js';
import { LeftBehind } from './left-behind.js';
import type { LimitsDesk } from './limits-desk.js';
import type { Message, Ports } from './link.js';
import { BEAT, BREAKER, CHANGE, HEARD, SPOOL, type WorkerChange, type WorkerStart } from './messages.js';
import { PublicListener, type Taker } from './public-listener.js';
import { BEAT_MS, WorkerProcess } from './worker-process.js';

export interface CrewLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

interface CrewDeps<C> {
  readonly script: string;
  /** With this process, which is the first. */
  readonly count: number;
  readonly log: CrewLog;
  /** Connections of this process. */
  readonly own: Taker;
  readonly ports: Ports;
  readonly desk: (worker: number, post: (message: Message) => void) => LimitsDesk;
  readonly start: (number: number) => Promise<WorkerStart<C>>;
  /** The configuration in force. */
  readonly config: () => C;
  readonly beat: () => Message;
  /** Closes the holds of a worker that ended; rejects where it cannot be known yet what they came to. */
  readonly closeHolds: (desk: LimitsDesk) => Promise<void>;
  readonly onBreaker: (message: Message, from: number) => void;
}

interface Member<C> {
  readonly process: WorkerProcess<C>;
  readonly desk: LimitsDesk;
  readonly startedAtMs: number;
  /** Where its spool is; undefined until it has one. */
  spoolDir: string | undefined;
  /** The change that it has heard of last. */
  heard: number;
}

const LONG_ENOUGH_MS = 10_000;
const FIRST_PAUSE_MS = 500;
const MOST_PAUSE_MS = 30_000;
/** How long whoever made a change waits until all workers have heard of it. */
const HEARD_MS = 500;
const FLUSH_MS = 5_000;

export class Crew<C> {
  readonly listener: PublicListener;
  readonly #deps: CrewDeps<C>;
  readonly #members = new Map<number, Member<C>>();
  /** How often each was made. */
  readonly #made = new Map<number, number>();
  readonly #left: LeftBehind;
  #beats: NodeJS.Timeout | undefined;
  #changes = 0;
  #waiters: { readonly change: number; readonly resolve: () => void }[] = [];
  #ending = false;
  #idle: (() => void)[] = [];
  #pauseMs = FIRST_PAUSE_MS;
  /** Counts what ended workers had counted. */
  onEnded: ((worker: number) => void) | undefined;

  constructor(deps: CrewDeps<C>) {
    this.#deps = deps;
    this.#left = new LeftBehind(deps);
    this.listener = new PublicListener(() => [deps.own, ...this.processes]);
  }

  get processes(): WorkerProcess<C>[] {
    return [...this.#members.values()].map(({ process }) => process);
  }

  get size(): { readonly serving: number; readonly count: number } {
    const others = this.processes.filter(({ ready, hung }) => ready && !hung).length;
    return { serving: 1 + others, count: this.#deps.count };
  }

  /** All but this process, by their numbers. */
  get workers() {
    return this.#numbers().map((worker) => {
      const member = this.#members.get(worker);
      return {
        worker,
        state: member ? member.process.state : ('ended' as const),
        pid: member?.process.pid ?? null,
        connections: member?.process.load ?? 0,
        restarts: Math.max(0, (this.#made.get(worker) ?? 1) - 1),
        /** How long ago it was started. */
        sinceMs: member ? performance.now() - member.startedAtMs : null,
      };
    });
  }

  #numbers(): number[] {
    return Array.from({ length: this.#deps.count - 1 }, (_, i) => i + 2);
  }

  /** Resolves when all serve; rejects with why one does not. */
  async start(): Promise<void> {
    this.#beats = setInterval(() => this.#beat(), BEAT_MS);
    await Promise.all(this.#numbers().map((number) => this.#serve(this.#make(number))));
  }

  /** Tells all workers of a change. */
  change(change: WorkerChange): void {
    this.#changes += 1;
    for (const { process } of this.#members.values()) process.link.post([CHANGE, this.#changes, change]);
  }

  /** Resolves when all workers that answer have heard of every change so far, or after half a second. */
  heard(): Promise<void> {
    const change = this.#changes;
    if (this.#allHeard(change)) return Promise.resolve();
    for (const { process } of this.#members.values()) process.link.flush();
    return new Promise((resolve) => {
      const late = setTimeout(done, HEARD_MS);
      function done(): void {
        clearTimeout(late);
        resolve();
      }
      this.#waiters.push({ change, resolve: done });
    });
  }

  /** To all workers but one. */
  tell(message: Message, but = 0): void {
    for (const [number, { process }] of this.#members) if (number !== but) process.link.post(message);
  }

  /** All workers take the same in; those that cannot say why in the log. */
  async configure(config: C): Promise<void> {
    const all = [...this.#members.values()].filter(({ process }) => process.ready);
    const taken = all.map(({ process }) =>
      process.port.configure(config).catch((error: unknown) => {
        if (process.ended) return;
        const fields = { peer: process.number, error: messageOf(error) };
        this.#deps.log.error(fields, 'a worker did not take the configuration, and is replaced');
        process.kill(); // its replacement begins with the one in force
      }),
    );
    await Promise.race([Promise.all(taken), wait(HEARD_MS, undefined, { ref: false })]);
  }

  /**
   * What workers have appended, and what ended ones have left, is in the ledger when this resolves. Rejects where that takes long.
   * One that stands still is not waited for: whatever it sent under a limit is counted here by its hold, and a budget that is new
   * is summed once more when all must have heard of it, which is after such a worker was replaced.
   */
  async flush(): Promise<void> {
    const all = this.processes.filter(({ ready }) => ready).map((process) => process.flushed());
    await within(Promise.all([...all, this.#left.settled(FLUSH_MS)]), FLUSH_MS, 'workers did not write their entries');
  }

  /** Answers are the last of their connections. */
  drain(lingerMs: number): void {
    this.#ending = true;
    for (const { port, ready } of this.processes) if (ready) port.drain(lingerMs).catch(() => {});
  }

  /** Resolves when all workers have served what they have and ended. */
  async finish(graceMs: number, endingMs: number): Promise<void> {
    this.#ending = true;
    for (const process of this.processes) {
      if (!process.ready) process.kill();
      else
        process.allTaken().then(
          // It ends rather than answers.
          () => process.port.finish(graceMs).catch(() => {}),
          () => process.kill(),
        );
    }
    const all = new Promise<void>((resolve) => {
      if (this.#members.size === 0) resolve();
      else this.#idle.push(resolve);
    });
    await Promise.race([all, wait(graceMs + endingMs, undefined, { ref: false })]);
    for (const process of this.processes) process.kill();
    await all;
    clearInterval(this.#beats);
  }

  /** Throws where no process can be made now. */
  #make(number: number): Member<C> {
    const { script, ports, desk: deskOf } = this.#deps;
    let desk: LimitsDesk | undefined;
    const process: WorkerProcess<C> = new WorkerProcess<C>({
      ...{ script, number },
      ports: {
        ...ports,
        limits: { amend: (...args: Parameters<LimitsDesk['port']['amend']>) => desk!.port.amend(...args) },
      },
      onMessage: (message) => this.#take(member, message),
      onExit: (why, left) => this.#ended(member, why, left),
    });
    desk = deskOf(number, (message) => process.link.post(message));
    const startedAtMs = performance.now();
    const member: Member<C> = { process, desk, startedAtMs, heard: this.#changes, spoolDir: undefined };
    this.#members.set(number, member);
    this.#made.set(number, (this.#made.get(number) ?? 0) + 1);
    return member;
  }

  /** Resolves when it serves; else it is ended. */
  async #serve({ process }: Member<C>): Promise<void> {
    const { number } = process;
    try {
      const start = await this.#deps.start(number);
      await process.port.start(start);
      for (let taken = start.config; taken !== this.#deps.config(); ) {
        taken = this.#deps.config();
        await process.port.configure(taken);
      }
    } catch (error) {
      process.kill();
      throw error;
    }
    process.ready = true;
    this.#deps.log.info({ peer: number, pid: process.pid }, 'a worker serves');
    this.listener.again([]);
  }

  #take(member: Member<C>, message: Message): void {
    if (member.desk.take(message)) return;
    switch (message[0]) {
      case HEARD:
        member.heard = message[1] as number;
        this.#waiters = this.#waiters.filter(({ change, resolve }) => {
          if (!this.#allHeard(change)) return true;
          resolve();
          return false;
        });
        return;
      case BREAKER:
        return this.#deps.onBreaker(message, member.process.number);
      case SPOOL:
        member.spoolDir = message[1] as string;
    }
  }

  #allHeard(change: number): boolean {
    for (const { heard, process } of this.#members.values())
      if (process.ready && !process.hung && heard < change) return false;
    return true;
  }

  #beat(): void {
    const message = this.#deps.beat();
    if (message[0] !== BEAT) return;
    for (const { process } of this.#members.values()) if (process.ready) process.beat(message);
    this.listener.again([]);
  }

  #ended(member: Member<C>, why: string, left: readonly Socket[]): void {
    const { process, desk, startedAtMs, spoolDir } = member;
    const { number, pid } = process;
    this.#members.delete(number);
    desk.leave();
    this.onEnded?.(number);
    if (this.#ending) {
      for (const socket of left) socket.destroy();
      if (this.#members.size === 0) for (const resolve of this.#idle) resolve();
      return;
    }
    this.#left.add(number, desk, spoolDir);
    const restartMs = this.#pauseAfter(performance.now() - startedAtMs);
    this.#deps.log.error(
      { peer: number, pid, why, open_holds: desk.size, restart_ms: restartMs },
      'a worker ended by itself and is replaced',
    );
    this.listener.again(left);
    void wait(restartMs).then(() => this.#replace(number));
  }

  #pauseAfter(servedMs: number): number {
    const doubled = Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2);
    return (this.#pauseMs = servedMs > LONG_ENOUGH_MS ? 0 : Math.min(doubled, MOST_PAUSE_MS));
  }

  async #replace(number: number): Promise<void> {
    if (this.#ending) return;
    const { log } = this.#deps;
    let member: Member<C>;
    try {
      member = this.#make(number);
    } catch (error) {
      const restartMs = this.#pauseAfter(0);
      const fields = { peer: number, error: messageOf(error), restart_ms: restartMs };
      log.error(fields, 'no process can be made for a worker: it is tried again');
      void wait(restartMs).then(() => this.#replace(number));
      return;
    }
    await this.#serve(member).catch((error: unknown) => {
      // Its end brings the next one.
      log.error({ peer: number, error: messageOf(error) }, 'a worker did not start');
    });
  }
}
