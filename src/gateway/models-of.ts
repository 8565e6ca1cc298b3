/** From a configuration to what the request path serves: adaptors, connections, credentials and prices joined, once. */
import type { Config, ModelConfig, TargetConfig } from '../config/config.js';
import { standingPrice } from '../pricing/catalogue.js';
import { type Price, writtenPrice } from '../pricing/price.js';
import type { Adaptor } from '../protocol/adaptor.js';
import { cleaner } from '../telemetry/redact.js';
import type { Pools } from '../upstream/pool.js';
import type { Model, Models, Target } from './model.js';

interface Parts {
  readonly adaptors: Readonly<Record<string, Adaptor>>;
  readonly pools: Pools;
  readonly userAgent: string;
  readonly nowMs: number;
}

export function modelsOf(config: Config, parts: Parts): Models {
  const models = new Map<string, Model>();
  for (const [name, written] of Object.entries(config.models)) {
    const targets = written.targets.map((target) => targetOf(config, written, target, parts));
    models.set(name, {
      name,
      targets,
      timeouts: timeoutsOf(written),
      dropParams: written.drop_params,
      cache: written.cache,
    });
  }
  const list = [...models.values()];
  return { get: (name) => models.get(name), list: () => list, createdS: Math.floor(parts.nowMs / 1000) };
}

/** A `keep_alive` of 0 means never. */
const timeoutsOf = ({ timeout }: ModelConfig) => ({
  ...timeout,
  keep_alive: timeout.keep_alive === 0 ? Number.POSITIVE_INFINITY : timeout.keep_alive,
});

function targetOf(config: Config, model: ModelConfig, written: TargetConfig, parts: Parts): Target {
  const provider = config.providers[written.provider]!;
  const adaptor = parts.adaptors[provider.type]!;
  const base = new URL(provider.base_url ?? adaptor.baseUrl!);
  const path = pathBelow(base, adaptor.paths.chat);
  const price = standingPrice({
    override: model.price ?? undefined,
    catalogueName: adaptor.catalogue,
    model: written.model,
    fallback: config.defaults.price ?? undefined,
    nowMs: parts.nowMs,
  });
  const free = config.defaults.unpriced === 'free' ? freePrice : undefined;
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'user-agent': parts.userAgent,
    ...adaptor.headers(provider.api_key),
    ...provider.headers,
  };
  return {
    id: `${written.provider}/${written.model}`,
    provider: written.provider,
    model: written.model,
    adaptor,
    counting: adaptor.counting(written.model),
    to: adaptor.local
      ? { local: adaptor.local, path }
      : { dispatcher: parts.pools.get(base.origin, model.timeout.connect), path },
    headers: Object.entries(headers).flat(),
    priceAt: (nowMs) => price(nowMs) ?? free,
    clean: cleaner([provider.api_key, base.host, base.hostname, ...Object.values(provider.headers)]),
  };
}

const freePrice: Price = { ...writtenPrice({ input: 0, output: 0 }, 'default'), version: 'unpriced' };

/** A base URL may or may not end in the `/v1` that a path begins with. */
function pathBelow(base: URL, path: string): string {
  const root = base.pathname.replace(/\/+$/, '');
  return root.endsWith('/v1') && path.startsWith('/v1/') ? root + path.slice(3) : root + path;
}
