/** How targets, models, providers, classic routes and the cache are, in the words of the admin API. */
import { z } from 'zod';

const name = z.string();
const count = z.number();
const orNull = name.nullable();

const breaker = z.enum(['closed', 'half_open', 'open', 'held_open']);

export const targetState = z
  .object({
    id: name,
    provider: name,
    model: name.describe('The name that the provider is sent.'),
    weight: count,
    priority: count,
    breaker,
    healthy: z.boolean(),
    reason: orNull,
    ready_at: orNull,
    attempts: count.describe('Attempts in the window of the breaker.'),
    failures: count.describe('How many of them failed.'),
    in_flight: count,
    latency_ms: count,
  })
  .meta({ id: 'TargetState', description: 'A target, as this gateway process knows it.' });

const origin = {
  source: z.enum(['file', 'api']).describe('Whether it stands in the configuration file, or was made by the API.'),
};

export const modelState = z
  .object({
    id: name.describe('What clients send as `model`.'),
    ...origin,
    route: z.array(name).optional().describe('The models that its rules choose from, where it has rules.'),
    balance: name,
    healthy: z.boolean(),
    targets: z.array(targetState),
    retry_budget: z
      .looseObject({ left: count.describe('Further attempts that all its requests may make now.') })
      .nullable()
      .describe('How many further attempts there may be; null: as many as requests may make.'),
    fallbacks: z.array(name).describe('The models that are tried when all its targets fail.'),
    context_window_fallbacks: z.array(name).describe('The models that are tried when a request is too long for it.'),
    content_policy_fallbacks: z.array(name).describe('The models that are tried when its provider will not answer.'),
  })
  .meta({ id: 'ModelState', description: 'A model, as this gateway process knows it.' });

export const providerState = z
  .object({
    id: name.describe('Its name.'),
    ...origin,
    type: name.describe('The type of upstream API.'),
    base_url: orNull.describe('Where it is; null: where its type is.'),
    healthy: z.boolean().nullable().describe('Whether one of its targets is sent to; null: it has none.'),
    probe: z
      .object({
        up: z.boolean(),
        good: z.boolean().describe('Whether the last probe was answered well.'),
        what: name,
        took_ms: count.describe('How long the probe took, in milliseconds.'),
        at: name,
      })
      .nullable()
      .describe('What health probes found last; null: there are none.'),
    credentials: z
      .array(z.object({ resting: orNull.describe('Why it is not used now; null: it is.'), ready_at: orNull }))
      .describe('Its credentials, in their order; never a secret.'),
    targets: z.array(targetState),
  })
  .meta({ id: 'ProviderState', description: 'An upstream account, as this gateway process knows it.' });

export const routeTarget = z
  .object({
    id: name.describe('Its URL.'),
    weight: count,
    healthy: z.boolean(),
    breaker: breaker.nullable().describe('null: the route has no breaker.'),
    attempts: count.nullable().describe('Attempts in the window of the breaker.'),
    failures: count.nullable().describe('How many of them failed.'),
    ready_at: orNull,
    in_flight: count,
    latency_ms: count,
  })
  .meta({ id: 'RouteTarget', description: 'A target of a classic route.' });

export const routeState = z
  .object({
    id: name.describe('The name of the route.'),
    match: z.unknown().describe('What requests it takes.'),
    kind: z.enum(['upstream', 'compose', 'respond', 'redirect']),
    targets: z.array(routeTarget),
  })
  .meta({ id: 'ClassicRoute', description: 'A classic route, as this gateway process knows it.' });

const counts = z.record(z.string(), count);

export const cacheStats = z
  .object({
    memory: z
      .object({ entries: count, bytes: count.describe('How large they are.') })
      .describe('Answers in the memory of this process.'),
    queued: count.describe('Answers that wait to be written to the database.'),
    waiting: count.describe('Requests that wait for the answer to the same question.'),
    results: counts.describe('What the cache did for requests since the start: the result -> how many.'),
    semantic: z
      .object({
        rejections: counts.describe('Why near prompts were not taken for the same: the reason -> how many.'),
        skipped: counts.describe('Why requests were not compared: the reason -> how many.'),
        learning: count.describe('Comparisons that wait to be learnt from.'),
        vectors: count.describe('Vectors that are kept.'),
        vector_bytes: count.describe('How large they are.'),
        verified: z
          .object({
            scopes: count.describe('Scopes that were asked for lately.'),
            certified: count.describe('Scopes whose threshold is certified.'),
            learning: count.describe('Scopes that still learn theirs.'),
            off: count.describe('Scopes that answer nothing.'),
            labels: count,
            precision: count.nullable().describe('The share of hits that are right; null: not known.'),
            interval: z.array(count).readonly().describe('Between which two numbers it lies.'),
          })
          .describe('Verified mode.'),
      })
      .describe('The semantic cache.'),
    purges: count.describe('The number of the newest purge.'),
  })
  .meta({ id: 'CacheStats', description: 'What the cache of this gateway process does.' });

const price = z.looseObject({}).describe('Its parts, in dollars per million tokens.');

export const pricing = z
  .object({
    currency: name,
    unit: name,
    catalogue: name.describe('The catalogue of list prices in force.'),
    catalogue_date: name.describe('From when its prices are.'),
    catalogue_sha256: orNull.describe('Of the file that was brought; null for the catalogue of this version.'),
    data: z
      .array(
        z.object({
          model: name,
          target: name,
          price: price.nullable().describe('The price in force; null: none is known.'),
        }),
      )
      .describe('The price of each target of each model.'),
    overrides: z.array(
      z.object({
        model: name,
        target: orNull.describe('The target; null: all targets of the model.'),
        from: orNull.describe('From when it is in force; null: always.'),
        price,
      }),
    ),
    defaults: z
      .array(z.object({ from: orNull.describe('From when it is in force; null: always.'), price }))
      .describe('The prices of everything else.'),
  })
  .meta({ id: 'Pricing', description: 'The prices in force.' });
