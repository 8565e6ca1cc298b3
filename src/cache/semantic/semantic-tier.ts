/**
 * The semantic tier, behind the exact one: where no prompt of the very same scope agrees in its outline, it is a miss; else embed
 * the prompt, find the nearest ones, read those again from the store, and let `decide` say whether one of them answers. The index of vectors may be behind the store; the
 * store is the truth, and each answer is checked once more against scope, tenant, age and purges before it is given. Only the
 * answer that is given is read whole.
 *
 * What a fresh answer teaches is learned behind the request: whether the candidate would have been right (verified mode),
 * which prompts share an answer (the margin lives on that), and the prompt itself. Everything has its time and its own in
 * a bounded queue: who is late or does not fit is a miss, and says so in the counts.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../lib/clock.js';
import type { CachedAnswer } from '../cache.js';
import { type CacheDirectives, noDirectives } from '../directives.js';
import type { Purges } from '../purges.js';
import type { KnownAnswer, Question, SemanticFound, SemanticSearch, SemanticTier } from '../recall.js';
import type { Scope, Tenant } from '../scope.js';
import type { Seal } from '../seal.js';
import type { Objection } from './alignment.js';
import {
  type AskedPrompt,
  askedPrompt,
  type EmbeddedPrompt,
  leastOf,
  placed,
  placedAt,
  type Skip,
} from './asked-prompt.js';
import type { Verdict } from './calibration.js';
import type { ComparedText, Comparer } from './counterparts.js';
import { decide, type Rejection } from './decide.js';
import type { Embedder } from './embedder.js';
import { KnownAnswers } from './known-answers.js';
import { type NearPrompt, NearPrompts } from './near-prompts.js';
import { outlineOf } from './outline.js';
import { Outlines } from './outlines.js';
import type { PromptEmbedder } from './prompt-embedder.js';
import type { PromptStore } from './prompt-store.js';
import { isVerified, thresholdOf, Verification } from './scope-state.js';
import type { VectorIndex } from './vector-index.js';
import type { Neighbour } from './vectors.js';

export interface SemanticDeps {
  readonly store: PromptStore;
  /** What prompts are compared by now. */
  readonly promptEmbedder: () => PromptEmbedder;
  /** What answers are compared by: the local model, whose nearness is known. */
  readonly embedder: Embedder;
  readonly index: VectorIndex;
  /** Says what speaks against a candidate. */
  readonly comparer: Comparer;
  readonly scope: Scope;
  readonly seal: Seal;
  readonly purges: Purges;
  readonly clock: Clock;
  readonly random: () => number;
  /** The exact tier's answer under a key, if it is good still. */
  readonly answer: (key: string, directives: CacheDirectives) => Promise<CachedAnswer | undefined>;
  /** Resolves once what was kept before is in the store. */
  readonly stored: () => Promise<void>;
  readonly onRejection: (why: Rejection) => void;
  readonly onSkip: (why: Skip) => void;
  readonly onVerdict: (scope: string, verdict: Verdict) => void;
  readonly onError: (what: string, error: unknown) => void;
}

export interface Semantic extends SemanticTier {
  verdicts(): Verdict[];
  /** Lessons that wait. */
  readonly learning: number;
  /** Forgets what was read a while ago, and all of it after a purge. */
  sweep(): void;
  /** Resolves once nothing is being learned. */
  settled(): Promise<void>;
}

/** Far beyond what it takes. */
const LOOK_MS = 300;
const SEARCH_MS = 200;
const READ_MS = 200;
const LATER_MS = 5_000;
const MOST_LESSONS = 64;
/** Of those, prompts to be embedded: with what else is idle they fit into the queue of the process. */
const MOST_EMBEDDED = 24;
/** A prompt that near to one with the same answer adds nothing. */
const ALIAS = 0.98;
interface Lesson extends EmbeddedPrompt {
  readonly rows: readonly NearPrompt[];
  /** The candidate to be judged, and how many it stands for. */
  readonly near: NearPrompt | undefined;
  readonly weight: number;
  readonly audit: boolean;
}

/** A prompt and its nearest, as far as they were told with it. */
interface Looked {
  readonly own: EmbeddedPrompt;
  readonly near: readonly Neighbour[] | undefined;
}

/** Prompts and what speaks against each. */
interface ComparedTexts {
  readonly texts: readonly ComparedText[];
  readonly objections: readonly (Objection | null)[];
}

const areSameTexts = (some: readonly ComparedText[], others: readonly ComparedText[]): boolean =>
  some.length === others.length && some.every(({ text }, i) => text === others[i]!.text);

export function createSemanticTier(deps: SemanticDeps): Semantic {
  const { store, index, clock, seal } = deps;
  const prompts = new NearPrompts(deps);
  const outlines = new Outlines({ ...deps, known: (row) => prompts.signature(row) });
  const answers = new KnownAnswers(deps);
  const verification = new Verification(store, deps.random, deps.onVerdict);
  const lessons = new Set<Promise<void>>();
  /** Prompts that are being embedded for lessons, or wait to be. */
  let embedding = 0;
  let purged = deps.purges.newest;

  function begin(question: Question, tenant: Tenant, generation: number): SemanticSearch {
    const embedder = deps.promptEmbedder();
    const asked = askedPrompt(deps.scope, question, tenant, generation, embedder.space);
    if (typeof asked === 'string') return { found: async () => skipped(asked) };
    if (isUnlikeAll(asked)) return { found: async () => ({ known: undefined, learn: later(asked, true) }) };
    const look = () => inTime(() => looked(asked, embedder));
    const begun = embedder.isFree ? look() : undefined;
    return { found: async () => find(asked, await (begun ?? look())) };
  }

  /** Something is known to speak against every prompt of its scope, without their vectors. */
  const isUnlikeAll = ({ expected, policy, signature }: AskedPrompt): boolean =>
    expected !== undefined && policy.guards !== 'off' && outlines.exclude(expected.scope, outlineOf(signature));

  /** Undefined where it is too long. */
  async function looked(asked: AskedPrompt, { space, embed }: PromptEmbedder): Promise<Looked | undefined> {
    const { expected, text, policy } = asked;
    const isOwn = expected && space === deps.embedder.identity;
    const both = isOwn ? prompts.nearTo(expected.scope, text, leastOf(policy), LOOK_MS) : undefined;
    if (!both) {
      const own = await embedded(asked, embed);
      return own && { own, near: undefined };
    }
    const { vector, neighbours: near } = await both;
    return vector && { own: { ...asked, scope: expected!.scope, vector }, near };
  }

  async function find(asked: AskedPrompt, found: Looked | undefined | 'late'): Promise<SemanticFound> {
    if (found === 'late') return skipped('busy', asked);
    if (!found) return skipped('too long');
    const { own } = found;
    const near = found.near ?? (await inTime(() => prompts.near(placed(own), SEARCH_MS)));
    if (near === 'late') return skipped('busy', asked);
    if (!near) return skipped('not loaded', asked);
    const known = await inTime(() => comparedInMemory(own, near));
    if (known === 'late') return skipped('busy', asked);
    if (!known || known.objections.includes(null)) return compared(own, near, known);
    const miss = await inTime(() => refused(own, near, known.objections));
    return miss === 'late' ? skipped('busy', asked) : miss;
  }

  /** Undefined where the words of one of them are not in memory. */
  async function comparedInMemory(own: EmbeddedPrompt, near: readonly Neighbour[]): Promise<ComparedTexts | undefined> {
    const texts = prompts.texts(near);
    return texts && { texts, objections: await deps.comparer.objections(own, texts, own.policy.guards) };
  }

  /** A miss that is told without the store: something speaks against each of them. */
  async function refused(
    own: EmbeddedPrompt,
    near: readonly Neighbour[],
    objections: readonly (Objection | null)[],
  ): Promise<SemanticFound> {
    const threshold = thresholdOf(own, await standing(own));
    for (const [i, why] of objections.entries()) if (near[i]!.similarity >= threshold) deps.onRejection(why!);
    return {
      known: undefined,
      learn: (answer) =>
        teach(answer, async () => ({
          ...own,
          ...{ rows: await prompts.read(placed(own), near, LATER_MS), near: undefined, weight: 1, audit: false },
        })),
    };
  }

  /** `known`: what was told of them in memory; it holds if the store has the very same ones. */
  async function compared(
    own: EmbeddedPrompt,
    near: readonly Neighbour[],
    known: ComparedTexts | undefined,
  ): Promise<SemanticFound> {
    const rows = await inTime(() => prompts.read(placed(own), near, READ_MS));
    if (rows === 'late') return skipped('busy', own);
    const objections =
      known && areSameTexts(known.texts, rows)
        ? known.objections
        : await inTime(() => deps.comparer.objections(own, rows, own.policy.guards));
    if (objections === 'late') return skipped('busy', own);
    return judged({ ...own, rows }, objections);
  }

  /** Undefined where it is too long. */
  async function embedded(asked: AskedPrompt, embed: PromptEmbedder['embed']): Promise<EmbeddedPrompt | undefined> {
    const embedded = await embed(asked.text);
    return embedded && placedAt(deps.scope, asked, embedded);
  }

  /** Of verified mode. */
  const standing = async ({ scope, policy }: EmbeddedPrompt) =>
    isVerified(policy) ? verification.of(scope, policy) : undefined;

  /** Whether a candidate answers; in verified mode at the threshold that the scope has earned, and with audits. */
  async function judged(
    lesson: Omit<Lesson, 'near' | 'weight' | 'audit'>,
    objections: readonly (Objection | null)[],
  ): Promise<SemanticFound> {
    const { policy, rows } = lesson;
    let weight = 1;
    let audit = false;
    const verified = await standing(lesson);
    const { hit, near, rejections } = decide(rows, objections, policy, thresholdOf(lesson, verified));
    for (const why of rejections) deps.onRejection(why);
    if (hit && verified && verification.audits(verified, policy.audit_rate)) {
      weight = 1 / policy.audit_rate;
      audit = true;
    } else if (hit) {
      const known = await inTime(() => knownAnswer(hit, lesson.question));
      if (known === 'late') return skipped('busy', lesson);
      if (known) return { known, learn: undefined };
    }
    return {
      known: undefined,
      learn: (answer) => teach(answer, async () => ({ ...lesson, near, weight, audit })),
    };
  }

  /** Undefined where there is another answer under its key by now, or none. */
  async function knownAnswer({ key, answer: head, similarity }: NearPrompt, { directives = noDirectives }: Question) {
    const answer = await deps.answer(key, directives);
    if (answer?.id !== head.id) return undefined;
    return { kind: 'known', state: 'semantic', answer, similarity: Math.min(1, similarity) } satisfies KnownAnswer;
  }

  /** What was not embedded before is learned still; nothing is judged by it. `counts`: what speaks against those near is counted. */
  function later(asked: AskedPrompt, counts = false): SemanticFound['learn'] {
    return (answer) =>
      teach(answer, async () => {
        if (embedding >= MOST_EMBEDDED) return undefined;
        embedding++;
        const own = await embedded(asked, deps.promptEmbedder().embedIdly).finally(() => embedding--);
        if (!own) return undefined;
        const near = (await prompts.near(placed(own), LATER_MS)) ?? [];
        const rows = await prompts.read(placed(own), near, LATER_MS);
        if (counts) await count(own, rows);
        return { ...own, rows, near: undefined, weight: 1, audit: false };
      });
  }

  /** The model is not asked about words: there is something else that speaks against each. */
  async function count(own: EmbeddedPrompt, rows: readonly NearPrompt[]): Promise<void> {
    const against = await deps.comparer.objections(own, rows, 'strict');
    const threshold = thresholdOf(own, await standing(own));
    for (const why of decide(rows, against, own.policy, threshold).rejections) deps.onRejection(why);
  }

  function teach(answer: CachedAnswer, prepared: () => Promise<Lesson | undefined>): void {
    if (lessons.size >= MOST_LESSONS) return;
    // In a turn of its own: a large answer was read in this one.
    const running = nextTurn()
      .then(prepared)
      .then((lesson) => lesson && learn(lesson, answer))
      .catch((error: unknown) => deps.onError('learn', error))
      .finally(() => lessons.delete(running));
    lessons.add(running);
  }

  async function learn(lesson: Lesson, answer: CachedAnswer): Promise<void> {
    const { scope, text, signature, vector, rows, near, weight, audit, policy, question } = lesson;
    const fresh = await answers.read(answer.id, answer.body, (body) => question.replay.words(body));
    const isSame = async ({ key, answer: { id } }: NearPrompt): Promise<boolean> => {
      const other = await answers.of(scope, key, id, (body) => question.replay.words(body));
      return other !== undefined && answers.same(fresh, other);
    };
    const like = await first(rows, isSame);
    if (near && isVerified(policy)) {
      const state = await verification.of(scope, policy);
      const correct = near === like || (await isSame(near));
      const at = clock.now();
      const { team } = question.asker;
      await verification.learn(state, { scope, team, similarity: near.similarity, correct, weight, audit, at });
    }
    if (like && like.similarity >= ALIAS && like.key !== answer.key) return;
    await deps.stored();
    outlines.add(scope, signature);
    const prompt = seal.close(Buffer.from(text), answer.key);
    await store.put({
      key: answer.key,
      scope,
      prompt,
      vector,
      answer_vector: fresh.vector,
      answer_group: like?.group ?? answer.id,
      whole_answer: fresh.sketch.whole,
    });
    prompts.learned(answer.key, prompt, text, signature);
    await index.refresh(scope);
  }

  function skipped(why: Skip, asked?: AskedPrompt): SemanticFound {
    deps.onSkip(why);
    return { known: undefined, learn: asked && later(asked) };
  }

  async function inTime<T>(work: () => Promise<T>): Promise<T | 'late'> {
    try {
      return await work();
    } catch (error) {
      deps.onError('semantic', error);
      return 'late';
    }
  }

  return {
    begin,
    verdicts: () => verification.verdicts(),
    get learning() {
      return lessons.size;
    },
    sweep() {
      const { newest } = deps.purges;
      for (const memory of [prompts, answers])
        if (newest === purged) memory.sweep();
        else memory.clear();
      if (newest !== purged) outlines.clear();
      purged = newest;
    },
    async settled() {
      while (lessons.size > 0) await Promise.all(lessons);
    },
  };
}

async function first<T>(all: readonly T[], is: (one: T) => Promise<boolean>): Promise<T | undefined> {
  for (const one of all) if (await is(one)) return one;
  return undefined;
}
