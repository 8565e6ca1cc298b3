/**
 * Vectors compared in the database, by pgvector: an exact search of one scope, with no index but the scope's, so that nothing
 * is missed and vectors of any length live in one table. The table is a copy of what the prompts have as bytes: a scope's
 * missing rows are copied when it is first asked for, after a prompt is kept, and at most once a second behind a question,
 * so that it does not matter which gateway kept a prompt, or with which index. Rows go with their prompts.
 *
 * Searches have connections of their own, few, on which the database ends what takes longer than a second: one that is slow
 * neither piles up nor takes the connections of others. A question waits its time and no longer, and where too many wait it
 * is turned away.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../lib/clock.js';
import { after, within } from '../../lib/within.js';
import { underLock } from '../../store/migrate.js';
import { type Connection, openStore, type Store } from '../../store/pg.js';
import type { VectorIndex } from './vector-index.js';
import type { Neighbour } from './vectors.js';

type Pool = Store['pool'];
type OnError = (what: string, error: unknown) => void;

export interface PgVectorsOptions {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly onError: OnError;
  /** Where searches have connections of their own; left out: they use the pool. */
  readonly connection?: Connection;
}

interface CopiedScope {
  /** Copied up to here, but for what became visible late. */
  from: number;
  /** Everything was copied once. */
  whole: boolean;
  readAt: number;
  reading: Promise<void> | undefined;
}

const SEARCHES_AT_ONCE = 4;
const MOST_WAITING = 32;
/** Scopes that are being copied, by the connections that everything else uses too. */
const COPIES_AT_ONCE = 2;
const SEARCH_MS = 1_000;
const REFRESH_MS = 1_000;
const PAGE = 200;
/** Prompts that many numbers back may be kept by transactions that were still open. */
const OVERLAP = 1_000;
const MOST_SCOPES = 50_000;

/** Throws where the extension is neither there nor can be created, and says what to do. */
export async function openPgVectors(options: PgVectorsOptions): Promise<VectorIndex> {
  const schema = await underLock(options.pool, (client) => prepared(client));
  return new PgVectors(options, statementsIn(schema));
}

/** The schema of the extension; the table is there afterwards. */
async function prepared(client: Pick<Pool, 'query'>): Promise<string> {
  const found = () =>
    client.query<{ schema: string }>(
      `select quote_ident(nspname) as schema from pg_extension e join pg_namespace n on n.oid = extnamespace
       where extname = 'vector'`,
    );
  let { rows } = await found();
  if (rows.length === 0) {
    await createExtension(client);
    // Of an extension that was dropped: without its vectors. What is in it is a copy.
    await client.query('drop table if exists cache_vectors');
    ({ rows } = await found());
  }
  const { schema } = rows[0]!;
  await client.query(`
    create table if not exists cache_vectors (
      key    text collate "C" primary key references cache_prompts (key) on delete cascade,
      seq    bigint not null, -- of the prompt that it was copied from
      scope  text collate "C" not null,
      vector ${schema}.vector not null
    );
    create index if not exists cache_vectors_scope on cache_vectors (scope, seq)`);
  return schema;
}

async function createExtension(client: Pick<Pool, 'query'>): Promise<void> {
  const { rowCount } = await client.query(`select from pg_available_extensions where name = 'vector'`);
  if (rowCount === 0) {
    throw new Error(
      'cache.index is pgvector, but this Postgres does not have the extension "vector". Install pgvector on its server, or set cache.index to memory.',
    );
  }
  try {
    await client.query('create extension if not exists vector');
  } catch (error) {
    throw new Error(
      `cache.index is pgvector, but the extension "vector" could not be created (${(error as Error).message}). Let a superuser run "create extension vector" in this database, or set cache.index to memory.`,
      { cause: error },
    );
  }
}

type Statements = ReturnType<typeof statementsIn>;

/** The extension may be in a schema that is not searched. */
const statementsIn = (schema: string) => ({
  // The dot product, as in memory: the cosine, for vectors of length one. Another length would fail the whole scope.
  search: `
    select key, -(vector operator(${schema}.<#>) $2::${schema}.vector) as similarity from cache_vectors
    where scope = $1 and ${schema}.vector_dims(vector) = $3 order by similarity desc limit $4`,
  newest: 'select max(seq) as seq from cache_prompts where scope = $1',
  missing: `
    select seq, key, vector from cache_prompts p where scope = $1 and seq > $2
      and not exists (select from cache_vectors v where v.scope = p.scope and v.seq = p.seq)
    order by seq limit $3`,
  // The prompt may have gone or changed since it was read.
  copy: `
    insert into cache_vectors (key, seq, scope, vector)
    select key, seq, scope, $3::${schema}.vector from cache_prompts where key = $1 and seq = $2 for key share
    on conflict (key) do update set seq = excluded.seq, scope = excluded.scope, vector = excluded.vector
      where cache_vectors.seq < excluded.seq`,
  forget: `
    delete from cache_vectors v where scope = $1 and key = any($2)
      and not exists (select from cache_prompts p where p.key = v.key and p.scope = v.scope)`,
  size: `select count(*)::int as vectors, pg_total_relation_size('cache_vectors')::float8 as bytes from cache_vectors`,
});

class PgVectors implements VectorIndex {
  readonly #pool: Pool;
  readonly #searches: Pool;
  readonly #own: Store | undefined;
  readonly #clock: Clock;
  readonly #onError: OnError;
  readonly #sql: Statements;
  readonly #known = new LRUCache<string, CopiedScope>({ max: MOST_SCOPES });
  readonly #line: (() => void)[] = [];
  #waiting = 0;
  #copies = 0;

  constructor({ pool, connection, clock, onError }: PgVectorsOptions, sql: Statements) {
    this.#pool = pool;
    this.#own =
      connection &&
      openStore({
        ...connection,
        max: SEARCHES_AT_ONCE,
        statementTimeoutMs: SEARCH_MS,
        connectTimeoutMs: SEARCH_MS,
        onIdleError: (error) => onError('vectors', error),
      });
    this.#searches = this.#own?.pool ?? pool;
    this.#clock = clock;
    this.#onError = onError;
    this.#sql = sql;
  }

  async nearest(
    scope: string,
    vector: Float32Array,
    most: number,
    withinMs: number,
  ): Promise<readonly Neighbour[] | undefined> {
    const known = this.#of(scope);
    if (!known.whole) {
      await Promise.race([this.refresh(scope), after(withinMs)]);
      if (!known.whole) return undefined;
    } else if (this.#clock.monotonic() - known.readAt > REFRESH_MS) void this.refresh(scope);
    if (this.#waiting >= MOST_WAITING) throw new Error('too many searches wait for the database');
    this.#waiting += 1;
    const searched = this.#search(scope, vector, most).finally(() => {
      this.#waiting -= 1;
    });
    return within(searched, withinMs, 'the database did not search');
  }

  refresh(scope: string): Promise<void> {
    const known = this.#of(scope);
    known.reading ??= this.#inTurn(() => this.#copy(scope, known))
      .catch((error: unknown) => this.#onError('vectors', error))
      .finally(() => {
        known.reading = undefined;
      });
    return known.reading;
  }

  forget(scope: string, ids: readonly string[]): void {
    this.#pool.query(this.#sql.forget, [scope, ids]).catch((error: unknown) => this.#onError('vectors', error));
  }

  async size(): Promise<{ vectors: number; bytes: number }> {
    const { rows } = await this.#pool.query<{ vectors: number; bytes: number }>(this.#sql.size);
    return rows[0]!;
  }

  async close(): Promise<void> {
    await this.#own?.close();
  }

  async #search(scope: string, vector: Float32Array, most: number): Promise<Neighbour[]> {
    const values = [scope, wireOf(vector), vector.length, most];
    const { rows } = await this.#searches.query<{ key: string; similarity: number }>({
      name: 'tollgate_cache_search',
      text: this.#sql.search,
      values,
    });
    return rows.map(({ key, similarity }) => ({ id: key, similarity }));
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    if (this.#line.length >= MOST_WAITING) throw new Error('too many scopes wait to be copied');
    if (this.#copies >= COPIES_AT_ONCE) await new Promise<void>((go) => this.#line.push(go));
    else this.#copies += 1;
    try {
      await work();
    } finally {
      const next = this.#line.shift();
      if (next) next();
      else this.#copies -= 1;
    }
  }

  async #copy(scope: string, known: CopiedScope): Promise<void> {
    known.readAt = this.#clock.monotonic();
    const { newest, missing, copy } = this.#sql;
    const { rows } = await this.#pool.query<{ seq: string | null }>({
      name: 'tollgate_cache_newest',
      text: newest,
      values: [scope],
    });
    const to = Number(rows[0]?.seq ?? 0);
    for (let from = known.from; from < to; ) {
      const page = await this.#pool.query<{ seq: string; key: string; vector: Buffer }>({
        name: 'tollgate_cache_missing',
        text: missing,
        values: [scope, from, PAGE],
      });
      for (const { key, seq, vector } of page.rows) {
        await this.#pool.query({ name: 'tollgate_cache_copy', text: copy, values: [key, seq, wireOf(vector)] });
      }
      if (page.rows.length < PAGE) break;
      from = Number(page.rows.at(-1)!.seq);
    }
    known.from = Math.max(known.from, to - OVERLAP);
    known.whole = true;
  }

  #of(scope: string): CopiedScope {
    let known = this.#known.get(scope);
    if (!known) {
      known = { from: 0, whole: false, readAt: Number.NEGATIVE_INFINITY, reading: undefined };
      this.#known.set(scope, known);
    }
    return known;
  }
}

/** As pgvector sends and receives it: the length, two bytes of nothing, and floats in network order. */
function wireOf(vector: Float32Array | Buffer): Buffer {
  const floats = Buffer.from(
    vector instanceof Float32Array ? new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength) : vector,
  );
  const head = Buffer.alloc(4);
  head.writeUInt16BE(floats.length / 4);
  return Buffer.concat([head, floats.swap32()]);
}
