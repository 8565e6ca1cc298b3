/** Transactions on a connection that fails: what is asked of it afterwards, and whether it is used again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type pg from 'pg';
import { inTransaction } from '../../src/store/query.js';

/** A pool of one connection, on which each query ends as `answer` says. */
function poolOf(answer: (text: string) => unknown) {
  const asked: string[] = [];
  const released: (Error | undefined)[] = [];
  const client = {
    query: async (text: string) => {
      asked.push(text);
      return answer(text);
    },
    release: (broken?: Error) => void released.push(broken),
  };
  return { pool: { connect: async () => client } as unknown as pg.Pool, asked, released };
}

const fails = (on: string, error: Error) => (text: string) => {
  if (text === on) throw error;
};

test('a connection on which no answer came is closed, and not waited for a second time', async () => {
  const late = new Error('Query read timeout');
  const { pool, asked, released } = poolOf(fails('work', late));
  await assert.rejects(
    inTransaction(pool, (client) => client.query('work')),
    late,
  );
  assert.deepEqual([asked, released], [['begin', 'work'], [late]]);
});

test('one on which an error came is rolled back and used again, and closed where that fails too', async () => {
  const wrong = new Error('duplicate key');
  const { pool, asked, released } = poolOf(fails('work', wrong));
  await assert.rejects(
    inTransaction(pool, (client) => client.query('work')),
    wrong,
  );
  assert.deepEqual([asked, released], [['begin', 'work', 'rollback'], [undefined]]);
  const lost = new Error('Connection terminated');
  const gone = poolOf((text) => {
    if (text !== 'begin') throw lost;
  });
  await assert.rejects(
    inTransaction(gone.pool, (client) => client.query('work')),
    lost,
  );
  assert.deepEqual(gone.released, [lost]);
});
