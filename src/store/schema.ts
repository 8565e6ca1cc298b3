/**
 * The tables of `migrations/` as drizzle sees them. The migrations are the truth and are written by hand; a test compares
 * the two. Times are milliseconds since the Unix epoch on our side and `timestamptz` in the database.
 */
import {
  bigint,
  boolean,
  customType,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
} from 'drizzle-orm/pg-core';
import type { CacheSharing } from '../lib/cache-sharing.js';
import type { CaptureMode } from '../lib/capture-spec.js';
import type { LimitSpec } from '../lib/limit-spec.js';
import type { Priority } from '../lib/priority.js';

/** A `timestamptz` that is a number of milliseconds here. The driver hands times over as text or as a `Date`. */
const millis = customType<{ data: number; driverData: string | Date }>({
  dataType: () => 'timestamp with time zone',
  toDriver: (ms) => new Date(ms).toISOString(),
  fromDriver: (value) => new Date(value).getTime(),
});

const bytea = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' });

const int = (name: string) => bigint(name, { mode: 'number' });
const createdNow = (name: string) => millis(name).notNull().$defaultFn(Date.now);

type Json = Readonly<Record<string, unknown>>;

export const teams = pgTable('teams', {
  id: text('id').primaryKey(),
  limits: jsonb('limits').$type<readonly LimitSpec[]>().notNull().default([]),
  metadata: jsonb('metadata').$type<Json>().notNull().default({}),
  aliases: jsonb('aliases').$type<Readonly<Record<string, string>>>().notNull().default({}),
  created_at: createdNow('created_at'),
  updated_at: createdNow('updated_at'),
  blocked_at: millis('blocked_at'),
  markup_ppm: int('markup_ppm'),
  user_limits: jsonb('user_limits').$type<readonly LimitSpec[]>().notNull().default([]),
  guards: jsonb('guards').$type<readonly string[]>().notNull().default([]),
  capture: text('capture').$type<CaptureMode>(),
});

export const keys = pgTable('keys', {
  id: text('id').primaryKey(),
  /** SHA-256 of the key, 32 bytes. */
  hash: bytea('hash').notNull().unique(),
  name: text('name').notNull(),
  prefix: text('prefix').notNull(),
  team: text('team').references(() => teams.id),
  models: text('models').array(),
  endpoints: text('endpoints').array(),
  allowed_ips: text('allowed_ips').array(),
  limits: jsonb('limits').$type<readonly LimitSpec[]>().notNull().default([]),
  tags: text('tags').array().notNull().default([]),
  metadata: jsonb('metadata').$type<Json>().notNull().default({}),
  aliases: jsonb('aliases').$type<Readonly<Record<string, string>>>().notNull().default({}),
  expires_at: millis('expires_at'),
  created_at: createdNow('created_at'),
  updated_at: createdNow('updated_at'),
  blocked_at: millis('blocked_at'),
  revoked_at: millis('revoked_at'),
  user_limits: jsonb('user_limits').$type<readonly LimitSpec[]>().notNull().default([]),
  cache: text('cache').$type<CacheSharing>(),
  priority: text('priority').$type<Priority>().notNull().default('normal'),
  guards: jsonb('guards').$type<readonly string[]>().notNull().default([]),
  capture: text('capture').$type<CaptureMode>(),
});

export const entries = pgTable(
  'entries',
  {
    id: text('id').notNull(),
    at: millis('at').notNull(),
    request_id: text('request_id').notNull(),
    attempt: integer('attempt').notNull(),
    key_id: text('key_id').notNull(),
    team: text('team'),
    end_user: text('end_user'),
    tags: text('tags').array().notNull(),
    metadata: jsonb('metadata').$type<Json>().notNull(),
    endpoint: text('endpoint').notNull(),
    model: text('model').notNull(),
    served_model: text('served_model'),
    provider: text('provider').notNull(),
    target: text('target').notNull(),
    status: integer('status').notNull(),
    error: text('error'),
    stream: boolean('stream').notNull(),
    cache: text('cache').notNull(),
    input_tokens: int('input_tokens').notNull(),
    cache_read_tokens: int('cache_read_tokens').notNull(),
    cache_write_5m_tokens: int('cache_write_5m_tokens').notNull(),
    cache_write_1h_tokens: int('cache_write_1h_tokens').notNull(),
    output_tokens: int('output_tokens').notNull(),
    reasoning_tokens: int('reasoning_tokens').notNull(),
    audio_input_tokens: int('audio_input_tokens').notNull(),
    audio_output_tokens: int('audio_output_tokens').notNull(),
    image_input_tokens: int('image_input_tokens').notNull().default(0),
    image_output_tokens: int('image_output_tokens').notNull().default(0),
    usage_source: text('usage_source').notNull(),
    input_nusd: int('input_nusd').notNull(),
    cache_read_nusd: int('cache_read_nusd').notNull(),
    cache_write_nusd: int('cache_write_nusd').notNull(),
    output_nusd: int('output_nusd').notNull(),
    request_nusd: int('request_nusd').notNull().default(0),
    total_nusd: int('total_nusd').notNull(),
    billed_nusd: int('billed_nusd'),
    price_version: text('price_version').notNull(),
    service_tier: text('service_tier'),
    provider_request_id: text('provider_request_id'),
    requests: smallint('requests').notNull().default(1),
    corrects: text('corrects'),
    correction: text('correction'),
    estimate: text('estimate'),
    flags: text('flags').array(),
    hold: text('hold'),
    held_at: millis('held_at'),
    limit_model: text('limit_model'),
    decision: text('decision'),
    saved_nusd: int('saved_nusd').notNull().default(0),
    first_byte_ms: doublePrecision('first_byte_ms'),
    duration_ms: doublePrecision('duration_ms').notNull(),
    overhead_ms: doublePrecision('overhead_ms').notNull(),
  },
  (table) => [primaryKey({ columns: [table.at, table.id] })],
);

export const auditLog = pgTable('audit_log', {
  id: int('id').primaryKey().generatedAlwaysAsIdentity(),
  at: createdNow('at'),
  actor: text('actor').notNull(),
  action: text('action').notNull(),
  subject: text('subject').notNull(),
  detail: jsonb('detail').$type<Json>().notNull().default({}),
  teams: text('teams').array().notNull().default([]),
});

/** `status` and `body` are null while the first write runs; `body` never holds a key's secret. */
export const idempotency = pgTable(
  'idempotency',
  {
    key: text('key').notNull(),
    route: text('route').notNull(),
    request_hash: bytea('request_hash').notNull(),
    status: integer('status'),
    body: jsonb('body').$type<unknown>(),
    created_at: createdNow('created_at'),
  },
  (table) => [primaryKey({ columns: [table.key, table.route] }), index('idempotency_created').on(table.created_at)],
);
