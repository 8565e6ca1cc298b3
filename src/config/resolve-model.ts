/** The models of a written configuration, with what `defaults` hand down to them. */
import { type CachePolicy, semanticDefaults, unmeasuredThreshold } from '../cache/cache.js';
import type { WrittenModelCache } from './cache-schema.js';
import type { Config, ModelConfig, TargetConfig, TimeoutConfig } from './config.js';
import { routingOf } from './routing.js';
import type { WrittenConfig, WrittenTimeout } from './schema.js';

export const builtInTimeout: TimeoutConfig = {
  connect: 5_000,
  first_byte: 60_000,
  idle: 60_000,
  total: 600_000,
  first_keep_alive: 15_000,
  keep_alive: 5_000,
};

export function resolveModels(written: WrittenConfig): Record<string, ModelConfig> {
  const { defaults } = written;
  const timeout = merged(builtInTimeout, defaults.timeout);
  return mapValues(written.models, (model) => ({
    route: model.route ?? null,
    targets: (model.targets ?? []).map((target) => ({
      provider: target.provider,
      model: target.model,
      base_model: target.base_model ?? null,
      weight: target.weight ?? 1,
      priority: target.priority ?? 1,
      price: target.price ?? null,
      limits: target.limits ?? [],
    })),
    ...routingOf(defaults, model),
    timeout: merged(timeout, model.timeout),
    price: model.price ?? null,
    limits: model.route ? [] : (model.limits ?? defaults.limits ?? []),
    max_output: model.max_output ?? null,
    drop_params: model.drop_params ?? defaults.drop_params,
    forced_tool_choice: model.forced_tool_choice ?? defaults.forced_tool_choice,
    abilities: model.abilities ?? null,
    cache: cacheOf(model.cache ?? defaults.cache, written.cache.embedding),
    capture: model.capture ?? null,
    guards: model.guards ?? [],
  }));
}

/** The default threshold is that of the model that compares. */
export function cacheOf(
  written: WrittenModelCache | undefined,
  embedding: WrittenConfig['cache']['embedding'],
): CachePolicy | null {
  if (written === undefined || written === false) return null;
  const { exact = true, semantic = false, ttl = 3_600_000, share = 'key' } = written;
  if (!exact && semantic === false) return null;
  const told = typeof semantic === 'object' ? semantic : {};
  const defaults =
    embedding.type === 'local' && embedding.folder === undefined
      ? semanticDefaults
      : { ...semanticDefaults, threshold: unmeasuredThreshold };
  return { exact, semantic: semantic === false ? null : { ...defaults, ...told }, ttl, share };
}

/** A model that is in no file: one target, and all else as the defaults have it. */
export const modelConfigOf = (
  { timeout, retry, breaker, drop_params, forced_tool_choice }: Config['defaults'],
  { provider, model }: Pick<TargetConfig, 'provider' | 'model'>,
): ModelConfig => ({
  route: null,
  targets: [{ provider, model, base_model: null, weight: 1, priority: 1, price: null, limits: [] }],
  ...routingOf({ retry, breaker }, {}),
  ...{
    timeout,
    drop_params,
    forced_tool_choice,
    price: null,
    limits: [],
    max_output: null,
    abilities: null,
    cache: null,
  },
  ...{ capture: null, guards: [] },
});

export const merged = (base: TimeoutConfig, over: WrittenTimeout | undefined): TimeoutConfig => ({ ...base, ...over });

export const mapValues = <A, B>(
  record: Readonly<Record<string, A>>,
  map: (value: A, key: string) => B,
): Record<string, B> => Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
