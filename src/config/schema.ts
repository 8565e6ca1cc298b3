/**
 * The configuration as written: one schema, from which the file is validated, editors complete it (`config.schema.json`) and
 * `resolve.ts` makes the `Config` as used. A key that is not here is an error.
 */

import { z } from 'zod';
import { abilitiesSpec } from '../lib/abilities-spec.js';
import { limitSpec } from '../lib/limit-spec.js';
import { routeSpec } from '../lib/route-spec.js';
import { adminSection } from './admin-schema.js';
import { authSection } from './auth-schema.js';
import { cacheSection, modelCache } from './cache-schema.js';
import { captureMode, captureSection } from './capture-schema.js';
import { cors } from './cors-schema.js';
import { guardNames, guardrails } from './guardrails.js';
import { provider } from './provider-schema.js';
import { responsesSection } from './responses-schema.js';
import { route } from './route-schema.js';
import { breaker, retry, routing } from './routing.js';
import * as s from './scalars.js';
import { telemetrySection } from './telemetry-schema.js';
import { serverTls } from './tls-schema.js';
import { webhookDelivery, webhooks } from './webhooks.js';

const MOST_BODY = 2 ** 30;
const MOST_MEMORY = 2 ** 42;
const LEAST_SPOOL = 2 ** 20;
const MOST_SPOOL = 2 ** 50;

const timeout = z
  .strictObject({
    connect: s.duration().optional().describe('Longest wait for a connection to the upstream. Default 5s.'),
    first_byte: s
      .duration()
      .optional()
      .describe('Longest wait for the first byte of a streamed answer. Default 60s. A whole one is bounded by total.'),
    idle: s
      .duration()
      .optional()
      .describe('Longest silence inside a streamed answer. Default 60s. A whole one is bounded by total.'),
    total: s.duration().optional().describe('Longest time for a whole request. Default 10m.'),
    first_keep_alive: s
      .duration(0)
      .optional()
      .describe(
        'A stream whose upstream has not begun to answer gets its head and a comment after so long; from then on failures are told inside it. 0s: never. Default 15s.',
      ),
    keep_alive: s
      .duration(0)
      .optional()
      .describe('A comment is sent on a stream that has begun after so long a silence. 0s: never. Default 5s.'),
  })
  .describe('How long to wait for an upstream.');

const rates = {
  input: s.dollars.describe('Input tokens.'),
  cached_input: s.dollars.optional().describe("Input tokens read from the provider's cache. Default: as input."),
  cache_write: s.dollars.optional().describe("Input tokens written to the provider's cache. Default: as input."),
  cache_write_1h: s.dollars
    .optional()
    .describe(
      'Input tokens written to the cache for an hour. Default: twice input where cache_write is stated, else as input.',
    ),
  output: s.dollars.describe('Output tokens.'),
  reasoning: s.dollars.optional().describe('Reasoning tokens of the output. Default: as output.'),
  audio_input: s.dollars.optional().describe('Audio tokens of the input. Default: as input.'),
  audio_output: s.dollars.optional().describe('Audio tokens of the output. Default: as output.'),
  image_input: s.dollars.optional().describe('Image tokens of the input. Default: as input.'),
  image_output: s.dollars.optional().describe('Image tokens of the output. Default: as output.'),
};

const onePrice = z.strictObject({
  ...rates,
  from: s.instant
    .optional()
    .describe('In force from then on: a date (UTC) or a time with a zone. Left out: it always was.'),
  request: s.dollars.optional().describe('US dollars for each request that is answered.'),
  long_context: z
    .array(
      z.strictObject({
        above: z.number().int().min(1).max(100_000_000).describe('For requests with more input tokens than this.'),
        ...rates,
      }),
    )
    .max(10)
    .optional()
    .describe('Other rates for all tokens of requests with a long input.'),
  service_tiers: z
    .record(
      s.serviceTier,
      z.union([
        z.strictObject({ multiplier: z.number().min(0).max(100).describe('A multiple of the standard rates.') }),
        z.strictObject(rates),
      ]),
    )
    .optional()
    .describe('Other rates where the provider answers that it served in such a tier (flex, priority, batch).'),
});

const price = z
  .union([onePrice, z.array(onePrice).min(1, 'a price needs at least one row').max(100)])
  .describe('US dollars per million tokens, instead of the list price; or a list of such, each with the date `from`.');

const forcedToolChoice = z
  .enum(['refuse', 'auto', 'instruct'])
  .describe(
    'Where a tool must be called and the model cannot be held to that: refuse the request, let the model choose (auto), or let it choose and tell it to call one (instruct). Default refuse.',
  );

const limits = z.array(limitSpec).describe('Caps on requests, tokens, money or concurrency.');

const target = z.strictObject({
  provider: z.string().describe('A name under `providers`.'),
  model: s.upstreamModel.describe("The model's name at the provider. `*`: what `*` stands for in the model's name."),
  base_model: s.upstreamModel
    .optional()
    .describe(
      'Which model it is, where `model` is a name of your own (a deployment, a profile): decides prices and facts.',
    ),
  weight: z
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .optional()
    .describe('Share of requests among targets of one priority.'),
  priority: z.number().int().min(1).max(100).optional().describe('1 is used first.'),
  price: price.optional().describe('The price of this target, where it is not the one of the model.'),
  limits: limits.optional(),
});

const targets = z.array(target).min(1, 'a model needs a target');

const modelFields = z.strictObject({
  targets: targets.optional().describe('Where requests for the model go.'),
  route: routeSpec
    .optional()
    .describe(
      'Instead of targets: which other model serves, by what the request is. The first rule that fits decides.',
    ),
  ...routing,
  timeout: timeout.optional(),
  price: price.optional(),
  cache: modelCache.optional(),
  limits: limits.optional(),
  max_output: z
    .number()
    .int()
    .min(1)
    .max(100_000_000)
    .optional()
    .describe('Most tokens that the model may answer with; a request that asks for more is clamped.'),
  drop_params: z
    .boolean()
    .optional()
    .describe('Leave out what the target cannot do, instead of refusing the request. Default false.'),
  forced_tool_choice: forcedToolChoice.optional(),
  abilities: abilitiesSpec.optional(),
  capture: captureMode.optional(),
  guards: guardNames.optional(),
});

/** A model has targets, or a route to models that have. */
const model = modelFields.superRefine(({ targets, route, ...rest }, context) => {
  const problem = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  if (!route && !targets) problem(['targets'], 'is missing: a model has `targets` or a `route`');
  if (!route) return;
  for (const [key, value] of Object.entries({ targets, ...rest })) {
    if (value !== undefined && key !== 'guards' && key !== 'capture')
      problem([key], 'a model with a `route` has nothing else; set this for the models that it uses');
  }
});

const groupings = [
  ...['hour', 'day', 'month', 'team', 'key', 'model', 'served_model', 'provider', 'target', 'user', 'tag', 'endpoint'],
  ...['status', 'error', 'cache', 'stream', 'usage_source', 'price_version', 'service_tier'],
] as const;

const scheduledReport = z.strictObject({
  name: s.reportName.describe('Names the files and deliveries.'),
  every: z
    .enum(['day', 'week', 'month'])
    .describe('The period that each report is of; it is made when that has ended.'),
  format: z.enum(['json', 'csv', 'parquet', 'focus']).default('csv').describe('What is delivered.'),
  group_by: z.array(z.enum(groupings)).max(8).default(['team', 'model']).describe('What the rows are.'),
  timezone: s.timezone.default('UTC').describe('Where days, weeks and months begin.'),
  to: z
    .strictObject({
      folder: z.string().min(1).optional().describe('A folder, relative to this file.'),
      webhook: z
        .strictObject({
          url: s.secret.describe('Where the report is sent, by POST.'),
          secret: s.secret.optional().describe('whsec_...: signs as Standard Webhooks has it.'),
          allow_private: z.boolean().default(false).describe('The address may be a private one.'),
        })
        .optional()
        .describe('A receiver.'),
    })
    .refine((to) => (to.folder === undefined) !== (to.webhook === undefined), 'give either a `folder` or a `webhook`')
    .describe('Where it goes.'),
});

export const configSchema = z.strictObject({
  server: z
    .strictObject({
      host: s.host.default('127.0.0.1').describe('The address to listen on. 0.0.0.0: all.'),
      port: z.number().int().min(0).max(65_535).default(4000).describe('The port to listen on. 0: any that is free.'),
      body_limit: s.size(MOST_BODY).prefault('20mb').describe('Largest request body.'),
      workers: s.workers.prefault(1).describe('Processes that serve. auto: one for each processor.'),
      drain: s
        .duration(0)
        .prefault('5s')
        .describe('How long a gateway that ends still takes connections, after /readyz says 503.'),
      restart_gap: s
        .duration(0)
        .prefault('12s')
        .describe('How long another gateway of the database must have been ready before this one closes its listener.'),
      shutdown_grace: s.duration(0).prefault('30s').describe('How long open requests may take to end after that.'),
      tls: serverTls.optional(),
      timeout: z
        .strictObject({
          headers: s.duration().prefault('30s').describe('Longest wait for the whole headers of a request.'),
          body: s
            .duration()
            .prefault('60s')
            .describe('Longest wait for its body, and a second more for each kilobyte of it.'),
          send: s
            .duration()
            .prefault('60s')
            .describe('How long an answer may wait for its client, and a second more for each kilobyte that is taken.'),
        })
        .prefault({})
        .describe('How long clients may take to send a request (then 408) and to read an answer (then they are cut).'),
      overload: z
        .strictObject({
          delay: s.duration().prefault('1s').describe('How late the event loop may be.'),
          memory: s
            .size(MOST_MEMORY)
            .optional()
            .describe('How much memory the process may hold. Left out: 85 % of what its container or machine has.'),
        })
        .prefault({})
        .describe('Near these limits requests are refused with 503 `overloaded`, by the priority of their key.'),
      trust_proxy: z
        .array(s.addressRange)
        .default([])
        .describe('Proxies in front whose X-Forwarded-For is believed: addresses and CIDR blocks.'),
      cors: cors.optional().describe('Opens the AI endpoints to scripts in browsers. Left out: closed to them.'),
    })
    .prefault({})
    .describe('The listener.'),
  data_dir: z.string().min(1).default('./data').describe('Where the gateway keeps files, relative to this file.'),
  admin: adminSection,
  auth: authSection,
  database: z
    .strictObject({ url: s.secret.default('').describe('postgres://... Empty: an embedded database in data_dir.') })
    .prefault({})
    .describe('Where keys and spend are stored.'),
  ledger: z
    .strictObject({
      durability: z
        .enum(['process', 'fsync', 'sync-postgres'])
        .default('process')
        .describe(
          'What an entry survives when the caller has its answer: the end of the process (process), of the machine (fsync), of its disk (sync-postgres).',
        ),
      max_size: s
        .size(MOST_SPOOL)
        .refine((bytes) => bytes >= LEAST_SPOOL, 'must be at least 1mb')
        .prefault('4gb')
        .describe('Most disk that entries may take in data_dir while the database is away.'),
      on_full: z
        .enum(['refuse', 'serve'])
        .default('refuse')
        .describe(
          'Where that is used up or cannot be written: refuse requests with 503, or serve them although their entries may be lost.',
        ),
      sent_unknown: z
        .enum(['billed', 'free'])
        .default('billed')
        .describe(
          'What a team is billed for an attempt of which nobody can know whether it was sent, since its gateway ended: its estimate, or nothing.',
        ),
      retention: s
        .longDuration(86_400_000)
        .optional()
        .describe('Entries older than this are dropped, whole months at a time; sums are kept. Left out: never.'),
    })
    .prefault({})
    .describe('The spend ledger, and how entries are kept until they are in the database.'),
  redis: z
    .strictObject({
      url: s.secret.default('').describe('redis://... Empty: limits are counted in this process.'),
      on_failure: z
        .enum(['local', 'closed', 'open'])
        .default('local')
        .describe(
          'With Redis away, limits are counted in this process (local), refuse (closed) or are not checked (open).',
        ),
    })
    .prefault({})
    .describe('Where limits are counted for several gateways.'),
  reports: z
    .array(scheduledReport)
    .max(100)
    .default([])
    .describe('Reports that are delivered by themselves, once for all replicas.'),
  providers: z.record(s.providerName, provider).default({}).describe('Upstream accounts, by a name of your choice.'),
  models: z
    .record(s.modelPattern, model)
    .default({})
    .describe(
      'Models that clients may ask for, by the name that they send. `openai/*` stands for all names that begin so.',
    ),
  defaults: z
    .strictObject({
      timeout: timeout.optional(),
      retry: retry.optional(),
      breaker: breaker.optional(),
      price: price.optional().describe('The price of models that have no other. US dollars per million tokens.'),
      cache: modelCache.optional(),
      limits: limits.optional(),
      drop_params: z.boolean().default(false).describe('See models.'),
      forced_tool_choice: forcedToolChoice.default('refuse'),
      guards: guardNames.default([]),
      unpriced: z
        .enum(['refuse', 'free'])
        .default('refuse')
        .describe('What happens to requests for a model whose price is known from nowhere.'),
    })
    .prefault({})
    .describe('For every model that does not say otherwise.'),
  cache: cacheSection,
  guardrails,
  webhooks,
  webhook_delivery: webhookDelivery,
  capture: captureSection,
  responses: responsesSection,
  secrets_key: s.secret
    .default('')
    .describe('Encrypts secrets in the database; the same for all gateways on it. Empty: made and kept in data_dir.'),
  telemetry: telemetrySection,
  routes: z.array(route).default([]).describe('Classic HTTP routes: anything that is not a model.'),
});

/** The file as written and validated, with defaults filled in; secrets, references and paths are still to be resolved. */
export type WrittenConfig = z.output<typeof configSchema>;
export type WrittenTimeout = z.output<typeof timeout>;
export type PriceConfig = z.output<typeof price>;
