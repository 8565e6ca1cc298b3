/**
 * Users in Postgres. Nothing of them is remembered by a gateway: the admin API asks for them at each request, so that what
 * changes is in force at once, on every replica.
 */
import type { Query } from '../lib/query.js';
import type { Role } from './roles.js';
import type { User } from './user.js';

const msOf = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`;
const TEAMS = 'array(select team from user_teams where user_id = users.id order by team)';
const COLUMNS = `id, email, name, role, ${TEAMS} as teams, password is not null as has_password, issuer,
  ${msOf('created_at')} as created_at, ${msOf('updated_at')} as updated_at, ${msOf('blocked_at')} as blocked_at,
  ${msOf('last_seen_at')} as last_seen_at`;

export const timeOf = (ms: number): string => new Date(ms).toISOString();

export interface UserFilter {
  /** A part of the name or the address. */
  readonly q?: string | undefined;
  readonly role?: Role | undefined;
  readonly team?: string | undefined;
}

export async function findUser(query: Query, id: string): Promise<User | null> {
  return (await query<User>(`select ${COLUMNS} from users where id = $1`, [id]))[0] ?? null;
}

/**
 * Locks are taken in one order, so that nobody waits for each other: that of a subject, that of an address, those of users, that of
 * the admins. The user stays as it is until the transaction ends.
 */
export async function lockUser(query: Query, id: string): Promise<User | null> {
  const [there] = await query(`select id from users where id = $1 for update`, [id]);
  return there ? findUser(query, id) : null;
}

/** Whoever signs in for an issuer's subject does so one after the other. */
export async function lockSubject(query: Query, issuer: string, subject: string): Promise<void> {
  await query(`select pg_advisory_xact_lock(hashtextextended('subject ' || $1::text, 0))`, [`${issuer} ${subject}`]);
}

export async function lockUserOf(query: Query, issuer: string, subject: string): Promise<User | null> {
  const [of] = await query<{ id: string }>('select id from users where issuer = $1 and subject = $2', [
    issuer,
    subject,
  ]);
  return of ? lockUser(query, of.id) : null;
}

export async function lockUserOfAddress(query: Query, email: string): Promise<User | null> {
  const [of] = await query<{ id: string }>('select id from users where email = $1', [email]);
  const user = of ? await lockUser(query, of.id) : null;
  return user?.email === email ? user : null;
}

/** Whether no user has the address: it stays so where the address is locked. */
export async function isFree(query: Query, email: string): Promise<boolean> {
  return (await query('select 1 from users where email = $1', [email])).length === 0;
}

export async function setSubject(query: Query, id: string, issuer: string, subject: string): Promise<void> {
  await query('update users set issuer = $2, subject = $3 where id = $1', [id, issuer, subject]);
}

/** Newest first. */
export async function listUsers(query: Query, filter: UserFilter, limit: number, after: string | null) {
  return query<User>(
    `select ${COLUMNS} from users
     where ($1::text is null or id < $1) and ($2::text is null or role = $2)
       and ($3::text is null or exists (select from user_teams where user_id = users.id and team = $3))
       and ($4::text is null or position(lower($4) in lower(name)) > 0 or position(lower($4) in email) > 0)
     order by id desc limit $5`,
    [after, filter.role ?? null, filter.team ?? null, filter.q ?? null, limit],
  );
}

/** How many users have to do with each of the teams by name. Those with nobody are left out. */
export async function countMembers(query: Query, teams: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await query<{ team: string; members: number }>(
    'select team, count(*)::int as members from user_teams where team = any($1::text[]) group by team',
    [teams],
  );
  return new Map(rows.map(({ team, members }) => [team, members]));
}

/** Whoever gives two users one address does so one after the other. */
export async function lockAddress(query: Query, email: string): Promise<void> {
  await query(`select pg_advisory_xact_lock(hashtextextended('user ' || $1::text, 0))`, [email]);
}

/** False: there is a user of this address, which is locked. */
export async function insertUser(query: Query, user: User, password: string | null): Promise<boolean> {
  const made = await query(
    `insert into users (id, email, name, role, password, issuer, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $7)
     on conflict do nothing returning id`,
    [user.id, user.email, user.name, user.role, password, user.issuer, timeOf(user.created_at)],
  );
  if (made.length === 0) return false;
  await setTeams(query, user.id, user.teams);
  return true;
}

/** Another address is locked and free. */
export async function updateUser(query: Query, user: User): Promise<void> {
  await query('update users set email = $2, name = $3, role = $4, updated_at = $5, blocked_at = $6 where id = $1', [
    ...[user.id, user.email, user.name, user.role, timeOf(user.updated_at)],
    user.blocked_at === null ? null : timeOf(user.blocked_at),
  ]);
  await setTeams(query, user.id, user.teams);
}

async function setTeams(query: Query, id: string, teams: readonly string[]): Promise<void> {
  await query('delete from user_teams where user_id = $1 and team <> all($2::text[])', [id, teams]);
  await query('insert into user_teams select $1, unnest($2::text[]) on conflict do nothing', [id, teams]);
}

/** `password` is what scrypt made of it; null: none. */
export async function setPassword(query: Query, id: string, password: string | null): Promise<void> {
  await query('update users set password = $2 where id = $1', [id, password]);
}

export async function deleteUser(query: Query, id: string): Promise<void> {
  await query('delete from users where id = $1', [id]);
}

/** Ends all sessions of a user but one, which stays where its hash is given. */
export async function endSessions(query: Query, id: string, except: Buffer | null = null): Promise<void> {
  await query('delete from sessions where user_id = $1 and ($2::bytea is null or hash <> $2)', [id, except]);
}

/** Whether another user than this one is an admin who can sign in. Whoever asks does so one after the other, until the transaction ends. */
export async function hasOtherAdmin(query: Query, id: string): Promise<boolean> {
  await query(`select pg_advisory_xact_lock(hashtextextended('last admin', 0))`);
  const others = await query(`select 1 from users where role = 'admin' and blocked_at is null and id <> $1 limit 1`, [
    id,
  ]);
  return others.length > 0;
}

/** Of these names, those that no team has. The teams stay until the transaction ends. */
export async function missingTeams(query: Query, teams: readonly string[]): Promise<readonly string[]> {
  const there = await query<{ id: string }>('select id from teams where id = any($1::text[]) for key share', [teams]);
  const names = new Set(there.map(({ id }) => id));
  return teams.filter((team) => !names.has(team));
}
