/** Queries and transactions on the pool, for whoever writes SQL by hand. */
import type pg from 'pg';
import type { Query, Sql } from '../lib/query.js';

export const queryOf =
  (client: pg.Pool | pg.PoolClient): Query =>
  async <T extends object>(text: string, values: readonly unknown[] = []) =>
    (await client.query<T & pg.QueryResultRow>(text, values as unknown[])).rows;

/** `begin`: how the transaction begins, e.g. `begin isolation level repeatable read read only`. */
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
    await client.query('rollback').catch((lost: Error) => {
      broken = lost;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

export const sqlOf = (pool: pg.Pool): Sql => ({
  query: queryOf(pool),
  transaction: (work) => inTransaction(pool, (client) => work(queryOf(client))),
});
