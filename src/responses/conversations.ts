/**
 * Conversations that are kept, each for its key alone, as long as responses are from their last turn on. What an answer adds is
 * written before the answer's last byte goes out, so that the next request finds it at every gateway; where that cannot be, or the
 * conversation has no room for it, the answer goes out all the same and the log says so.
 */
import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import type { Clock } from '../lib/clock.js';
import { newId } from '../lib/ids.js';
import type { Json } from '../lib/json.js';
import type { Seal } from '../lib/seal.js';
import type { ConversationId, ConversationStore, ItemRow, ItemsPage } from './conversation-store.js';
import type { ResponseSettings } from './stored-responses.js';

const compress = promisify(deflate);
const expand = promisify(inflate);

export interface ConversationsDeps {
  readonly store: ConversationStore;
  readonly seal: Seal;
  readonly clock: Clock;
  readonly settings: () => ResponseSettings;
  readonly onError: (error: unknown, conversation: string) => void;
}

export interface Conversation {
  readonly id: string;
  readonly createdAtMs: number;
  readonly metadata: Json;
}

const MOST_SWEPT = 500;
const READ_AT_ONCE = 100;

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

  async create(keyId: string, metadata: Json): Promise<Conversation> {
    const { store, clock, settings } = this.#deps;
    const createdAtMs = clock.now();
    const at = { id: newId('conv', createdAtMs), keyId };
    const body = await this.#closed(metadata, placeOf(at));
    await store.create({ ...at, body, createdAtMs, expiresAtMs: createdAtMs + settings().retention });
    return { id: at.id, createdAtMs, metadata };
  }

  async find(at: ConversationId): Promise<Conversation | undefined> {
    const { store, clock } = this.#deps;
    const row = await store.get(at, clock.now());
    const metadata = row && (await this.#opened(row.body, at));
    return metadata && { id: row.id, createdAtMs: row.createdAtMs, metadata };
  }

  /** Undefined: there is no such conversation. */
  async describe(at: ConversationId, metadata: Json): Promise<Conversation | undefined> {
    const { store, clock } = this.#deps;
    const isThere = await store.update(at, clock.now(), await this.#closed(metadata, placeOf(at)));
    return isThere ? this.find(at) : undefined;
  }

  remove(at: ConversationId): Promise<boolean> {
    return this.#deps.store.remove(at);
  }

  /**
   * Adds items that have ids, all or none of them, and answers them as they are there: one whose id is taken gets another, for
   * there are servers that give the same ids again.
   */
  async append(at: ConversationId, items: readonly Json[]): Promise<readonly Json[] | 'too_large' | 'unknown'> {
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

  async #append(at: ConversationId, items: readonly Json[]): Promise<readonly Json[] | 'too_large' | 'unknown'> {
    const { store, clock, settings } = this.#deps;
    const rows: ItemRow[] = [];
    for (const item of items) rows.push(await this.#itemRow(at, item));
    const nowMs = clock.now();
    const { retention, max_size: mostBytes } = settings();
    const appended = await store.append(at, rows, { nowMs, expiresAtMs: nowMs + retention, mostBytes });
    if (appended === 'appended') return items;
    return typeof appended === 'string' ? appended : this.#append(at, renamed(items, new Set(appended.taken)));
  }

  /** Adds what a request and its answer said. Whatever becomes of it, the answer goes out. */
  async appendTurn(at: ConversationId, items: readonly Json[]): Promise<void> {
    try {
      const appended = await this.append(at, items);
      if (appended === 'unknown') throw new Error('it was deleted while its answer was made');
      if (appended === 'too_large') throw new Error('it would be larger than responses.max_size');
    } catch (error) {
      this.#deps.onError(error, at.id);
    }
  }

  /** All items in their order; undefined: there is no such conversation. */
  async all(at: ConversationId): Promise<Json[] | undefined> {
    await this.#pending.get(at.id)?.catch(() => undefined);
    if (!(await this.find(at))) return undefined;
    const items: Json[] = [];
    let after: string | undefined;
    for (;;) {
      const page = await this.#rows(at, { order: 'asc', limit: READ_AT_ONCE, after });
      for (const row of page) items.push(...(await this.#item(at, row)));
      if (page.length < READ_AT_ONCE) return items;
      after = page.at(-1)!.id;
    }
  }

  /** A page, and whether there is more behind it. */
  async page(at: ConversationId, page: ItemsPage): Promise<{ readonly items: Json[]; readonly more: boolean }> {
    const rows = await this.#rows(at, { ...page, limit: page.limit + 1 });
    const items: Json[] = [];
    for (const row of rows.slice(0, page.limit)) items.push(...(await this.#item(at, row)));
    return { items, more: rows.length > page.limit };
  }

  async item(at: ConversationId, itemId: string): Promise<Json | undefined> {
    const row = await this.#deps.store.item(at, this.#deps.clock.now(), itemId);
    return row && (await this.#item(at, row))[0];
  }

  removeItem(at: ConversationId, itemId: string): Promise<boolean> {
    return this.#deps.store.removeItem(at, this.#deps.clock.now(), itemId);
  }

  /** Removes what is over, a few hundred at a time. */
  async sweep(): Promise<void> {
    while ((await this.#deps.store.sweep(this.#deps.clock.now(), MOST_SWEPT)) === MOST_SWEPT);
  }

  /** Waits for what is being added. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#pending.values()]);
  }

  #rows(at: ConversationId, page: ItemsPage): Promise<ItemRow[]> {
    return this.#deps.store.items(at, this.#deps.clock.now(), page);
  }

  async #itemRow(at: ConversationId, item: Json): Promise<ItemRow> {
    const id = item['id'] as string;
    const clear = Buffer.from(JSON.stringify(item));
    return { id, body: this.#deps.seal.close(await compress(clear), placeOf(at, id)), size: clear.length };
  }

  async #item(at: ConversationId, { id, body }: ItemRow): Promise<Json[]> {
    const item = await this.#opened(body, at, id);
    return item ? [item] : [];
  }

  async #closed(json: Json, place: string): Promise<Buffer> {
    return this.#deps.seal.close(await compress(JSON.stringify(json)), place);
  }

  async #opened(body: Buffer, at: ConversationId, itemId?: string): Promise<Json | undefined> {
    const opened = this.#deps.seal.open(body, placeOf(at, itemId));
    if (opened) return JSON.parse((await expand(opened)).toString('utf8')) as Json;
    this.#deps.onError(new Error('it was encrypted with another secrets_key'), at.id);
    return undefined;
  }
}

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
