/**
 * What limits have spent and held, in the words of contract section 4. Keys and teams are read from their store, so that
 * what is shown is what was set last; models and targets come from the configuration in force.
 */

import type { Models, Target } from '../catalog/model.js';
import { keyChangedAt, keyLimits, teamLimits, userLimits } from '../gateway/applicable.js';
import type { Key, Team } from '../identity/key.js';
import type { KeyStore } from '../identity/key-store.js';
import { limitReadsWithin } from '../identity/reads-within.js';
import type { Teams } from '../identity/roles.js';
import type { Entry } from '../ledger/entry.js';
import { ok, type Result, refuse, refused } from '../lib/errors.js';
import { counts, type Limit } from '../limits/limit.js';
import type { Limits } from '../limits/limits.js';
import { type LimitLevel, shownLevel } from '../limits/shown.js';

/** Whose limits; `user` may be narrowed to a key or a team. */
export interface LevelsQuery {
  readonly key?: string | undefined;
  readonly team?: string | undefined;
  readonly user?: string | undefined;
  readonly model?: string | undefined;
  readonly target?: string | undefined;
}

/** `teams`: keys and teams of others are not there. */
export type LimitLevels = (query: LevelsQuery, teams?: Teams) => Promise<Result<readonly LimitLevel[]>>;

interface LevelsDeps {
  readonly limits: Pick<Limits, 'read'>;
  readonly keys: Pick<KeyStore, 'key' | 'team' | 'withUserLimits'>;
  readonly models: () => Models;
}

export const limitLevels =
  (ports: LevelsDeps): LimitLevels =>
  async (query, teams = null) => {
    const found = await limitsOf(query, { ...ports, keys: limitReadsWithin(ports.keys, teams) });
    if (!found.ok) return found;
    if (found.value.length === 0) return ok([]);
    const readings = await ports.limits.read(found.value);
    if (!readings) {
      return refused(
        refuse('unavailable', 'What these limits have spent cannot be known just now. Try again shortly.'),
      );
    }
    return ok(readings.map(shownLevel));
  };

async function limitsOf(query: LevelsQuery, ports: LevelsDeps): Promise<Result<readonly Limit[]>> {
  const { key: keyId, team: teamId, user, model, target } = query;
  if (user !== undefined && (model ?? target) === undefined && (keyId === undefined || teamId === undefined)) {
    return limitsOfUser(user, query, ports);
  }
  if ([keyId, teamId, user, model, target].filter((one) => one !== undefined).length !== 1) {
    return refused(
      refuse(
        'invalid_value',
        'Say whose limits: one of `key`, `team`, `model`, `target`, or `user`, which `key` or `team` may go with.',
      ),
    );
  }
  if (keyId !== undefined) {
    const key = await ports.keys.key(keyId);
    return key ? ok(keyLimits(key)) : missing(`key with the id ${keyId}`);
  }
  if (teamId !== undefined) {
    const team = await ports.keys.team(teamId);
    return team ? ok(teamLimits(team)) : missing(`team named ${teamId}`);
  }
  if (model !== undefined) {
    const found = ports.models().limitsOf(model);
    return found ? ok(found) : missing(`model named ${model}`);
  }
  const found = targetsOf(ports.models()).filter(({ id, label }) => id === target || label === target);
  const one = found.find(({ limits }) => limits.length > 0) ?? found[0];
  return one ? ok(one.limits) : missing(`target ${target}`);
}

/** Those of models with a name of their own, and of names behind a wildcard that were asked for lately. */
const targetsOf = (models: Models): readonly Target[] =>
  [...models.list(), ...models.asked()].flatMap(({ targets }) => targets);

async function limitsOfUser(user: string, query: LevelsQuery, { keys }: LevelsDeps): Promise<Result<readonly Limit[]>> {
  const ofKey = (key: Key) => userLimits(user, 'key', key.id, key.user_limits, keyChangedAt(key));
  const ofTeam = (team: Team) => userLimits(user, 'team', team.id, team.user_limits, team.updated_at);
  if (query.key !== undefined) {
    const key = await keys.key(query.key);
    return key ? ok(ofKey(key)) : missing(`key with the id ${query.key}`);
  }
  if (query.team !== undefined) {
    const team = await keys.team(query.team);
    return team ? ok(ofTeam(team)) : missing(`team named ${query.team}`);
  }
  const within = await keys.withUserLimits();
  return ok([...within.keys.flatMap(ofKey), ...within.teams.flatMap(ofTeam)]);
}

/** The limits that count an entry, as they are set now. */
export const limitsOfEntry =
  (keys: Pick<KeyStore, 'key' | 'team'>, models: () => Models) =>
  async (entry: Entry): Promise<readonly Limit[]> => {
    const key = await keys.key(entry.key);
    const team = entry.team === null ? undefined : await keys.team(entry.team);
    const name = entry.limit_model ?? entry.model;
    const model = models().get(name);
    const target = model?.targets.find(({ id }) => id === entry.target);
    const { user } = entry;
    return [
      ...(key ? keyLimits(key) : []),
      ...(key && user !== null ? userLimits(user, 'key', key.id, key.user_limits, keyChangedAt(key)) : []),
      ...(team ? teamLimits(team) : []),
      ...(team && user !== null ? userLimits(user, 'team', team.id, team.user_limits, team.updated_at) : []),
      ...(model?.limits ?? []),
      ...(target?.limits ?? []),
    ].filter((limit) => counts(limit, name));
  };

const missing = (what: string) => refused(refuse('not_found', `There is no ${what}.`));
