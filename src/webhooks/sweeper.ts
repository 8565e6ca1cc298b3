/**
 * Once a minute: deliveries whose time is over become dead letters though nobody could try them (their endpoint is disabled,
 * or failed for everything), and what ended long ago is forgotten. Any number of replicas may do so at once.
 */
import type { Clock } from '../lib/clock.js';
import type { Query } from '../lib/query.js';
import { backgroundTimer, type Timer } from '../lib/timer.js';
import { expire, forget, forgetOnce } from './queue-pg.js';

interface SweeperDeps {
  readonly query: Query;
  readonly clock: Clock;
  readonly settings: () => { readonly keep: number; readonly keep_dead: number };
  readonly onDead: (count: number) => void;
  readonly onError: (error: unknown) => void;
  readonly after?: Timer;
}

const EVERY_MS = 60_000;
/** The last try is due when the time is over: it is left this long to be made. */
const GRACE_MS = 5 * 60_000;

export class Sweeper {
  readonly #deps: SweeperDeps;
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(deps: SweeperDeps) {
    this.#deps = deps;
  }

  start(): void {
    if (this.#closed) return;
    const after = this.#deps.after ?? backgroundTimer;
    this.#cancel = after(EVERY_MS, () => {
      this.sweep()
        .catch(this.#deps.onError)
        .finally(() => this.start());
    });
  }

  async sweep(): Promise<void> {
    const { query, clock, settings, onDead } = this.#deps;
    const now = clock.now();
    for (let dead = await expire(query, now, GRACE_MS); dead > 0; dead = await expire(query, now, GRACE_MS))
      onDead(dead);
    const { keep, keep_dead: keepDead } = settings();
    while (!this.#closed && (await forget(query, now - keep, now - keepDead)));
    await forgetOnce(query, now);
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }
}
