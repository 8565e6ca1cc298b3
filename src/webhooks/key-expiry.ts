/**
 * `key.expiring`, once for a key and its end: in the transaction that changes the key where its end is near already, else by
 * a look once a minute, which any number of replicas may take. With the database away the next look finds the same.
 */
import type { Clock } from '../lib/clock.js';
import type { Query } from '../lib/query.js';
import { isWanted, writeMessage } from './outbox-pg.js';

export interface KeyShown {
  readonly id: string;
  /** Milliseconds since the Unix epoch; null: never. */
  readonly expiresAt: number | null;
  /** The key as the API shows it. */
  readonly data: object;
}

interface KeyExpiryDeps {
  readonly query: Query;
  readonly clock: Clock;
  readonly find: (nowMs: number, untilMs: number) => Promise<readonly KeyShown[]>;
  readonly beforeMs: () => number;
  readonly onTold: () => void;
  readonly onError: (error: unknown) => void;
}

const EVERY_MS = 60_000;
const DAY_MS = 86_400_000;

export class KeyExpiry {
  readonly #deps: KeyExpiryDeps;
  /** What this process knows to be told: asking the database again each minute would be in vain. */
  #told = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: KeyExpiryDeps) {
    this.#deps = deps;
  }

  start(): void {
    const look = (): void => void this.look().catch(this.#deps.onError);
    this.#timer = setInterval(look, EVERY_MS);
    this.#timer.unref();
    look();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Tells of this key if its end is near. */
  async tell(query: Query, { id, expiresAt, data }: KeyShown): Promise<void> {
    const at = this.#deps.clock.now();
    if (expiresAt === null || expiresAt <= at || expiresAt > at + this.#deps.beforeMs()) return;
    const once = { key: onceKey(id, expiresAt), endsAt: expiresAt + DAY_MS };
    await writeMessage(query, { type: 'key.expiring', at, data, once });
  }

  async look(): Promise<void> {
    const { query, clock, find, beforeMs, onTold } = this.#deps;
    if (!(await isWanted(query, 'key.expiring'))) return;
    const now = clock.now();
    const found = await find(now, now + beforeMs());
    const names = new Set<string>();
    let isNew = false;
    for (const key of found) {
      const name = onceKey(key.id, key.expiresAt ?? 0);
      if (!this.#told.has(name)) {
        await this.tell(query, key);
        isNew = true;
      }
      names.add(name);
    }
    this.#told = names;
    if (isNew) onTold();
  }
}

const onceKey = (id: string, expiresAt: number): string => `key.expiring:${id}:${expiresAt}`;
