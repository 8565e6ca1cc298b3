/** Stored responses in Postgres (the embedded database too). Throws where the database is away. */
import type { Store } from '../store/pg.js';
import { msOf, timeOf } from '../store/times.js';
import { sweepOf } from './kept-pg.js';
import type { ResponseRow, ResponseStore } from './stored-response.js';

interface Row {
  readonly id: string;
  readonly key_id: string;
  readonly status: string;
  readonly background: boolean;
  readonly item_ids: string[];
  readonly body: Buffer;
  readonly created_ms: string;
  readonly expires_ms: string;
  readonly running_ms: string | null;
}

const columns = `id, key_id, status, background, item_ids, body, ${msOf('created_at')} as created_ms,
  ${msOf('expires_at')} as expires_ms, ${msOf('running_until')} as running_ms`;

const put = `
  insert into stored_responses (id, key_id, status, background, item_ids, body, created_at, expires_at, running_until)
  values ($1, $2, $3, $4, $5, $6, ${timeOf('$7')}, ${timeOf('$8')}, ${timeOf('$9')})
  on conflict (id) do update set status = excluded.status, item_ids = excluded.item_ids, body = excluded.body,
    expires_at = excluded.expires_at, running_until = excluded.running_until
    where stored_responses.key_id = excluded.key_id
      and (not stored_responses.cancelled or excluded.status = 'cancelled')`;

const sweep = sweepOf('stored_responses');

export function pgResponseStore(pool: Store['pool']): ResponseStore {
  return {
    async put(row) {
      const { id, keyId, status, background, itemIds, body, createdAtMs, expiresAtMs, runningUntilMs } = row;
      const values = [id, keyId, status, background, itemIds, body, createdAtMs, expiresAtMs, runningUntilMs];
      const { rowCount } = await pool.query({ name: 'tollgate_response_put', text: put, values });
      return rowCount === 1;
    },
    async get(id, keyId, nowMs) {
      const text = `select ${columns} from stored_responses where id = $1 and key_id = $2 and expires_at > ${timeOf('$3')}`;
      const { rows } = await pool.query<Row>({ name: 'tollgate_response_get', text, values: [id, keyId, nowMs] });
      return rows[0] && rowOf(rows[0]);
    },
    async remove(id, keyId) {
      const text = 'delete from stored_responses where id = $1 and key_id = $2';
      return (await pool.query({ text, values: [id, keyId] })).rowCount === 1;
    },
    async holding(itemIds, keyId, nowMs, most) {
      const text = `select ${columns} from stored_responses where key_id = $1 and item_ids && $2 and expires_at > ${timeOf('$3')}
        order by created_at desc limit $4`;
      return (await pool.query<Row>({ text, values: [keyId, itemIds, nowMs, most] })).rows.map(rowOf);
    },
    async cancel(id, keyId) {
      const text = 'update stored_responses set cancelled = true where id = $1 and key_id = $2';
      await pool.query({ text, values: [id, keyId] });
    },
    async cancelled(ids) {
      const text = 'select id from stored_responses where id = any($1) and cancelled';
      return (await pool.query<{ id: string }>({ text, values: [ids] })).rows.map(({ id }) => id);
    },
    async sweep(nowMs, most) {
      return (await pool.query({ text: sweep, values: [nowMs, most] })).rowCount ?? 0;
    },
  };
}

const rowOf = (row: Row): ResponseRow => ({
  id: row.id,
  keyId: row.key_id,
  status: row.status,
  background: row.background,
  itemIds: row.item_ids,
  body: row.body,
  createdAtMs: Number(row.created_ms),
  expiresAtMs: Number(row.expires_ms),
  runningUntilMs: row.running_ms === null ? null : Number(row.running_ms),
});
