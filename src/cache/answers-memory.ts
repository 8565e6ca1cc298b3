/** The memory twin of the answer store and of the purges: what the contract suite holds the others to. */
import type { AnswerStore, CachedAnswer, Purge, PurgeKind } from './cache.js';
import type { PurgeStore } from './purges.js';

export function memoryAnswerStore(): AnswerStore {
  const answers = new Map<string, CachedAnswer>();
  return {
    get: async (key) => answers.get(key),
    put: async (batch) => {
      for (const answer of batch) answers.set(answer.key, answer);
    },
    remove: async (id) => {
      const found = [...answers.values()].find((answer) => answer.id === id);
      return found !== undefined && answers.delete(found.key);
    },
    count: async (kind, name, nowMs, purges) => {
      const isGood = (answer: CachedAnswer) => answer.expires_at > nowMs && !isPurged(answer, purges);
      return [...answers.values()].filter((answer) => isGood(answer) && isNamed(answer, kind, name)).length;
    },
    sweep: async (nowMs, purges, most) => {
      const gone = [...answers.values()].filter((answer) => answer.expires_at <= nowMs || isPurged(answer, purges));
      for (const { key } of gone.slice(0, most)) answers.delete(key);
      return Math.min(gone.length, most);
    },
  };
}

const isPurged = (answer: CachedAnswer, purges: readonly Purge[]): boolean =>
  purges.some(({ kind, name, seq }) => seq > answer.epoch && isNamed(answer, kind, name));

function isNamed(answer: CachedAnswer, kind: PurgeKind, name: string): boolean {
  if (kind === 'all') return true;
  if (kind === 'tag') return answer.tags.includes(name);
  return { model: answer.model, team: answer.team, key: answer.key_id, entry: answer.id }[kind] === name;
}

export function memoryPurgeStore(): PurgeStore {
  const purges: Purge[] = [];
  return {
    since: async (seq) => purges.filter((purge) => purge.seq > seq),
    add: async (kind, name) => {
      const purge = { kind, name, seq: (purges.at(-1)?.seq ?? 0) + 1 };
      purges.push(purge);
      return purge;
    },
  };
}
