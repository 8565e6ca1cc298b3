/**
 * The outbox. A message and one delivery for each endpoint that wants it are written by one statement, in the transaction of
 * what the message tells of where there is one; so a receiver hears of everything that happened and of nothing that did not.
 * What may be told once only carries a key that the table keeps: of two replicas that tell it at once, one waits for the
 * other and writes nothing. Where nobody wants a message, nothing is written at all.
 */
import { newId } from '../lib/ids.js';
import type { Query } from '../lib/query.js';
import { type EventType, patternsFor } from '../lib/webhook-spec.js';

export interface Happened {
  readonly type: EventType;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** Anything that JSON can say. */
  readonly data: object;
  /** Told only once under this key, which is kept until `endsAt`; null: for ever. */
  readonly once?: { readonly key: string; readonly endsAt: number | null };
  /** To this endpoint alone, whatever it subscribed to; `test` asks for that. */
  readonly to?: string;
}

const RETRY_FOR_MS = 24 * 3_600_000;

const insertMessage = `
  with wanted as (
    select id from webhook_endpoints
    where case when $9::text is null then disabled_at is null and removed_at is null and events && $6::text[] else id = $9 end
    for key share
  ), first as (
    insert into webhook_once (key, ends_at)
    select $7, $8::timestamptz where $7::text is not null and exists (select 1 from wanted)
    on conflict do nothing returning key
  ), message as (
    insert into webhook_messages (id, type, body, created_at)
    select $1, $2, $3, $4::timestamptz
    where exists (select 1 from wanted) and ($7::text is null or exists (select 1 from first))
    returning id
  )
  insert into webhook_deliveries (endpoint_id, message_id, created_at, next_at, expires_at)
  select wanted.id, message.id, $4::timestamptz, $4::timestamptz, $5::timestamptz from wanted, message order by wanted.id
  returning id`;

/** Answers the ids of the deliveries that it led to. */
export async function writeMessage(query: Query, { type, at, data, once, to }: Happened): Promise<string[]> {
  const timestamp = new Date(at).toISOString();
  const rows = await query<{ id: string }>(insertMessage, [
    newId('msg', at),
    type,
    JSON.stringify({ type, timestamp, data }),
    timestamp,
    new Date(at + RETRY_FOR_MS).toISOString(),
    patternsFor(type),
    once?.key ?? null,
    once?.endsAt == null ? null : new Date(once.endsAt).toISOString(),
    to ?? null,
  ]);
  return rows.map(({ id }) => id);
}

/** Whether an endpoint wants such events now. */
export async function isWanted(query: Query, type: EventType): Promise<boolean> {
  const [row] = await query<{ wanted: boolean }>(
    `select exists (select 1 from webhook_endpoints
       where disabled_at is null and removed_at is null and events && $1::text[]) as wanted`,
    [patternsFor(type)],
  );
  return row?.wanted ?? false;
}

/** So that a receiver may read a body in one piece. */
const MOST_CHARACTERS = 512 * 1024;
const MOST_ENTRIES = 500;

/** New entries of the ledger, in as few messages as their size allows. Answers whether anybody will hear of them. */
export async function writeUsage(
  query: Query,
  at: number,
  count: number,
  entryAt: (index: number) => object,
): Promise<boolean> {
  if (count === 0 || !(await isWanted(query, 'usage.recorded'))) return false;
  let entries: object[] = [];
  let characters = 0;
  const send = async (): Promise<void> => {
    await writeMessage(query, { type: 'usage.recorded', at, data: { entries } });
    entries = [];
    characters = 0;
  };
  for (let i = 0; i < count; i++) {
    const entry = entryAt(i);
    const length = JSON.stringify(entry).length;
    if (entries.length === MOST_ENTRIES || (entries.length > 0 && characters + length > MOST_CHARACTERS)) await send();
    entries.push(entry);
    characters += length;
  }
  await send();
  return true;
}
