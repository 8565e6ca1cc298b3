/** Stored responses in memory: the twin of the store in Postgres. */
import type { ResponseRow, ResponseStore } from './stored-response.js';

export function memoryResponseStore(): ResponseStore {
  const rows = new Map<string, ResponseRow>();
  const stopped = new Set<string>();
  const own = (id: string, keyId: string): ResponseRow | undefined => {
    const row = rows.get(id);
    return row?.keyId === keyId ? row : undefined;
  };
  const forget = (id: string): boolean => {
    stopped.delete(id);
    return rows.delete(id);
  };
  return {
    async put(row) {
      const known = rows.get(row.id);
      if (known && (known.keyId !== row.keyId || (stopped.has(row.id) && row.status !== 'cancelled'))) return false;
      rows.set(row.id, known ? { ...row, createdAtMs: known.createdAtMs, background: known.background } : row);
      return true;
    },
    async get(id, keyId, nowMs) {
      const row = own(id, keyId);
      return row && row.expiresAtMs > nowMs ? row : undefined;
    },
    remove: async (id, keyId) => own(id, keyId) !== undefined && forget(id),
    async holding(itemIds, keyId, nowMs, most) {
      const found = [...rows.values()].filter(
        (row) => row.keyId === keyId && row.expiresAtMs > nowMs && row.itemIds.some((id) => itemIds.includes(id)),
      );
      return found.sort((a, b) => b.createdAtMs - a.createdAtMs).slice(0, most);
    },
    async cancel(id, keyId) {
      if (own(id, keyId)) stopped.add(id);
    },
    cancelled: async (ids) => ids.filter((id) => stopped.has(id)),
    async sweep(nowMs, most) {
      const over = [...rows.values()].filter(({ expiresAtMs }) => expiresAtMs <= nowMs).slice(0, most);
      for (const { id } of over) forget(id);
      return over.length;
    },
  };
}
