/** How requests are routed: the settings of a model that `src/router` acts on, as written and as used. */
import { z } from 'zod';
import * as s from './scalars.js';

export const balances = ['weighted', 'round_robin', 'least_busy', 'latency', 'cost', 'usage'] as const;
export const affinities = ['none', 'prompt', 'user'] as const;

/** Who may be asked after a time-out of a request that was sent, which the target may go on with, and bill. */
const timeoutRetries = ['elsewhere', 'anywhere', 'never'] as const;

const SHARE = 'expected a share, such as 0.2 or "20%"';
const MOST_SHARE = 20;

const retryBudget = z
  .union([
    z.strictObject({
      share: z
        .union([z.number(), z.string().regex(/^\d{1,4}(\.\d{1,6})?%$/, SHARE)], SHARE)
        .transform((written) => (typeof written === 'number' ? written : Number(written.slice(0, -1)) / 100))
        .refine((share) => share >= 0 && share <= MOST_SHARE, SHARE)
        .optional()
        .describe('Further attempts for each request of the window. Default 20%.'),
      floor: z
        .number()
        .int()
        .min(0)
        .max(1_000_000)
        .optional()
        .describe('Further attempts of the window that are always there. Default 10.'),
      window: s.duration(100).optional().describe('Requests and attempts of this last while count. Default 10s.'),
    }),
    z.literal('off'),
  ])
  .describe(
    'Most further attempts that all requests of a model make together because an upstream failed; those that are answered do not count. off: no such cap.',
  );

export const retry = z
  .strictObject({
    max_attempts: z
      .number()
      .int()
      .min(1)
      .max(20)
      .optional()
      .describe('Attempts of one request over all targets, fallbacks included. 1: none is repeated. Default 3.'),
    base: s.duration(0).optional().describe('Longest wait before the first retry of a target; doubles. Default 250ms.'),
    max: s
      .duration(0)
      .optional()
      .describe('Longest wait before any retry, also where the upstream asks for more. Default 8s.'),
    on_timeout: z
      .enum(timeoutRetries)
      .optional()
      .describe(
        'After a time-out of a request that was sent, and may be billed: ask other targets and fallbacks (elsewhere), the same target too (anywhere), or nobody (never). Default elsewhere.',
      ),
    budget: retryBudget.optional(),
  })
  .describe('How often, and after what wait, a failed request is tried again.');

export const breaker = z
  .strictObject({
    failure_rate: z.number().gt(0).max(1).optional().describe('Share of failed attempts that opens it. Default 0.5.'),
    min_requests: z
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe('Attempts that it takes at least. Default 10.'),
    window: s.duration(100).optional().describe('Attempts of this last while count. Default 30s.'),
    open: s
      .duration(10)
      .optional()
      .describe('How long it stays open the first time; doubles each time a probe fails, up to 16 times. Default 15s.'),
    half_open_probes: z
      .number()
      .int()
      .min(1)
      .max(1_000)
      .optional()
      .describe('Attempts that are then let through at once, and that must succeed to close it. Default 2.'),
  })
  .describe('When a target that fails is left alone.');

const fallbacks = z.array(z.string().min(1)).max(20);

/** Fields of a model. */
export const routing = {
  balance: z.enum(balances).optional().describe('How targets of one priority share requests. Default weighted.'),
  affinity: z
    .enum(affinities)
    .optional()
    .describe(
      "prompt: requests whose prompts begin alike go to the same target, where the provider's cache is warm; user: those of one end user. Default none.",
    ),
  retry: retry.optional(),
  breaker: breaker.optional(),
  fallbacks: fallbacks.optional().describe('Models to try, in this order, when no target of this one answers.'),
  context_window_fallbacks: fallbacks
    .optional()
    .describe('Models to try when the input does not fit into the context window.'),
  content_policy_fallbacks: fallbacks
    .optional()
    .describe("Models to try when a provider's content policy withholds the answer."),
  hedge: z
    .strictObject({
      after: s.duration(10).describe('How long the first byte may take before a second target is asked as well.'),
    })
    .optional()
    .describe('Ask a second target where the first is slow to begin; the first to answer wins, both are billed.'),
  probe: z
    .strictObject({
      text: z.number().int().min(1).max(10_000).optional().describe('Characters that must arrive first. Default 32.'),
      wait: s.duration(0).optional().describe('Longest time for which text is held back. Default 500ms.'),
    })
    .optional()
    .describe('Hold back the beginning of a stream, so that one that dies at once can still be tried elsewhere.'),
  empty_answer: z
    .enum(['accept', 'fail'])
    .optional()
    .describe('An answer with neither content nor a tool call: accept it, or fail and try elsewhere. Default accept.'),
};

/** `share`: of requests; `window`: milliseconds. */
interface RetryBudgetConfig {
  readonly share: number;
  readonly floor: number;
  readonly window: number;
}

/** As used: milliseconds. */
export interface RetryConfig {
  readonly max_attempts: number;
  readonly base: number;
  readonly max: number;
  readonly on_timeout: (typeof timeoutRetries)[number];
  readonly budget: RetryBudgetConfig | 'off';
}

export interface BreakerConfig {
  readonly failure_rate: number;
  readonly min_requests: number;
  readonly window: number;
  readonly open: number;
  readonly half_open_probes: number;
}

export interface RoutingConfig {
  readonly balance: (typeof balances)[number];
  readonly affinity: (typeof affinities)[number];
  readonly retry: RetryConfig;
  readonly breaker: BreakerConfig;
  /** Names of models. */
  readonly fallbacks: readonly string[];
  readonly context_window_fallbacks: readonly string[];
  readonly content_policy_fallbacks: readonly string[];
  readonly hedge: { readonly after: number } | null;
  readonly probe: { readonly text: number; readonly wait: number } | null;
  readonly empty_answer: 'accept' | 'fail';
}

const builtInBudget: RetryBudgetConfig = { share: 0.2, floor: 10, window: 10_000 };

const builtIn: { readonly retry: RetryConfig; readonly breaker: BreakerConfig } = {
  retry: { max_attempts: 3, base: 250, max: 8_000, on_timeout: 'elsewhere', budget: builtInBudget },
  breaker: { failure_rate: 0.5, min_requests: 10, window: 30_000, open: 15_000, half_open_probes: 2 },
};

type WrittenRetry = z.output<typeof retry>;
type WrittenBreaker = z.output<typeof breaker>;
type WrittenRouting = z.output<z.ZodObject<typeof routing>>;

interface Defaults {
  readonly retry?: WrittenRetry | undefined;
  readonly breaker?: WrittenBreaker | undefined;
}

export const retryOf = (defaults: Defaults, own?: WrittenRetry): RetryConfig => ({
  ...builtIn.retry,
  ...defaults.retry,
  ...own,
  budget: budgetOf(defaults.retry?.budget, own?.budget),
});

function budgetOf(handedDown: WrittenRetry['budget'], own: WrittenRetry['budget']): RetryConfig['budget'] {
  const written = own ?? handedDown ?? {};
  if (written === 'off') return 'off';
  return { ...builtInBudget, ...(handedDown === 'off' ? {} : handedDown), ...written };
}

export const breakerOf = (defaults: Defaults, own?: WrittenBreaker): BreakerConfig => ({
  ...builtIn.breaker,
  ...defaults.breaker,
  ...own,
});

export const routingOf = (defaults: Defaults, model: WrittenRouting): RoutingConfig => ({
  balance: model.balance ?? 'weighted',
  affinity: model.affinity ?? 'none',
  retry: retryOf(defaults, model.retry),
  breaker: breakerOf(defaults, model.breaker),
  fallbacks: model.fallbacks ?? [],
  context_window_fallbacks: model.context_window_fallbacks ?? [],
  content_policy_fallbacks: model.content_policy_fallbacks ?? [],
  hedge: model.hedge ?? null,
  probe: model.probe ? { text: model.probe.text ?? 32, wait: model.probe.wait ?? 500 } : null,
  empty_answer: model.empty_answer ?? 'accept',
});
