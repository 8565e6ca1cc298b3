/** Conversations in Postgres (the embedded database too). Throws where the database is away. */
import { isObject } from '../lib/json.js';
import type { Store } from '../store/pg.js';
import { msOf, timeOf } from '../store/times.js';
import type { Appended, ConversationRow, ConversationStore, ItemRow, PlacedItem } from './conversation-store.js';
import { sweepOf } from './kept-pg.js';

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
  readonly seq: string;
}

/** The conversation of `$1` and its key `$2` at the time `$3`. */
const own = `c.id = $1 and c.key_id = $2 and c.expires_at > ${timeOf('$3')}`;

const UNIQUE_VIOLATION = '23505';

/** What its key has is counted no further than it may have. Some that come at once may pass beside each other. */
const create = `
  with made as (
    insert into conversations (id, key_id, body, created_at, expires_at, size, items)
      select $1::text, $2::text, $3::bytea, ${timeOf('$4')}, ${timeOf('$5')}, $6::bigint, cardinality($7::text[])
      where (select count(*) from (
        select from conversations where key_id = $2::text and expires_at > ${timeOf('$4')} limit $10::bigint) as kept) < $10::bigint
      returning id),
  added as (
    insert into conversation_items (conversation_id, id, body, size)
      select made.id, told.id, told.body, told.size
      from made, unnest($7::text[], $8::bytea[], $9::bigint[]) with ordinality as told (id, body, size, place) order by told.place)
  select id from made`;

/** The conversation is locked, so that items of two requests do not mix and what is counted is right. */
const append = `
  with c as (select id, size, items from conversations c where ${own} for update),
  told as (select * from unnest($4::text[], $5::bytea[], $6::bigint[]) with ordinality as t (id, body, size, place)),
  taken as (select i.id from conversation_items i, c where i.conversation_id = c.id and i.id = any($4)),
  room as (
    select c.size + $7::bigint > $8::bigint as too_large, c.items + cardinality($4::text[]) > $10::bigint as too_many,
      (select array_agg(id) from taken) as taken from c),
  added as (
    insert into conversation_items (conversation_id, id, body, size)
      select c.id, told.id, told.body, told.size from c, told, room
      where not room.too_large and not room.too_many and room.taken is null order by told.place
      returning size),
  counted as (
    update conversations set expires_at = ${timeOf('$9')}, size = conversations.size + more.size, items = conversations.items + more.items
      from c, (select count(*) as items, sum(size) as size from added) as more
      where conversations.id = c.id and more.items > 0)
  select too_large, too_many, taken from room`;

/** The conversation is locked before its item, as who removes all of it does. */
const removeItem = `
  with c as (select c.id from conversations c where ${own} for update),
  gone as (
    delete from conversation_items i using c where i.conversation_id = c.id and i.id = $4 returning i.conversation_id, i.size)
  update conversations set size = conversations.size - gone.size, items = conversations.items - 1
    from gone where conversations.id = gone.conversation_id`;

const selectItems = `select i.id, i.body, i.size, i.seq from conversation_items i join conversations c on c.id = i.conversation_id
  where ${own}`;

const items = (order: 'asc' | 'desc', isAfter: boolean): string => `
  ${selectItems} ${isAfter ? `and i.seq ${order === 'asc' ? '>' : '<'} $5::bigint` : ''} order by i.seq ${order} limit $4`;

const sweep = sweepOf('conversations');

export function pgConversationStore(pool: Store['pool']): ConversationStore {
  return {
    async create({ id, keyId, body, createdAtMs, expiresAtMs }, added, mostOfKey) {
      const row = [id, keyId, body, createdAtMs, expiresAtMs];
      const values = [...row, bytesOf(added), ...columnsOf(added), mostOfKey];
      return (await pool.query({ text: create, values })).rowCount === 1;
    },
    async get({ id, keyId }, nowMs) {
      const text = `select id, key_id, body, ${msOf('created_at')} as created_ms, ${msOf('expires_at')} as expires_ms
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
    async append({ id, keyId }, added, { nowMs, expiresAtMs, mostBytes, mostItems }): Promise<Appended> {
      const values = [id, keyId, nowMs, ...columnsOf(added), bytesOf(added), mostBytes, expiresAtMs, mostItems];
      try {
        const [found] = (await pool.query<Room>({ text: append, values })).rows;
        if (!found) return 'unknown';
        if (found.too_large) return 'too_large';
        if (found.too_many) return 'too_many';
        return found.taken ? { taken: found.taken } : 'appended';
      } catch (error) {
        // Another request added one of them while this one waited for the conversation.
        if (isObject(error) && error['code'] === UNIQUE_VIOLATION) return { taken: added.map((item) => item.id) };
        throw error;
      }
    },
    async items({ id, keyId }, nowMs, { order, limit, afterSeq }) {
      const values = [id, keyId, nowMs, limit, ...(afterSeq === undefined ? [] : [afterSeq])];
      const { rows } = await pool.query<WrittenItem>({ text: items(order, afterSeq !== undefined), values });
      return rows.map(itemOf);
    },
    async item({ id, keyId }, nowMs, itemId) {
      const text = `${selectItems} and i.id = $4`;
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

interface Room {
  readonly too_large: boolean;
  readonly too_many: boolean;
  readonly taken: string[] | null;
}

const bytesOf = (items: readonly ItemRow[]): number => items.reduce((sum, { size }) => sum + size, 0);
const columnsOf = (items: readonly ItemRow[]) => [
  items.map(({ id }) => id),
  items.map(({ body }) => body),
  items.map(({ size }) => size),
];

const itemOf = ({ id, body, size, seq }: WrittenItem): PlacedItem => ({
  id,
  body,
  size: Number(size),
  seq: Number(seq),
});

const rowOf = (row: Row): ConversationRow => ({
  id: row.id,
  keyId: row.key_id,
  body: row.body,
  createdAtMs: Number(row.created_ms),
  expiresAtMs: Number(row.expires_ms),
});
