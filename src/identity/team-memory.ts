/**
 * Teams by name, for callers that have no key: answered from memory at once, and from the store where a team is not
 * remembered. A remembered team is certain while announcements of changes arrive, as in `authenticate.ts`, so that a block is in
 * force on every replica within a second. While the store is away, a team is used as it was last read, and one look-up per
 * `PROBE_MS` tries the store again; `get` rejects for a team that is not remembered.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.js';
import type { Changes } from './changes.js';
import type { Team } from './key.js';
import type { KeyStore } from './key-store.js';
import { createLookups } from './lookups.js';

const MOST_TEAMS = 10_000;
const CERTAIN_MS = 750;
const PROBE_MS = 1_000;
const LOOKUP_TIMEOUT_MS = 1_000;

export interface TeamMemory {
  /** Null: there is no such team. Rejects where the store does not answer and the team is not remembered. */
  get(id: string): Team | null | Promise<Team | null>;
  /** Asks the store, whatever is remembered. */
  read(id: string): Promise<Team | null>;
  /** Stops listening to changes. */
  close(): void;
}

/** A team, when the store was asked for it, and the `epoch` at that moment. */
interface RememberedTeam {
  readonly team: Team | null;
  readonly readAt: number;
  readonly epoch: number;
}

export function createTeamMemory(deps: {
  readonly store: Pick<KeyStore, 'team'>;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly onLookupError?: (error: unknown) => void;
}): TeamMemory {
  const { store, changes, clock } = deps;
  const known = new LRUCache<string, RememberedTeam>({ max: MOST_TEAMS });
  let epoch = 0;
  let storeAway = false;
  let probeAt = 0;
  const lookups = createLookups<RememberedTeam>({
    find: async (id) => {
      const reading = { readAt: clock.monotonic(), epoch };
      return { ...reading, team: await store.team(id) };
    },
    concurrency: 4,
    maxWaiting: 1_000,
    timeoutMs: LOOKUP_TIMEOUT_MS,
  });

  async function ask(id: string): Promise<Team | null> {
    try {
      const { value, overtaken } = await lookups.get(id);
      storeAway = false;
      if (!overtaken) known.set(id, value);
      return value.team;
    } catch (error) {
      storeAway = true;
      probeAt = clock.monotonic() + PROBE_MS;
      deps.onLookupError?.(error);
      throw error;
    }
  }

  const stop = changes.subscribe((change) => {
    if (change.kind === 'key' || change.kind === 'prices') return;
    if (change.kind === 'team') {
      known.delete(change.team);
      lookups.overtake(change.team);
    } else {
      epoch++;
      lookups.overtakeAll();
    }
  });

  return {
    get(id) {
      const last = known.get(id);
      if (last === undefined) return ask(id);
      if (last.epoch === epoch && Math.max(last.readAt, changes.heardAt()) + CERTAIN_MS > clock.monotonic())
        return last.team;
      if (!storeAway) return ask(id).catch(() => last.team);
      if (clock.monotonic() >= probeAt) {
        probeAt = clock.monotonic() + PROBE_MS;
        ask(id).catch(() => {});
      }
      return last.team;
    },
    read(id) {
      lookups.overtake(id); // a look-up that runs already may have begun before what the caller has written
      return ask(id);
    },
    close: stop,
  };
}
