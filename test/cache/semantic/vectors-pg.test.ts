/** The index of vectors in the database: the contract of every index, and what only this one has. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type pg from 'pg';
import { pgAnswerStore } from '../../../src/cache/answers-pg.js';
import { pgPromptStore } from '../../../src/cache/semantic/prompts-pg.js';
import type { VectorIndex } from '../../../src/cache/semantic/vector-index.js';
import { openPgVectors, type PgVectorsOptions } from '../../../src/cache/semantic/vectors-pg.js';
import { migrate } from '../../../src/store/migrate.js';
import { openStore, type Store } from '../../../src/store/pg.js';
import { dot, kept, keysOf, unit, vectorIndexContract } from '../../contract/vector-index.js';
import { ManualClock } from '../../support/clock.js';
import { freshDatabase } from '../../support/postgres.js';
import { startVectorPostgres, type VectorPostgres } from '../../support/vector-postgres.js';

const WITHIN_MS = 20_000;

vectorIndexContract('pgvector', async () => {
  const postgres = await startVectorPostgres();
  const store = openStore({ url: postgres.url });
  await migrate(store.pool);
  return {
    answers: pgAnswerStore(store.pool),
    prompts: pgPromptStore(store.pool),
    index: (_, clock, onError) => openPgVectors({ ...{ pool: store.pool, clock, onError }, connection: postgres }),
    close: async () => {
      await store.close();
      await postgres.close();
    },
  };
});

describe('vectors in the database', () => {
  let postgres: VectorPostgres;
  let store: Store;
  let index: VectorIndex;
  const clock = new ManualClock();
  const errors: string[] = [];
  const onError = (_: string, error: unknown) => void errors.push((error as Error).message);
  const options = (): PgVectorsOptions => ({ pool: store.pool, connection: postgres, clock, onError });
  const stores = () => ({ answers: pgAnswerStore(store.pool), prompts: pgPromptStore(store.pool) });
  const rowsOf = async (scope: string) =>
    (await store.pool.query('select from cache_vectors where scope = $1', [scope])).rowCount;
  const vector = unit(384);

  before(async () => {
    postgres = await startVectorPostgres();
    store = openStore({ url: postgres.url });
    await migrate(store.pool);
  });
  after(async () => {
    await index?.close();
    await store?.close();
    await postgres?.close();
  });

  it('are there once the setting asks for them, and not before', async () => {
    const made = async () =>
      (
        await store.pool.query(
          `select to_regclass('cache_vectors') is not null as table,
                  exists (select from pg_extension where extname = 'vector') as extension`,
        )
      ).rows[0];
    assert.deepEqual(await made(), { table: false, extension: false });
    await kept(stores(), 'earlier', vector); // by a gateway that searched in memory
    const both = await Promise.all([openPgVectors(options()), openPgVectors(options())]);
    assert.deepEqual(await made(), { table: true, extension: true });
    await both[1]!.close();
    index = both[0]!;
  });

  it('are copied of prompts that were kept with another index, before and since', async () => {
    assert.equal((await index.nearest('earlier', vector, 12, WITHIN_MS))!.length, 1);
    const key = await kept(stores(), 'earlier', unit(384));
    clock.advance(1_001);
    await index.nearest('earlier', vector, 12, WITHIN_MS);
    await index.refresh('earlier');
    assert.ok(keysOf(await index.nearest('earlier', vector, 12, WITHIN_MS))!.includes(key));
  });

  it('are copied again where a gateway with another index changed the prompt', async () => {
    await kept(stores(), 'changed', vector, { key: 'changed' });
    await index.nearest('changed', vector, 12, WITHIN_MS);
    const next = unit(384);
    await kept(stores(), 'changed', next, { key: 'changed' });
    await index.refresh('changed');
    const [found] = (await index.nearest('changed', vector, 12, WITHIN_MS))!;
    assert.ok(Math.abs(found!.similarity - dot(vector, next)) < 1e-4);
    assert.equal(await rowsOf('changed'), 1);
  });

  it('are found though a prompt with a lower number became visible later', async () => {
    await index.nearest('late', vector, 12, WITHIN_MS);
    const late = await kept(stores(), 'elsewhere', vector, { key: 'late' });
    const first = await kept(stores(), 'late', vector);
    await index.refresh('late');
    await store.pool.query(`update cache_prompts set scope = 'late' where key = $1`, [late]); // its number stays
    await index.refresh('late');
    assert.deepEqual(keysOf(await index.nearest('late', vector, 12, WITHIN_MS))!.sort(), [first, late].sort());
  });

  it('go with their answers: by id, by age, by a purge, and with the team', async () => {
    const { answers, prompts } = stores();
    const now = 1_764_000_000_000; // when answers of the contract are made
    await store.pool.query(`insert into teams (id) values ('leaver')`);
    const fields = [
      { id: 'cch_single' },
      { expires_at: now - 1 },
      { model: 'purged' },
      { team: 'leaver', expires_at: now + 60_000 },
      { key: 'stays', expires_at: now + 60_000 },
    ];
    for (const field of fields)
      await kept({ answers, prompts }, 'going', vector, { expires_at: now + 60_000, ...field });
    assert.equal((await index.nearest('going', vector, 12, WITHIN_MS))!.length, 5);
    await answers.remove('cch_single');
    assert.equal(await rowsOf('going'), 4);
    await answers.sweep(now, [], 100);
    assert.equal(await rowsOf('going'), 3);
    await answers.sweep(now, [{ kind: 'model', name: 'purged', seq: 1 }], 100);
    assert.equal(await rowsOf('going'), 2);
    await store.pool.query(`delete from teams where id = 'leaver'`);
    assert.deepEqual(keysOf(await index.nearest('going', vector, 12, WITHIN_MS)), ['stays']);
    assert.equal(await rowsOf('going'), 1);
  });

  it('are not copied of a prompt that goes meanwhile', async () => {
    const { answers, prompts } = stores();
    await kept({ answers, prompts }, 'fleeting', vector, { id: 'cch_fleeting' });
    const pool = watched(store.pool, async (name) => {
      if (name === 'tollgate_cache_copy') await answers.remove('cch_fleeting');
    });
    const one = await openPgVectors({ ...options(), pool });
    assert.deepEqual(await one.nearest('fleeting', vector, 12, WITHIN_MS), []);
    assert.equal(await rowsOf('fleeting'), 0);
    await one.close();
  });

  it('are not searched for longer than asked, nor by more than have room, where the database does not answer', async () => {
    let hangs = false;
    const pool = watched(store.pool, async () => {
      if (hangs) await new Promise(() => {});
    });
    const one = await openPgVectors({ pool, clock, onError });
    assert.deepEqual(await one.nearest('hanging', vector, 12, WITHIN_MS), []);
    hangs = true;
    const before = performance.now();
    const all = await Promise.allSettled(Array.from({ length: 33 }, () => one.nearest('hanging', vector, 12, 50)));
    assert.ok(performance.now() - before < 5_000);
    const said = all.map((one) => (one.status === 'rejected' ? String(one.reason) : 'found'));
    assert.match(said[0]!, /did not search within 50 ms/);
    assert.match(said[32]!, /too many/);
    assert.equal(await one.nearest('never copied', vector, 12, 50), undefined);
  });

  it('fail a question where the database fails it, and answer the next one', async () => {
    let fails = true;
    const pool = watched(store.pool, async () => {
      if (fails) throw new Error('away');
    });
    fails = false;
    const one = await openPgVectors({ pool, clock, onError });
    fails = true;
    errors.length = 0;
    assert.equal(await one.nearest('changed', vector, 12, WITHIN_MS), undefined);
    assert.deepEqual(errors, ['away']);
    fails = false;
    assert.equal((await one.nearest('changed', vector, 12, WITHIN_MS))!.length, 1);
    fails = true;
    await assert.rejects(one.nearest('changed', vector, 12, WITHIN_MS), /away/);
    fails = false;
    assert.equal((await one.nearest('changed', vector, 12, WITHIN_MS))!.length, 1);
  });

  it('are refused where they are no numbers, and the scope goes on', async () => {
    await assert.rejects(index.nearest('changed', Float32Array.of(Number.NaN, 1), 12, WITHIN_MS), /NaN/);
    assert.equal((await index.nearest('changed', vector, 12, WITHIN_MS))!.length, 1);
  });

  it('are made anew where the extension was dropped under them', async () => {
    await store.pool.query('drop extension vector cascade');
    await assert.rejects(index.nearest('earlier', vector, 12, WITHIN_MS));
    const fresh = openStore({ url: postgres.url });
    const one = await openPgVectors({ ...options(), pool: fresh.pool });
    assert.equal((await one.nearest('earlier', vector, 12, WITHIN_MS))!.length, 2);
    await one.close();
    await fresh.close();
  });

  it('are found with the extension in a schema that is not searched', async () => {
    await store.pool.query(`drop table cache_vectors; drop extension vector; create schema "Ex ""tra"`);
    await store.pool.query(`create extension vector schema "Ex ""tra"`);
    const fresh = openStore({ url: postgres.url });
    const one = await openPgVectors({ ...options(), pool: fresh.pool });
    assert.equal((await one.nearest('earlier', vector, 12, WITHIN_MS))!.length, 2);
    await one.close();
    await fresh.close();
  });

  it('are refused at the start where the extension may not be created', async () => {
    await store.pool.query('drop table cache_vectors; drop extension vector');
    await store.pool.query('create role modest; grant all on schema public to modest');
    await store.pool.query('grant all on all tables in schema public to modest');
    const modest = openStore({ url: postgres.url, max: 1 });
    await modest.pool.query('set role modest');
    try {
      await assert.rejects(
        openPgVectors({ ...options(), pool: modest.pool }),
        /could not be created \(permission denied.*Let a superuser run "create extension vector".*cache\.index to memory/,
      );
    } finally {
      await modest.close();
      await store.pool.query('reset role'); // PGlite is one session
      await store.pool.query('drop owned by modest; drop role modest');
    }
    const { rows } = await store.pool.query(`select to_regclass('cache_vectors') as table`);
    assert.deepEqual(rows, [{ table: null }]);
  });
});

describe('vectors in a database without pgvector', () => {
  it('are refused at the start, with what to do, and nothing is touched', async (t) => {
    const database = await freshDatabase();
    const store = openStore({ url: database.url });
    t.after(async () => {
      await store.close();
      await database.drop();
    });
    const available = `select from pg_available_extensions where name = 'vector'`;
    if ((await store.pool.query(available)).rowCount) return t.skip('this server has pgvector');
    await migrate(store.pool);
    const options = { pool: store.pool, clock: new ManualClock(), onError: () => {} };
    await assert.rejects(openPgVectors(options), /does not have the extension "vector"\. Install pgvector.*memory/);
    const { rows } = await store.pool.query(`select to_regclass('cache_vectors') as table`);
    assert.deepEqual(rows, [{ table: null }]);
    assert.deepEqual(await migrate(store.pool), []);
  });
});

/** A pool that is told of every query before it is asked. */
function watched(pool: pg.Pool, before: (name: string | undefined) => Promise<void>): pg.Pool {
  return new Proxy(pool, {
    get(of, property) {
      const value = Reflect.get(of, property) as unknown;
      if (property === 'query')
        return async (query: { name?: string }, values: unknown[]) => {
          await before(query.name);
          return of.query(query as never, values);
        };
      return typeof value === 'function' ? value.bind(of) : value;
    },
  });
}
