/**
 * Conversations that are kept, each for its key alone, as long as responses are from their last turn on. What an answer adds is
 * written before the answer's last byte goes out, so that the next request finds it at every gateway; where that cannot be, or the
 * conversation has no room for it, the answer goes out all the same and the log says so.
 */
import type { Clock } from '../lib/clock.js';
import { newId } from '../lib/ids.js';
import type { Json } from '../lib/json.js';
import type { Seal } from '../lib/seal.js';
import { closed, opened } from '../lib/sealed-json.js';
import type { Append, ConversationId, ConversationStore, ItemRow, PlacedItem } from './conversation-store.js';
import { isId, otherKey, sweepAll } from './kept.js';
import type { ResponseSettings } from './stored-responses.js';

export interface ConversationSettings extends ResponseSettings {
  /** Most conversations that a key has at once. */
  readonly max_conversations: number;
}

export interface ConversationsDeps {
  readonly store: ConversationStore;
  readonly seal: Seal;
  readonly clock: Clock;
  readonly settings: () => ConversationSettings;
  /** Ends after so long, or when the signal says so. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onError: (error: unknown, conversation: string) => void;
}

export interface Conversation {
  readonly id: string;
  readonly createdAtMs: number;
  readonly metadata: Json;
}

export interface AskedItems {
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  /** The id of the item after which to go on. */
  readonly after?: string | undefined;
}

/** Why nothing was added or made. */
export type NoRoom = 'too_large' | 'too_many';

/** Items of a conversation, however small they are: whoever goes on from it sends them all. */
export const MOST_ITEMS = 10_000;
const READ_AT_ONCE = 100;
/** How long an answer waits for its turn to be added. */
const LONGEST_APPEND_MS = 3_000;

export class Conversations {
  readonly #deps: ConversationsDeps;
  /** What is being added, by the conversation. */
  readonly #pending = new Map<string, Promise<unknown>>();

  constructor(deps: ConversationsDeps) {
    this.#deps = deps;
  }

  get enabled(): boolean {
    return this.#deps.settings().store;
  }

  /** With its first items. `too_many_of_key`: the key has as many conversations as it may. */
  async create(
    keyId: string,
    metadata: Json,
    items: readonly Json[] = [],
  ): Promise<Conversation | NoRoom | 'too_many_of_key'> {
    const { store, clock, settings } = this.#deps;
    const { retention, max_size: mostBytes, max_conversations: mostOfKey } = settings();
    const createdAtMs = clock.now();
    const at = { id: newId('conv', createdAtMs), keyId };
    const rows = await this.#itemRows(at, renamed(items, new Set()));
    if (rows.length > MOST_ITEMS) return 'too_many';
    if (rows.reduce((sum, { size }) => sum + size, 0) > mostBytes) return 'too_large';
    const body = await closed(this.#deps.seal, JSON.stringify(metadata), placeOf(at));
    const row = { ...at, body, createdAtMs, expiresAtMs: createdAtMs + retention };
    return (await store.create(row, rows, mostOfKey)) ? { id: at.id, createdAtMs, metadata } : 'too_many_of_key';
  }

  async find(at: ConversationId): Promise<Conversation | undefined> {
    const { store, clock } = this.#deps;
    const row = isId(at.id) ? await store.get(at, clock.now()) : undefined;
    const metadata = row && (await this.#opened(row.body, at));
    return metadata && { id: row.id, createdAtMs: row.createdAtMs, metadata };
  }

  /** Undefined: there is no such conversation. */
  async describe(at: ConversationId, metadata: Json): Promise<Conversation | undefined> {
    const { store, clock, seal } = this.#deps;
    if (!isId(at.id)) return undefined;
    const isThere = await store.update(at, clock.now(), await closed(seal, JSON.stringify(metadata), placeOf(at)));
    return isThere ? this.find(at) : undefined;
  }

  async remove(at: ConversationId): Promise<boolean> {
    return isId(at.id) && this.#deps.store.remove(at);
  }

  /**
   * Adds items that have ids, all or none of them, and answers them as they are there: one whose id is taken gets another, for
   * there are servers that give the same ids again.
   */
  async append(at: ConversationId, items: readonly Json[]): Promise<readonly Json[] | NoRoom | 'unknown'> {
    if (!isId(at.id)) return 'unknown';
    const before = this.#pending.get(at.id);
    const appended = (async () => {
      await before?.catch(() => undefined); // in the order in which they were told
      return this.#append(at, renamed(items, new Set()));
    })();
    this.#pending.set(at.id, appended);
    try {
      return await appended;
    } finally {
      if (this.#pending.get(at.id) === appended) this.#pending.delete(at.id);
    }
  }

  async #append(at: ConversationId, items: readonly Json[]): Promise<readonly Json[] | NoRoom | 'unknown'> {
    const { store, clock, settings } = this.#deps;
    const rows = await this.#itemRows(at, items);
    const nowMs = clock.now();
    const { retention, max_size: mostBytes } = settings();
    const bounds: Append = { nowMs, expiresAtMs: nowMs + retention, mostBytes, mostItems: MOST_ITEMS };
    const appended = await store.append(at, rows, bounds);
    if (appended === 'appended') return items;
    return typeof appended === 'string' ? appended : this.#append(at, renamed(items, new Set(appended.taken)));
  }

  /**
   * Adds what a request and its answer said. Whatever becomes of it, the answer goes out: a store that does not answer holds it
   * back for a few seconds at most, and may add the turn later.
   */
  async appendTurn(at: ConversationId, items: readonly Json[]): Promise<void> {
    const inTime = new AbortController();
    const late = this.#deps.wait(LONGEST_APPEND_MS, inTime.signal).then(() => 'late' as const);
    late.catch(() => undefined);
    try {
      const appended = await Promise.race([this.append(at, items), late]);
      if (typeof appended === 'string') throw new Error(whyNot[appended]);
    } catch (error) {
      this.#deps.onError(error, at.id);
    } finally {
      inTime.abort();
    }
  }

  /** All items in their order; undefined: there is no such conversation, or none that can be read whole. */
  async all(at: ConversationId): Promise<Json[] | undefined> {
    if (!isId(at.id)) return undefined;
    await this.#pending.get(at.id)?.catch(() => undefined);
    const items: Json[] = [];
    let afterSeq: number | undefined;
    for (;;) {
      const page = await this.#deps.store.items(at, this.#deps.clock.now(), {
        order: 'asc',
        limit: READ_AT_ONCE,
        afterSeq,
      });
      if (page.length === 0 && afterSeq === undefined && !(await this.find(at))) return undefined;
      const read = await this.#items(at, page);
      if (read.length < page.length) return undefined;
      items.push(...read);
      if (page.length < READ_AT_ONCE) return items;
      afterSeq = page.at(-1)!.seq;
    }
  }

  /** A page, and whether there is more behind it. `unknown_after`: the item after which to go on is not there. */
  async page(
    at: ConversationId,
    { order, limit, after }: AskedItems,
  ): Promise<{ readonly items: Json[]; readonly more: boolean } | 'unknown' | 'unknown_after'> {
    const from = after === undefined ? undefined : await this.#row(at, after);
    if (after !== undefined && !from) return (await this.find(at)) ? 'unknown_after' : 'unknown';
    if (!isId(at.id)) return 'unknown';
    const asked = { order, limit: limit + 1, afterSeq: from?.seq };
    const rows = await this.#deps.store.items(at, this.#deps.clock.now(), asked);
    if (rows.length === 0 && !from && !(await this.find(at))) return 'unknown';
    return { items: await this.#items(at, rows.slice(0, limit)), more: rows.length > limit };
  }

  async item(at: ConversationId, itemId: string): Promise<Json | undefined> {
    const row = await this.#row(at, itemId);
    return row && this.#opened(row.body, at, row.id);
  }

  async removeItem(at: ConversationId, itemId: string): Promise<boolean> {
    return isId(at.id) && isId(itemId) && this.#deps.store.removeItem(at, this.#deps.clock.now(), itemId);
  }

  /** Removes what is over, a few hundred at a time. */
  sweep(): Promise<void> {
    return sweepAll(this.#deps.store, this.#deps.clock);
  }

  /** Waits for what is being added. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#pending.values()]);
  }

  async #row(at: ConversationId, itemId: string): Promise<PlacedItem | undefined> {
    if (!isId(at.id) || !isId(itemId)) return undefined;
    return this.#deps.store.item(at, this.#deps.clock.now(), itemId);
  }

  #itemRows(at: ConversationId, items: readonly Json[]): Promise<ItemRow[]> {
    return Promise.all(
      items.map(async (item) => {
        const id = item['id'] as string;
        const clear = Buffer.from(JSON.stringify(item));
        return { id, body: await closed(this.#deps.seal, clear, placeOf(at, id)), size: clear.length };
      }),
    );
  }

  /** Those that can be read. */
  async #items(at: ConversationId, rows: readonly ItemRow[]): Promise<Json[]> {
    const read = await Promise.all(rows.map(({ id, body }) => this.#opened(body, at, id)));
    return read.filter((item) => item !== undefined);
  }

  async #opened(body: Buffer, at: ConversationId, itemId?: string): Promise<Json | undefined> {
    const found = await opened(this.#deps.seal, body, placeOf(at, itemId));
    if (found === undefined) this.#deps.onError(otherKey(), at.id);
    return found as Json | undefined;
  }
}

const whyNot: Readonly<Record<NoRoom | 'unknown' | 'late', string>> = {
  unknown: 'it was deleted while its answer was made',
  too_large: 'it would be larger than responses.max_size',
  too_many: `it would have more than ${MOST_ITEMS} items`,
  late: `the store has not added a turn within ${LONGEST_APPEND_MS} ms; the answer went out before`,
};

/** The items with ids that differ, and that none of `taken` is. */
function renamed(items: readonly Json[], taken: ReadonlySet<unknown>): readonly Json[] {
  const used = new Set(taken);
  return items.map((item) => {
    const id = used.has(item['id']) ? newId('msg') : item['id'];
    used.add(id);
    return id === item['id'] ? item : { ...item, id };
  });
}

const placeOf = ({ id, keyId }: ConversationId, itemId = ''): string => `${keyId} ${id} ${itemId}`;
