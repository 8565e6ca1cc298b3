/**
 * The nearest prompts of a scope: the index says which, and before one of them answers each is read again from the store and
 * checked against scope, tenant, age and purges. What was opened and read word by word lately is kept in memory; the rest is
 * read in turns of the event loop.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../lib/clock.js';
import { inTurns } from '../../lib/turns.js';
import { within } from '../../lib/within.js';
import { noDirectives } from '../directives.js';
import type { Purges } from '../purges.js';
import type { Question } from '../recall.js';
import type { Tenant } from '../scope.js';
import type { Seal } from '../seal.js';
import type { ComparedText } from './counterparts.js';
import type { Candidate } from './decide.js';
import type { AnswerHead, PromptStore, ReadPrompt } from './prompt-store.js';
import { type Signature, signatureOf } from './signature.js';
import type { EmbeddedNear, VectorIndex } from './vector-index.js';
import type { Neighbour } from './vectors.js';

export interface NearPrompt extends Candidate, ComparedText {
  readonly key: string;
  readonly answer: AnswerHead;
}

/** Whose neighbours are looked for. */
export interface Placed {
  readonly scope: string;
  readonly vector: Float32Array;
  readonly question: Question;
  readonly tenant: Tenant;
  /** Least similarity that counts. */
  readonly least: number;
}

export interface NearPromptsDeps {
  readonly store: PromptStore;
  readonly index: VectorIndex;
  readonly seal: Seal;
  readonly purges: Purges;
  readonly clock: Clock;
}

interface Opened extends ComparedText {
  readonly sealed: Buffer;
}

const NEAREST = 12;
const OPENED_BYTES = 16 * 2 ** 20;
/** About what the reading of a word takes. */
const WORD_BYTES = 250;
/** It is forgotten after that, however long its answer is kept. */
const OPENED_MS = 10 * 60_000;

export class NearPrompts {
  readonly #deps: NearPromptsDeps;
  readonly #opened = new LRUCache<string, Opened>({
    maxSize: OPENED_BYTES,
    ttl: OPENED_MS,
    sizeCalculation: ({ sealed, text, signature }) =>
      1_000 + sealed.length + 2 * text.length + WORD_BYTES * signature.words.length,
  });

  constructor(deps: NearPromptsDeps) {
    this.#deps = deps;
  }

  /** Which they are, nearest first; undefined where the scope is not loaded yet. Throws where the index is away or late. */
  async near({ scope, vector, least }: Placed, withinMs: number): Promise<readonly Neighbour[] | undefined> {
    const near = await this.#deps.index.nearest(scope, vector, NEAREST, withinMs);
    return near?.filter(({ similarity }) => similarity >= least);
  }

  /** The same of a text that was not embedded, with its vector; undefined where the index does not do both at once. */
  nearTo(scope: string, text: string, least: number, withinMs: number): Promise<EmbeddedNear> | undefined {
    return this.#deps.index.nearestOf?.(scope, text, NEAREST, withinMs)?.then(({ vector, neighbours }) => ({
      vector,
      neighbours: neighbours?.filter(({ similarity }) => similarity >= least),
    }));
  }

  /**
   * Their words from memory; undefined where one is not there. A key stands for one text only, but whether the store still has
   * it is not known: enough to say that none of them answers, and not that one does.
   */
  texts(near: readonly Neighbour[]): readonly ComparedText[] | undefined {
    const known: ComparedText[] = [];
    for (const { id } of near) {
      const opened = this.#opened.get(id);
      if (!opened) return undefined;
      known.push(opened);
    }
    return known;
  }

  /** As the store has them now. Throws where it is away or late. */
  async read(placed: Placed, close: readonly Neighbour[], withinMs: number): Promise<NearPrompt[]> {
    if (close.length === 0) return [];
    const { scope } = placed;
    const keys = close.map(({ id }) => id);
    const found = await within(this.#deps.store.read(scope, keys), withinMs, 'the store did not answer');
    const byKey = new Map(found.map((row) => [row.key, row]));
    const gone = keys.filter((key) => !byKey.has(key));
    if (gone.length > 0) this.#deps.index.forget(scope, gone);
    const rows: (ReadPrompt & { readonly similarity: number })[] = [];
    for (const { id, similarity } of close) {
      const row = byKey.get(id);
      if (row && this.#isServable(row, placed)) rows.push({ ...row, similarity });
    }
    const unread = rows.filter((row) => !this.#known(row));
    if (unread.length > 0) await inTurns(this.#openAll(unread));
    return rows.flatMap(({ key, prompt, answer, answer_group: group, similarity }) => {
      const opened = this.#known({ key, prompt });
      return opened ? [{ key, answer, group, similarity, text: opened.text, signature: opened.signature }] : [];
    });
  }

  /** How one was read, where it was lately. */
  signature(row: Pick<ReadPrompt, 'key' | 'prompt'>): Signature | undefined {
    return this.#known(row)?.signature;
  }

  /** One that is to be stored. */
  learned(key: string, sealed: Buffer, text: string, signature: Signature): void {
    // A copy: what was read may be a part of much more.
    this.#opened.set(key, { sealed: Buffer.from(sealed), text, signature });
  }

  /** Forgets what was not asked for in a while. */
  sweep(): void {
    this.#opened.purgeStale();
  }

  clear(): void {
    this.#opened.clear();
  }

  #known({ key, prompt }: Pick<ReadPrompt, 'key' | 'prompt'>): Opened | undefined {
    const known = this.#opened.get(key);
    return known?.sealed.equals(prompt) ? known : undefined;
  }

  *#openAll(rows: readonly ReadPrompt[]): Generator<number, void> {
    for (const { key, prompt } of rows) {
      const text = this.#deps.seal.open(prompt, key)?.toString('utf8');
      if (text !== undefined) this.learned(key, prompt, text, signatureOf(text));
      yield prompt.length;
    }
  }

  #isServable({ scope: of, answer }: ReadPrompt, { scope, question, tenant }: Placed): boolean {
    const { maxAgeMs, minFreshMs } = question.directives ?? noDirectives;
    const now = this.#deps.clock.now();
    const left = answer.expires_at - now;
    if (of !== scope || answer.model !== question.model || left <= 0 || left < minFreshMs) return false;
    if (maxAgeMs !== null && now - answer.created_at > maxAgeMs) return false;
    // Belt and braces: the scope's hash has the tenant in it already.
    const mine = tenant[0] === 'team' ? answer.team === tenant[1] : answer.key_id === tenant[1];
    return mine && !this.#deps.purges.covers(answer);
  }
}
