/** What the ledger has of an answer from the cache. */
import type { CacheState } from '../cache/cache.js';
import type { AnswerFacts } from '../cache/live-answer.js';
import { noUsage } from '../formats/usage.js';
import type { Entry } from '../ledger/entry.js';
import type { Clock } from '../lib/clock.js';
import { type Refusal, statusOf } from '../lib/errors.js';
import { newId, timeOf } from '../lib/ids.js';
import { decisionText } from './decision.js';
import { limitModelOf } from './entry.js';
import { guardFlags } from './guarded-request.js';
import { firstEntryId } from './limiter.js';
import type { Reserved } from './stages.js';

export const NO_COST = { input: 0, cache_read: 0, cache_write: 0, output: 0, total: 0 };

/** The entry of a hit: no tokens, no cost, and what it saved. */
export function hitEntry(
  reserved: Reserved,
  answer: AnswerFacts,
  state: CacheState,
  refusal: Refusal | undefined,
  clock: Clock,
): Entry {
  const { call, context, request, headers, caller, grant, model, guarded } = reserved;
  const { hold } = grant;
  const tookMs = clock.monotonic() - context.startedAt;
  // As of a first attempt: whoever closes the hold of a gateway that died enters the same line.
  const id = hold ? firstEntryId(hold.id) : newId('ent', clock.now());
  return {
    id,
    at: hold ? timeOf(id) : Math.round(clock.now() - tookMs),
    request_id: call.requestId,
    attempt: 1,
    key: caller.key.id,
    team: caller.key.team,
    user: reserved.user,
    tags: reserved.tags,
    metadata: headers.metadata ? { ...request.metadata, ...headers.metadata } : request.metadata,
    endpoint: call.format.endpoint,
    model: request.model,
    served_model: answer.served_model,
    provider: answer.provider,
    target: answer.target,
    status: refusal ? statusOf(refusal) : 200,
    error: refusal?.code ?? null,
    stream: request.stream,
    cache: state,
    tokens: noUsage(),
    usage_source: 'provider',
    cost_nusd: NO_COST,
    saved_nusd: refusal ? 0 : answer.cost_nusd,
    price_version: answer.price_version,
    first_byte_ms: null,
    duration_ms: tookMs,
    overhead_ms: tookMs,
    ...(hold && { hold: hold.id, held_at: Math.round(grant.heldAtMs) }),
    limit_model: limitModelOf(request.model, model),
    decision: decisionText(reserved.targets.hitWords(model), hold, model, grant.target),
    ...(guarded && guarded.words.said.length > 0 && { flags: guardFlags(guarded) }),
  };
}
