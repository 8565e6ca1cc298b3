/**
 * Keys in memory: the twin of `keys-pg.ts`, for tests and for trying things out. Transactions run one after the other, each
 * on a copy that becomes the state where it succeeds.
 */
import type { Result } from '../lib/errors.js';
import type { Key, Team } from './key.js';
import type { AuditLine, FoundKey, KeyStore, KeyTx, Once, Remembered } from './key-store.js';
import { within } from './roles.js';

interface Retired {
  readonly keyId: string;
  readonly endsAt: number;
}

interface State {
  readonly keys: Map<string, Key>;
  /** Hash of the current secret -> key id. */
  readonly hashes: Map<string, string>;
  readonly retired: Map<string, Retired>;
  readonly teams: Map<string, Team>;
  readonly audit: (AuditLine & { readonly id: string })[];
  readonly remembered: Map<string, Remembered & { readonly at: number }>;
}

export function memoryKeyStore(): KeyStore {
  let state: State = {
    keys: new Map(),
    hashes: new Map(),
    retired: new Map(),
    teams: new Map(),
    audit: [],
    remembered: new Map(),
  };
  let last: Promise<unknown> = Promise.resolve();

  return {
    find: async (hash) => find(state, hash),
    key: async (id) => state.keys.get(id) ?? null,
    keys: async (filter, page) =>
      [...state.keys.values()]
        .filter((key) => filter.team === undefined || key.team === filter.team)
        .filter((key) => within(filter.teams ?? null, key.team))
        .filter((key) => filter.name === undefined || key.name.startsWith(filter.name))
        .filter(
          ({ id, name, prefix }) =>
            filter.q === undefined || hasWithin(name, filter.q) || id === filter.q || prefix === filter.q,
        )
        .filter((key) => filter.revoked || key.revoked_at === null)
        .filter((key) => page.after === null || key.id < page.after)
        .sort((a, b) => (a.id < b.id ? 1 : -1))
        .slice(0, page.limit),
    team: async (id) => state.teams.get(id) ?? null,
    teams: async (page, only = null, q) =>
      [...state.teams.values()]
        .filter((team) => within(only, team.id))
        .filter((team) => q === undefined || hasWithin(team.id, q))
        .filter((team) => page.after === null || team.id > page.after)
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, page.limit),
    withUserLimits: async (only = null) => ({
      keys: [...state.keys.values()].filter(
        (key) => key.user_limits.length > 0 && key.revoked_at === null && within(only, key.team),
      ),
      teams: [...state.teams.values()].filter((team) => team.user_limits.length > 0 && within(only, team.id)),
    }),
    audit: async (filter, page) =>
      state.audit
        .filter((line) => filter.subject === undefined || line.subject === filter.subject)
        .filter((line) => filter.action === undefined || line.action === filter.action)
        .filter((line) => !filter.teams || line.teams?.some((team) => filter.teams!.has(team)))
        .filter((line) => page.after === null || Number(line.id) < Number(page.after))
        .reverse()
        .slice(0, page.limit),
    write<T>(work: (tx: KeyTx) => Promise<Result<T>>): Promise<Result<T>> {
      const run = last.then(async () => {
        const draft = copy(state);
        const result = await work(transaction(draft));
        if (result.ok) state = draft;
        return result;
      });
      last = run.catch(() => undefined);
      return run;
    },
  };
}

const hasWithin = (name: string, part: string): boolean => name.toLowerCase().includes(part.toLowerCase());

const copy = (state: State): State => ({
  keys: new Map(state.keys),
  hashes: new Map(state.hashes),
  retired: new Map(state.retired),
  teams: new Map(state.teams),
  audit: [...state.audit],
  remembered: new Map(state.remembered),
});

function find(state: State, hash: string): FoundKey | null {
  const retired = state.retired.get(hash);
  const key = state.keys.get(state.hashes.get(hash) ?? retired?.keyId ?? '');
  if (!key) return null;
  const team = key.team === null ? null : (state.teams.get(key.team) ?? null);
  return { caller: { key, team }, secret_ends_at: state.hashes.has(hash) ? null : (retired?.endsAt ?? null) };
}

function transaction(state: State): KeyTx {
  const hashOfKey = (id: string) => [...state.hashes].find(([, keyId]) => keyId === id)?.[0];
  const retiredOf = (id: string) => [...state.retired].filter(([, { keyId }]) => keyId === id).map(([hash]) => hash);
  const onceId = (once: Once) => JSON.stringify([once.key, once.route]);

  return {
    query: () => Promise.reject(new Error('there is no SQL in memory')),
    lockKey: async (id) => state.keys.get(id) ?? null,
    async insertKey(key, hash) {
      if (state.keys.has(key.id) || state.hashes.has(hash) || state.retired.has(hash)) return false;
      state.keys.set(key.id, key);
      state.hashes.set(hash, key.id);
      return true;
    },
    async updateKey(key) {
      const { prefix, created_at } = state.keys.get(key.id) ?? key;
      state.keys.set(key.id, { ...key, prefix, created_at });
    },
    async replaceSecret(key, hash, oldEndsAt) {
      const old = hashOfKey(key.id);
      if (old !== undefined) state.hashes.delete(old);
      if (oldEndsAt === null) for (const retired of retiredOf(key.id)) state.retired.delete(retired);
      else if (old !== undefined) state.retired.set(old, { keyId: key.id, endsAt: oldEndsAt });
      state.hashes.set(hash, key.id);
      state.keys.set(key.id, { ...state.keys.get(key.id)!, prefix: key.prefix });
    },
    hashesOf: async (id) => [...(hashOfKey(id) ? [hashOfKey(id)!] : []), ...retiredOf(id)],
    lockTeam: async (id) => state.teams.get(id) ?? null,
    async ensureTeam(team) {
      if (state.teams.has(team.id)) return false;
      state.teams.set(team.id, team);
      return true;
    },
    async updateTeam(team) {
      state.teams.set(team.id, team);
    },
    async deleteTeam(id) {
      state.teams.delete(id);
      for (const key of state.keys.values()) if (key.team === id) state.keys.set(key.id, { ...key, team: null });
    },
    hasKeys: async (team) => [...state.keys.values()].some((key) => key.team === team && key.revoked_at === null),
    async audit(line) {
      state.audit.push({ ...line, teams: line.teams ?? [], id: String(state.audit.length + 1) });
    },
    async claim(once, now, since) {
      const prior = state.remembered.get(onceId(once));
      if (prior && prior.at > since) return prior;
      state.remembered.set(onceId(once), { request_hash: once.request_hash, status: 0, body: null, at: now });
      return null;
    },
    async remember(once, status, body) {
      const claimed = state.remembered.get(onceId(once));
      state.remembered.set(onceId(once), {
        request_hash: once.request_hash,
        status,
        body: structuredClone(body),
        at: claimed?.at ?? 0,
      });
    },
  };
}
