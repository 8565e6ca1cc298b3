/**
 * The queues in Postgres, one per endpoint. Whoever delivers to an endpoint has a lease on it, so that of several replicas
 * one does, and in order. A lease is renewed with every delivery and lapses when its holder dies. What a holder writes after
 * it lost its lease counts all the same, for the receiver has the message.
 */
import type { Query } from '../lib/query.js';
import type { Attempt, Claimed, Due } from './endpoint.js';
import { msOf, msOrNull, timeOf, timeOrNull } from './rows-pg.js';

interface Claim {
  readonly lease: string;
  readonly nowMs: number;
  readonly untilMs: number;
  readonly most: number;
  /** Of those whose last delivery failed. */
  readonly mostFailing: number;
  /** The key that this process opens secrets with, and the endpoints whose secrets its configuration has. */
  readonly keyId: string;
  readonly configured: readonly string[];
}

/**
 * Endpoints with something due that nobody else is at, those first that were served least lately. Those whose last delivery failed
 * come first, up to the part that they may have: so neither they nor the others wait for ever, however many of the others are
 * always due.
 */
export async function claim(query: Query, given: Claim): Promise<Claimed[]> {
  const rows = await query<Omit<Claimed, 'old_secret_ends_at'> & { old_secret_ends_at: Date | null }>(
    `with failing as (${dueOf('failures > 0', 'least($7::bigint, $4::bigint)')}),
     good as (${dueOf('failures = 0', '$4::bigint - (select count(*) from failing)')}),
     due as (select id from good union all select id from failing)
     update webhook_endpoints e set lease = $1, leased_until = $3, served_at = $2 from due where e.id = due.id
     returning e.id, e.source, e.url, e.failures, e.secret, e.old_secret, e.old_secret_ends_at`,
    [
      given.lease,
      timeOf(given.nowMs),
      timeOf(given.untilMs),
      given.most,
      given.keyId,
      given.configured,
      given.mostFailing,
    ],
  );
  return rows.map((row) => ({ ...row, old_secret_ends_at: msOrNull(row.old_secret_ends_at) }));
}

const dueOf = (those: string, most: string): string => `
  select id from webhook_endpoints e
  where ${those} and disabled_at is null and removed_at is null
    and (source = 'api' and key_id = $5 or id = any($6::text[]))
    and (leased_until is null or leased_until <= $2) and (paused_until is null or paused_until <= $2)
    and exists (select 1 from webhook_deliveries d
                where d.endpoint_id = e.id and d.state = 'pending' and d.next_at <= $2)
  order by served_at nulls first limit ${most}
  for no key update skip locked`;

/** What is due, in the order of the outbox, with the lease renewed; null where the lease is another's or the endpoint rests. */
export async function due(
  query: Query,
  given: { endpoint: string; lease: string; nowMs: number; untilMs: number; most: number },
): Promise<Due[] | null> {
  const rows = await query<Omit<Due, 'expires_at' | 'id'> & { id: string | null; expires_at: Date }>(
    `with mine as (
       update webhook_endpoints set leased_until = $4
       where id = $1 and lease = $2 and disabled_at is null and removed_at is null returning id
     ), next as (
       select id, message_id, attempts, tries, expires_at from webhook_deliveries
       where endpoint_id = $1 and state = 'pending' and next_at <= $3 order by id limit $5
     )
     select next.id, next.message_id, next.attempts, next.tries, next.expires_at, m.body
     from mine left join next on true left join webhook_messages m on m.id = next.message_id order by next.id`,
    [given.endpoint, given.lease, timeOf(given.nowMs), timeOf(given.untilMs), given.most],
  );
  if (rows.length === 0) return null;
  return rows.flatMap(({ id, ...row }) => (id === null ? [] : [{ ...row, id, expires_at: msOf(row.expires_at) }]));
}

export interface Finish {
  readonly endpoint: string;
  readonly lease: string;
  readonly delivery: Due;
  readonly attempt: Attempt;
  readonly state: 'delivered' | 'dead' | 'pending';
  /** When it is tried again; null: never. */
  readonly nextAtMs: number | null;
  readonly untilMs: number;
  readonly failures: number;
  readonly pausedUntilMs: number | null;
  /** The endpoint wants nothing any more. */
  readonly disabledReason: string | null;
}

/** Writes what became of an attempt and renews the lease; answers whether it is still ours. */
export async function finish(query: Query, given: Finish): Promise<boolean> {
  const { delivery, attempt } = given;
  const endMs = attempt.at + attempt.duration_ms;
  const [row] = await query<{ held: boolean }>(
    `with mine as (
       update webhook_endpoints set leased_until = $3, failures = $4, paused_until = $5,
         disabled_at = case when $6::text is null then disabled_at else $7::timestamptz end,
         disabled_reason = coalesce($6, disabled_reason)
       where id = $1 and lease = $2 returning id
     ), logged as (
       insert into webhook_attempts (delivery_id, number, at, status, error, duration_ms, response)
       values ($8, $9, $10, $11, $12, $13, $14) on conflict do nothing
     ), written as (
       update webhook_deliveries set state = $15, attempts = $9, tries = tries + 1, last_at = $10, last_status = $11,
         last_error = $12, next_at = coalesce($16, next_at), ended_at = case when $15 = 'pending' then null else $7::timestamptz end
       where id = $8 and (state = 'pending' or $15 = 'delivered')
     )
     select exists (select 1 from mine) as held`,
    [
      ...[given.endpoint, given.lease, timeOf(given.untilMs), given.failures, timeOrNull(given.pausedUntilMs)],
      ...[given.disabledReason, timeOf(endMs), delivery.id, delivery.attempts + 1, timeOf(attempt.at)],
      ...[attempt.status, attempt.error, attempt.duration_ms, attempt.response, given.state],
      timeOrNull(given.nextAtMs),
    ],
  );
  return row?.held ?? false;
}

export async function release(query: Query, endpoint: string, lease: string): Promise<void> {
  await query('update webhook_endpoints set lease = null, leased_until = null where id = $1 and lease = $2', [
    endpoint,
    lease,
  ]);
}

/** For a database that one process has to itself: leases of the one before it are void. */
export async function releaseAll(query: Query): Promise<void> {
  await query('update webhook_endpoints set lease = null, leased_until = null where lease is not null');
}

const BATCH = 1_000;

/** Deliveries whose time is over, though nobody could try them: answers how many became dead. */
export async function expire(query: Query, nowMs: number, graceMs: number): Promise<number> {
  const rows = await query(
    `update webhook_deliveries set state = 'dead', ended_at = $1,
       last_error = coalesce(last_error, 'was not delivered in time')
     where id in (select id from webhook_deliveries where state = 'pending' and expires_at < $2 order by expires_at
                  limit ${BATCH} for update skip locked)
     returning id`,
    [timeOf(nowMs), timeOf(nowMs - graceMs)],
  );
  return rows.length;
}

/** Forgets what ended long ago; answers whether there is more of it. */
export async function forget(query: Query, deliveredBeforeMs: number, deadBeforeMs: number): Promise<boolean> {
  const gone = await query<{ message_id: string }>(
    `delete from webhook_deliveries where id in (
       select id from webhook_deliveries where state <> 'pending' and ended_at < $1
         and (state = 'delivered' or ended_at < $2) limit ${BATCH} for update skip locked)
     returning message_id`,
    [timeOf(deliveredBeforeMs), timeOf(deadBeforeMs)],
  );
  await query(
    `delete from webhook_messages m where id = any($1::text[])
       and not exists (select 1 from webhook_deliveries d where d.message_id = m.id)`,
    [gone.map(({ message_id: id }) => id)],
  );
  return gone.length === BATCH;
}

export async function forgetOnce(query: Query, nowMs: number): Promise<void> {
  await query('delete from webhook_once where ends_at < $1', [timeOf(nowMs)]);
}
