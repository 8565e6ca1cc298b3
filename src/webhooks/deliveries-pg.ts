/** The log of deliveries, and how one is sent again. */
import type { Query } from '../lib/query.js';
import type { Attempt, Delivery, DeliveryState } from './endpoint.js';
import { msOf, msOrNull, timeOf } from './rows-pg.js';

export interface DeliveryFilter {
  readonly endpoint?: string | undefined;
  readonly state?: DeliveryState | undefined;
  readonly type?: string | undefined;
  readonly message_id?: string | undefined;
}

interface Row {
  id: string;
  endpoint: string;
  message_id: string;
  type: string;
  state: DeliveryState;
  attempts: number;
  created_at: Date;
  next_at: Date;
  last_at: Date | null;
  last_status: number | null;
  last_error: string | null;
  ended_at: Date | null;
}

const SELECT = `select d.id, d.endpoint_id as endpoint, d.message_id, m.type, d.state, d.attempts, d.created_at, d.next_at,
    d.last_at, d.last_status, d.last_error, d.ended_at
  from webhook_deliveries d join webhook_messages m on m.id = d.message_id`;

const deliveryOf = (row: Row): Delivery => ({
  ...row,
  created_at: msOf(row.created_at),
  next_at: row.state === 'pending' ? msOf(row.next_at) : null,
  last_at: msOrNull(row.last_at),
  ended_at: msOrNull(row.ended_at),
});

/** Newest first. */
export async function listDeliveries(
  query: Query,
  filter: DeliveryFilter,
  limit: number,
  after: string | null,
): Promise<Delivery[]> {
  const rows = await query<Row>(
    `${SELECT} where ($2::bigint is null or d.id < $2) and ($3::text is null or d.endpoint_id = $3)
       and ($4::text is null or d.state = $4) and ($5::text is null or m.type = $5)
       and ($6::text is null or d.message_id = $6)
     order by d.id desc limit $1`,
    [limit, after, filter.endpoint ?? null, filter.state ?? null, filter.type ?? null, filter.message_id ?? null],
  );
  return rows.map(deliveryOf);
}

export async function findDelivery(query: Query, id: string): Promise<Delivery | null> {
  const [row] = await query<Row>(`${SELECT} where d.id = $1`, [id]);
  return row ? deliveryOf(row) : null;
}

/** Every attempt, oldest first, and what is sent. */
export async function historyOf(query: Query, id: string): Promise<{ attempts: Attempt[]; body: string }> {
  const attempts = await query<Omit<Attempt, 'at'> & { at: Date }>(
    'select at, status, error, duration_ms, response from webhook_attempts where delivery_id = $1 order by number',
    [id],
  );
  const [message] = await query<{ body: string }>(
    'select m.body from webhook_messages m join webhook_deliveries d on d.message_id = m.id where d.id = $1',
    [id],
  );
  return { attempts: attempts.map((attempt) => ({ ...attempt, at: msOf(attempt.at) })), body: message?.body ?? '' };
}

/** Sends it again, under the same `webhook-id`, and tries for as long as a new one; answers whether there is such a delivery. */
export async function redeliver(query: Query, id: string, nowMs: number, forMs: number): Promise<boolean> {
  const rows = await query(
    `update webhook_deliveries set state = 'pending', tries = 0, next_at = $2, expires_at = $3, ended_at = null
     where id = $1 returning id`,
    [id, timeOf(nowMs), timeOf(nowMs + forMs)],
  );
  return rows.length > 0;
}
