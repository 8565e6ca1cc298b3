/** The answer store and the purges in Postgres (the embedded database too). Throws where the database is away. */
import { randomBytes } from 'node:crypto';
import type { Store } from '../store/pg.js';
import { msOf, timeOf } from '../store/times.js';
import type { AnswerStore, CachedAnswer, Purge, PurgeKind } from './cache.js';
import type { PurgeStore } from './purges.js';

type Pool = Pick<Store, 'pool'>['pool'];

export interface AnswerRow extends Omit<CachedAnswer, 'body' | 'cost_nusd' | 'epoch' | 'created_at' | 'expires_at'> {
  readonly cost_nusd: string;
  readonly epoch: string;
  readonly created_ms: string;
  readonly expires_ms: string;
}

const names = [
  ...['key', 'id', 'model', 'team', 'key_id', 'tags', 'provider', 'target', 'served_model', 'price_version'],
  ...['tokens', 'cost_nusd', 'epoch'],
];
const columns = names.join(', ');

/** A larger body is written as it is and read in pieces, so that no turn of the loop has to do with all of its text. */
const LARGE_BYTES = 64 * 1024;
const sizeOf = `octet_length(a.body)`;
/** Of an answer `a`: its body, if it is not large, and how large it is. */
export const bodyColumns = `case when ${sizeOf} <= ${LARGE_BYTES} then a.body end as body, ${sizeOf} as body_bytes`;
export interface BodyRow {
  readonly body: Buffer | null;
  readonly body_bytes: number;
}

const pieces = `
  select substr(a.body, 1 + n * ${LARGE_BYTES}, ${LARGE_BYTES}) as piece
  from cache_answers a, generate_series(0, (${sizeOf} - 1) / ${LARGE_BYTES}) n where a.id = $1 order by n`;

/** The body of the answer with an id; undefined where it is gone meanwhile. */
export async function bodyOf(pool: Pool, id: string, { body, body_bytes }: BodyRow): Promise<Buffer | undefined> {
  if (body) return body;
  const { rows } = await pool.query<{ piece: Buffer }>({ name: 'tollgate_cache_body', text: pieces, values: [id] });
  const whole = Buffer.concat(rows.map(({ piece }) => piece));
  return whole.length === body_bytes ? whole : undefined;
}

const select = `
  select ${columns}, ${bodyColumns}, ${msOf('created_at')} as created_ms, ${msOf('expires_at')} as expires_ms
  from cache_answers a where key = $1`;

/** One parameter for the batch, as the ledger does it; bodies travel in base64, but for a large one, which comes alone. */
const insert = `
  insert into cache_answers (${columns}, body, created_at, expires_at)
  select key, id, model, team, key_id, tags, provider, target, served_model, price_version, tokens,
    cost_nusd, epoch, coalesce($2::bytea, decode(body, 'base64')), ${timeOf('created_at')}, ${timeOf('expires_at')}
  from json_to_recordset($1::json) as batch (
    key text, id text, body text, model text, team text, key_id text, tags text[], provider text, target text,
    served_model text, price_version text, tokens jsonb, cost_nusd bigint, epoch bigint, created_at bigint, expires_at bigint)
  on conflict (key) do update set
    id = excluded.id, body = excluded.body, tags = excluded.tags, key_id = excluded.key_id, provider = excluded.provider,
    target = excluded.target, served_model = excluded.served_model, price_version = excluded.price_version,
    tokens = excluded.tokens, cost_nusd = excluded.cost_nusd, epoch = excluded.epoch, created_at = excluded.created_at,
    expires_at = excluded.expires_at
    where excluded.created_at >= cache_answers.created_at`;

/** Whether a purge `p` names an answer `a`. */
const covers = `(
  p.kind = 'all' or (p.kind = 'model' and a.model = p.name) or (p.kind = 'team' and a.team = p.name)
  or (p.kind = 'key' and a.key_id = p.name) or (p.kind = 'entry' and a.id = p.name)
  or (p.kind = 'tag' and p.name = any(a.tags)))`;

/** Each kind of purge names what it covers; written out, so that the planner can use an index for each. */
const sweep = `
  delete from cache_answers where key in (
    select key from cache_answers where expires_at <= ${timeOf('$1')}
    union all
    select a.key from cache_answers a join json_to_recordset($2::json) as p (kind text, name text, seq bigint)
      on a.epoch < p.seq and ${covers}
    limit $3)`;

const count = `
  select count(*) as many from cache_answers a where expires_at > ${timeOf('$1')} and not exists (
    select from json_to_recordset($2::json) as p (kind text, name text, seq bigint) where a.epoch < p.seq and ${covers})`;
const named: Readonly<Record<PurgeKind, string>> = {
  all: 'true',
  model: 'model = $3',
  team: 'team = $3',
  key: 'key_id = $3',
  entry: 'id = $3',
  tag: '$3 = any(tags)',
};

export function pgAnswerStore(pool: Pool): AnswerStore {
  return {
    async get(key) {
      const text = { name: 'tollgate_cache_get', text: select, values: [key] };
      const { rows } = await pool.query<AnswerRow & BodyRow>(text);
      const [row] = rows;
      const body = row && (await bodyOf(pool, row.id, row));
      return body && answerOf(row, body);
    },
    async put(answers) {
      if (answers.length === 0) return;
      // Of two with one key in one statement Postgres would refuse the second.
      const batch = [...new Map(answers.map((answer) => [answer.key, answer])).values()];
      const small = batch.filter(({ body }) => body.length <= LARGE_BYTES);
      const json = JSON.stringify(small.map((answer) => ({ ...answer, body: answer.body.toString('base64') })));
      if (small.length > 0) await pool.query({ name: 'tollgate_cache_put', text: insert, values: [json, null] });
      for (const answer of batch) {
        if (answer.body.length <= LARGE_BYTES) continue;
        const { body, ...rest } = answer;
        await pool.query({ name: 'tollgate_cache_put', text: insert, values: [JSON.stringify([rest]), body] });
      }
    },
    async remove(id) {
      const { rowCount } = await pool.query('delete from cache_answers where id = $1', [id]);
      return rowCount === 1;
    },
    async count(kind, name, nowMs, purges) {
      const values = [nowMs, JSON.stringify(purges), ...(kind === 'all' ? [] : [name])];
      const { rows } = await pool.query<{ many: string }>(`${count} and ${named[kind]}`, values);
      return Number(rows[0]!.many);
    },
    async sweep(nowMs, purges, most) {
      const { rowCount } = await pool.query(sweep, [nowMs, JSON.stringify(purges), most]);
      return rowCount ?? 0;
    },
  };
}

const answerOf = (
  { body: _, body_bytes: _bytes, created_ms, expires_ms, ...row }: AnswerRow & BodyRow,
  body: Buffer,
): CachedAnswer => ({
  ...row,
  body,
  cost_nusd: Number(row.cost_nusd),
  epoch: Number(row.epoch),
  created_at: Number(created_ms),
  expires_at: Number(expires_ms),
});

export function pgPurgeStore(pool: Pool): PurgeStore {
  return {
    async since(seq) {
      const { rows } = await pool.query<{ kind: Purge['kind']; name: string; seq: string }>(
        'select kind, name, seq from cache_purges where seq > $1 order by seq',
        [seq],
      );
      return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
    },
    async add(kind, name) {
      const { rows } = await pool.query<{ seq: string }>('select tollgate_cache_purge($1, $2) as seq', [kind, name]);
      return { kind, name, seq: Number(rows[0]!.seq) };
    },
  };
}

/** The secret that all gateways of one database share, made by the first one. */
export async function pgCacheSecret(pool: Pool): Promise<Buffer> {
  await pool.query('insert into cache_secret (secret) values ($1) on conflict do nothing', [randomBytes(32)]);
  const { rows } = await pool.query<{ secret: Buffer }>('select secret from cache_secret');
  return rows[0]!.secret;
}
