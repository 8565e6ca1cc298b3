/** Conversations in Postgres (the embedded database too). Throws where the database is away. */
import { isObject } from '../lib/json.js';
import type { Store } from '../store/pg.js';
import type { Appended, ConversationRow, ConversationStore, ItemRow } from './conversation-store.js';

interface Row {
  readonly id: string;
  readonly key_id: string;
  readonly body: Buffer;
  readonly created_ms: string;
  readonly expires_ms: string;
}

interface WrittenItem {
  readonly id: string;
  readonly body: Buffer;
  readonly size: string;
}

const time = (parameter: string): string => `timestamptz 'epoch' + ${parameter}::bigint * interval '1 millisecond'`;
const ms = (column: string): string => `round(extract(epoch from ${column}) * 1000)`;
/** The conversation of `$1` and its key `$2` at the time `$3`. */
const own = `c.id = $1 and c.key_id = $2 and c.expires_at > ${time('$3')}`;

const UNIQUE_VIOLATION = '23505';

/** The conversation is locked, so that items of two requests do not mix and its size is right. */
const append = `
  with c as (select id, size from conversations c where ${own} for update),
  told as (select * from unnest($4::text[], $5::bytea[], $6::bigint[]) with ordinality as t (id, body, size, place)),
  taken as (select i.id from conversation_items i, c where i.conversation_id = c.id and i.id = any($4)),
  added as (
    insert into conversation_items (conversation_id, id, body, size)
      select c.id, told.id, told.body, told.size from c, told where c.size + $7::bigint <= $8::bigint and not exists (select from taken) order by told.place
      returning size),
  counted as (
    update conversations set expires_at = ${time('$9')},
      size = conversations.size + coalesce((select sum(size) from added), 0)
      from c where conversations.id = c.id)
  select c.size + $7::bigint > $8::bigint as too_large, (select array_agg(id) from taken) as taken from c`;

const removeItem = `
  with gone as (
    delete from conversation_items i using conversations c where c.id = i.conversation_id and ${own} and i.id = $4
      returning i.conversation_id, i.size)
  update conversations set size = conversations.size - gone.size from gone where conversations.id = gone.conversation_id`;

const items = (order: 'asc' | 'desc', isAfter: boolean): string => `
  select i.id, i.body, i.size from conversation_items i join conversations c on c.id = i.conversation_id where ${own}
    ${isAfter ? `and i.seq ${order === 'asc' ? '>' : '<'} (select seq from conversation_items where conversation_id = $1 and id = $5)` : ''}
    order by i.seq ${order} limit $4`;

const sweep = `
  delete from conversations where id in (
    select id from conversations where expires_at <= ${time('$1')}
    union all
    select c.id from conversations c join keys k on k.id = c.key_id where k.revoked_at is not null
    limit $2)`;

export function pgConversationStore(pool: Store['pool']): ConversationStore {
  return {
    async create({ id, keyId, body, createdAtMs, expiresAtMs }) {
      const text = `insert into conversations (id, key_id, body, created_at, expires_at)
        values ($1, $2, $3, ${time('$4')}, ${time('$5')})`;
      await pool.query({ text, values: [id, keyId, body, createdAtMs, expiresAtMs] });
    },
    async get({ id, keyId }, nowMs) {
      const text = `select id, key_id, body, ${ms('created_at')} as created_ms, ${ms('expires_at')} as expires_ms
        from conversations c where ${own}`;
      const { rows } = await pool.query<Row>({ text, values: [id, keyId, nowMs] });
      return rows[0] && rowOf(rows[0]);
    },
    async update({ id, keyId }, nowMs, body) {
      const text = `update conversations c set body = $4 where ${own}`;
      return (await pool.query({ text, values: [id, keyId, nowMs, body] })).rowCount === 1;
    },
    async remove({ id, keyId }) {
      const text = 'delete from conversations where id = $1 and key_id = $2';
      return (await pool.query({ text, values: [id, keyId] })).rowCount === 1;
    },
    async append({ id, keyId }, added, { nowMs, expiresAtMs, mostBytes }): Promise<Appended> {
      const bytes = added.reduce((sum, { size }) => sum + size, 0);
      const columns = [added.map((item) => item.id), added.map(({ body }) => body), added.map(({ size }) => size)];
      const values = [id, keyId, nowMs, ...columns, bytes, mostBytes, expiresAtMs];
      try {
        const { rows } = await pool.query<{ too_large: boolean; taken: string[] | null }>({ text: append, values });
        if (!rows[0]) return 'unknown';
        if (rows[0].too_large) return 'too_large';
        return rows[0].taken ? { taken: rows[0].taken } : 'appended';
      } catch (error) {
        // Another request added one of them while this one waited for the conversation.
        if (isObject(error) && error['code'] === UNIQUE_VIOLATION) return { taken: added.map((item) => item.id) };
        throw error;
      }
    },
    async items({ id, keyId }, nowMs, { order, limit, after }) {
      const values = [id, keyId, nowMs, limit, ...(after === undefined ? [] : [after])];
      const { rows } = await pool.query<WrittenItem>({ text: items(order, after !== undefined), values });
      return rows.map(itemOf);
    },
    async item({ id, keyId }, nowMs, itemId) {
      const text = `select i.id, i.body, i.size from conversation_items i join conversations c on c.id = i.conversation_id
        where ${own} and i.id = $4`;
      const { rows } = await pool.query<WrittenItem>({ text, values: [id, keyId, nowMs, itemId] });
      return rows[0] && itemOf(rows[0]);
    },
    async removeItem({ id, keyId }, nowMs, itemId) {
      return (await pool.query({ text: removeItem, values: [id, keyId, nowMs, itemId] })).rowCount === 1;
    },
    async sweep(nowMs, most) {
      return (await pool.query({ text: sweep, values: [nowMs, most] })).rowCount ?? 0;
    },
  };
}

const itemOf = ({ id, body, size }: WrittenItem): ItemRow => ({ id, body, size: Number(size) });

const rowOf = (row: Row): ConversationRow => ({
  id: row.id,
  keyId: row.key_id,
  body: row.body,
  createdAtMs: Number(row.created_ms),
  expiresAtMs: Number(row.expires_ms),
});
