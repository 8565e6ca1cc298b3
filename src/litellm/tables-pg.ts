/**
 * LiteLLM's tables, read in pages inside one read-only transaction, so that what is read is of one moment. Rows are read as
 * JSON: a column that one of its versions lacks is a field that is not there. Nothing is written to its database.
 */
import type pg from 'pg';
import { isObject, type Json } from '../lib/json.js';
import { openStore } from '../store/pg.js';

export interface LitellmTables {
  /** All rows of a table, in pages by its key; a table that is not there has none. */
  pages(table: TableName): AsyncGenerator<readonly Json[]>;
  count(table: CountedName): Promise<number>;
  close(): Promise<void>;
}

/** Tables and the column by which each is paged. */
const keyOf = {
  LiteLLM_VerificationToken: 'token',
  LiteLLM_TeamTable: 'team_id',
  LiteLLM_UserTable: 'user_id',
  LiteLLM_BudgetTable: 'budget_id',
  LiteLLM_ModelTable: 'id',
  LiteLLM_ProxyModelTable: 'model_id',
  LiteLLM_OrganizationTable: 'organization_id',
  LiteLLM_ProjectTable: 'project_id',
  LiteLLM_EndUserTable: 'user_id',
  LiteLLM_TagTable: 'tag_name',
  LiteLLM_DeprecatedVerificationToken: 'id',
  LiteLLM_Config: 'param_name',
} as const;
export type TableName = keyof typeof keyOf;
/** Tables that are only counted. */
export type CountedName = TableName | 'LiteLLM_TeamMembership';

const PAGE = 500;
/** Parameters that Prisma reads and a driver does not. */
const OF_PRISMA = ['schema', 'connection_limit', 'pool_timeout', 'pgbouncer', 'socket_timeout', 'connect_timeout'];

export class NotLitellm extends Error {
  constructor(schema: string) {
    super(`has no table "LiteLLM_VerificationToken" in its schema "${schema}": it is not LiteLLM's`);
  }
}

/** Throws where the database cannot be reached, or is not LiteLLM's. */
export async function openTables(written: string): Promise<LitellmTables> {
  const url = new URL(written);
  const schema = url.searchParams.get('schema') ?? 'public';
  for (const name of OF_PRISMA) url.searchParams.delete(name);
  const store = openStore({
    ...{ url: url.href, max: 1, applicationName: 'tollgate import' },
    ...{ statementTimeoutMs: 600_000, connectTimeoutMs: 10_000 },
  });
  let client: pg.PoolClient | undefined;
  try {
    client = await store.pool.connect();
    await client.query('begin isolation level repeatable read read only');
    const { rows } = await client.query<{ name: string }>(
      'select table_name as name from information_schema.tables where table_schema = $1',
      [schema],
    );
    const there = new Set(rows.map(({ name }) => name));
    if (!there.has('LiteLLM_VerificationToken')) throw new NotLitellm(schema);
    return tables(client, schema, there, () => store.close());
  } catch (error) {
    client?.release(true);
    await store.close();
    throw error;
  }
}

function tables(
  client: pg.PoolClient,
  schema: string,
  there: ReadonlySet<string>,
  end: () => Promise<void>,
): LitellmTables {
  const nameOf = (table: CountedName) => `${quoted(schema)}.${quoted(table)}`;
  return {
    async *pages(table) {
      if (!there.has(table)) return;
      const key = quoted(keyOf[table]);
      let after: string | null = null;
      for (;;) {
        const { rows }: { rows: { row: unknown; key: string }[] } = await client.query(
          `select to_jsonb(t) as row, t.${key}::text collate "C" as key from ${nameOf(table)} t
           where $1::text is null or t.${key}::text collate "C" > $1 order by 2 limit ${PAGE}`,
          [after],
        );
        const page = rows.map(({ row }) => row).filter(isObject);
        if (page.length > 0) yield page;
        if (rows.length < PAGE) return;
        after = rows.at(-1)!.key;
      }
    },
    async count(table) {
      if (!there.has(table)) return 0;
      const { rows } = await client.query<{ count: string }>(`select count(*)::text as count from ${nameOf(table)}`);
      return Number(rows[0]!.count);
    },
    async close() {
      await client.query('rollback').catch(() => {});
      client.release(true);
      await end();
    },
  };
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
