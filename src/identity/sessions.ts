/** Begins sessions, and says who calls with one. What a browser holds is 256 random bits; what is kept is their SHA-256. */
import { hash as digest } from 'node:crypto';
import { randomSecret } from '../lib/ids.js';
import type { Query } from '../lib/query.js';
import { isOfTeams, type Principal } from './roles.js';
import { deleteSession, findSession, insertSession, type SignedIn, sessionSeen } from './sessions-pg.js';
import { userSeen } from './tokens-pg.js';

export interface SessionTimes {
  /** Milliseconds without a request after which it ends. */
  readonly idle: number;
  /** Milliseconds after which it ends in any case. */
  readonly longest: number;
}

const SEEN_EVERY_MS = 60_000;

export const sessionHash = (secret: string): Buffer => digest('sha256', secret, 'buffer');

/** Answers what the browser is to hold; null: who signed in may not any more. */
export async function beginSession(
  query: Query,
  of: SignedIn,
  nowMs: number,
  times: SessionTimes,
): Promise<string | null> {
  const secret = randomSecret(32).toString('base64url');
  return (await insertSession(query, sessionHash(secret), of, nowMs, nowMs + times.longest)) ? secret : null;
}

/** Null: there is no such session, or it has ended. `adminActor`: who the admin key in force is. */
export async function principalOfSession(
  query: Query,
  secret: string,
  { nowMs, times, adminActor }: { nowMs: number; times: SessionTimes; adminActor: string | null },
): Promise<Principal | null> {
  const hash = sessionHash(secret);
  const found = await findSession(query, hash);
  if (!found) return null;
  const { user, admin, role, blocked } = found;
  const over = nowMs >= found.ends_at || nowMs >= found.seen_at + times.idle;
  if (over || blocked || (user === null && (admin === null || admin !== adminActor))) {
    await deleteSession(query, hash);
    return null;
  }
  if (nowMs >= found.seen_at + Math.min(SEEN_EVERY_MS, times.idle / 4)) {
    await sessionSeen(query, hash, nowMs);
    if (user !== null) await userSeen(query, user, nowMs);
  }
  const session = { hash, endsAt: Math.min(found.ends_at, nowMs + times.idle), oidc: found.oidc };
  if (user === null) return { actor: admin!, role: 'admin', teams: null, user: null, token: null, session };
  const teams = isOfTeams(role!) ? new Set(found.teams) : null;
  return { actor: `user:${user}`, role: role!, teams, user, token: null, session };
}
