/**
 * What can be done with keys and teams. Every change is made inside `write`: one transaction, with its audit line, told to
 * this process's authenticator once it is committed (other replicas hear of it from the database). A change reads what it
 * changes under a lock, so that two at once do not lose each other's fields. The rules: a key's secret is shown once and is
 * not kept; a revoked key stays for the reports, but nothing changes it any more; a team is created by its first key.
 */

import type { Clock } from '../lib/clock.js';
import { ok, type Result, refuse, refused } from '../lib/errors.js';
import { idOfHash, newId } from '../lib/ids.js';
import type { Json } from '../lib/json.js';
import { limitAsWritten } from '../lib/limit-spec.js';
import type { Change, Changes } from './changes.js';
import type { Key, Team } from './key.js';
import {
  type KeyFields,
  mergedAliases,
  type NewKey,
  newKey,
  newTeam,
  patchedKey,
  type TeamFields,
} from './key-fields.js';
import type { KeyStore, KeyTx } from './key-store.js';
import { mergePatch } from './merge-patch.js';
import { type Teams, within } from './roles.js';
import { newSecret, type Secret } from './secret.js';
import type { TakenKey } from './taken-key.js';

/** What others are told of a key, in the transaction that changes it. */
export type KeyEvent = 'key.created' | 'key.updated' | 'key.rotated' | 'key.revoked';
export type TellKey = (tx: KeyTx, event: KeyEvent, key: Key) => Promise<void>;

/** A key whose secret is shown, this once. */
export interface Shown {
  readonly key: Key;
  readonly secret: string;
}

/** The changes of one transaction. Each is refused with `not_found` or `conflict` where it cannot be made. */
export interface KeyWrites {
  readonly tx: KeyTx;
  createKey(fields: NewKey, id?: string): Promise<Result<Shown>>;
  takeKey(fields: TakenKey): Promise<Result<Key>>;
  /** A merge patch (RFC 7396): what is left out stays, null empties. */
  patchKey(id: string, patch: KeyFields): Promise<Result<Key>>;
  /** For good. Revoking twice is harmless. */
  revokeKey(id: string): Promise<Result<Key>>;
  /** A new secret; the old one works for `overlapMs` more, which may be 0. */
  rotateKey(id: string, overlapMs: number): Promise<Result<Shown>>;
  blockKey(id: string): Promise<Result<Key>>;
  unblockKey(id: string): Promise<Result<Key>>;
  createTeam(id: string, fields: TeamFields & { readonly blocked?: boolean | undefined }): Promise<Result<Team>>;
  patchTeam(id: string, patch: TeamFields): Promise<Result<Team>>;
  blockTeam(id: string): Promise<Result<Team>>;
  unblockTeam(id: string): Promise<Result<Team>>;
  /** Refused while the team has a key that is not revoked. */
  deleteTeam(id: string): Promise<Result<Team>>;
}

export interface Keys {
  /** Committed keys, teams and audit lines. */
  readonly read: Omit<KeyStore, 'write' | 'find'>;
  /**
   * Runs `work` in one transaction as `actor` (for the audit log); a refusal undoes all of it. Keys of other teams than `teams`
   * are not there for it, and none comes to be.
   */
  write<T>(actor: string, work: (writes: KeyWrites) => Promise<Result<T>>, teams?: Teams): Promise<Result<T>>;
}

export function createKeys(deps: {
  store: KeyStore;
  clock: Clock;
  changes: Changes;
  /** Makes secrets; handed in only by tests. */
  makeSecret?: () => Secret;
  tell?: TellKey;
}): Keys {
  const { store, clock, changes } = deps;
  return {
    read: store,
    async write(actor, work, teams = null) {
      const told: Change[] = [];
      const result = await store.write((tx) => {
        const now = clock.now();
        const audit: Session['audit'] = (action, subject, detail = {}, of = []) =>
          tx.audit({ at: now, actor, action, subject, detail, teams: of });
        const tell: Session['tell'] = (event, key) => deps.tell?.(tx, event, key) ?? Promise.resolve();
        const session: Session = { tx, teams, now, audit, tell, told, makeSecret: deps.makeSecret ?? newSecret };
        return work({ tx, ...keyWrites(session), ...teamWrites(session) });
      });
      if (result.ok) for (const change of told) changes.publish(change);
      return result;
    },
  };
}

interface Session {
  readonly tx: KeyTx;
  /** The teams whose keys there are for it. */
  readonly teams: Teams;
  readonly now: number;
  readonly told: Change[];
  readonly makeSecret: () => Secret;
  audit(action: string, subject: string, detail?: Json, teams?: readonly string[]): Promise<void>;
  tell(event: KeyEvent, key: Key): Promise<void>;
}

const eventOf: Readonly<Record<string, KeyEvent>> = { 'key.rotate': 'key.rotated', 'key.revoke': 'key.revoked' };

type Of<Name extends keyof KeyWrites> = Pick<KeyWrites, Name>;

function keyWrites({ tx, teams, now, audit, tell, told, makeSecret }: Session) {
  const lockKey = async (id: string): Promise<Key | null> => {
    const key = await tx.lockKey(id);
    return key && within(teams, key.team) ? key : null;
  };

  /** Null: a key may be of this team. */
  const teamProblem = async (team: string | null): Promise<Result<never> | null> =>
    teams === null || (within(teams, team) && (await tx.lockTeam(team!))) ? null : notYourTeam(teams);

  const join = async (team: string | null | undefined) => {
    if (team == null || !(await tx.ensureTeam(newTeam(team, {}, now)))) return;
    told.push({ kind: 'team', team });
    await audit('team.create', team, { by_key: true }, [team]);
  };

  /** Changes a key that is there and not revoked. */
  const change = async (id: string, action: string, detail: Json, next: (key: Key) => Key): Promise<Result<Key>> => {
    const key = await lockKey(id);
    if (!key) return noKey(id);
    if (key.revoked_at !== null) return refused(refuse('conflict', `The key ${id} is revoked and cannot be changed.`));
    const changed = next(key);
    if (changed.team !== key.team) {
      const wrong = await teamProblem(changed.team);
      if (wrong) return wrong;
      await join(changed.team);
    }
    await tx.updateKey(changed);
    await audit(action, id, detail, teamsOf(key, changed));
    await tell(eventOf[action] ?? 'key.updated', changed);
    for (const hash of await tx.hashesOf(id)) told.push({ kind: 'key', hash });
    return ok(changed);
  };

  const set = (id: string, action: string, fields: (key: Key) => Partial<Key>) =>
    change(id, action, {}, (key) => ({ ...key, ...fields(key), updated_at: now }));

  const writes: Of<'createKey' | 'takeKey' | 'patchKey' | 'revokeKey' | 'rotateKey' | 'blockKey' | 'unblockKey'> = {
    async createKey(fields, id = newId('key', now)) {
      const { secret, hash, prefix } = makeSecret();
      const key = newKey(id, prefix, fields, now);
      const wrong = await teamProblem(key.team);
      if (wrong) return wrong;
      await join(key.team);
      if (!(await tx.insertKey(key, hash))) return refused(refuse('conflict', `There is already a key ${id}.`));
      await audit('key.create', key.id, written(fields), teamsOf(key));
      await tell('key.created', key);
      told.push({ kind: 'key', hash });
      return ok({ key, secret });
    },
    async takeKey({ sha256, prefix = `sha256:${sha256.slice(0, 8)}`, blocked = false, ...fields }) {
      const made = newKey(idOfHash('key', sha256), prefix, fields, now);
      const key: Key = { ...made, blocked_at: blocked ? now : null };
      const wrong = await teamProblem(key.team);
      if (wrong) return wrong;
      await join(key.team);
      if (!(await tx.insertKey(key, sha256)))
        return refused(refuse('conflict', 'There is already a key with this secret.'));
      await audit('key.create', key.id, { ...written(fields), known_secret: true, blocked }, teamsOf(key));
      await tell('key.created', key);
      told.push({ kind: 'key', hash: sha256 });
      return ok(key);
    },
    patchKey: (id, patch) => change(id, 'key.update', written(patch), (key) => patchedKey(key, patch, now)),
    async revokeKey(id) {
      const key = await lockKey(id);
      if (!key) return noKey(id);
      if (key.revoked_at !== null) return ok(key);
      return set(id, 'key.revoke', () => ({ revoked_at: now }));
    },
    async rotateKey(id, overlapMs) {
      const { secret, hash, prefix } = makeSecret();
      const rotated = await change(id, 'key.rotate', { overlap_ms: overlapMs }, (key) => ({
        ...key,
        prefix,
        updated_at: now,
      }));
      if (!rotated.ok) return rotated;
      await tx.replaceSecret(rotated.value, hash, overlapMs > 0 ? now + overlapMs : null);
      told.push({ kind: 'key', hash });
      return ok({ key: rotated.value, secret });
    },
    blockKey: (id) => set(id, 'key.block', (key) => ({ blocked_at: key.blocked_at ?? now })),
    unblockKey: (id) => set(id, 'key.unblock', () => ({ blocked_at: null })),
  };
  return writes;
}

function teamWrites({ tx, now, audit, told }: Session) {
  const change = async (id: string, action: string, detail: Json, next: (team: Team) => Partial<Team>) => {
    const team = await tx.lockTeam(id);
    if (!team) return noTeam(id);
    const changed: Team = { ...team, ...next(team), updated_at: now };
    await tx.updateTeam(changed);
    await audit(action, id, detail, [id]);
    told.push({ kind: 'team', team: id });
    return ok(changed);
  };

  const writes: Of<'createTeam' | 'patchTeam' | 'blockTeam' | 'unblockTeam' | 'deleteTeam'> = {
    async createTeam(id, { blocked = false, ...fields }) {
      const team: Team = { ...newTeam(id, fields, now), blocked_at: blocked ? now : null };
      if (!(await tx.ensureTeam(team))) return refused(refuse('conflict', `There is already a team named ${id}.`));
      await audit('team.create', id, { ...written(fields), ...(blocked && { blocked }) }, [id]);
      told.push({ kind: 'team', team: id });
      return ok(team);
    },
    patchTeam: (id, patch) =>
      change(id, 'team.update', written(patch), (team) => ({
        limits: patch.limits === undefined ? team.limits : (patch.limits ?? []),
        user_limits: patch.user_limits === undefined ? team.user_limits : (patch.user_limits ?? []),
        metadata: mergePatch(team.metadata, patch.metadata),
        markup_ppm: patch.markup_ppm === undefined ? team.markup_ppm : patch.markup_ppm,
        aliases: mergedAliases(team.aliases, patch.aliases),
        capture: patch.capture === undefined ? team.capture : patch.capture,
        guards: patch.guards === undefined ? team.guards : (patch.guards ?? []),
      })),
    blockTeam: (id) => change(id, 'team.block', {}, (team) => ({ blocked_at: team.blocked_at ?? now })),
    unblockTeam: (id) => change(id, 'team.unblock', {}, () => ({ blocked_at: null })),
    async deleteTeam(id) {
      const team = await tx.lockTeam(id);
      if (!team) return noTeam(id);
      if (await tx.hasKeys(id)) {
        return refused(refuse('conflict', `The team ${id} has keys. Revoke them or move them to another team first.`));
      }
      await tx.deleteTeam(id);
      await audit('team.delete', id, {}, [id]);
      told.push({ kind: 'team', team: id });
      return ok(team);
    },
  };
  return writes;
}

const teamsOf = (...keys: readonly Key[]): readonly string[] => [...new Set(keys.flatMap(({ team }) => team ?? []))];

const notYourTeam = (teams: ReadonlySet<string>) =>
  refused(
    refuse('insufficient_scope', `Your keys are of one of your teams: ${[...teams].join(', ')}.`, { param: 'team' }),
  );
const noKey = (id: string) => refused(refuse('not_found', `There is no key with the id ${id}.`));
const noTeam = (id: string) => refused(refuse('not_found', `There is no team named ${id}.`));

/** The fields that a caller wrote, as written, for the audit log. No secret is among them. */
function written(fields: KeyFields & TeamFields): Json {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries(given),
    ...(fields.limits ? { limits: fields.limits.map(limitAsWritten) } : {}),
    ...(fields.user_limits ? { user_limits: fields.user_limits.map(limitAsWritten) } : {}),
    ...(fields.expires_at ? { expires_at: new Date(fields.expires_at).toISOString() } : {}),
  };
}
