/** Endpoints in Postgres: those of the admin API, and those of the configuration as far as queues need to know them. */
import type { Query, Sql } from '../lib/query.js';
import type { ConfiguredEndpoint, Endpoint, Sealed } from './endpoint.js';
import { msOf, msOrNull, timeOf, timeOrNull } from './rows-pg.js';

interface Row {
  id: string;
  source: 'api' | 'config';
  url: string;
  events: string[];
  description: string;
  created_at: Date;
  updated_at: Date;
  disabled_at: Date | null;
  disabled_reason: string | null;
  failures: number;
  paused_until: Date | null;
  old_secret_ends_at: Date | null;
}

const COLUMNS = `id, source, url, events, description, created_at, updated_at, disabled_at, disabled_reason, failures,
  paused_until, old_secret_ends_at`;

const endpointOf = (row: Row): Endpoint => ({
  ...row,
  created_at: msOf(row.created_at),
  updated_at: msOf(row.updated_at),
  disabled_at: msOrNull(row.disabled_at),
  paused_until: msOrNull(row.paused_until),
  old_secret_ends_at: msOrNull(row.old_secret_ends_at),
});

export async function insertEndpoint(query: Query, endpoint: Endpoint, secret: Buffer, keyId: string): Promise<void> {
  await query(
    `insert into webhook_endpoints (id, source, url, events, description, secret, key_id, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $8)`,
    [
      ...[endpoint.id, endpoint.source, endpoint.url, endpoint.events, endpoint.description],
      ...[secret, keyId, timeOf(endpoint.created_at)],
    ],
  );
}

export async function findEndpoint(query: Query, id: string): Promise<Endpoint | null> {
  const [row] = await query<Row>(`select ${COLUMNS} from webhook_endpoints where id = $1 and removed_at is null`, [id]);
  return row ? endpointOf(row) : null;
}

/** The endpoint with its sealed secrets, which stays as it is until the transaction ends. */
export async function lockEndpoint(query: Query, id: string): Promise<(Endpoint & Sealed) | null> {
  const [row] = await query<Row & Sealed>(
    `select ${COLUMNS}, secret, old_secret from webhook_endpoints where id = $1 and removed_at is null for no key update`,
    [id],
  );
  return row ? { ...endpointOf(row), secret: row.secret, old_secret: row.old_secret } : null;
}

/** Newest first. */
export async function listEndpoints(query: Query, limit: number, after: string | null): Promise<Endpoint[]> {
  const rows = await query<Row>(
    `select ${COLUMNS} from webhook_endpoints where removed_at is null and ($2::text is null or id < $2)
     order by id desc limit $1`,
    [limit, after],
  );
  return rows.map(endpointOf);
}

/** Writes what users may change. One that is enabled again starts without a past. */
export async function updateEndpoint(query: Query, endpoint: Endpoint): Promise<void> {
  await query(
    `update webhook_endpoints set url = $2, events = $3, description = $4, updated_at = $5, disabled_at = $6,
       disabled_reason = $7, failures = $8, paused_until = $9 where id = $1`,
    [
      ...[endpoint.id, endpoint.url, endpoint.events, endpoint.description, timeOf(endpoint.updated_at)],
      ...[timeOrNull(endpoint.disabled_at), endpoint.disabled_reason, endpoint.failures],
      timeOrNull(endpoint.paused_until),
    ],
  );
}

export async function replaceSecret(
  query: Query,
  id: string,
  next: Sealed & { readonly keyId: string; readonly oldEndsAt: number | null; readonly at: number },
): Promise<void> {
  await query(
    `update webhook_endpoints set secret = $2, key_id = $3, old_secret = $4, old_secret_ends_at = $5, updated_at = $6
     where id = $1`,
    [id, next.secret, next.keyId, next.old_secret, timeOrNull(next.oldEndsAt), timeOf(next.at)],
  );
}

/** With all its deliveries, and the messages that nobody else gets. */
export async function deleteEndpoint(query: Query, id: string): Promise<void> {
  await query(
    `delete from webhook_messages m using webhook_deliveries d where d.endpoint_id = $1 and m.id = d.message_id
       and not exists (select 1 from webhook_deliveries o where o.message_id = m.id and o.endpoint_id <> $1)`,
    [id],
  );
  await query('delete from webhook_endpoints where id = $1', [id]);
}

/** How many endpoints have secrets that this process cannot read. */
export async function countForeign(query: Query, keyId: string): Promise<number> {
  const [row] = await query<{ n: number }>(
    `select count(*)::int as n from webhook_endpoints where source = 'api' and key_id <> $1`,
    [keyId],
  );
  return row?.n ?? 0;
}

/** Makes the endpoints of the configuration those that are given. One whose URL changed is tried afresh. */
export async function syncConfigured(
  sql: Sql,
  endpoints: readonly Omit<ConfiguredEndpoint, 'secrets'>[],
  nowMs: number,
): Promise<void> {
  const now = timeOf(nowMs);
  await sql.transaction(async (query) => {
    for (const { id, url, events, description } of endpoints) {
      await query(
        `insert into webhook_endpoints as e (id, source, url, events, description, created_at, updated_at)
         values ($1, 'config', $2, $3, $4, $5, $5)
         on conflict (id) do update set url = $2, events = $3, description = $4, updated_at = $5, removed_at = null,
           disabled_at = case when e.url = $2 then e.disabled_at end,
           disabled_reason = case when e.url = $2 then e.disabled_reason end,
           failures = 0, paused_until = null
         where (e.url, e.events, e.description) is distinct from ($2, $3::text[], $4) or e.removed_at is not null`,
        [id, url, events, description, now],
      );
    }
    const ids = endpoints.map(({ id }) => id);
    const removed = await query<{ id: string }>(
      `update webhook_endpoints set removed_at = $2 where source = 'config' and removed_at is null and id <> all($1::text[])
       returning id`,
      [ids, now],
    );
    await query(
      `update webhook_deliveries set state = 'dead', ended_at = $2, last_error = 'the endpoint was taken out of the configuration'
       where state = 'pending' and endpoint_id = any($1::text[])`,
      [removed.map(({ id }) => id), now],
    );
  });
}
