/** What the semantic tier keeps beyond the process, and the memory twin of it. Every method may throw. */
import type { AnswerStore, CachedAnswer } from '../cache.js';

export interface StoredPrompt {
  /** The key of the answer that it belongs to. */
  readonly key: string;
  readonly scope: string;
  readonly prompt: Buffer;
  readonly vector: Float32Array;
  /** Of the answer's beginning; empty where there is none. */
  readonly answer_vector: Float32Array;
  readonly answer_group: string;
  readonly whole_answer: boolean;
}

/** As it is read again before it answers: its vector is in the index. */
export type ReadPrompt = Omit<StoredPrompt, 'vector'> & { readonly answer: CachedAnswer };

export interface Observation {
  readonly scope: string;
  readonly team: string | null;
  readonly similarity: number;
  readonly correct: boolean;
  /** How many would-be hits it stands for. */
  readonly weight: number;
  readonly audit: boolean;
  readonly at: number;
}

export interface PromptStore {
  /** Vectors of a scope after a number, in order; `seq` of the last is where the next page begins. */
  page(
    scope: string,
    afterSeq: number,
    most: number,
  ): Promise<readonly { seq: number; key: string; vector: Float32Array }[]>;
  /** Those of `keys` that are in the scope, with their answers as they are now. */
  read(scope: string, keys: readonly string[]): Promise<readonly ReadPrompt[]>;
  /** Of two with one key the later stays. A prompt whose answer is not there is not kept. */
  put(prompt: StoredPrompt): Promise<void>;
  observe(observation: Observation): Promise<void>;
  /** The latest observations of a scope, oldest first. */
  observations(scope: string, most: number): Promise<readonly Observation[]>;
  /** Forgets observations that are older. */
  sweep(beforeMs: number): Promise<void>;
}

export function memoryPromptStore(answers: AnswerStore): PromptStore {
  const prompts = new Map<string, StoredPrompt & { readonly seq: number }>();
  let observed: Observation[] = [];
  let last = 0;
  return {
    page: async (scope, afterSeq, most) =>
      [...prompts.values()]
        .filter((prompt) => prompt.scope === scope && prompt.seq > afterSeq)
        .sort((a, b) => a.seq - b.seq)
        .slice(0, most)
        .map(({ seq, key, vector }) => ({ seq, key, vector })),
    read: async (scope, keys) => {
      const found: ReadPrompt[] = [];
      for (const key of keys) {
        const prompt = prompts.get(key);
        const answer = await answers.get(key);
        if (prompt?.scope === scope && answer) found.push({ ...prompt, answer });
      }
      return found;
    },
    put: async (prompt) => {
      if (!(await answers.get(prompt.key))) return;
      last += 1;
      prompts.set(prompt.key, { ...prompt, seq: last });
    },
    observe: async (observation) => void observed.push(observation),
    observations: async (scope, most) => observed.filter((one) => one.scope === scope).slice(-most),
    sweep: async (beforeMs) => {
      observed = observed.filter(({ at }) => at >= beforeMs);
    },
  };
}
