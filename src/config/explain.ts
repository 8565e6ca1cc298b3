/** A configuration in words and as JSON, for `tollgate check` and the admin API. No secret leaves this file. */
import { type LimitSpec, limitAsWritten } from '../lib/limit-spec.js';
import type { Config, ModelConfig, PriceConfig } from './config.js';

const HIDDEN = '(hidden)';

const hide = (secret: string | null): string | null => (secret ? HIDDEN : null);

/** A database's address without its password. */
function withoutPassword(url: string | null): string | null {
  if (url === null) return null;
  const parsed = new URL(url);
  if (parsed.password) parsed.password = '***';
  // Drivers read credentials from the query as well.
  for (const name of [...parsed.searchParams.keys()]) {
    if (/pass|secret|token|key/i.test(name)) parsed.searchParams.set(name, '***');
  }
  return parsed.href;
}

const mapValues = <A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));

/** The configuration in its own shape, safe to show: durations in milliseconds, sizes in bytes, secrets hidden. */
export function describeConfig(config: Config) {
  return {
    ...config,
    admin: { key: hide(config.admin.key) },
    database: { url: withoutPassword(config.database.url) },
    redis: { ...config.redis, url: withoutPassword(config.redis.url) },
    cache: { ...config.cache, secret: hide(config.cache.secret) },
    providers: mapValues(config.providers, (provider) => ({
      ...provider,
      api_key: hide(provider.api_key),
      headers: mapValues(provider.headers, () => HIDDEN),
    })),
    models: mapValues(config.models, (model) => ({
      ...model,
      targets: model.targets.map((target) => ({ ...target, limits: target.limits.map(limitAsWritten) })),
      limits: model.limits.map(limitAsWritten),
    })),
    defaults: { ...config.defaults, limits: config.defaults.limits.map(limitAsWritten) },
  };
}

/** What `explainConfig` says of the price of a target that the configuration does not price: a line, or null: none is known. */
export type ListPrice = (provider: string, model: string) => string | null;

/** What the configuration means, line by line. */
export function explainConfig(config: Config, listPrice: ListPrice = () => 'the list price'): string[] {
  const { server, data_dir, database, redis, telemetry } = config;
  return [
    ...table([
      [
        'server',
        `http://${server.host.includes(':') ? `[${server.host}]` : server.host}:${server.port}, bodies up to ${bytes(server.body_limit)}`,
      ],
      ['data', data_dir],
      ['admin key', config.admin.key ? 'set' : 'made at the first start, kept in the data folder'],
      ['database', withoutPassword(database.url) ?? 'embedded, in the data folder'],
      ['limits', limitsAt(redis)],
      ['metrics', telemetry.metrics ? '/metrics' : 'off'],
      ['log', telemetry.log.level],
    ]),
    '',
    'providers',
    ...table(
      Object.entries(config.providers).map(([name, { type, api_key, base_url }]) => [
        `  ${name}`,
        [type, base_url, api_key ? 'with a key' : 'without a key'].filter(Boolean).join(', '),
      ]),
    ),
    '',
    'models',
    ...table(
      Object.entries(config.models).map(([name, model]) => [`  ${name}`, explainModel(config, model, listPrice)]),
    ),
  ];
}

function explainModel(config: Config, model: ModelConfig, listPrice: ListPrice): string {
  const targets = model.targets.map((target) => `${target.provider}/${target.model}`).join(', ');
  const limits = [...model.limits, ...model.targets.flatMap((target) => target.limits)];
  const first = model.targets[0]!;
  const price = model.price
    ? dollars(model.price)
    : (listPrice(first.provider, first.model) ?? withoutListPrice(config));
  const most = model.max_output === null ? null : `at most ${model.max_output} tokens out`;
  return [`-> ${targets}`, price, most, ...limits.map(explainLimit)].filter(Boolean).join('; ');
}

function withoutListPrice({ defaults }: Config): string {
  if (defaults.price) return `${dollars(defaults.price)} (defaults.price)`;
  return defaults.unpriced === 'free'
    ? 'free: no price is known'
    : 'REFUSED: no price is known; give the model a `price`';
}

const dollars = (price: PriceConfig): string => `$${price.input} in, $${price.output} out per million tokens`;

function explainLimit(limit: LimitSpec): string {
  const { unit, max, per, model } = limitAsWritten(limit);
  const amount =
    unit === 'usd' ? `$${max}` : unit === 'concurrent' ? `${max} requests at once` : `${max} ${unit.replace('_', ' ')}`;
  const window = per === undefined ? '' : per === 'total' ? ' in total' : ` per ${per}`;
  return `at most ${amount}${window}${model ? ` for ${model}` : ''}`;
}

function limitsAt({ url, on_failure }: Config['redis']): string {
  if (url === null) return 'counted in this process';
  const away = { local: 'counted in this process', closed: 'requests are refused', open: 'not checked' }[on_failure];
  return `counted in ${withoutPassword(url)}; while it is away: ${away}`;
}

const bytes = (count: number): string => {
  const [size, unit] = count >= 2 ** 20 ? [count / 2 ** 20, 'MB'] : [count / 2 ** 10, 'KB'];
  return `${Number(size.toFixed(1))} ${unit}`;
};

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([head]) => head.length));
  return rows.length === 0 ? ['  none'] : rows.map(([head, text]) => `${head.padEnd(width)}  ${text}`);
}
