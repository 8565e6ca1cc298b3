/**
 * Where limits and the ledger meet: budgets are summed from its entries, and a request whose gateway died gets the entry
 * that it left in a note with its hold. Throws, or does not end, where the database is away; whoever asks has a deadline.
 */

import type { Models } from '../catalog/model.js';
import { noUsage } from '../formats/usage.js';
import { limitModelOf } from '../gateway/entry.js';
import { type Demand, firstEntryId } from '../gateway/limiter.js';
import type { Reach } from '../gateway/stages.js';
import type { Entry } from '../ledger/entry.js';
import { estimateOf, type SentUnknown } from '../ledger/estimate.js';
import type { Ledger } from '../ledger/ledger.js';
import type { SpentQuery, SpentStore } from '../ledger/spent-pg.js';
import { timeOf } from '../lib/ids.js';
import type { AttemptUse } from '../limits/attempt-use.js';
import type { Limit } from '../limits/limit.js';
import type { Rebuild } from '../limits/rebuild.js';
import { cost } from '../pricing/price.js';

/** Sums a budget from the ledger, with what this process has still to write. */
export const rebuildFrom =
  (spent: SpentStore, ledger: Pick<Ledger, 'flush'>, models: () => Pick<Models, 'written'>): Rebuild =>
  async (limit, window, except) => {
    if (limit.scope.kind === 'route') return 0; // requests of classic routes are in no ledger
    await ledger.flush();
    const { model, unit } = limit.spec;
    return spent.spent({
      ...scopeQuery(limit, models().written),
      models: model,
      unit,
      fromMs: window.startMs,
      toMs: window.endMs,
      except,
    });
  };

type ScopeQuery = Pick<SpentQuery, 'key' | 'team' | 'user' | 'model' | 'target' | 'not'>;

function scopeQuery({ scope }: Limit, written: Models['written']): ScopeQuery {
  if (scope.kind === 'user') return { user: scope.id, [scope.within.kind]: scope.within.id };
  if (scope.kind !== 'model' && scope.kind !== 'target') return { [scope.kind]: scope.id };
  const others = scope.kind === 'model' ? written.models : written.targets;
  return { [scope.kind]: scope.id, not: others.filter((other) => isCloser(other, scope.id)) };
}

/** Whether a name that both match belongs to `other`: where that has no `*`, or more before it, or as much and more after it. */
function isCloser(other: string, pattern: string): boolean {
  if (other === pattern || !pattern.includes('*')) return false;
  const [before = '', after] = other.split('*');
  const [ownBefore = '', ownAfter = ''] = pattern.split('*');
  if (after === undefined) return true;
  return before.length > ownBefore.length || (before.length === ownBefore.length && after.length > ownAfter.length);
}

/** The fields of an entry that are known before the request is sent. */
type Note = Pick<
  Entry,
  | 'request_id'
  | 'key'
  | 'team'
  | 'user'
  | 'tags'
  | 'endpoint'
  | 'model'
  | 'limit_model'
  | 'provider'
  | 'target'
  | 'stream'
> & { readonly input: number; readonly cost: number; readonly price_version: string; readonly held_at: number };

export function noteOf(demand: Demand, first: Reach, heldAtMs: number, nowMs: number): string {
  const { caller, user, request, tags, requestId, endpoint } = demand;
  const { model, target, input } = first;
  const price = target.priceAt(nowMs);
  const note: Note = {
    request_id: requestId,
    key: caller.key.id,
    team: caller.key.team,
    user,
    tags,
    endpoint,
    model: request.model,
    limit_model: limitModelOf(request.model, model),
    provider: target.provider,
    target: target.id,
    stream: request.stream,
    input: input.expected,
    cost: price ? cost({ ...noUsage(), input: input.expected }, price).input : 0,
    price_version: price?.version ?? 'unpriced',
    held_at: Math.round(heldAtMs),
  };
  return JSON.stringify(note);
}

/** Whose note it is. */
export const requestOf = (note: string): string => (JSON.parse(note) as Note).request_id;

/** Attempts as the ledger has them, with the names of the configuration that they count under now. */
export const inScopes = (attempts: readonly AttemptUse[], models: Pick<Models, 'get'>): readonly AttemptUse[] =>
  attempts.map((attempt) => {
    const model = models.get(attempt.model);
    const target = model?.targets.find(({ id }) => id === attempt.target);
    return { ...attempt, ...(model && { modelScope: model.label }), ...(target && { targetScope: target.label }) };
  });

/**
 * Closes the hold of a gateway that is not heard of: at what its entries say, where it had written them, else at its counted
 * input, with an entry that says so. Any number of gateways may do so at once: the entry's id is the hold's. That gateway may
 * only have stood still: what it then knows supersedes the estimate.
 */
export const closeLapsed =
  (spent: SpentStore, ledger: Pick<Ledger, 'append' | 'flush'>, sentUnknown: SentUnknown, models: () => Models) =>
  async (holdId: string, text: string): Promise<readonly AttemptUse[] | undefined> => {
    if (text === '') return undefined;
    const { input, cost: inputNano, ...known } = JSON.parse(text) as Note;
    const written = async () => {
      const attempts = (await spent.ofHolds([{ requestId: known.request_id, hold: holdId }])).get(holdId);
      return attempts && inScopes(attempts, models());
    };
    const already = await written();
    if (already) return already;
    const id = firstEntryId(holdId);
    const intent: Entry = {
      ...known,
      id,
      at: timeOf(id),
      hold: holdId,
      attempt: 1,
      metadata: {},
      served_model: null,
      status: 500,
      error: 'interrupted',
      cache: 'off',
      tokens: { ...noUsage(), input },
      usage_source: 'estimated',
      cost_nusd: { input: inputNano, cache_read: 0, cache_write: 0, output: 0, total: inputNano },
      first_byte_ms: null,
      duration_ms: 0,
      overhead_ms: 0,
    };
    ledger.append(estimateOf(intent, 'intent', false, sentUnknown));
    await ledger.flush();
    // Its owner may have come before, or right after.
    return written();
  };
