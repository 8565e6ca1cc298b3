/**
 * Whoever an issuer signed in, as a user: known by issuer and subject, which alone never change. The first time a user is made, or
 * one that an admin made is joined: only where the issuer has verified the address, and nobody else signs in with that user.
 * Role and teams are what the claims say, at every sign-in. Whoever has no access any more is a member of no team from then on,
 * so that tokens are worth nothing either, and is signed out everywhere. A block stays: only admins unblock.
 */
import { newId } from '../lib/ids.js';
import type { Access } from './oidc-access.js';
import { isOfTeams } from './roles.js';
import { emailOf, type User } from './user.js';
import type { By } from './users.js';
import * as rows from './users-pg.js';

export interface Identity {
  readonly issuer: string;
  readonly subject: string;
  /** Null: none, or one that the issuer has not verified. */
  readonly email: string | null;
  /** What the user is called; empty: not told. */
  readonly name: string;
}

const LONGEST_SUBJECT = 255;
const LONGEST_NAME = 200;

/** Null: without a subject nobody is anybody. */
export function identityOf(issuer: string, claims: Readonly<Record<string, unknown>>): Identity | null {
  const { sub, email, email_verified: verified, name, preferred_username: username } = claims;
  if (typeof sub !== 'string' || sub === '' || sub.length > LONGEST_SUBJECT) return null;
  const called = [name, username].find((one) => typeof one === 'string' && one.trim() !== '');
  return {
    ...{ issuer, subject: sub },
    email: verified === true && typeof email === 'string' ? emailOf(email.trim()) : null,
    name: oneLine(String(called ?? '')),
  };
}

const oneLine = (text: string): string =>
  text
    .slice(0, 4 * LONGEST_NAME)
    .replace(/[\p{Cc}\p{Cs}]/gu, ' ')
    .trim()
    .slice(0, LONGEST_NAME);

export type SignedInByOidc = { readonly user: User } | { readonly refused: 'no_access' | 'blocked' };

export async function signInByOidc(by: By, identity: Identity, access: Access | null): Promise<SignedInByOidc> {
  const { query } = by.tx;
  await rows.lockSubject(query, identity.issuer, identity.subject);
  if (identity.email !== null) await rows.lockAddress(query, identity.email);
  const known = await rows.lockUserOf(query, identity.issuer, identity.subject);
  const granted = access && (await withTeams(by, access));
  if (!granted) {
    if (known) await withdraw(by, known);
    return { refused: 'no_access' };
  }
  const user = known ?? (await join(by, identity)) ?? (await make(by, identity, granted));
  if (user.blocked_at !== null) return { refused: 'blocked' };
  return { user: await brought(by, user, identity, granted) };
}

/** Only teams that there are. Null: none is left of a role that has to do with named ones. */
async function withTeams({ tx }: By, { role, teams }: Access): Promise<Access | null> {
  if (!isOfTeams(role)) return { role, teams: [] };
  const missing = new Set(await rows.missingTeams(tx.query, teams));
  const there = teams.filter((team) => !missing.has(team)).sort();
  return there.length > 0 ? { role, teams: there } : null;
}

async function join(by: By, { issuer, subject, email }: Identity): Promise<User | null> {
  if (email === null) return null;
  const user = await rows.lockUserOfAddress(by.tx.query, email);
  if (!user || user.issuer !== null) return null;
  await rows.setSubject(by.tx.query, user.id, issuer, subject);
  await audit(by, 'user.join', user.id, { issuer });
  return { ...user, issuer };
}

async function make(by: By, identity: Identity, { role, teams }: Access): Promise<User> {
  const { issuer, subject, name } = identity;
  const { tx, nowMs } = by;
  const email = identity.email !== null && (await rows.isFree(tx.query, identity.email)) ? identity.email : null;
  const user: User = {
    ...{ id: newId('usr', nowMs), email, name, role, teams, has_password: false, issuer },
    ...{ created_at: nowMs, updated_at: nowMs, blocked_at: null, last_seen_at: null },
  };
  if (!(await rows.insertUser(tx.query, user, null))) throw new Error('a user could not be made');
  await rows.setSubject(tx.query, user.id, issuer, subject);
  await audit(by, 'user.create', user.id, { email, name, role, teams: [...teams], issuer });
  return user;
}

/** The user as the issuer has it now. */
async function brought(by: By, user: User, identity: Identity, { role, teams }: Access): Promise<User> {
  const { tx, nowMs } = by;
  const other = identity.email !== null && identity.email !== user.email;
  const email = other && (await rows.isFree(tx.query, identity.email!)) ? identity.email : user.email;
  const changed: User = { ...user, email, name: identity.name || user.name, role, teams, updated_at: nowMs };
  const isOther = role !== user.role || teams.join('\n') !== user.teams.join('\n');
  if (!isOther && email === user.email && changed.name === user.name) return user;
  await rows.updateUser(tx.query, changed);
  if (isOther) await rows.endSessions(tx.query, user.id);
  await audit(by, 'user.update', user.id, { email, name: changed.name, role, teams: [...teams] });
  return changed;
}

async function withdraw(by: By, user: User): Promise<void> {
  const { tx, nowMs } = by;
  if (user.role === 'member' && user.teams.length === 0) return;
  await rows.updateUser(tx.query, { ...user, role: 'member', teams: [], updated_at: nowMs });
  await rows.endSessions(tx.query, user.id);
  await audit(by, 'user.access_ended', user.id, { role: user.role, teams: [...user.teams] });
}

const audit = (
  { tx, actor, nowMs }: By,
  action: string,
  subject: string,
  detail: Parameters<By['tx']['audit']>[0]['detail'],
) => tx.audit({ at: nowMs, actor, action, subject, detail });
