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

/** What of an answer is checked before it is given. */
export type AnswerHead = Pick<
  CachedAnswer,
  'key' | 'id' | 'model' | 'team' | 'key_id' | 'tags' | 'epoch' | 'created_at' | 'expires_at'
>;

/** As it is read again before it answers: its vector is in the index, and its answer is read only where it is needed. */
export type ReadPrompt = Pick<StoredPrompt, 'key' | 'scope' | 'prompt' | 'answer_group'> & {
  readonly answer: AnswerHead;
};

/** A prompt as it was written, and its number. */
export type StoredText = Pick<StoredPrompt, 'key' | 'prompt'> & { readonly seq: number };

/** What answers are compared by. */
export interface KeptAnswer {
  readonly id: string;
  readonly body: Buffer;
  /** Empty where it has not been made. */
  readonly vector: Float32Array;
}

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
  /** The same of what was written, without those of the numbers `known`. */
  texts(scope: string, afterSeq: number, most: number, known: readonly number[]): Promise<readonly StoredText[]>;
  /** Those of `keys` that are in the scope, with what is told of their answers now. */
  read(scope: string, keys: readonly string[]): Promise<readonly ReadPrompt[]>;
  /** The answer of a prompt in the scope. */
  answer(scope: string, key: string): Promise<KeptAnswer | undefined>;
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
  const after = (scope: string, afterSeq: number, most: number, known: readonly number[] = []) =>
    [...prompts.values()]
      .filter((prompt) => prompt.scope === scope && prompt.seq > afterSeq && !known.includes(prompt.seq))
      .sort((a, b) => a.seq - b.seq)
      .slice(0, most);
  return {
    page: async (...asked) => after(...asked).map(({ seq, key, vector }) => ({ seq, key, vector })),
    texts: async (...asked) => after(...asked).map(({ seq, key, prompt }) => ({ seq, key, prompt })),
    read: async (scope, keys) => {
      const found: ReadPrompt[] = [];
      for (const key of keys) {
        const prompt = prompts.get(key);
        const answer = await answers.get(key);
        if (prompt?.scope !== scope || !answer) continue;
        found.push({ key, scope, prompt: prompt.prompt, answer_group: prompt.answer_group, answer: headOf(answer) });
      }
      return found;
    },
    answer: async (scope, key) => {
      const prompt = prompts.get(key);
      const answer = prompt?.scope === scope ? await answers.get(key) : undefined;
      return answer && { id: answer.id, body: answer.body, vector: prompt!.answer_vector };
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

function headOf(answer: CachedAnswer): AnswerHead {
  const { key, id, model, team, key_id, tags, epoch, created_at, expires_at } = answer;
  return { key, id, model, team, key_id, tags, epoch, created_at, expires_at };
}
