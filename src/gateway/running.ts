/**
 * The requests that run now. Shutdown waits for them; what is left when its time is over is interrupted: each is told so, is
 * entered in the ledger at what it really used, and leaves.
 */

/** What a running request is to a shutdown. */
export interface Interruptible {
  interrupt(): void;
}

/** One request, for as long as it runs. */
export interface RunningRequest {
  readonly request: Interruptible;
  /** Where it stands among those that run. */
  at: number;
}

export class RunningRequests {
  readonly #running: RunningRequest[] = [];
  #idle: (() => void)[] = [];

  get size(): number {
    return this.#running.length;
  }

  enter(request: Interruptible): RunningRequest {
    const running = { request, at: this.#running.length };
    this.#running.push(running);
    return running;
  }

  leave(running: RunningRequest): void {
    const last = this.#running.pop()!;
    if (last !== running) {
      this.#running[running.at] = last;
      last.at = running.at;
    }
    if (this.#running.length > 0) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }

  interrupt(): void {
    for (const { request } of [...this.#running]) request.interrupt();
  }

  /** True once nothing runs; false where something still does after so long. */
  idle(withinMs: number): Promise<boolean> {
    if (this.#running.length === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), withinMs);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }
}
