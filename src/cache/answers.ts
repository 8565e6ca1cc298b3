/**
 * The exact tier. A bounded least-recently-used memory stands in front of a store that outlives the process and is shared
 * by replicas. Memory is asked first and without waiting; the store has `turnMs` to answer, and after a failure it is left
 * alone for a while, so a store that is away or slow costs a miss and never a request. Answers are written behind: at once
 * to memory, in batches to the store, again after a failure, and dropped, oldest first, when too much waits. Every answer is
 * checked against its time to live and all purges at the moment it is served, wherever it came from.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.js';
import { within } from '../lib/within.js';
import type { AnswerStore, CachedAnswer } from './cache.js';
import type { CacheDirectives } from './directives.js';
import type { Purges } from './purges.js';

export interface AnswersOptions {
  readonly store: AnswerStore;
  readonly purges: Purges;
  readonly clock: Clock;
  readonly memoryBytes: number;
  /** How long the store may take to answer before it is a miss. */
  readonly turnMs?: number;
  readonly onError: (what: string, error: unknown) => void;
}

const OVERHEAD_BYTES = 700;
const FLUSH_AFTER_MS = 20;
const RETRY_AFTER_MS = 1_000;
const LONGEST_BATCH = 64;
/** It is written as one text, which must not hold up others. */
const LARGEST_BATCH_BYTES = 1024 * 1024;
const MOST_WAITING_BYTES = 32 * 1024 * 1024;
const LEFT_ALONE_MS = 1_000;

export class Answers {
  readonly #o: AnswersOptions;
  readonly #memory: LRUCache<string, CachedAnswer>;
  readonly #waiting = new Map<string, CachedAnswer>();
  #waitingBytes = 0;
  #flushing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #awayUntil = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: AnswersOptions) {
    this.#o = options;
    this.#memory = new LRUCache({ maxSize: options.memoryBytes, sizeCalculation: sizeOf });
  }

  get entries(): number {
    return this.#memory.size;
  }

  get bytes(): number {
    return this.#memory.calculatedSize;
  }

  get queued(): number {
    return this.#waiting.size;
  }

  /** From memory; never waits. */
  local(key: string, directives: CacheDirectives): CachedAnswer | undefined {
    const answer = this.#memory.get(key);
    if (!answer) return undefined;
    if (this.#valid(answer)) return this.allows(answer, directives) ? answer : undefined;
    this.#memory.delete(key);
    return undefined;
  }

  /** From the store, within its turn. */
  async remote(key: string, directives: CacheDirectives): Promise<CachedAnswer | undefined> {
    const { clock, store, onError } = this.#o;
    if (clock.monotonic() < this.#awayUntil) return undefined;
    try {
      const answer = await within(store.get(key), this.#o.turnMs ?? 100, 'the store did not answer');
      if (!answer || !this.#valid(answer) || this.#closed) return undefined;
      this.#memory.set(key, answer);
      return this.allows(answer, directives) ? answer : undefined;
    } catch (error) {
      this.#awayUntil = clock.monotonic() + LEFT_ALONE_MS;
      onError('read', error);
      return undefined;
    }
  }

  keep(answer: CachedAnswer): void {
    if (this.#closed) return;
    this.#memory.set(answer.key, answer);
    this.#unqueue(answer.key);
    this.#waiting.set(answer.key, answer);
    this.#waitingBytes += sizeOf(answer);
    for (const [key] of this.#waiting) {
      if (this.#waitingBytes <= MOST_WAITING_BYTES) break;
      this.#unqueue(key);
    }
    this.#schedule(FLUSH_AFTER_MS);
  }

  /** True where there was such an entry. */
  async remove(id: string): Promise<boolean> {
    let found = false;
    for (const [key, answer] of [...this.#memory.entries(), ...this.#waiting]) {
      if (answer.id !== id) continue;
      this.#memory.delete(key);
      this.#unqueue(key);
      found = true;
    }
    await this.#flushing; // what is being written now would come back
    return (await this.#o.store.remove(id)) || found;
  }

  /** Forgets what a purge made invalid, so that memory does not wait for its turn to be asked. */
  dropInvalid(): void {
    for (const [key, answer] of this.#memory.entries()) if (!this.#valid(answer)) this.#memory.delete(key);
  }

  /** Writes what waits; resolves once it is written, or could not be. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushing ??= this.#write().finally(() => {
      this.#flushing = undefined;
    });
    await this.#flushing;
  }

  async close(): Promise<void> {
    await this.flush();
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #write(): Promise<void> {
    while (this.#waiting.size > 0) {
      const batch = this.#batch();
      try {
        await this.#o.store.put(batch.filter((answer) => this.#valid(answer)));
      } catch (error) {
        this.#o.onError('write', error);
        this.#schedule(RETRY_AFTER_MS);
        return;
      }
      for (const answer of batch) if (this.#waiting.get(answer.key) === answer) this.#unqueue(answer.key);
    }
  }

  /** One at least. */
  #batch(): CachedAnswer[] {
    const batch: CachedAnswer[] = [];
    let bytes = 0;
    for (const answer of this.#waiting.values()) {
      bytes += sizeOf(answer);
      if (batch.length === LONGEST_BATCH || (batch.length > 0 && bytes > LARGEST_BATCH_BYTES)) break;
      batch.push(answer);
    }
    return batch;
  }

  #schedule(ms: number): void {
    if (this.#closed || this.#timer) return;
    this.#timer = setTimeout(() => void this.flush(), ms).unref();
  }

  #unqueue(key: string): void {
    const answer = this.#waiting.get(key);
    if (!answer) return;
    this.#waiting.delete(key);
    this.#waitingBytes -= sizeOf(answer);
  }

  #valid(answer: CachedAnswer): boolean {
    return answer.expires_at > this.#o.clock.now() && !this.#o.purges.covers(answer);
  }

  /** Whether what a caller said about age allows it. */
  allows(answer: CachedAnswer, { maxAgeMs, minFreshMs }: CacheDirectives): boolean {
    const now = this.#o.clock.now();
    if (maxAgeMs !== null && now - answer.created_at > maxAgeMs) return false;
    return answer.expires_at - now >= minFreshMs;
  }
}

const sizeOf = (answer: CachedAnswer): number => answer.body.length + OVERHEAD_BYTES;
