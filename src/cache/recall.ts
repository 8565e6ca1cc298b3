/**
 * From a request to an answer that is known already, or to the right to fetch one. The order: is it fit, whose is it, is it
 * in memory, is somebody fetching it, is it in the store, is there one that means the same. Memory answers without waiting;
 * for the rest the first of identical requests looks and calls, and the others wait for it, each until its own deadline, or
 * read its stream along as it comes. A follower takes only what its own directives allow; where that is not what the first
 * one brought, it asks once more for itself.
 * Nothing here fails a request: a store or an embedder that is away is a miss.
 */

import type { Usage } from '../formats/usage.js';
import type { Clock } from '../lib/clock.js';
import { newId } from '../lib/ids.js';
import type { Answers } from './answers.js';
import { BeingKept } from './being-kept.js';
import type { CachedAnswer, CachePolicy, CacheState, Share } from './cache.js';
import { type CacheDirectives, noDirectives } from './directives.js';
import type { LiveAnswer } from './live-answer.js';
import type { Purges } from './purges.js';
import { type Asked, type Asker, narrower, type Scope, type Tenant, tenantOf, unfit } from './scope.js';
import { type FlightLead, SingleFlight } from './single-flight.js';

/** Everything about a request that the cache looks at. */
export interface Question extends Omit<Asked, 'generation'> {
  readonly policy: CachePolicy;
  readonly asker: Asker;
  /** What the key itself says: with whom it shares at most, or that it takes no part. */
  readonly keyShare: Share | 'off' | null;
  readonly tags: readonly string[];
  readonly directives: CacheDirectives | undefined;
  /** Longest wait for another request's answer. */
  readonly patienceMs: number;
  /** How a stream is to be told, where one is asked for: two with the same can read the same bytes. Null: a whole answer. */
  readonly streamStyle: string | null;
  /** Calls back once the caller is gone. */
  readonly onGone: (listener: () => void) => void;
  readonly isGone: () => boolean;
  /** It waits for the answer to an identical request. */
  readonly onFollow: () => void;
}

export interface KnownAnswer {
  readonly kind: 'known';
  readonly state: Extract<CacheState, 'hit' | 'semantic'>;
  readonly answer: CachedAnswer;
  /** Cosine similarity, of semantic hits. */
  readonly similarity: number | null;
}

export type Recalled =
  | KnownAnswer
  /** Not a matter for the cache, and why. */
  | { readonly kind: 'off'; readonly why: string }
  /** It is being fetched by another, as a stream that this one can read along. */
  | { readonly kind: 'live'; readonly live: LiveAnswer }
  | { readonly kind: 'fetch'; readonly permit: FetchPermit }
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
export interface FetchPermit {
  /** The answer is to be recorded as it passes. */
  readonly records: boolean;
  /** The answer begins to come as a stream: others may read it from here on. False where nobody can. */
  comes(live: LiveAnswer): boolean;
  done(fetched: Fetched): void;
  /** The answer was given, and `done` will be called when this ends: who takes only what is kept waits for it. */
  keeps(work: Promise<void>): void;
  /** It did not come to an answer; `gone`: because its caller left. */
  failed(gone: boolean): void;
}

/** The tier that compares by meaning; see `semantic/`. */
export interface SemanticTier {
  /** Begins to look for an answer to a request that means the same, with what costs nothing but time. */
  begin(question: Question, tenant: Tenant, generation: number): SemanticSearch;
}

export interface SemanticSearch {
  /** The answer, and what is to be told about a fresh one. */
  found(): Promise<SemanticFound>;
}

export interface SemanticFound {
  readonly known: KnownAnswer | undefined;
  /** Learns from the answer that was fetched instead. */
  readonly learn: ((answer: CachedAnswer) => void) | undefined;
}

export interface RecallDeps {
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

export function createRecall(deps: RecallDeps): Recall {
  const { answers, purges, scope, clock } = deps;
  const singleFlight = new SingleFlight<KnownAnswer, ComingAnswer>();
  const beingKept = new BeingKept();

  const recall = (question: Question): Recalled | Promise<Recalled> => recalled(question, 0);

  /** `waited`: how often it has waited for another's answer that it could not use. */
  function recalled(question: Question, waited: number): Recalled | Promise<Recalled> {
    const directives = question.directives ?? noDirectives;
    const why = refusedBecause(question, directives);
    const tenant = why === null ? tenantFor(question) : null;
    if (tenant === null) {
      if (directives.onlyCached) return { kind: 'none' };
      deps.onResult('off');
      return { kind: 'off', why: why ?? 'nobody to share with' };
    }
    const lookup = lookupOf(question, tenant, directives);
    if (!directives.read) return fetching(lookup, undefined, undefined);
    const local = question.policy.exact ? answers.local(lookup.key, directives) : undefined;
    if (local) return known({ kind: 'known', state: 'hit', answer: local, similarity: null });
    if (directives.onlyCached) {
      const settled = beingKept.settled(lookup.key);
      return settled ? settled.then(() => recalled(question, waited)) : search(lookup, undefined);
    }
    const lead = singleFlight.lead(lookup.key);
    if (lead) return search(lookup, lead);
    return waited < MOST_WAITS ? follow(lookup, waited) : search(lookup, undefined);
  }

  const refusedBecause = (question: Question, directives: CacheDirectives): string | null => {
    if (!directives.read && !directives.write) return 'the caller said so';
    if (question.keyShare === 'off') return 'the key takes no part';
    if (!purges.current) return 'purges may have been missed';
    return unfit(question);
  };

  interface Lookup {
    readonly key: string;
    readonly question: Question;
    readonly tenant: Tenant;
    readonly directives: CacheDirectives;
    readonly epoch: number;
    readonly generation: number;
  }

  function lookupOf(question: Question, tenant: Tenant, directives: CacheDirectives): Lookup {
    const { asker, model } = question;
    const epoch = purges.newest;
    const generation = purges.generation(model, asker.team, asker.key);
    return {
      key: scope.exactKey(tenant, { ...question, generation }),
      question,
      tenant,
      directives,
      epoch,
      generation,
    };
  }

  async function search(lookup: Lookup, lead: FlightLead<KnownAnswer, ComingAnswer> | undefined): Promise<Recalled> {
    const { question, directives } = lookup;
    let learn: SemanticFound['learn'];
    try {
      const same = question.policy.exact ? answers.remote(lookup.key, directives) : undefined;
      // Beside the store: it is embedded for nothing where the store has the answer.
      const byMeaning =
        question.policy.semantic && !directives.onlyExact
          ? deps.semantic?.begin(question, lookup.tenant, lookup.generation)
          : undefined;
      const stored = await same;
      let found: KnownAnswer | undefined = stored && { kind: 'known', state: 'hit', answer: stored, similarity: null };
      if (!found && byMeaning && !question.isGone()) {
        const close = await byMeaning.found();
        found = close.known;
        learn = close.learn;
      }
      if (found) {
        lead?.share(found);
        return known(found);
      }
    } catch (error) {
      deps.onFault(error);
    }
    if (directives.onlyCached) return { kind: 'none' };
    if (!question.isGone()) return fetching(lookup, lead, learn);
    lead?.leave();
    return { kind: 'gone' };
  }

  function follow(lookup: Lookup, waited: number): Promise<Recalled> {
    const { question } = lookup;
    question.onFollow();
    return new Promise((resolve) => {
      const stop = (recalled: Recalled | Promise<Recalled>): void => {
        clearTimeout(timer);
        leave();
        resolve(recalled);
      };
      const timer = setTimeout(() => stop({ kind: 'late' }), question.patienceMs);
      const leave = singleFlight.follow(lookup.key, (news) => {
        if (news.kind === 'live') {
          if (reads(lookup, news.live)) stop({ kind: 'live', live: live(news.live) });
        } else if (news.kind === 'shared') {
          stop(takes(lookup, news.value) ? known(news.value) : recalled(question, waited + 1));
        } else stop(fetching(lookup, news.kind === 'lead' ? news.lead : undefined, undefined));
      });
      question.onGone(() => stop({ kind: 'gone' }));
    });
  }

  /** Whether a follower's own directives allow what the leader brought. */
  function takes({ directives }: Lookup, { state, answer }: KnownAnswer): boolean {
    return !(state === 'semantic' && directives.onlyExact) && answers.allows(answer, directives);
  }

  /** Whether it can read along: it wants a stream told in the same way, and the answer will be good for long enough. */
  function reads({ question, directives }: Lookup, { style, ttlMs, answer }: ComingAnswer): boolean {
    return question.streamStyle === style && answer.open && ttlMs >= directives.minFreshMs;
  }

  function live({ answer }: ComingAnswer): LiveAnswer {
    deps.onResult('hit');
    return answer;
  }

  function known(found: KnownAnswer): KnownAnswer {
    deps.onResult(found.state);
    return found;
  }

  function fetching(
    lookup: Lookup,
    lead: FlightLead<KnownAnswer, ComingAnswer> | undefined,
    learn: SemanticFound['learn'],
  ): Recalled {
    deps.onResult('miss');
    return { kind: 'fetch', permit: permitFor(lookup, lead, learn) };
  }

  function permitFor(
    lookup: Lookup,
    lead: FlightLead<KnownAnswer, ComingAnswer> | undefined,
    learn: SemanticFound['learn'],
  ): FetchPermit {
    const { question, directives } = lookup;
    return {
      records: directives.write || lead !== undefined,
      comes(answer) {
        const { streamStyle: style } = question;
        if (!lead || style === null) return false;
        lead.tell({ answer, style, ttlMs: ttlOf(lookup) });
        return true;
      },
      done(fetched) {
        const answer = fetched.body && answerOf(lookup, fetched, fetched.body);
        if (!answer) return lead?.fail();
        lead?.share({ kind: 'known', state: 'hit', answer, similarity: null });
        if (!directives.write || answer.expires_at <= answer.created_at) return;
        answers.keep(answer);
        if (question.policy.semantic && !directives.onlyExact) learn?.(answer);
      },
      keeps: (work) => beingKept.add(lookup.key, work),
      failed: (gone) => (gone ? lead?.leave() : lead?.fail()),
    };
  }

  function answerOf(lookup: Lookup, { body: _, ...fetched }: Fetched, body: Buffer): CachedAnswer {
    const { question } = lookup;
    const now = clock.now();
    return {
      id: newId('cch', now),
      key: lookup.key,
      body,
      model: question.model,
      team: question.asker.team,
      key_id: question.asker.key,
      tags: question.tags,
      ...fetched,
      epoch: lookup.epoch,
      created_at: now,
      expires_at: now + ttlOf(lookup),
    };
  }

  async function peek(question: Question): Promise<Peeked> {
    const directives = question.directives ?? noDirectives;
    const why = refusedBecause(question, directives);
    const tenant = why === null ? tenantFor(question) : null;
    if (tenant === null) return { state: 'off', why: why ?? 'nobody to share with', entry: null };
    const { key } = lookupOf(question, tenant, directives);
    const found =
      directives.read && question.policy.exact
        ? (answers.local(key, directives) ?? (await answers.remote(key, directives)))
        : undefined;
    return { state: found ? 'hit' : 'miss', why: null, entry: found?.id ?? null };
  }

  return Object.assign(recall, { peek, waiting: () => singleFlight.waiting });
}

/** A stream that is being fetched, how it is told, and how long its answer will be good. */
interface ComingAnswer {
  readonly answer: LiveAnswer;
  readonly style: string;
  readonly ttlMs: number;
}

const ttlOf = ({ question, directives }: { question: Question; directives: CacheDirectives }): number =>
  Math.min(question.policy.ttl, directives.ttlMs ?? Number.POSITIVE_INFINITY);

/** So that nobody waits in line for ever. */
const MOST_WAITS = 2;

function tenantFor({ policy, keyShare, asker }: Question): Tenant | null {
  return keyShare === 'off' ? null : tenantOf(narrower(policy.share, keyShare), asker);
}
