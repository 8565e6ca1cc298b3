/**
 * What can be done with users. Every change happens in a transaction of its caller's, with its audit line. The rules: a role of
 * named teams has at least one team, and the teams are there; whose rights change is signed out everywhere; the last admin who
 * can sign in goes only where that is said twice (`force`).
 */
import { ok, type Result, refuse, refused } from '../lib/errors.js';
import { newId } from '../lib/ids.js';
import type { Json } from '../lib/json.js';
import type { KeyTx } from './key-store.js';
import { isOfTeams, type Role } from './roles.js';
import { passwordOf } from './sessions-pg.js';
import type { User } from './user.js';
import * as rows from './users-pg.js';

export interface NewUser {
  readonly email: string;
  readonly name?: string | undefined;
  readonly role: Role;
  readonly teams?: readonly string[] | undefined;
  /** What is kept of a password. */
  readonly password: string | null;
}

export interface UserPatch {
  readonly email?: string | undefined;
  readonly name?: string | undefined;
  readonly role?: Role | undefined;
  readonly teams?: readonly string[] | undefined;
}

/** Who changes something, in which transaction, and when. */
export interface By {
  readonly tx: KeyTx;
  readonly actor: string;
  readonly nowMs: number;
}

export async function createUser(by: By, fields: NewUser): Promise<Result<User>> {
  const { tx, nowMs } = by;
  const { email, name = '', role, teams = [], password } = fields;
  await rows.lockAddress(tx.query, email);
  const wrong = await teamsProblem(tx, role, teams);
  if (wrong) return wrong;
  const user: User = {
    ...{ id: newId('usr', nowMs), email, name, role, teams: [...teams].sort(), has_password: password !== null },
    ...{ issuer: null, created_at: nowMs, updated_at: nowMs, blocked_at: null, last_seen_at: null },
  };
  if (!(await rows.insertUser(tx.query, user, password))) return taken(email);
  await audit(by, 'user.create', user.id, { email, name, role, teams });
  return ok(user);
}

export async function updateUser(by: By, id: string, patch: UserPatch, force: boolean): Promise<Result<User>> {
  const { tx, nowMs } = by;
  if (patch.email !== undefined) await rows.lockAddress(tx.query, patch.email);
  const user = await rows.lockUser(tx.query, id);
  if (!user) return noUser(id);
  const role = patch.role ?? user.role;
  const teams = [...(patch.teams ?? (isOfTeams(role) ? user.teams : []))].sort();
  // A user whose last team was deleted can still have another name.
  const ofTeams = patch.role !== undefined || patch.teams !== undefined;
  const wrong = ofTeams ? await teamsProblem(tx, role, teams) : null;
  if (wrong) return wrong;
  if (role !== 'admin' && (await isLastAdmin(by, user, force))) return lastAdmin;
  const { email = user.email, name = user.name } = patch;
  if (email !== null && email !== user.email && !(await rows.isFree(tx.query, email))) return taken(email);
  const changed: User = { ...user, email, name, role, teams, updated_at: nowMs };
  await rows.updateUser(tx.query, changed);
  if (role !== user.role || teams.join('\n') !== user.teams.join('\n')) await rows.endSessions(tx.query, id);
  await audit(by, 'user.update', id, given(patch));
  return ok(changed);
}

export async function deleteUser(by: By, id: string, force: boolean): Promise<Result<User>> {
  const user = await rows.lockUser(by.tx.query, id);
  if (!user) return noUser(id);
  if (await isLastAdmin(by, user, force)) return lastAdmin;
  await rows.deleteUser(by.tx.query, id);
  await audit(by, 'user.delete', id, { email: user.email, role: user.role });
  return ok(user);
}

export async function blockUser(by: By, id: string, blocked: boolean, force: boolean): Promise<Result<User>> {
  const { tx, nowMs } = by;
  const user = await rows.lockUser(tx.query, id);
  if (!user) return noUser(id);
  if (blocked && (await isLastAdmin(by, user, force))) return lastAdmin;
  const changed: User = { ...user, blocked_at: blocked ? (user.blocked_at ?? nowMs) : null, updated_at: nowMs };
  await rows.updateUser(tx.query, changed);
  if (blocked) await rows.endSessions(tx.query, id);
  await audit(by, blocked ? 'user.block' : 'user.unblock', id, {});
  return ok(changed);
}

/** `password`: what is kept of it; null: no password any more. All sessions end. */
export async function setPassword(by: By, id: string, password: string | null): Promise<Result<User>> {
  const user = await rows.lockUser(by.tx.query, id);
  return user ? setPasswordOf(by, user, password, null) : noUser(id);
}

export const notYourPassword = refuse('invalid_value', 'current: this is not your password.');

/** A user's own: where `before` is still what is kept of it. All sessions end, but the one whose hash is `except`. */
export async function changePassword(
  by: By,
  id: string,
  { before, password, except }: { before: string; password: string; except: Buffer },
): Promise<Result<User>> {
  const user = await rows.lockUser(by.tx.query, id);
  if (!user) return noUser(id);
  if ((await passwordOf(by.tx.query, id)) !== before) return refused(notYourPassword);
  return setPasswordOf(by, user, password, except);
}

async function setPasswordOf(by: By, user: User, password: string | null, except: Buffer | null) {
  const { id } = user;
  await rows.setPassword(by.tx.query, id, password);
  await rows.endSessions(by.tx.query, id, except);
  await audit(by, 'user.password', id, { set: password !== null });
  return ok({ ...user, has_password: password !== null });
}

export async function signOutUser(by: By, id: string): Promise<Result<User>> {
  const user = await rows.lockUser(by.tx.query, id);
  if (!user) return noUser(id);
  await rows.endSessions(by.tx.query, id);
  await audit(by, 'user.sign_out', id, {});
  return ok(user);
}

const audit = ({ tx, actor, nowMs }: By, action: string, subject: string, detail: Json): Promise<void> =>
  tx.audit({ at: nowMs, actor, action, subject, detail });

const isLastAdmin = async ({ tx }: By, user: User, force: boolean): Promise<boolean> =>
  !force && user.role === 'admin' && user.blocked_at === null && !(await rows.hasOtherAdmin(tx.query, user.id));

async function teamsProblem(tx: KeyTx, role: Role, teams: readonly string[]): Promise<Result<never> | null> {
  const problem = (words: string) => refused(refuse('invalid_value', words, { param: 'teams' }));
  if (!isOfTeams(role)) {
    return teams.length === 0 ? null : problem(`teams: ${role} has to do with all teams; leave teams out.`);
  }
  if (teams.length === 0) return problem(`teams: name the teams that the ${role} has to do with.`);
  const missing = await rows.missingTeams(tx.query, teams);
  return missing.length === 0 ? null : problem(`teams: there is no team named ${missing[0]}.`);
}

const given = (fields: object): Json =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

const noUser = (id: string) => refused(refuse('not_found', `There is no user with the id ${id}.`));
const taken = (email: string) =>
  refused(refuse('conflict', `There is already a user with the address ${email}.`, { param: 'email' }));
const lastAdmin = refused(
  refuse(
    'conflict',
    'This is the last user who is an admin. Make another one an admin first, or say force=true: the admin key goes on to work.',
  ),
);
