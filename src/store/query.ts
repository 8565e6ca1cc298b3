/** Queries and transactions on the pool, for whoever writes SQL by hand. */
import type pg from 'pg';
import type { Query, Sql } from '../lib/query.js';

export const queryOf =
  (client: pg.Pool | pg.PoolClient): Query =>
  async <T extends object>(text: string, values: readonly unknown[] = []) =>
    (await client.query<T & pg.QueryResultRow>(text, values as unknown[])).rows;

/**
 * `begin`: how the transaction begins, e.g. `begin isolation level repeatable read read only`. A connection on which an answer did not
 * come is closed: to roll back on it would be to wait for that answer once more.
 */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
  begin = 'begin',
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query(begin);
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    if (isUnanswered(error)) broken = error;
    else
      await client.query('rollback').catch((lost: Error) => {
        broken = lost;
      });
    throw error;
  } finally {
    client.release(broken);
  }
}

/** The driver gave up waiting. */
const isUnanswered = (error: unknown): error is Error =>
  error instanceof Error && error.message === 'Query read timeout';

export const sqlOf = (pool: pg.Pool): Sql => ({
  query: queryOf(pool),
  transaction: (work) => inTransaction(pool, (client) => work(queryOf(client))),
});
