/**
 * The semantic tier, behind the exact one: embed the prompt, find the nearest prompts of the very same scope, read those
 * again from the store, and let `decide` say whether one of them answers. The index of vectors may be behind the store; the
 * store is the truth, and each answer is checked once more against scope, tenant, age and purges before it is given.
 *
 * What a fresh answer teaches is learned behind the request: whether the candidate would have been right (verified mode),
 * which prompts share an answer (the margin lives on that), and the prompt itself. Everything has its time and its own in
 * a bounded queue: who is late or does not fit is a miss, and says so in the counts.
 */

import type { Prompt, PromptUnfit } from '../../formats/format.js';
import type { Clock } from '../../lib/clock.js';
import { within } from '../../lib/within.js';
import type { CachedAnswer, SemanticPolicy } from '../cache.js';
import { noDirectives } from '../directives.js';
import type { Purges } from '../purges.js';
import type { KnownAnswer, Question, SemanticFound, SemanticTier } from '../recall.js';
import type { Scope, Tenant } from '../scope.js';
import type { Seal } from '../seal.js';
import type { Objection } from './alignment.js';
import type { Verdict } from './calibration.js';
import type { ComparedText, Comparer } from './counterparts.js';
import { type Candidate, decide, type Rejection } from './decide.js';
import { type Embedder, embedBeginning } from './embedder.js';
import type { PromptEmbedder } from './prompt-embedder.js';
import type { PromptStore, ReadPrompt } from './prompt-store.js';
import { sameAnswer } from './same-answer.js';
import { Verification } from './scope-state.js';
import { signatureOf } from './signature.js';
import { type TextUnfit, unfitText } from './text-fit.js';
import type { VectorIndex } from './vector-index.js';

export type Skip = PromptUnfit | TextUnfit | 'language' | 'too long' | 'busy' | 'not loaded';

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
  /** Resolves once nothing is being learned. */
  settled(): Promise<void>;
}

/** Far beyond what it takes. */
const SEARCH_MS = 200;
const READ_MS = 200;
const LATER_MS = 5_000;
/** In characters; what is longer is not read at all. */
const LONGEST_TEXT = 8_000;
const NEAREST = 12;
const MOST_LESSONS = 64;
/** A prompt that near to one with the same answer adds nothing. */
const ALIAS = 0.98;
/** An answer of that many characters is compared as a whole. */
const WHOLE_ANSWER = 1_200;

type Row = ReadPrompt & Candidate & ComparedText;

/** What is to be compared. */
interface AskedPrompt extends ComparedText {
  readonly prompt: Prompt;
  readonly question: Question;
  readonly tenant: Tenant;
  readonly policy: SemanticPolicy;
  readonly generation: number;
}

/** Where it is compared, and by what. */
interface EmbeddedPrompt extends AskedPrompt {
  readonly scope: string;
  readonly vector: Float32Array;
}

interface Lesson extends EmbeddedPrompt {
  readonly rows: readonly Row[];
  /** The candidate to be judged, and how many it stands for. */
  readonly near: Row | undefined;
  readonly weight: number;
  readonly audit: boolean;
}

export function createSemanticTier(deps: SemanticDeps): Semantic {
  const { store, index, clock, seal } = deps;
  const verification = new Verification(store, deps.random, deps.onVerdict);
  const lessons = new Set<Promise<void>>();

  async function find(question: Question, tenant: Tenant, generation: number): Promise<SemanticFound> {
    const policy = question.policy.semantic!;
    const prompt = question.replay.prompt(question.request, policy.max_turns);
    if (typeof prompt === 'string') return skipped(prompt);
    if (prompt.text.length > LONGEST_TEXT) return skipped('too long');
    const signature = signatureOf(prompt.text);
    const unfit = unfitText(prompt.text, signature);
    if (unfit) return skipped(unfit);
    const isMeasured = signature.language !== null && policy.languages.includes(signature.language);
    if (policy.guards !== 'off' && !isMeasured) return skipped('language');
    const asked: AskedPrompt = { prompt, text: prompt.text, signature, question, tenant, policy, generation };
    const own = await inTime(() => embedded(asked, 'embed'));
    if (own === 'late') return skipped('busy', asked);
    if (!own) return skipped('too long');
    const rows = await inTime(() => candidates(own, SEARCH_MS, READ_MS));
    if (rows === 'late') return skipped('busy', asked);
    if (!rows) return skipped('not loaded', asked);
    const objections = await inTime(() => deps.comparer.objections(own, rows, policy.guards));
    if (objections === 'late') return skipped('busy', asked);
    return judged({ ...own, rows }, objections);
  }

  /** The scope has the embedding's space in it: vectors of different models never meet. Undefined where it is too long. */
  async function embedded(asked: AskedPrompt, how: keyof PromptEmbedder): Promise<EmbeddedPrompt | undefined> {
    const embedded = await deps.promptEmbedder()[how](asked.text);
    if (!embedded) return undefined;
    const { tenant, question, generation, prompt } = asked;
    const scope = deps.scope.partition(tenant, { ...question, generation }, prompt, embedded.space);
    return { ...asked, scope, vector: embedded.vector };
  }

  /** The nearest prompts as the store has them; undefined where the scope is not loaded yet. */
  async function candidates(own: EmbeddedPrompt, searchMs: number, readMs: number) {
    const near = await index.nearest(own.scope, own.vector, NEAREST, searchMs);
    const least = own.policy.threshold - own.policy.margin;
    const close = near?.filter(({ similarity }) => similarity >= least);
    return close && (close.length === 0 ? [] : read(own, close, readMs));
  }

  /** Whether a candidate answers; in verified mode at the threshold that the scope has earned, and with audits. */
  async function judged(
    lesson: Omit<Lesson, 'near' | 'weight' | 'audit'>,
    objections: readonly (Objection | null)[],
  ): Promise<SemanticFound> {
    const { policy, scope, rows } = lesson;
    let threshold: number | null = policy.threshold;
    let weight = 1;
    let audit = false;
    const verified = isVerified(policy) ? await verification.of(scope, policy) : undefined;
    if (verified) threshold = verified.calibration.verdict.threshold;
    const { hit, near, rejections } = decide(rows, objections, policy, threshold ?? Number.POSITIVE_INFINITY);
    for (const why of rejections) deps.onRejection(why);
    if (hit && verified && verification.audits(verified, policy.audit_rate)) {
      weight = 1 / policy.audit_rate;
      audit = true;
    } else if (hit) {
      return { known: knownAnswer(hit), learn: undefined };
    }
    return {
      known: undefined,
      learn: (answer) => teach(answer, async () => ({ ...lesson, near, weight, audit })),
    };
  }

  /** What was skipped for want of time is still learned; nothing is judged by it. */
  function later(asked: AskedPrompt): SemanticFound['learn'] {
    return (answer) =>
      teach(answer, async () => {
        const own = await embedded(asked, 'embedIdly');
        if (!own) return undefined;
        const rows = (await candidates(own, LATER_MS, LATER_MS)) ?? [];
        return { ...own, rows, near: undefined, weight: 1, audit: false };
      });
  }

  function teach(answer: CachedAnswer, prepared: () => Promise<Lesson | undefined>): void {
    if (lessons.size >= MOST_LESSONS) return;
    const running = prepared()
      .then((lesson) => lesson && learn(lesson, answer))
      .catch((error: unknown) => deps.onError('learn', error))
      .finally(() => lessons.delete(running));
    lessons.add(running);
  }

  /** Where the local model is away, answers are compared by their words alone. */
  async function beginningOf(answer: string): Promise<Float32Array> {
    try {
      return await embedBeginning(deps.embedder, answer);
    } catch (error) {
      deps.onError('answer', error);
      return new Float32Array(0);
    }
  }

  async function learn(lesson: Lesson, answer: CachedAnswer): Promise<void> {
    const { scope, text, vector, rows, near, weight, audit, policy, question } = lesson;
    const said = question.replay.words(answer.body);
    const fresh = { text: said, vector: await beginningOf(said), whole: said.length <= WHOLE_ANSWER };
    const isSame = (row: Row): boolean =>
      sameAnswer(fresh, {
        text: question.replay.words(row.answer.body),
        vector: row.answer_vector,
        whole: row.whole_answer,
      });
    const like = rows.find(isSame);
    if (near && isVerified(policy)) {
      const state = await verification.of(scope, policy);
      const correct = near === like || isSame(near);
      const at = clock.now();
      const { team } = question.asker;
      await verification.learn(state, { scope, team, similarity: near.similarity, correct, weight, audit, at });
    }
    if (like && like.similarity >= ALIAS && like.key !== answer.key) return;
    await deps.stored();
    await store.put({
      key: answer.key,
      scope,
      prompt: seal.close(Buffer.from(text), answer.key),
      vector,
      answer_vector: fresh.vector,
      answer_group: like?.group ?? answer.id,
      whole_answer: fresh.whole,
    });
    await index.refresh(scope);
  }

  /** The candidates as the store has them now; those that are not there any more leave the index. */
  async function read(
    { scope, question, tenant }: EmbeddedPrompt,
    close: readonly { readonly id: string; readonly similarity: number }[],
    withinMs: number,
  ): Promise<Row[]> {
    const keys = close.map(({ id }) => id);
    const found = await within(store.read(scope, keys), withinMs, 'the store did not answer');
    const byKey = new Map(found.map((row) => [row.key, row]));
    const gone = keys.filter((key) => !byKey.has(key));
    if (gone.length > 0) index.forget(scope, gone);
    return close.flatMap(({ id, similarity }) => {
      const row = byKey.get(id);
      const opened = row && isServable(row, scope, question, tenant) ? opening(row) : undefined;
      return opened ? [{ ...opened, similarity }] : [];
    });
  }

  function isServable({ scope: of, answer }: ReadPrompt, scope: string, question: Question, tenant: Tenant): boolean {
    const { maxAgeMs, minFreshMs } = question.directives ?? noDirectives;
    const now = clock.now();
    const left = answer.expires_at - now;
    if (of !== scope || answer.model !== question.model || left <= 0 || left < minFreshMs) return false;
    if (maxAgeMs !== null && now - answer.created_at > maxAgeMs) return false;
    // Belt and braces: the scope's hash has the tenant in it already.
    const mine = tenant[0] === 'team' ? answer.team === tenant[1] : answer.key_id === tenant[1];
    return mine && !deps.purges.covers(answer);
  }

  function opening(row: ReadPrompt): Omit<Row, 'similarity'> | undefined {
    const text = seal.open(row.prompt, row.key);
    const body = seal.open(row.answer.body, row.key);
    if (!text || !body) return undefined;
    const prompt = text.toString('utf8');
    return {
      ...row,
      answer: { ...row.answer, body },
      text: prompt,
      signature: signatureOf(prompt),
      group: row.answer_group,
    };
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
    find,
    verdicts: () => verification.verdicts(),
    get learning() {
      return lessons.size;
    },
    async settled() {
      while (lessons.size > 0) await Promise.all(lessons);
    },
  };
}

const knownAnswer = ({ answer, similarity }: Row): KnownAnswer => ({
  kind: 'known',
  state: 'semantic',
  answer,
  similarity: Math.min(1, similarity),
});

const isVerified = (policy: SemanticPolicy): policy is SemanticPolicy & { readonly max_error_rate: number } =>
  policy.max_error_rate !== null;
