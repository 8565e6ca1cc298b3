/**
 * How many requests the gateway refused, of whom and why, kept in the database by quarter hour. To count one takes a look into a
 * map; every few seconds what was counted is added to the database in one statement. What is counted apart is bounded: beyond that,
 * and where the database is away for long, refusals are counted by their reason alone. A process that is killed loses
 * what it counted in the last seconds; where a connection breaks while it writes, some may be counted twice.
 */
import type { Clock } from '../lib/clock.js';
import { messageOf } from '../lib/thrown.js';

export const REFUSAL_QUARTER_MS = 15 * 60_000;
const FLUSH_MS = 5_000;
/** Different ones in a quarter hour that one process counts apart. */
const MOST_NAMED = 2_000;
/** What waits for the database. */
const MOST_WAITING = 20_000;

/** Of a quarter hour. Null: nobody was known, or there were too many to tell them apart. */
export interface RefusalCount {
  readonly startMs: number;
  readonly key: string | null;
  readonly team: string | null;
  readonly model: string | null;
  readonly reason: string;
  refused: number;
  lastMs: number;
}

export interface RefusalStore {
  /** Adds to what is there. Throws where the database is away. */
  add(counts: readonly RefusalCount[]): Promise<void>;
  /** Forgets what is older. */
  forget(beforeMs: number): Promise<void>;
}

interface Ports {
  readonly store: RefusalStore;
  readonly clock: Clock;
  readonly log: { error(fields: object, message: string): void };
}

export class RefusalTally {
  readonly #ports: Ports;
  readonly #timer: NodeJS.Timeout;
  #waiting = new Map<string, RefusalCount>();
  #startMs = 0;
  /** In the quarter hour that runs. */
  readonly #named = new Set<string>();
  #writing: Promise<void> | undefined;

  constructor(ports: Ports) {
    this.#ports = ports;
    this.#timer = setInterval(() => void this.flush(), FLUSH_MS);
    this.#timer.unref();
  }

  add(reason: string, key: string | null, team: string | null, model: string | null): void {
    const nowMs = this.#ports.clock.now();
    const startMs = nowMs - (nowMs % REFUSAL_QUARTER_MS);
    if (startMs !== this.#startMs) {
      this.#startMs = startMs;
      this.#named.clear();
    }
    const name = `${reason}\n${key}\n${team}\n${model}`;
    const isNamed = this.#named.has(name);
    if (isNamed || (this.#named.size < MOST_NAMED && this.#waiting.size < MOST_WAITING)) {
      if (!isNamed) this.#named.add(name);
      this.#count(`${startMs}\n${name}`, { startMs, key, team, model, reason, refused: 1, lastMs: nowMs });
    } else {
      const one = { startMs, key: null, team: null, model: null, reason, refused: 1, lastMs: nowMs };
      this.#count(`${startMs}\n${reason}`, one);
    }
  }

  #count(id: string, one: RefusalCount): void {
    const there = this.#waiting.get(id);
    if (!there) this.#waiting.set(id, one);
    else {
      there.refused += one.refused;
      there.lastMs = Math.max(there.lastMs, one.lastMs);
    }
  }

  /** Writes what was counted until now; what cannot be written waits for the next time. */
  async flush(): Promise<void> {
    // Several may have waited for one writing, of which the first begins the next.
    while (this.#writing) await this.#writing;
    if (this.#waiting.size === 0) return;
    const taken = this.#waiting;
    this.#waiting = new Map();
    this.#writing = this.#ports.store
      .add([...taken.values()])
      .catch((error: unknown) => {
        this.#ports.log.error({ error: messageOf(error) }, 'counting refused requests');
        for (const [id, one] of taken) this.#count(id, one);
      })
      .finally(() => {
        this.#writing = undefined;
      });
    await this.#writing;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }
}
