/**
 * Keys in Postgres (the embedded database too). A write is one transaction whose rows are locked as they are read. Every
 * method throws where the database is away: who asked decides what that means. Triggers of the migrations announce changes
 * to other replicas when the transaction commits.
 */
import { and, asc, desc, eq, getTableColumns, gt, inArray, isNull, lt, sql } from 'drizzle-orm';
import type { Result } from '../lib/errors.js';
import type { Query } from '../lib/query.js';
import { type Database, drizzleOn } from '../store/pg.js';
import { inTransaction, queryOf } from '../store/query.js';
import { auditLog, idempotency, keys, teams } from '../store/schema.js';
import type { Key } from './key.js';
import type { KeyStore, KeyTx, Remembered } from './key-store.js';

type Transaction = ReturnType<typeof drizzleOn>;

const { hash: _, ...columns } = getTableColumns(keys);
/** All but the hash of the secret. */
export const keyColumns = columns;
const teamColumns = getTableColumns(teams);
const auditColumns = { ...getTableColumns(auditLog), id: sql<string>`${auditLog.id}::text` };

const MOST_WITH_USERS = 1_000;

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const timestamp = (ms: number) => sql`${new Date(ms).toISOString()}::timestamptz`;

/** Thrown to make the database undo a transaction whose work was refused. */
class Undo<T> extends Error {
  readonly result: Result<T>;
  constructor(result: Result<T>) {
    super('the work was refused');
    this.result = result;
  }
}

export function pgKeyStore(db: Database): KeyStore {
  return {
    async find(hash) {
      const sought = bytes(hash);
      const [row] = await db
        .select({
          key: keyColumns,
          team: teamColumns,
          ends: sql<
            string | null
          >`extract(epoch from (select ends_at from retired_secrets where hash = ${sought})) * 1000`,
        })
        .from(keys)
        .leftJoin(teams, eq(teams.id, keys.team))
        .where(
          sql`${keys.id} = coalesce((select id from keys where hash = ${sought}),
                                    (select key_id from retired_secrets where hash = ${sought}))`,
        );
      if (!row) return null;
      return { caller: { key: row.key, team: row.team }, secret_ends_at: row.ends === null ? null : Number(row.ends) };
    },
    key: async (id) => (await db.select(keyColumns).from(keys).where(eq(keys.id, id)))[0] ?? null,
    keys: ({ team, name, q, revoked, teams: only }, page) =>
      db
        .select(keyColumns)
        .from(keys)
        .where(
          and(
            team === undefined ? undefined : eq(keys.team, team),
            only ? inArray(keys.team, [...only]) : undefined,
            name === undefined ? undefined : sql`starts_with(${keys.name}, ${name})`,
            q === undefined
              ? undefined
              : sql`(strpos(lower(${keys.name}), lower(${q})) > 0 or ${keys.id} = ${q} or ${keys.prefix} = ${q})`,
            revoked ? undefined : isNull(keys.revoked_at),
            page.after === null ? undefined : lt(keys.id, page.after),
          ),
        )
        .orderBy(desc(keys.id))
        .limit(page.limit),
    team: async (id) => (await db.select().from(teams).where(eq(teams.id, id)))[0] ?? null,
    teams: (page, only, q) =>
      db
        .select()
        .from(teams)
        .where(
          and(
            q === undefined ? undefined : sql`strpos(lower(${teams.id}), lower(${q})) > 0`,
            page.after === null ? undefined : gt(teams.id, page.after),
            only ? inArray(teams.id, [...only]) : undefined,
          ),
        )
        .orderBy(asc(teams.id))
        .limit(page.limit),
    async withUserLimits(only) {
      const mine = only ? [...only] : null;
      const ofKeys = and(
        sql`${keys.user_limits} <> '[]'`,
        isNull(keys.revoked_at),
        mine ? inArray(keys.team, mine) : undefined,
      );
      return {
        keys: await db.select(keyColumns).from(keys).where(ofKeys).orderBy(asc(keys.id)).limit(MOST_WITH_USERS),
        teams: await db
          .select()
          .from(teams)
          .where(and(sql`${teams.user_limits} <> '[]'`, mine ? inArray(teams.id, mine) : undefined))
          .orderBy(asc(teams.id))
          .limit(MOST_WITH_USERS),
      };
    },
    audit: ({ subject, action, teams: only }, page) =>
      db
        .select(auditColumns)
        .from(auditLog)
        .where(
          and(
            subject === undefined ? undefined : eq(auditLog.subject, subject),
            action === undefined ? undefined : eq(auditLog.action, action),
            only ? sql`${auditLog.teams} && ${sql.param([...only])}::text[]` : undefined,
            page.after === null ? undefined : lt(auditLog.id, Number(page.after)),
          ),
        )
        .orderBy(desc(auditLog.id))
        .limit(page.limit),
    async write<T>(work: (tx: KeyTx) => Promise<Result<T>>): Promise<Result<T>> {
      try {
        return await inTransaction(db.$client, async (client) => {
          const result = await work(transaction(drizzleOn(client), queryOf(client)));
          if (!result.ok) throw new Undo(result);
          return result;
        });
      } catch (error) {
        if (error instanceof Undo) return error.result;
        throw error;
      }
    },
  };
}

function transaction(tx: Transaction, query: Query): KeyTx {
  return {
    query,
    lockKey: async (id) => (await tx.select(keyColumns).from(keys).where(eq(keys.id, id)).for('update'))[0] ?? null,
    async insertKey(key, hash) {
      const retired = await tx.execute(sql`select from retired_secrets where hash = ${bytes(hash)}`);
      if (retired.rows.length > 0) return false;
      const row = { ...written(key), hash: bytes(hash) };
      return (await tx.insert(keys).values(row).onConflictDoNothing().returning({ id: keys.id })).length > 0;
    },
    async updateKey(key) {
      const { id, prefix, created_at, ...fields } = written(key);
      await tx.update(keys).set(fields).where(eq(keys.id, id));
    },
    async replaceSecret(key, hash, oldEndsAt) {
      if (oldEndsAt === null) await tx.execute(sql`delete from retired_secrets where key_id = ${key.id}`);
      else {
        await tx.execute(sql`
          insert into retired_secrets (hash, key_id, ends_at)
          select hash, id, ${timestamp(oldEndsAt)} from keys where id = ${key.id}`);
      }
      await tx
        .update(keys)
        .set({ hash: bytes(hash), prefix: key.prefix })
        .where(eq(keys.id, key.id));
    },
    async hashesOf(id) {
      const found = await tx.execute<{ hash: string }>(sql`
        select encode(hash, 'hex') as hash from keys where id = ${id}
        union all select encode(hash, 'hex') from retired_secrets where key_id = ${id}`);
      return found.rows.map((row) => row.hash);
    },
    lockTeam: async (id) => (await tx.select().from(teams).where(eq(teams.id, id)).for('update'))[0] ?? null,
    async ensureTeam(team) {
      // A team that was there may be deleted between the two statements; then it is created after all.
      for (;;) {
        const created = await tx.insert(teams).values(team).onConflictDoNothing().returning({ id: teams.id });
        if (created.length > 0) return true;
        const there = await tx.select({ id: teams.id }).from(teams).where(eq(teams.id, team.id)).for('key share');
        if (there.length > 0) return false;
      }
    },
    async updateTeam({ id, created_at, ...fields }) {
      await tx.update(teams).set(fields).where(eq(teams.id, id));
    },
    async deleteTeam(id) {
      await tx.update(keys).set({ team: null }).where(eq(keys.team, id));
      // Another team may have its name one day, and is not to read what was captured for this one.
      await tx.execute(sql`insert into content_deletions (team, until) values (${id}, now())`);
      await tx.delete(teams).where(eq(teams.id, id));
    },
    async hasKeys(team) {
      const one = await tx
        .select({ id: keys.id })
        .from(keys)
        .where(and(eq(keys.team, team), isNull(keys.revoked_at)))
        .limit(1);
      return one.length > 0;
    },
    async audit(line) {
      await tx.insert(auditLog).values({ ...line, teams: [...(line.teams ?? [])] });
    },
    async claim({ key, route, request_hash }, now, since) {
      await tx.execute(sql`
        delete from idempotency where (key, route) in (
          select key, route from idempotency where created_at <= ${timestamp(since)} and (key, route) <> (${key}, ${route})
          limit 100 for update skip locked)`);
      const claimed = await tx
        .insert(idempotency)
        .values({ key, route, request_hash: bytes(request_hash), created_at: now })
        .onConflictDoUpdate({
          target: [idempotency.key, idempotency.route],
          set: { request_hash: bytes(request_hash), created_at: now, status: null, body: null },
          setWhere: sql`${idempotency.created_at} <= ${timestamp(since)} or ${idempotency.status} is null`,
        })
        .returning({ key: idempotency.key });
      return claimed.length > 0 ? null : prior(tx, key, route);
    },
    async remember({ key, route }, status, body) {
      await tx
        .update(idempotency)
        .set({ status, body })
        .where(and(eq(idempotency.key, key), eq(idempotency.route, route)));
    },
  };
}

async function prior(tx: Transaction, key: string, route: string): Promise<Remembered> {
  const [row] = await tx
    .select()
    .from(idempotency)
    .where(and(eq(idempotency.key, key), eq(idempotency.route, route)));
  if (row?.status == null) throw new Error('a remembered admin write vanished while it was read');
  return { request_hash: row.request_hash.toString('hex'), status: row.status, body: row.body };
}

/** Lists as arrays of their own, which is what the table's types ask for. */
const written = (key: Key) => ({
  ...key,
  models: key.models && [...key.models],
  endpoints: key.endpoints && [...key.endpoints],
  allowed_ips: key.allowed_ips && [...key.allowed_ips],
  tags: [...key.tags],
});
