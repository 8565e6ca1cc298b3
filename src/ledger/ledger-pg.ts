/**
 * The ledger's store in Postgres (the embedded database too). A batch is one prepared statement with one parameter: an array
 * of lines (`entry-text.ts`), which the spool has ready and Postgres takes apart. To read them takes Postgres 5 microseconds
 * per entry; as JSON they took 18, as one array per column 10. The same statement adds the new entries to the sums.
 *
 * What else must agree with the ledger to the last entry (the webhooks' outbox) is written by steps in the batch's own
 * transaction, and only for the entries that were new: a batch that is written again does nothing twice. Where a step fails,
 * nothing of the batch is written. Entries that are there already are left as they are; where one was an estimate and more is
 * known now, correcting entries are written in the same transaction (`supersede.ts`). Throws where the database is away.
 *
 * All writers take rows in one order, so that they wait for each other and never in a circle: estimates first, then entries by time
 * and id, then sums. So a transaction has one statement that writes. A batch that turns out to have ids of estimates is taken back and
 * begun anew with these locked; few are.
 */
import type pg from 'pg';
import type { Store } from '../store/pg.js';
import { inTransaction } from '../store/query.js';
import type { Entry } from './entry.js';
import { entryText } from './entry-text.js';
import { feedingFrom } from './feed-pg.js';
import { EntryRefused, type LedgerStore } from './ledger-store.js';
import { pageOf } from './page-pg.js';
import { addingTo, beginAdding } from './rollups-pg.js';
import { hasEstimates, supersedingIn } from './supersede-pg.js';

/**
 * An entry counts as a request where none of an earlier attempt is there: attempts that cost nothing leave no entry. Of attempts
 * that ran side by side the later one may come first; it then counts, and the earlier one does not. Only an hour is searched,
 * and requests that come with one id and another's attempts are told apart by their keys and holds.
 */
const insertBatch = `
  with batch as materialized (
    select *, timestamptz 'epoch' + at * interval '1 millisecond' as began from unnest($1::text[]::ledger_line_4[])
  ), added as (
    insert into entries (
      id, at, request_id, attempt, key_id, team, end_user, tags, metadata, endpoint, model, served_model, provider, target,
      status, error, stream, cache,
      input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
      output_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens, image_input_tokens, image_output_tokens,
      usage_source, input_nusd, cache_read_nusd, cache_write_nusd, output_nusd, request_nusd, total_nusd, billed_nusd,
      price_version, service_tier, corrects, requests, first_byte_ms, duration_ms, overhead_ms,
      hold, held_at, limit_model, saved_nusd, estimate, flags, correction, provider_request_id, decision)
    select
      id, began, request_id, attempt, key_id, team, end_user,
      case when tags is null then '{}' else array(select jsonb_array_elements_text(tags)) end, coalesce(metadata, '{}'),
      endpoint, model, served_model, provider, target, status, error, stream, cache,
      input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
      output_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens, image_input_tokens, image_output_tokens,
      usage_source, input_nusd, cache_read_nusd, cache_write_nusd, output_nusd, request_nusd, total_nusd, billed_nusd,
      price_version, service_tier, corrects,
      case
        when correction is not null then coalesce((
          select case batch.correction when 'reversal' then -o.requests else o.requests end
          from entries o where o.at = batch.began and o.id = batch.corrects), 0)
        when corrects is not null then 0
        when attempt = 1 and estimate is null and not coalesce(flags ? 'hedged', false) then 1
        when exists (
          select from entries e
          where e.request_id = batch.request_id and e.at between batch.began - interval '1 hour' and batch.began
            and e.key_id = batch.key_id and e.attempt < batch.attempt and e.corrects is null) then 0
        when exists (
          select from entries e
          where e.request_id = batch.request_id and e.at between batch.began and batch.began + interval '1 hour'
            and e.key_id = batch.key_id and e.hold is not distinct from batch.hold
            and e.attempt > batch.attempt and e.requests = 1 and e.corrects is null) then 0
        when exists (
          select from batch e
          where e.request_id = batch.request_id and e.began between batch.began - interval '1 hour' and batch.began
            and e.key_id = batch.key_id and e.attempt < batch.attempt and e.corrects is null) then 0
        else 1
      end,
      first_byte_ms, duration_ms, overhead_ms, hold, timestamptz 'epoch' + held_at * interval '1 millisecond', limit_model,
      coalesce(saved_nusd, 0), estimate,
      case when flags is null then null else array(select jsonb_array_elements_text(flags)) end, correction,
      provider_request_id, decision
    from batch
    order by began, id collate "C"
    on conflict do nothing
    returning *
  ), ${addingTo('added')}, ${feedingFrom('added')}
  select case when count(*) < cardinality($1::text[]) then coalesce(array_agg(id), '{}') end as some from added`;

/**
 * Writes, with the client of the transaction that wrote the entries, what belongs to them. They are those that were not
 * there before, in the order of appending, and then the correcting ones. To use the pool inside of a step waits for ever where it has one connection.
 */
export type InTransaction = (client: pg.PoolClient, newlyInserted: readonly Entry[]) => Promise<void>;

export function pgLedgerStore(
  { pool, db }: Pick<Store, 'pool' | 'db'>,
  { inTransaction: steps = [] }: { readonly inTransaction?: readonly InTransaction[] } = {},
): LedgerStore {
  return {
    async insert(batch, lines = batch.map(entryText)) {
      const write = <T>(work: (client: pg.PoolClient) => Promise<T>) => inTransaction(pool, work, beginAdding);
      if (await write((client) => insertNew(client, batch, textArray(lines), steps))) return [];
      const late: Entry[] = [];
      for (const entries of eachIdOnce(batch)) {
        let found: readonly Entry[] | null = null;
        // Each time around one more estimate is known, which another one wrote meanwhile.
        while (found === null) found = await write((client) => supersede(client, entries, steps));
        late.push(...found);
      }
      return late;
    },
    page: (filter, limit, after) => pageOf(db, filter, limit, after),
  };
}

/** Answers the ids of the entries that were new; null: all were. */
async function insertWith(client: pg.PoolClient, lines: Buffer): Promise<readonly string[] | null> {
  try {
    const query = { name: 'tollgate_ledger_insert', text: insertBatch, values: [lines] };
    const { rows } = await client.query<{ some: string[] | null }>(query);
    return rows[0]!.some;
  } catch (error) {
    throw isRefusal(error) ? new EntryRefused(error.message, { cause: error }) : error;
  }
}

/** Answers whether it was written: not where ids of it are estimates', which have to be locked before anything else. */
async function insertNew(
  client: pg.PoolClient,
  batch: readonly Entry[],
  lines: Buffer,
  steps: readonly InTransaction[],
): Promise<boolean> {
  const some = await insertWith(client, lines);
  const { added, there } = some === null ? { added: batch, there: [] } : parted(batch, some);
  if (await hasEstimates(client, there)) return undone(client, false);
  await stepped(client, added, steps);
  return true;
}

/**
 * Writes a batch with what supersedes estimates. Answers those of it that found one; null: nothing was written, since another one
 * wrote an estimate meanwhile. Each id stands in it once.
 */
async function supersede(
  client: pg.PoolClient,
  batch: readonly Entry[],
  steps: readonly InTransaction[],
): Promise<readonly Entry[] | null> {
  const { late, corrections } = await supersedingIn(client, batch);
  const known = new Set(late.map(({ id }) => id));
  const written = [...batch.filter(({ id }) => !known.has(id)), ...corrections];
  if (written.length === 0) return late;
  const some = await insertWith(client, textArray(written.map(entryText)));
  const { added, there } = some === null ? { added: written, there: [] } : parted(written, some);
  if (await hasEstimates(client, there)) return undone(client, null);
  await stepped(client, added, steps);
  return late;
}

async function stepped(client: pg.PoolClient, added: readonly Entry[], steps: readonly InTransaction[]): Promise<void> {
  if (added.length > 0) for (const step of steps) await step(client, added);
}

/** What was written is taken back; the transaction that is committed then is empty. */
async function undone<T>(client: pg.PoolClient, answer: T): Promise<T> {
  await client.query('rollback; begin');
  return answer;
}

/** A batch in parts: an id that stands twice in it, as an estimate and as what is known later, has two turns. */
function eachIdOnce(batch: readonly Entry[]): readonly Entry[][] {
  const turns: Entry[][] = [];
  const times = new Map<string, number>();
  for (const entry of batch) {
    const turn = times.get(entry.id) ?? 0;
    times.set(entry.id, turn + 1);
    turns[turn] ??= [];
    turns[turn].push(entry);
  }
  return turns;
}

/** What was new, and what was there already; of an id that stands twice in a batch the first is new. */
function parted(batch: readonly Entry[], ids: readonly string[]): { added: Entry[]; there: Entry[] } {
  const left = new Set(ids);
  const added: Entry[] = [];
  const there: Entry[] = [];
  for (const entry of batch) (left.delete(entry.id) ? added : there).push(entry);
  return { added, there };
}

const TEXT_OID = 25;
/** Bytes of UTF-8 for one unit of UTF-16. */
const MOST_UTF8 = 3;

/** Texts as Postgres's binary form of a `text[]`: counts and lengths as 32 bits each, and no escapes. */
function textArray(texts: readonly string[]): Buffer {
  let chars = 0;
  let longest = 0;
  for (const { length } of texts) {
    chars += length;
    longest = Math.max(longest, length);
  }
  // Enough where all is ASCII; no text is measured before it is written.
  let bytes = Buffer.allocUnsafe(20 + 4 * texts.length + chars + (MOST_UTF8 - 1) * longest);
  let at = 0;
  for (const head of [1, 0, TEXT_OID, texts.length, 1]) at = bytes.writeInt32BE(head, at);
  for (const text of texts) {
    const most = at + 4 + MOST_UTF8 * text.length;
    if (most > bytes.length) bytes = Buffer.concat([bytes.subarray(0, at)], 2 * most);
    const size = bytes.write(text, at + 4);
    at = bytes.writeInt32BE(size, at) + size;
  }
  return bytes.subarray(0, at);
}

/** The database says that a value does not fit (class 22), breaks a rule of the table (23) or is too much (54). */
const isRefusal = (error: unknown): error is Error & { code: string } =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(22|23|54)...$/.test(error.code);
