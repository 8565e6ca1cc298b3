/**
 * Purges in constant time. A purge takes the next number of one sequence for what it names; an entry remembers the newest
 * number that was known when its request began, and is invalid once a later purge covers it. The numbers live in memory and
 * are read again from the store every `refreshMs`, since another replica may have purged. Where they could not be read for
 * `STALE_MS`, nothing is served, for it might have been purged elsewhere.
 */
import type { Clock } from '../lib/clock.js';
import type { CachedAnswer, Purge, PurgeKind } from './cache.js';

export interface PurgeStore {
  /** All purges, or those after a number. */
  since(seq: number): Promise<readonly Purge[]>;
  add(kind: PurgeKind, name: string): Promise<Purge>;
}

const STALE_MS = 10_000;

export class Purges {
  readonly #store: PurgeStore;
  readonly #clock: Clock;
  /** In a single process there is nobody else who purges. */
  readonly #shared: boolean;
  readonly #seqs = new Map<string, number>();
  #newest = 0;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(store: PurgeStore, clock: Clock, shared: boolean) {
    this.#store = store;
    this.#clock = clock;
    this.#shared = shared;
  }

  /** The newest purge that is known. */
  get newest(): number {
    return this.#newest;
  }

  /** False where a purge may have been missed. */
  get current(): boolean {
    if (this.#readAt === Number.NEGATIVE_INFINITY) return false;
    return !this.#shared || this.#clock.monotonic() - this.#readAt < STALE_MS;
  }

  async refresh(): Promise<void> {
    const at = this.#clock.monotonic();
    // A number may become visible after a later one: a few are read again.
    for (const purge of await this.#store.since(Math.max(0, this.#newest - 64))) this.#take(purge);
    this.#readAt = at;
  }

  async add(kind: PurgeKind, name: string): Promise<Purge> {
    const purge = await this.#store.add(kind, name);
    this.#take(purge);
    return purge;
  }

  /** The newest purge that covers a request before its answer is known: a part of its scope. */
  generation(model: string, team: string | null, key: string): number {
    return Math.max(
      this.#of('all', ''),
      this.#of('model', model),
      team === null ? 0 : this.#of('team', team),
      this.#of('key', key),
    );
  }

  covers(answer: Pick<CachedAnswer, 'id' | 'model' | 'team' | 'key_id' | 'tags' | 'epoch'>): boolean {
    if (this.generation(answer.model, answer.team, answer.key_id) > answer.epoch) return true;
    if (this.#of('entry', answer.id) > answer.epoch) return true;
    return answer.tags.some((tag) => this.#of('tag', tag) > answer.epoch);
  }

  list(): Purge[] {
    return [...this.#seqs].map(([id, seq]) => {
      const at = id.indexOf(':');
      return { kind: id.slice(0, at) as PurgeKind, name: id.slice(at + 1), seq };
    });
  }

  #of(kind: PurgeKind, name: string): number {
    return this.#seqs.get(`${kind}:${name}`) ?? 0;
  }

  #take({ kind, name, seq }: Purge): void {
    const id = `${kind}:${name}`;
    if (seq > (this.#seqs.get(id) ?? 0)) this.#seqs.set(id, seq);
    if (seq > this.#newest) this.#newest = seq;
  }
}
