/** The port to where conversations lie: rows whose content is compressed and encrypted. */

/** What a conversation is named by: nothing is given to another key than its own. */
export interface ConversationId {
  readonly id: string;
  readonly keyId: string;
}

export interface ConversationRow extends ConversationId {
  readonly body: Buffer;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

export interface ItemRow {
  readonly id: string;
  readonly body: Buffer;
  /** Bytes of the item before it was compressed. */
  readonly size: number;
}

export interface ItemsPage {
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  /** The item after which to go on. One that is not there: there is nothing after it. */
  readonly after?: string | undefined;
}

export interface Append {
  readonly nowMs: number;
  readonly expiresAtMs: number;
  /** Most bytes of all items of the conversation. */
  readonly mostBytes: number;
}

/** `taken`: ids of items that are there already, so that nothing was added. */
export type Appended = 'appended' | 'too_large' | 'unknown' | { readonly taken: readonly string[] };

/** Rejects where the store is away. What has expired is not there. */
export interface ConversationStore {
  create(row: ConversationRow): Promise<void>;
  get(at: ConversationId, nowMs: number): Promise<ConversationRow | undefined>;
  /** False: there is no such conversation. */
  update(at: ConversationId, nowMs: number, body: Buffer): Promise<boolean>;
  remove(at: ConversationId): Promise<boolean>;
  /** All of the items or none; their ids differ. The conversation stays as long as told from now. */
  append(at: ConversationId, items: readonly ItemRow[], append: Append): Promise<Appended>;
  items(at: ConversationId, nowMs: number, page: ItemsPage): Promise<ItemRow[]>;
  item(at: ConversationId, nowMs: number, itemId: string): Promise<ItemRow | undefined>;
  removeItem(at: ConversationId, nowMs: number, itemId: string): Promise<boolean>;
  /** Removes what expired and what belongs to keys that were revoked, at most so many; answers how many. */
  sweep(nowMs: number, most: number): Promise<number>;
}
