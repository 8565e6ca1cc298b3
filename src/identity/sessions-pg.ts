/**
 * Sessions of users, and of the admin key, in Postgres: the SHA-256 of what a browser holds, who it is, and until when. A session
 * ends when it was not used for a while, after a longest time, and when its user's password or rights change or its admin key
 * is not in force any more.
 */
import type { Query } from '../lib/query.js';
import type { Role } from './roles.js';
import { timeOf } from './users-pg.js';

interface Session {
  /** Null: of the admin key. */
  readonly user: string | null;
  /** The beginning of the admin key's hash, as the audit log has it. */
  readonly admin: string | null;
}

export interface FoundSession extends Session {
  readonly ends_at: number;
  readonly seen_at: number;
  readonly role: Role | null;
  readonly teams: readonly string[];
  readonly blocked: boolean;
  readonly oidc: boolean;
}

/** Whoever has signed in: for a user with what was kept of the password that was compared, if there was one. */
export type SignedIn =
  | { readonly user: null; readonly admin: string }
  | { readonly user: string; readonly admin: null; readonly password: string }
  /** By OIDC. */
  | { readonly user: string; readonly admin: null; readonly password: null };

/** False: the user's password is another one by now, or the user is blocked or gone. */
export async function insertSession(
  query: Query,
  hash: Buffer,
  of: SignedIn,
  nowMs: number,
  endsMs: number,
): Promise<boolean> {
  const [now, ends] = [timeOf(nowMs), timeOf(endsMs)];
  await query('delete from sessions where ends_at < $1', [now]);
  const into = 'insert into sessions (hash, user_id, admin, created_at, seen_at, ends_at)';
  if (of.user === null) {
    await query(`${into} values ($1, null, $2, $3, $3, $4)`, [hash, of.admin, now, ends]);
    return true;
  }
  // The lock waits for a change under way, and is looked at again after it; a change that comes later ends this session.
  const made = await query(
    `insert into sessions (hash, user_id, oidc, created_at, seen_at, ends_at)
     select $1, id, $5::text is null, $3, $3, $4 from users
     where id = $2 and ($5 is null or password = $5) and blocked_at is null for share
     returning user_id`,
    [hash, of.user, now, ends, of.password],
  );
  return made.length > 0;
}

export async function findSession(query: Query, hash: Buffer): Promise<FoundSession | null> {
  const [found] = await query<FoundSession>(
    `select user_id as "user", admin, (extract(epoch from ends_at) * 1000)::float8 as ends_at,
       (extract(epoch from seen_at) * 1000)::float8 as seen_at, users.role,
       array(select team from user_teams where user_teams.user_id = sessions.user_id) as teams,
       users.blocked_at is not null as blocked, oidc
     from sessions left join users on users.id = sessions.user_id where hash = $1`,
    [hash],
  );
  return found ?? null;
}

export async function sessionSeen(query: Query, hash: Buffer, nowMs: number): Promise<void> {
  await query('update sessions set seen_at = $2 where hash = $1', [hash, timeOf(nowMs)]);
}

export async function deleteSession(query: Query, hash: Buffer): Promise<void> {
  await query('delete from sessions where hash = $1', [hash]);
}

/** A user by address, with what is kept of the password. */
export async function findForSignIn(query: Query, email: string) {
  const [found] = await query<{ id: string; password: string | null; blocked: boolean }>(
    'select id, password, blocked_at is not null as blocked from users where email = $1',
    [email],
  );
  return found ?? null;
}

export async function passwordOf(query: Query, id: string): Promise<string | null> {
  return (
    (await query<{ password: string | null }>('select password from users where id = $1', [id]))[0]?.password ?? null
  );
}
