/**
 * The configuration as written: one schema, from which the file is validated, editors complete it (`config.schema.json`) and
 * `resolve.ts` makes the `Config` as used. A key that is not here is an error.
 */
import { z } from 'zod';
import { limitSpec } from '../lib/limit-spec.js';
import { routeSpec } from '../lib/route-spec.js';
import { cacheSection, modelCache } from './cache-schema.js';
import { breaker, retry, routing } from './routing.js';
import * as s from './scalars.js';

const MOST_BODY = 2 ** 30;

const timeout = z
  .strictObject({
    connect: s.duration().optional().describe('Longest wait for a connection to the upstream. Default 5s.'),
    first_byte: s.duration().optional().describe('Longest wait for the first byte of an answer. Default 60s.'),
    idle: s.duration().optional().describe('Longest silence inside an answer. Default 60s.'),
    total: s.duration().optional().describe('Longest time for a whole request. Default 10m.'),
    keep_alive: s
      .duration(0)
      .optional()
      .describe('A comment is sent on a stream after so long a silence of the upstream. 0s: never. Default 5s.'),
  })
  .describe('How long to wait for an upstream.');

const price = z
  .strictObject({
    input: s.dollars.describe('Input tokens.'),
    cached_input: s.dollars.optional().describe("Input tokens read from the provider's cache. Default: as input."),
    cache_write: s.dollars.optional().describe("Input tokens written to the provider's cache. Default: as input."),
    cache_write_1h: s.dollars
      .optional()
      .describe(
        'Input tokens written to the cache for an hour. Default: twice input where cache_write is stated, else as input.',
      ),
    output: s.dollars.describe('Output tokens, reasoning included.'),
    audio_input: s.dollars.optional().describe('Audio tokens of the input. Default: as input.'),
    audio_output: s.dollars.optional().describe('Audio tokens of the output. Default: as output.'),
  })
  .describe('US dollars per million tokens, instead of the list price.');

const limits = z.array(limitSpec).describe('Caps on requests, tokens, money or concurrency.');

const target = z.strictObject({
  provider: z.string().describe('A name under `providers`.'),
  model: s.upstreamModel.describe("The model's name at the provider. `*`: what `*` stands for in the model's name."),
  weight: z
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .optional()
    .describe('Share of requests among targets of one priority.'),
  priority: z.number().int().min(1).max(100).optional().describe('1 is used first.'),
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
});

/** A model has targets, or a route to models that have. */
const model = modelFields.superRefine(({ targets, route, ...rest }, context) => {
  const problem = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  if (!route && !targets) problem(['targets'], 'is missing: a model has `targets` or a `route`');
  if (!route) return;
  for (const [key, value] of Object.entries({ targets, ...rest })) {
    if (value !== undefined)
      problem([key], 'a model with a `route` has nothing else; set this for the models that it uses');
  }
});

const provider = z.strictObject({
  type: z.string().describe('Which API it speaks; docs/configuration.md lists the types.'),
  api_key: s.secret.default('').describe('The credential that is sent upstream.'),
  api_keys: z
    .array(s.secret)
    .min(1)
    .max(100)
    .optional()
    .describe('Several credentials instead of one: used in turn, and each left alone for itself when it is refused.'),
  base_url: s.baseUrl
    .optional()
    .describe('Where the API is, if not at its usual place, such as http://10.0.0.7:8000/v1.'),
  headers: z.record(s.headerName, s.headerValue).default({}).describe('Headers that are added to every request.'),
});

export const configSchema = z.strictObject({
  server: z
    .strictObject({
      host: s.host.default('127.0.0.1').describe('The address to listen on. 0.0.0.0: all.'),
      port: z.number().int().min(0).max(65_535).default(4000).describe('The port to listen on. 0: any that is free.'),
      body_limit: s.size(MOST_BODY).prefault('20mb').describe('Largest request body.'),
      workers: z.number().int().min(1).max(256).default(1).describe('Processes that serve.'),
      shutdown_grace: s.duration(0).prefault('30s').describe('How long open requests may take to end at a shutdown.'),
      trust_proxy: z
        .array(s.addressRange)
        .default([])
        .describe('Proxies in front whose X-Forwarded-For is believed: addresses and CIDR blocks.'),
    })
    .prefault({})
    .describe('The listener.'),
  data_dir: z.string().min(1).default('./data').describe('Where the gateway keeps files, relative to this file.'),
  admin: z
    .strictObject({ key: s.secret.default('').describe('The key of the admin API. Empty: made at the first start.') })
    .prefault({})
    .describe('The admin API.'),
  database: z
    .strictObject({ url: s.secret.default('').describe('postgres://... Empty: an embedded database in data_dir.') })
    .prefault({})
    .describe('Where keys and spend are stored.'),
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
      unpriced: z
        .enum(['refuse', 'free'])
        .default('refuse')
        .describe('What happens to requests for a model whose price is known from nowhere.'),
    })
    .prefault({})
    .describe('For every model that does not say otherwise.'),
  cache: cacheSection,
  telemetry: z
    .strictObject({
      metrics: z.boolean().default(true).describe('Serve Prometheus metrics at /metrics.'),
      log: z
        .strictObject({
          level: z
            .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
            .default('info')
            .describe('The least important line that is written.'),
        })
        .prefault({})
        .describe('The log.'),
    })
    .prefault({})
    .describe('What the gateway tells about itself.'),
});

/** The file as written and validated, with defaults filled in; secrets, references and paths are still to be resolved. */
export type WrittenConfig = z.output<typeof configSchema>;
export type WrittenTimeout = z.output<typeof timeout>;
export type PriceConfig = z.output<typeof price>;
