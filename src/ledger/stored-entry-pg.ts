/** Entries as the database has them. */
import { and, desc, gte, inArray, lte } from 'drizzle-orm';
import type { Store } from '../store/pg.js';
import { entries } from '../store/schema.js';
import type { Entry, EntryFlag, Estimate } from './entry.js';

type Stored = typeof entries.$inferSelect;

/** As it is shown: without what it has to do with limits. */
export function entryOf(stored: Stored): Entry {
  return {
    id: stored.id,
    at: stored.at,
    request_id: stored.request_id,
    attempt: stored.attempt,
    key: stored.key_id,
    team: stored.team,
    user: stored.end_user,
    tags: stored.tags,
    metadata: stored.metadata,
    endpoint: stored.endpoint,
    model: stored.model,
    served_model: stored.served_model,
    provider: stored.provider,
    target: stored.target,
    status: stored.status,
    error: stored.error,
    stream: stored.stream,
    cache: stored.cache as Entry['cache'],
    tokens: {
      input: stored.input_tokens,
      cache_read: stored.cache_read_tokens,
      cache_write_5m: stored.cache_write_5m_tokens,
      cache_write_1h: stored.cache_write_1h_tokens,
      output: stored.output_tokens,
      reasoning: stored.reasoning_tokens,
      audio_input: stored.audio_input_tokens,
      audio_output: stored.audio_output_tokens,
      ...(stored.image_input_tokens !== 0 && { image_input: stored.image_input_tokens }),
      ...(stored.image_output_tokens !== 0 && { image_output: stored.image_output_tokens }),
    },
    usage_source: stored.usage_source as Entry['usage_source'],
    cost_nusd: {
      input: stored.input_nusd,
      cache_read: stored.cache_read_nusd,
      cache_write: stored.cache_write_nusd,
      output: stored.output_nusd,
      ...(stored.request_nusd !== 0 && { request: stored.request_nusd }),
      total: stored.total_nusd,
    },
    ...(stored.saved_nusd > 0 && { saved_nusd: stored.saved_nusd }),
    price_version: stored.price_version,
    first_byte_ms: stored.first_byte_ms,
    duration_ms: stored.duration_ms,
    overhead_ms: stored.overhead_ms,
    ...(stored.service_tier !== null && { service_tier: stored.service_tier }),
    ...(stored.provider_request_id !== null && { provider_request_id: stored.provider_request_id }),
    ...(stored.billed_nusd !== null && { billed_nusd: stored.billed_nusd }),
    ...(stored.estimate !== null && { estimate: stored.estimate as Estimate }),
    ...(stored.flags !== null && { flags: stored.flags as EntryFlag[] }),
    ...(stored.corrects !== null && { corrects: stored.corrects }),
    ...(stored.decision !== null && { decision: stored.decision }),
    ...(stored.correction !== null && { correction: stored.correction as NonNullable<Entry['correction']> }),
  };
}

/** Entries of which time and id are known, newest first. Their times say which partitions have them. */
export async function entriesAt(
  db: Pick<Store['db'], 'select'>,
  places: readonly { readonly at: Date | string; readonly id: string }[],
): Promise<readonly Entry[]> {
  if (places.length === 0) return [];
  const times = places.map(({ at }) => new Date(at).getTime());
  const ids = places.map(({ id }) => id);
  const rows = await db
    .select()
    .from(entries)
    .where(
      and(
        ...[gte(entries.at, Math.min(...times)), lte(entries.at, Math.max(...times))],
        ...[inArray(entries.at, [...new Set(times)]), inArray(entries.id, ids)],
      ),
    )
    .orderBy(desc(entries.at), desc(entries.id));
  return rows.map(entryOf);
}

/** With all that it was written with, so that what corrects it counts for the same limits. */
export const storedEntry = (stored: Stored): Entry => ({
  ...entryOf(stored),
  ...(stored.hold !== null && { hold: stored.hold }),
  ...(stored.held_at !== null && { held_at: stored.held_at }),
  ...(stored.limit_model !== null && { limit_model: stored.limit_model }),
});
