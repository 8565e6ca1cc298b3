/**
 * Builds on the ledger's large partitions the indexes that a migration left out there: one after the other, without keeping anybody
 * from writing (`create index concurrently`). One replica at a time works; what a process that ended left half built is
 * built anew. Throws where the database is away.
 */
import type { Pool, PoolClient } from 'pg';

const LOCK = '8390043843661231208';

const late = {
  entries_error: '(error, at, id) where error is not null',
  entries_cost: '(total_nusd) where total_nusd > 0',
  entries_cache: "(cache, at, id) where cache in ('hit', 'semantic')",
} as const;

/** Answers the names of the indexes that were built now. */
export async function buildIndexes(pool: Pool): Promise<readonly string[]> {
  const missing = await missingOf(pool);
  if (missing.length === 0) return [];
  const client = await pool.connect();
  const run = (text: string) => client.query({ text, query_timeout: 2 ** 31 - 1 } as never);
  const built: string[] = [];
  try {
    const { rows } = await client.query<{ got: boolean }>(`select pg_try_advisory_lock(${LOCK}) as got`);
    if (!rows[0]?.got) return [];
    await run('set statement_timeout = 0');
    for (const { partition, index } of await missingOf(client)) {
      const name = `${partition}_${index.slice('entries_'.length)}`;
      await run(`drop index if exists ${name}`);
      await run(`create index concurrently ${name} on ${partition} ${late[index]}`);
      await run(`alter index ${index} attach partition ${name}`);
      built.push(name);
    }
    return built;
  } finally {
    // The connection ends, and with it the lock and what was set.
    client.release(true);
  }
}

interface Missing {
  readonly partition: string;
  readonly index: keyof typeof late;
}

async function missingOf(pool: Pick<Pool, 'query'> | PoolClient): Promise<readonly Missing[]> {
  const { rows } = await pool.query<Missing>(
    `select c.relname as partition, wanted.index from unnest($1::text[]) as wanted (index)
     cross join pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'entries'::regclass and c.relname ~ '^entries_(\\d{6}|default)$' and not exists (
       select from pg_inherits child join pg_index x on x.indexrelid = child.inhrelid
       where child.inhparent = wanted.index::regclass and x.indrelid = c.oid)
     order by c.relname desc, wanted.index`,
    [Object.keys(late)],
  );
  return rows;
}
