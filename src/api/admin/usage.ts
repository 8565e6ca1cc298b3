/** Entries of the ledger in the words of contract section 7, and how they are asked for. */
import { z } from 'zod';
import type { Entry } from '../../ledger/entry.js';
import { entryJson } from '../../ledger/page.js';
import { instant, pagedBy, text } from './schemas.js';

const name = z.string();
const orNull = name.nullable();
const count = z.number();

export const entryAnswer = z
  .object({
    id: name,
    at: name,
    request_id: name,
    attempt: count,
    key: name,
    team: orNull,
    user: orNull,
    tags: z.array(name),
    metadata: z.record(z.string(), z.unknown()),
    endpoint: name,
    model: name,
    served_model: orNull,
    provider: name,
    target: name,
    status: count,
    error: orNull,
    stream: z.boolean(),
    cache: name,
    tokens: z.object({
      input: count,
      cache_read: count,
      cache_write_5m: count,
      cache_write_1h: count,
      output: count,
      reasoning: count,
      audio_input: count,
      audio_output: count,
      image_input: count.optional(),
      image_output: count.optional(),
    }),
    usage_source: name,
    cost_nusd: z.object({
      input: count,
      cache_read: count,
      cache_write: count,
      output: count,
      request: count.optional(),
      total: count,
    }),
    cost_usd: name,
    saved_nusd: count.optional(),
    price_version: name,
    first_byte_ms: count.nullable(),
    duration_ms: count,
    overhead_ms: count,
    service_tier: name.optional(),
    provider_request_id: name.optional(),
    billed_nusd: count.optional(),
    estimate: z.enum(['intent', 'progress']).optional(),
    flags: z.array(name).optional(),
    corrects: name.optional(),
    correction: z.enum(['reversal', 'replacement']).optional(),
  })
  .meta({ id: 'Entry' });

export const listedEntry = entryAnswer
  .extend({ key_name: orNull.describe('The name of the key; null: there is none of this id.') })
  .meta({ id: 'ListedEntry' });

/** The entry as `entryAnswer` has it, whose lists may be written to. */
export function showEntry(entry: Entry) {
  const { flags, ...shown } = entryJson(entry);
  return { ...shown, tags: [...shown.tags], metadata: { ...shown.metadata }, ...(flags && { flags: [...flags] }) };
}

const status = z
  .string()
  .regex(/^[1-5]\d\d$/, 'an HTTP status, such as 200')
  .transform(Number);

export const usageQuery = z.strictObject({
  from: instant.optional(),
  to: instant.optional(),
  request_id: text(400).optional(),
  key: text(400).optional(),
  team: text(400).optional(),
  user: text(400).optional(),
  model: text(400).optional(),
  provider: text(400).optional(),
  target: text(400).optional(),
  status: status.optional(),
  error: text(100).optional(),
  cache: z.enum(['hit', 'semantic', 'miss', 'off']).optional(),
  tag: text(400).optional(),
  ...pagedBy(text(1_000), 1_000),
});
