/**
 * From a request to an answer that is known already, or to the right to fetch one. The order: is it fit, whose is it, is it
 * in memory, is somebody fetching it, is it in the store, is there one that means the same. Memory answers without waiting;
 * for the rest the first of identical requests looks and calls, and the others wait for it, each until its own deadline.
 * Nothing here fails a request: a store or an embedder that is away is a miss.
 */

import type { Usage } from '../formats/usage.js';
import type { Clock } from '../lib/clock.js';
import { newId } from '../lib/ids.js';
import type { Answers } from './answers.js';
import type { CachedAnswer, CachePolicy, CacheState, Share } from './cache.js';
import { type CacheWishes, noWishes } from './directives.js';
import type { Purges } from './purges.js';
import { type Asked, type Asker, narrower, type Scope, tenantOf, unfit } from './scope.js';
import { Flights, type Lead } from './single-flight.js';

/** Everything about a request that the cache looks at. */
export interface Question extends Omit<Asked, 'generation'> {
  readonly policy: CachePolicy;
  readonly asker: Asker;
  /** What the key itself says: with whom it shares at most, or that it takes no part. */
  readonly keyShare: Share | 'off' | null;
  readonly tags: readonly string[];
  readonly wishes: CacheWishes | undefined;
  /** Longest wait for another request's answer. */
  readonly patienceMs: number;
  /** Calls back once the caller is gone. */
  readonly onGone: (listener: () => void) => void;
  readonly isGone: () => boolean;
}

export interface Known {
  readonly kind: 'known';
  readonly state: Extract<CacheState, 'hit' | 'semantic'>;
  readonly answer: CachedAnswer;
  /** Cosine similarity, of semantic hits. */
  readonly similarity: number | null;
}

export type Recalled =
  | Known
  /** Not a matter for the cache, and why. */
  | { readonly kind: 'off'; readonly why: string }
  | { readonly kind: 'fetch'; readonly errand: Errand }
  | { readonly kind: 'gone' }
  | { readonly kind: 'late' }
  /** The caller wants an answer from the cache or none. */
  | { readonly kind: 'none' };

/** What was learned by fetching. */
export interface Fetched {
  /** The whole answer; undefined: it is not to be kept. */
  readonly body: Buffer | undefined;
  readonly provider: string;
  readonly target: string;
  readonly served_model: string | null;
  readonly price_version: string;
  readonly tokens: Usage;
  readonly cost_nusd: number;
}

/** A request that goes upstream. One of the two must be called at its end. */
export interface Errand {
  /** The answer is to be recorded as it passes. */
  readonly records: boolean;
  done(fetched: Fetched): void;
  /** It did not come to an answer; `gone`: because its caller left. */
  failed(gone: boolean): void;
}

/** The tier that compares by meaning; see `semantic/`. */
export interface SemanticTier {
  /** An answer to a request that means the same, and what is to be told about a fresh answer. */
  find(question: Question, tenant: readonly (string | null)[], generation: number): Promise<SemanticFound>;
}

export interface SemanticFound {
  readonly known: Known | undefined;
  /** Learns from the answer that was fetched instead. */
  readonly learn: ((answer: CachedAnswer) => void) | undefined;
}

export interface RecallParts {
  readonly clock: Clock;
  readonly answers: Answers;
  readonly purges: Purges;
  readonly scope: Scope;
  readonly semantic: SemanticTier | undefined;
  readonly onResult: (state: CacheState) => void;
  readonly onFault: (error: unknown) => void;
}

export interface Recall {
  (question: Question): Recalled | Promise<Recalled>;
  /** What would become of a request, as far as that is known without embedding it or asking upstream. */
  peek(question: Question): Promise<Peeked>;
  /** Requests that wait for another's answer. */
  waiting(): number;
}

export interface Peeked {
  readonly state: Extract<CacheState, 'hit' | 'miss' | 'off'>;
  /** Of `off`. */
  readonly why: string | null;
  readonly entry: string | null;
}

export function createRecall(parts: RecallParts): Recall {
  const { answers, purges, scope, clock } = parts;
  const flights = new Flights<Known>();

  function recall(question: Question): Recalled | Promise<Recalled> {
    const wishes = question.wishes ?? noWishes;
    const why = refusedBecause(question, wishes);
    const tenant = why === null ? tenantFor(question) : null;
    if (tenant === null) {
      if (wishes.onlyCached) return { kind: 'none' };
      parts.onResult('off');
      return { kind: 'off', why: why ?? 'nobody to share with' };
    }
    const place = placeOf(question, tenant, wishes);
    if (!wishes.read) return fetching(place, undefined, undefined);
    const local = question.policy.exact ? answers.local(place.key, wishes) : undefined;
    if (local) return known({ kind: 'known', state: 'hit', answer: local, similarity: null });
    if (wishes.onlyCached) return search(place, undefined);
    const lead = flights.lead(place.key);
    return lead ? search(place, lead) : follow(place);
  }

  const refusedBecause = (question: Question, wishes: CacheWishes): string | null => {
    if (!wishes.read && !wishes.write) return 'the caller said so';
    if (question.keyShare === 'off') return 'the key takes no part';
    if (!purges.current) return 'purges may have been missed';
    return unfit(question);
  };

  interface Place {
    readonly key: string;
    readonly question: Question;
    readonly tenant: readonly (string | null)[];
    readonly wishes: CacheWishes;
    readonly epoch: number;
    readonly generation: number;
  }

  function placeOf(question: Question, tenant: readonly (string | null)[], wishes: CacheWishes): Place {
    const { asker, model } = question;
    const epoch = purges.newest;
    const generation = purges.generation(model, asker.team, asker.key);
    return { key: scope.exactKey(tenant, { ...question, generation }), question, tenant, wishes, epoch, generation };
  }

  async function search(place: Place, lead: Lead<Known> | undefined): Promise<Recalled> {
    const { question, wishes } = place;
    let learn: SemanticFound['learn'];
    try {
      const stored = question.policy.exact ? await answers.remote(place.key, wishes) : undefined;
      let found: Known | undefined = stored && { kind: 'known', state: 'hit', answer: stored, similarity: null };
      if (!found && question.policy.semantic && parts.semantic && !wishes.onlyExact && !question.isGone()) {
        const close = await parts.semantic.find(question, place.tenant, place.generation);
        found = close.known;
        learn = close.learn;
      }
      if (found) {
        lead?.land(found);
        return known(found);
      }
    } catch (error) {
      parts.onFault(error);
    }
    if (wishes.onlyCached) return { kind: 'none' };
    if (!question.isGone()) return fetching(place, lead, learn);
    lead?.leave();
    return { kind: 'gone' };
  }

  function follow(place: Place): Promise<Recalled> {
    const { question } = place;
    return new Promise((resolve) => {
      const stop = (outcome: Recalled): void => {
        clearTimeout(timer);
        leave();
        resolve(outcome);
      };
      const timer = setTimeout(() => stop({ kind: 'late' }), question.patienceMs);
      const leave = flights.follow(place.key, (landing) => {
        if (landing.kind === 'landed') stop(known(landing.value));
        else stop(fetching(place, landing.kind === 'lead' ? landing.lead : undefined, undefined));
      });
      question.onGone(() => stop({ kind: 'gone' }));
    });
  }

  function known(found: Known): Known {
    parts.onResult(found.state);
    return found;
  }

  function fetching(place: Place, lead: Lead<Known> | undefined, learn: SemanticFound['learn']): Recalled {
    parts.onResult('miss');
    return { kind: 'fetch', errand: errandFor(place, lead, learn) };
  }

  function errandFor(place: Place, lead: Lead<Known> | undefined, learn: SemanticFound['learn']): Errand {
    const { question, wishes } = place;
    return {
      records: wishes.write || lead !== undefined,
      done(fetched) {
        const answer = fetched.body && answerOf(place, fetched, fetched.body);
        if (!answer) return lead?.fail();
        lead?.land({ kind: 'known', state: 'hit', answer, similarity: null });
        if (!wishes.write || answer.expires_at <= answer.created_at) return;
        answers.keep(answer);
        if (question.policy.semantic && !wishes.onlyExact) learn?.(answer);
      },
      failed: (gone) => (gone ? lead?.leave() : lead?.fail()),
    };
  }

  function answerOf(place: Place, { body: _, ...fetched }: Fetched, body: Buffer): CachedAnswer {
    const { question, wishes } = place;
    const now = clock.now();
    return {
      id: newId('cch', now),
      key: place.key,
      body,
      model: question.model,
      team: question.asker.team,
      key_id: question.asker.key,
      tags: question.tags,
      ...fetched,
      epoch: place.epoch,
      created_at: now,
      expires_at: now + Math.min(question.policy.ttl, wishes.ttlMs ?? Number.POSITIVE_INFINITY),
    };
  }

  async function peek(question: Question): Promise<Peeked> {
    const wishes = question.wishes ?? noWishes;
    const why = refusedBecause(question, wishes);
    const tenant = why === null ? tenantFor(question) : null;
    if (tenant === null) return { state: 'off', why: why ?? 'nobody to share with', entry: null };
    const { key } = placeOf(question, tenant, wishes);
    const found =
      wishes.read && question.policy.exact
        ? (answers.local(key, wishes) ?? (await answers.remote(key, wishes)))
        : undefined;
    return { state: found ? 'hit' : 'miss', why: null, entry: found?.id ?? null };
  }

  return Object.assign(recall, { peek, waiting: () => flights.waiting });
}

function tenantFor({ policy, keyShare, asker }: Question): readonly (string | null)[] | null {
  return keyShare === 'off' ? null : tenantOf(narrower(policy.share, keyShare), asker);
}
