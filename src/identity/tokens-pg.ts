/** Users' tokens for scripts in Postgres; of the token itself its SHA-256 is kept. */
import type { Query } from '../lib/query.js';
import type { Role } from './roles.js';
import type { Token } from './user.js';
import { timeOf } from './users-pg.js';

const msOf = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`;
const COLUMNS = `id, prefix, name, user_id as "user", parent_id as parent, role, teams, ${msOf('created_at')} as created_at,
  ${msOf('expires_at')} as expires_at, ${msOf('revoked_at')} as revoked_at, ${msOf('last_used_at')} as last_used_at`;

/** Whose tokens somebody has to do with: all, a user's, or a token's own and those that were made with it. */
export type Whose = { readonly user?: string | undefined; readonly token?: string | undefined };

const OF = '($1::text is null or user_id = $1) and ($2::text is null or id = $2 or parent_id = $2)';
const ofWhom = ({ user, token }: Whose) => [user ?? null, token ?? null];

export async function insertToken(query: Query, token: Token, hash: string): Promise<void> {
  await query(
    `insert into tokens (id, hash, prefix, name, user_id, parent_id, role, teams, created_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      ...[token.id, Buffer.from(hash, 'hex'), token.prefix, token.name, token.user, token.parent, token.role],
      ...[token.teams, timeOf(token.created_at), timeOf(token.expires_at)],
    ],
  );
}

/** Newest first. */
export async function listTokens(query: Query, whose: Whose, all: boolean, limit: number, after: string | null) {
  return query<Token>(
    `select ${COLUMNS} from tokens where ${OF} and ($3::text is null or id < $3) and ($4 or revoked_at is null)
     order by id desc limit $5`,
    [...ofWhom(whose), after, all, limit],
  );
}

/** Revokes it with all that were made with it; null: there is none such. */
export async function revokeToken(query: Query, id: string, whose: Whose, nowMs: number): Promise<Token | null> {
  const [there] = await query(`select id from tokens where ${OF} and id = $3 for update`, [...ofWhom(whose), id]);
  if (!there) return null;
  await query(
    `with recursive made as (
       select id from tokens where id = $1 union select tokens.id from tokens join made on tokens.parent_id = made.id
     ) update tokens set revoked_at = $2 where revoked_at is null and id in (select id from made)`,
    [id, timeOf(nowMs)],
  );
  return (await query<Token>(`select ${COLUMNS} from tokens where id = $1`, [id]))[0] ?? null;
}

/** A token with what its user may do now. */
export interface FoundToken extends Token {
  /** Null: it has no user. */
  readonly user_role: Role | null;
  readonly user_teams: readonly string[];
  readonly user_blocked: boolean;
  /** A token that it was made with, or that that one was made with, is revoked. */
  readonly parent_revoked: boolean;
}

export async function findToken(query: Query, hash: string): Promise<FoundToken | null> {
  const [found] = await query<FoundToken>(
    `select ${COLUMNS},
       (select role from users where users.id = user_id) as user_role,
       array(select team from user_teams where user_teams.user_id = tokens.user_id) as user_teams,
       coalesce((select blocked_at is not null from users where users.id = user_id), false) as user_blocked,
       parent_id is not null and exists (
         with recursive above as (
           select up.parent_id, up.revoked_at from tokens up where up.id = tokens.parent_id
           union all select up.parent_id, up.revoked_at from tokens up join above on up.id = above.parent_id
         ) select from above where revoked_at is not null
       ) as parent_revoked
     from tokens where hash = $1`,
    [Buffer.from(hash, 'hex')],
  );
  return found ?? null;
}

/** At most once a minute. */
export async function tokenUsed(query: Query, { id, user }: Token, nowMs: number): Promise<void> {
  const [now, before] = [timeOf(nowMs), timeOf(nowMs - 60_000)];
  await query('update tokens set last_used_at = $2 where id = $1 and coalesce(last_used_at, $3) <= $3', [
    ...[id, now, before],
  ]);
  if (user !== null) await userSeen(query, user, nowMs);
}

/** At most once a minute. */
export async function userSeen(query: Query, id: string, nowMs: number): Promise<void> {
  await query('update users set last_seen_at = $2 where id = $1 and coalesce(last_seen_at, $3) <= $3', [
    ...[id, timeOf(nowMs), timeOf(nowMs - 60_000)],
  ]);
}
