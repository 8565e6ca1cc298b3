/** Conversations in memory: the twin of the store in Postgres, for tests. */
import type { ConversationId, ConversationRow, ConversationStore, ItemRow, PlacedItem } from './conversation-store.js';

interface Kept {
  row: ConversationRow;
  items: PlacedItem[];
}

export function memoryConversationStore(): ConversationStore {
  const all = new Map<string, Kept>();
  let seq = 0;
  const placed = (items: readonly ItemRow[]): PlacedItem[] => items.map((item) => ({ ...item, seq: ++seq }));
  const own = ({ id, keyId }: ConversationId): Kept | undefined => {
    const kept = all.get(id);
    return kept?.row.keyId === keyId ? kept : undefined;
  };
  const live = (at: ConversationId, nowMs: number): Kept | undefined => {
    const kept = own(at);
    return kept && kept.row.expiresAtMs > nowMs ? kept : undefined;
  };
  return {
    async create(row, items, mostOfKey) {
      const ofKey = [...all.values()].filter((kept) => live(kept.row, row.createdAtMs)?.row.keyId === row.keyId);
      if (ofKey.length >= mostOfKey) return false;
      all.set(row.id, { row, items: placed(items) });
      return true;
    },
    get: async (at, nowMs) => live(at, nowMs)?.row,
    async update(at, nowMs, body) {
      const kept = live(at, nowMs);
      if (kept) kept.row = { ...kept.row, body };
      return kept !== undefined;
    },
    remove: async (at) => own(at) !== undefined && all.delete(at.id),
    async append(at, items, { nowMs, expiresAtMs, mostBytes, mostItems }) {
      const kept = live(at, nowMs);
      if (!kept) return 'unknown';
      if (bytesOf(kept.items) + bytesOf(items) > mostBytes) return 'too_large';
      if (kept.items.length + items.length > mostItems) return 'too_many';
      const taken = items.map(({ id }) => id).filter((id) => kept.items.some((item) => item.id === id));
      if (taken.length > 0) return { taken };
      kept.items.push(...placed(items));
      if (items.length > 0) kept.row = { ...kept.row, expiresAtMs };
      return 'appended';
    },
    async items(at, nowMs, { order, limit, afterSeq }) {
      const items = [...(live(at, nowMs)?.items ?? [])];
      if (order === 'desc') items.reverse();
      const isAfter = (item: PlacedItem): boolean =>
        afterSeq === undefined || (order === 'asc' ? item.seq > afterSeq : item.seq < afterSeq);
      return items.filter(isAfter).slice(0, limit);
    },
    item: async (at, nowMs, itemId) => live(at, nowMs)?.items.find(({ id }) => id === itemId),
    async removeItem(at, nowMs, itemId) {
      const items = live(at, nowMs)?.items ?? [];
      const place = items.findIndex(({ id }) => id === itemId);
      if (place !== -1) items.splice(place, 1);
      return place !== -1;
    },
    async sweep(nowMs, most) {
      const over = [...all.values()].filter(({ row }) => row.expiresAtMs <= nowMs).slice(0, most);
      for (const { row } of over) all.delete(row.id);
      return over.length;
    },
  };
}

const bytesOf = (items: readonly ItemRow[]): number => items.reduce((sum, { size }) => sum + size, 0);
