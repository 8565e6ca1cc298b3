/**
 * Which limits apply to a request: those of its key, its team, the end user within either, the model and the target, as far
 * as they count requests for the model. What does not depend on the request is put together once per caller and target and
 * kept as long as these objects live: a changed key, team or configuration comes as a new object. Limits of end users are
 * kept for the users seen last. In memory; nothing waits.
 */
import { LRUCache } from 'lru-cache';
import type { Model, Target } from '../catalog/model.js';
import type { Caller, Key, Team } from '../identity/key.js';
import type { LimitSpec } from '../lib/limit-spec.js';
import { counts, type Limit, limitsInForce } from '../limits/limit.js';

const NONE: readonly Limit[] = [];
const MOST_USERS = 10_000;

interface OfUser {
  readonly specs: readonly LimitSpec[];
  readonly limits: readonly Limit[];
}

export class Applicable {
  readonly #byCaller = new WeakMap<Caller, WeakMap<Target, readonly Limit[]>>();
  readonly #users = new LRUCache<string, OfUser>({ max: MOST_USERS });

  of(caller: Caller, user: string | null, model: Model, target: Target): readonly Limit[] {
    let byTarget = this.#byCaller.get(caller);
    if (!byTarget) this.#byCaller.set(caller, (byTarget = new WeakMap()));
    let limits = byTarget.get(target);
    if (!limits) byTarget.set(target, (limits = standing(caller, model, target)));
    const { key, team } = caller;
    if (user === null || (key.user_limits.length === 0 && !team?.user_limits.length)) return limits;
    const ofUser = [
      ...this.#ofUser(user, 'key', key.id, key.user_limits, keyChangedAt(key)),
      ...(team ? this.#ofUser(user, 'team', team.id, team.user_limits, team.updated_at) : NONE),
    ].filter((limit) => counts(limit, model.name));
    return ofUser.length === 0 ? limits : [...limits, ...ofUser];
  }

  #ofUser(
    user: string,
    kind: 'key' | 'team',
    id: string,
    specs: readonly LimitSpec[],
    sinceMs: number,
  ): readonly Limit[] {
    if (specs.length === 0) return NONE;
    const name = `${kind} ${id} ${user}`;
    const known = this.#users.get(name);
    if (known?.specs === specs) return known.limits;
    const limits = userLimits(user, kind, id, specs, sinceMs);
    this.#users.set(name, { specs, limits });
    return limits;
  }
}

function standing(caller: Caller, model: Model, target: Target): readonly Limit[] {
  const all = [
    ...keyLimits(caller.key),
    ...(caller.team ? teamLimits(caller.team) : NONE),
    ...model.limits,
    ...target.limits,
  ];
  const limits = all.filter((limit) => counts(limit, model.name));
  return limits.length === 0 ? NONE : limits;
}

export const keyLimits = (key: Key): readonly Limit[] =>
  limitsInForce({ kind: 'key', id: key.id }, key.limits, keyChangedAt(key));
export const teamLimits = (team: Team): readonly Limit[] =>
  limitsInForce({ kind: 'team', id: team.id }, team.limits, team.updated_at);
export const userLimits = (
  user: string,
  kind: 'key' | 'team',
  id: string,
  specs: readonly LimitSpec[],
  sinceMs: number,
): readonly Limit[] => limitsInForce({ kind: 'user', id: user, within: { kind, id } }, specs, sinceMs);
/** Nothing was spent with a key before it was made. */
export const keyChangedAt = ({ created_at, updated_at }: Key): number => (updated_at === created_at ? 0 : updated_at);
