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

/** An item where it stands: a later one has a higher number, whatever is removed meanwhile. */
export interface PlacedItem extends ItemRow {
  readonly seq: number;
}

export interface RowsPage {
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  /** The number of the item after which to go on. */
  readonly afterSeq?: number | undefined;
}

export interface Append {
  readonly nowMs: number;
  readonly expiresAtMs: number;
  /** Most bytes of all items of the conversation, and most items. */
  readonly mostBytes: number;
  readonly mostItems: number;
}

/** `taken`: ids of items that are there already, so that nothing was added. */
export type Appended = 'appended' | 'too_large' | 'too_many' | 'unknown' | { readonly taken: readonly string[] };

/** Rejects where the store is away. What has expired is not there. */
export interface ConversationStore {
  /** The conversation with its items, whose ids differ. False: its key has as many as it may, and nothing was made. */
  create(row: ConversationRow, items: readonly ItemRow[], mostOfKey: number): Promise<boolean>;
  get(at: ConversationId, nowMs: number): Promise<ConversationRow | undefined>;
  /** False: there is no such conversation. */
  update(at: ConversationId, nowMs: number, body: Buffer): Promise<boolean>;
  remove(at: ConversationId): Promise<boolean>;
  /** All of the items or none; their ids differ. Where some were added, the conversation stays as long as told from now. */
  append(at: ConversationId, items: readonly ItemRow[], append: Append): Promise<Appended>;
  items(at: ConversationId, nowMs: number, page: RowsPage): Promise<PlacedItem[]>;
  item(at: ConversationId, nowMs: number, itemId: string): Promise<PlacedItem | undefined>;
  removeItem(at: ConversationId, nowMs: number, itemId: string): Promise<boolean>;
  /** Removes what expired and what belongs to keys that were revoked, at most so many; answers how many. */
  sweep(nowMs: number, most: number): Promise<number>;
}
