/**
 * Answers as they are compared with each other, behind requests: the sketches of recent ones in memory, others from the store.
 * The model is asked for vectors only where nothing simpler tells two answers apart; a vector is made when it is first needed,
 * and kept with the prompt where that was before the prompt was.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { LARGE_BYTES } from '../../lib/turns.js';
import type { Seal } from '../seal.js';
import { type Embedder, embedBeginning } from './embedder.js';
import type { PromptStore } from './prompt-store.js';
import { type AnswerSketch, compareAnswers, nearByMeaning, sketchOf } from './same-answer.js';

export interface KnownAnswersDeps {
  readonly store: PromptStore;
  /** The local model, whose nearness is known. */
  readonly embedder: Embedder;
  readonly seal: Seal;
  readonly onError: (what: string, error: unknown) => void;
}

/** An answer that is compared. */
export interface Sketched {
  readonly sketch: AnswerSketch;
  /** Empty: not made yet. */
  vector: Float32Array;
  making?: Promise<Float32Array>;
}

const SKETCHES_BYTES = 8 * 2 ** 20;
/** One is forgotten after that, however long the answer is kept. */
const SKETCH_MS = 10 * 60_000;
/** The hashes and what holds them, and the vector that may be made. */
const SKETCH_BYTES = 3_000;

export class KnownAnswers {
  readonly #deps: KnownAnswersDeps;
  readonly #known = new LRUCache<string, Sketched>({
    maxSize: SKETCHES_BYTES,
    ttl: SKETCH_MS,
    sizeCalculation: ({ sketch }) => SKETCH_BYTES + 2 * sketch.beginning.length,
  });

  constructor(deps: KnownAnswersDeps) {
    this.#deps = deps;
  }

  /** One that was just told. A large one takes several turns of the loop. */
  async read(id: string, body: Buffer, wordsOf: (body: Buffer) => string): Promise<Sketched> {
    if (body.length > LARGE_BYTES) await nextTurn();
    const words = wordsOf(body);
    if (body.length > LARGE_BYTES) await nextTurn();
    return this.add(id, words);
  }

  add(id: string, words: string): Sketched {
    const answer = { sketch: sketchOf(words), vector: new Float32Array(0) };
    this.#known.set(id, answer);
    return answer;
  }

  /** Forgets what is old. */
  sweep(): void {
    this.#known.purgeStale();
  }

  clear(): void {
    this.#known.clear();
  }

  /** The answer of a prompt; undefined where it is another one by now. `wordsOf` reads its body. */
  async of(scope: string, key: string, id: string, wordsOf: (body: Buffer) => string): Promise<Sketched | undefined> {
    const known = this.#known.get(id);
    if (known) return known;
    const kept = await this.#deps.store.answer(scope, key);
    const body = kept?.id === id ? this.#deps.seal.open(kept.body, key) : undefined;
    if (!body) return undefined;
    const answer = await this.read(id, body, wordsOf);
    answer.vector = kept!.vector;
    return answer;
  }

  async same(one: Sketched, two: Sketched): Promise<boolean> {
    const alike = compareAnswers(one.sketch, two.sketch);
    if (alike !== 'by meaning') return alike;
    return nearByMeaning(await this.#vectorOf(one), await this.#vectorOf(two));
  }

  #vectorOf(answer: Sketched): Promise<Float32Array> | Float32Array {
    if (answer.vector.length > 0) return answer.vector;
    answer.making ??= this.#make(answer).finally(() => delete answer.making);
    return answer.making;
  }

  /** Where the local model is away, answers are compared by their words alone. */
  async #make(answer: Sketched): Promise<Float32Array> {
    try {
      answer.vector = await embedBeginning(this.#deps.embedder, answer.sketch.beginning);
    } catch (error) {
      this.#deps.onError('answer', error);
    }
    return answer.vector;
  }
}
