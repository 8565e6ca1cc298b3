/**
 * Responses that are kept, each for its key alone. They are written after their answer went out: until a write is done the
 * response is found in memory, and what a process that is killed had not written is lost. Another gateway may ask for a response
 * that is still being written, so a look-up that finds nothing looks again for a moment. With the store away nothing is kept,
 * what is asked for is answered with 503, and requests that need no earlier response are served as ever.
 */
import type { Clock } from '../lib/clock.js';
import { isObject, type Json } from '../lib/json.js';
import type { Seal } from '../lib/seal.js';
import { closed, opened } from '../lib/sealed-json.js';
import { isId, otherKey, sweepAll } from './kept.js';
import type { ResponseRow, ResponseStore, StoredResponse } from './stored-response.js';

export interface ResponseSettings {
  readonly store: boolean;
  /** Milliseconds. */
  readonly retention: number;
  /** Most bytes of a response with all that was before it. */
  readonly max_size: number;
}

/** It cannot be kept because of what it holds, whatever the store does. */
export class TooLarge extends Error {}

/** It cannot be kept now: too much waits to be written. */
export class TooManyWaiting extends Error {}

export interface StoredResponsesDeps {
  readonly store: ResponseStore;
  readonly seal: Seal;
  readonly clock: Clock;
  readonly settings: () => ResponseSettings;
  /** Waits between look-ups that find nothing; none where no other gateway writes. */
  readonly looksAgainAfterMs: readonly number[];
  readonly wait: (ms: number) => Promise<void>;
  readonly onError: (error: unknown, what: string) => void;
}

/** Bytes that may wait to be written; beyond it responses are not kept. */
const MOST_WAITING_BYTES = 256 * 1024 * 1024;
/** Of items that a request refers to. */
const MOST_ROWS = 50;

interface Waiting {
  readonly stored: StoredResponse;
  readonly bytes: number;
  readonly written: Promise<boolean>;
}

export class StoredResponses {
  readonly #deps: StoredResponsesDeps;
  readonly #waiting = new Map<string, Waiting>();
  #waitingBytes = 0;

  constructor(deps: StoredResponsesDeps) {
    this.#deps = deps;
  }

  get enabled(): boolean {
    return this.#deps.settings().store;
  }

  /** Writes it while others are served. What is too large, or too much at once, is not kept. */
  keep(stored: StoredResponse): void {
    this.write(stored).catch((error: unknown) => this.#deps.onError(error, stored.id));
  }

  /** False: a cancelled response stays as it is. Rejects where it cannot be kept. */
  async write(stored: StoredResponse): Promise<boolean> {
    const { max_size: most } = this.#deps.settings();
    const before = this.#waiting.get(stored.id)?.written.catch(() => false);
    const content = Buffer.from(contentOf(stored, most));
    if (content.length > most)
      throw new TooLarge(`a response of ${content.length} bytes is larger than responses.max_size`);
    if (this.#waitingBytes + content.length > MOST_WAITING_BYTES)
      throw new TooManyWaiting('too many responses wait to be written');
    this.#waitingBytes += content.length;
    const written = (async () => {
      await before;
      return this.#deps.store.put(await this.#rowOf(stored, content));
    })();
    const waiting = { stored, bytes: content.length, written };
    this.#waiting.set(stored.id, waiting);
    try {
      return await written;
    } finally {
      this.#waitingBytes -= waiting.bytes;
      if (this.#waiting.get(stored.id) === waiting) this.#waiting.delete(stored.id);
    }
  }

  async find(id: string, keyId: string): Promise<StoredResponse | undefined> {
    if (!isId(id)) return undefined;
    for (const afterMs of [0, ...this.#deps.looksAgainAfterMs]) {
      if (afterMs > 0) await this.#deps.wait(afterMs);
      const waiting = this.#waiting.get(id)?.stored;
      if (waiting) return waiting.keyId === keyId ? waiting : undefined;
      const row = await this.#deps.store.get(id, keyId, this.#deps.clock.now());
      if (row) return this.#stored(row);
    }
    return undefined;
  }

  async remove(id: string, keyId: string): Promise<boolean> {
    if (!isId(id)) return false;
    await this.#waiting.get(id)?.written.catch(() => false);
    return this.#deps.store.remove(id, keyId);
  }

  /** Items of earlier responses by their ids. */
  async items(ids: readonly string[], keyId: string): Promise<ReadonlyMap<string, Json>> {
    const found = new Map<string, Json>();
    const take = ({ input, response }: StoredResponse): void => {
      for (const item of [...input, ...outputOf(response)])
        if (typeof item['id'] === 'string' && ids.includes(item['id'])) found.set(item['id'], item);
    };
    for (const { stored } of this.#waiting.values()) if (stored.keyId === keyId) take(stored);
    for (const afterMs of [0, ...this.#deps.looksAgainAfterMs]) {
      const missing = ids.filter((id) => isId(id) && !found.has(id));
      if (missing.length === 0) break;
      if (afterMs > 0) await this.#deps.wait(afterMs);
      const rows = await this.#deps.store.holding(missing, keyId, this.#deps.clock.now(), MOST_ROWS);
      for (const row of rows) {
        const stored = await this.#stored(row);
        if (stored) take(stored);
      }
    }
    return found;
  }

  cancel(id: string, keyId: string): Promise<void> {
    return this.#deps.store.cancel(id, keyId);
  }

  cancelled(ids: readonly string[]): Promise<readonly string[]> {
    return this.#deps.store.cancelled(ids);
  }

  /** Removes what is over, a few hundred rows at a time. */
  sweep(): Promise<void> {
    return sweepAll(this.#deps.store, this.#deps.clock);
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#waiting.values()].map(({ written }) => written));
  }

  async #rowOf(stored: StoredResponse, content: Buffer): Promise<ResponseRow> {
    const { id, keyId, status, background, createdAtMs, runningUntilMs, input, response } = stored;
    const itemIds = [...input, ...outputOf(response)].map((item) => item['id']).filter(isId);
    const body = await closed(this.#deps.seal, content, placeOf(stored));
    const expiresAtMs = createdAtMs + this.#deps.settings().retention;
    return { id, keyId, status, background, itemIds, body, createdAtMs, expiresAtMs, runningUntilMs };
  }

  async #stored(row: ResponseRow): Promise<StoredResponse | undefined> {
    const content = (await opened(this.#deps.seal, row.body, placeOf(row))) as Content | undefined;
    if (!content) {
      this.#deps.onError(otherKey(), row.id);
      return undefined;
    }
    const { id, keyId, background, createdAtMs, runningUntilMs } = row;
    return {
      id,
      keyId,
      background,
      createdAtMs,
      runningUntilMs,
      status: row.status as StoredResponse['status'],
      ...content,
    };
  }
}

type Content = Pick<StoredResponse, 'before' | 'input' | 'response' | 'events'>;

/** The events of a stream are left out where they make it too large. */
function contentOf({ before, input, response, events }: StoredResponse, most: number): string {
  const content: Content = { before, input, response };
  if (!events) return JSON.stringify(content);
  const whole = JSON.stringify({ ...content, events });
  return whole.length > most ? JSON.stringify(content) : whole;
}

const placeOf = ({ id, keyId }: Pick<ResponseRow, 'id' | 'keyId'>): string => `${keyId} ${id}`;

export const outputOf = (response: Json): readonly Json[] => {
  const { output } = response;
  return Array.isArray(output) ? output.filter(isObject) : [];
};
