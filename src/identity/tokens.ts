/**
 * Tokens of users for scripts. A token can never do more than whoever it belongs to can do at that moment, and one that was made
 * with another not more, and not for longer, than that one; it ends with it.
 */
import { ok, type Result, refuse, refused } from '../lib/errors.js';
import { newId } from '../lib/ids.js';
import type { Query } from '../lib/query.js';
import { covers, isOfTeams, type Principal, type Role, type Teams } from './roles.js';
import { hashOf, newToken, wellFormedToken } from './secret.js';
import { type FoundToken, findToken, insertToken, revokeToken, tokenUsed, type Whose } from './tokens-pg.js';
import type { Token } from './user.js';
import type { By } from './users.js';
import { findUser, missingTeams } from './users-pg.js';

const DAY_MS = 86_400_000;
const USUAL_MS = 90 * DAY_MS;
const LONGEST_MS = 366 * DAY_MS;

export interface NewToken {
  readonly name: string;
  readonly role?: Role | undefined;
  readonly teams?: readonly string[] | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly expires_at?: number | undefined;
  /** For whom, by an admin. */
  readonly user?: string | undefined;
}

/** Whose tokens somebody has to do with. */
export function whoseTokens({ role, user, token }: Principal, reading: boolean): Whose {
  if (role === 'admin' || (reading && role === 'viewer')) return {};
  return token === null ? { user: user ?? '' } : { token: token.id };
}

export async function createToken(
  by: By,
  principal: Principal,
  fields: NewToken,
): Promise<Result<{ token: Token; secret: string }>> {
  const { tx, nowMs } = by;
  const allowed = await rightsOf(by, principal, fields);
  if (!allowed.ok) return allowed;
  const { role, teams, user } = allowed.value;
  const end = principal.token?.endsAt ?? Number.POSITIVE_INFINITY;
  const expires_at = fields.expires_at ?? Math.min(nowMs + USUAL_MS, end);
  if (expires_at <= nowMs) return problem('expires_at', 'it has passed.');
  if (expires_at > nowMs + LONGEST_MS) return problem('expires_at', 'a token is of at most a year.');
  if (expires_at > end) return problem('expires_at', 'the token that this one is made with ends before it.');
  const { secret, hash, prefix } = newToken();
  const token: Token = {
    ...{ id: newId('tok', nowMs), prefix, name: fields.name, user, parent: principal.token?.id ?? null, role, teams },
    ...{ created_at: nowMs, expires_at, revoked_at: null, last_used_at: null },
  };
  await insertToken(tx.query, token, hash);
  const detail = { name: token.name, user, role, teams, expires_at: new Date(expires_at).toISOString() };
  await tx.audit({ at: nowMs, actor: by.actor, action: 'token.create', subject: token.id, detail });
  return ok({ token, secret });
}

interface Rights {
  readonly role: Role;
  readonly teams: readonly string[] | null;
  readonly user: string | null;
}

async function rightsOf({ tx }: By, principal: Principal, fields: NewToken): Promise<Result<Rights>> {
  let owner: { role: Role; teams: Teams; id: string | null } = { ...principal, id: principal.user };
  if (fields.user !== undefined && fields.user !== principal.user) {
    if (principal.role !== 'admin') return beyond('Tokens for other users are made by admins.');
    const user = await findUser(tx.query, fields.user);
    if (!user) return problem('user', `there is no user with the id ${fields.user}.`);
    owner = { role: user.role, teams: isOfTeams(user.role) ? new Set(user.teams) : null, id: user.id };
  }
  const role = fields.role ?? owner.role;
  if (!covers(owner.role, role)) return beyond(`A token of a ${owner.role} cannot have the role ${role}.`);
  const teams = fields.teams ?? null;
  if (!isOfTeams(role)) {
    return teams === null ? ok({ role, teams, user: owner.id }) : problem('teams', `${role} has to do with all teams.`);
  }
  if (owner.teams !== null) {
    if (teams?.some((team) => !owner.teams!.has(team))) {
      return beyond('A token has to do with no other teams than whoever it belongs to.');
    }
    // What a token makes stays within it.
    return ok({ role, teams: teams ?? (principal.token ? [...owner.teams] : null), user: owner.id });
  }
  if (teams === null || teams.length === 0) return problem('teams', `name the teams that the ${role} has to do with.`);
  const missing = await missingTeams(tx.query, teams);
  if (missing.length > 0) return problem('teams', `there is no team named ${missing[0]}.`);
  return ok({ role, teams, user: owner.id });
}

export async function revoke(by: By, principal: Principal, id: string): Promise<Result<Token>> {
  const { tx, actor, nowMs } = by;
  const revoked = await revokeToken(tx.query, id, whoseTokens(principal, false), nowMs);
  if (!revoked) return refused(refuse('not_found', `There is no token with the id ${id}.`));
  const detail = { name: revoked.name };
  await tx.audit({ at: nowMs, actor, action: 'token.revoke', subject: id, detail });
  return ok(revoked);
}

/** Who calls with this token; null: there is no such token, or it is not valid any more. */
export async function principalOfToken(query: Query, secret: string, nowMs: number): Promise<Result<Principal> | null> {
  if (!wellFormedToken(secret)) return null;
  const found = await findToken(query, hashOf(secret));
  if (!found || found.revoked_at !== null || found.parent_revoked || found.user_blocked) return null;
  if (found.expires_at <= nowMs) {
    const when = new Date(found.expires_at).toISOString();
    return refused(refuse('expired_api_key', `The token ended at ${when}. Make a new one.`));
  }
  const teams = teamsOf(found);
  if (teams === undefined) return null;
  const actor = found.user === null ? `token:${found.id}` : `user:${found.user}/${found.id}`;
  await tokenUsed(query, found, nowMs);
  const token = { id: found.id, endsAt: found.expires_at };
  return ok({ actor, role: found.role, teams, user: found.user, token });
}

/** Undefined: its user may not do any more what the token may. */
function teamsOf({ role, teams, user_role, user_teams }: FoundToken): Teams | undefined {
  if (user_role !== null && !covers(user_role, role)) return undefined;
  if (!isOfTeams(role)) return null;
  if (user_role === null || !isOfTeams(user_role)) return new Set(teams ?? []);
  return new Set(teams === null ? user_teams : teams.filter((team) => user_teams.includes(team)));
}

const problem = (param: string, words: string) => refused(refuse('invalid_value', `${param}: ${words}`, { param }));
const beyond = (words: string) => refused(refuse('insufficient_scope', words));
