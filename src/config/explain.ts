/** A configuration in words, for `tollgate check`. No secret leaves this file. */
import { type LimitSpec, limitAsWritten } from '../lib/limit-spec.js';
import { type ProviderSettings, type SettingName, settingForm } from '../lib/provider-settings.js';
import type { RouteRule } from '../lib/route-spec.js';
import { explainRoute } from './classic-routes.js';
import type { Config, ModelConfig, PriceConfig, ProviderConfig } from './config.js';
import { mapSettings, withoutPassword } from './describe.js';
import { HIDDEN, hideInUrl } from './hide.js';

/** What `explainConfig` says of the price of a target that the configuration does not price: a line, or null: none is known. */
export type ListPrice = (provider: string, model: string) => string | null;

/** What a provider's account lacks to be let in, in words; undefined: nothing. */
export type Lack = (provider: ProviderConfig) => string | undefined;

/** What the configuration means, line by line. */
export function explainConfig(
  config: Config,
  listPrice: ListPrice = () => 'the list price',
  lack: Lack = () => undefined,
): string[] {
  const { server, data_dir, database, redis, telemetry } = config;
  return [
    ...table([
      [
        'server',
        `http://${server.host.includes(':') ? `[${server.host}]` : server.host}:${server.port}, bodies up to ${bytes(server.body_limit)}`,
      ],
      ['data', data_dir],
      ['admin key', config.admin.key ? 'set' : 'made at the first start, kept in the data folder'],
      ['callers', config.auth.jwt ? `virtual keys, and tokens of ${config.auth.jwt.issuer}` : 'virtual keys'],
      ['database', withoutPassword(database.url) ?? 'embedded, in the data folder'],
      ['limits', limitsAt(redis)],
      ['webhooks', config.webhooks.map(explainWebhook).join('; ') || 'none here'],
      ['metrics', telemetry.metrics ? '/metrics' : 'off'],
      [
        'traces',
        telemetry.traces.otlp === '' ? 'as OTEL_EXPORTER_OTLP_ENDPOINT says' : hideInUrl(telemetry.traces.otlp),
      ],
      ['log', telemetry.log.level],
    ]),
    '',
    'providers',
    ...table(
      Object.entries(config.providers).map(([name, provider]) => [
        `  ${name}`,
        explainProvider(provider, lack(provider)),
      ]),
    ),
    '',
    'models',
    ...table(
      Object.entries(config.models).map(([name, model]) => [`  ${name}`, explainModel(config, model, listPrice)]),
    ),
    ...(config.routes.length > 0
      ? ['', 'routes', ...table(config.routes.map((route) => [`  ${route.name}`, explainRoute(route)]))]
      : []),
  ];
}

/** Without the path, in which receivers often hide a password. */
const explainWebhook = ({ name, url, events }: Config['webhooks'][number]): string =>
  `${events.join(' ')} to ${name === null ? '' : `${name} at `}${new URL(url).origin}`;

function explainProvider(
  { type, api_keys, base_url, settings, speaks }: ProviderConfig,
  lack: string | undefined,
): string {
  const shown = Object.entries(mapSettings(settings)).filter(([, value]) => value !== HIDDEN);
  const told = shown.map(([name, value]) => `${name} ${value}`);
  const spoken = speaks && `speaks ${speaks.join(' and ')}`;
  return [type, base_url, ...told, spoken, explainKeys(api_keys, settings, lack)].filter(Boolean).join(', ');
}

function explainKeys(keys: readonly string[], settings: ProviderSettings, lack: string | undefined): string {
  if (lack !== undefined) return `NEVER ASKED: it has no credential; ${lack}`;
  if (keys.length > 1) return `with ${keys.length} keys in turn`;
  if (keys[0]) return 'with a key';
  return Object.keys(settings).some((name) => settingForm(name as SettingName).secret)
    ? 'with a secret'
    : 'without a key';
}

function explainModel(config: Config, model: ModelConfig, listPrice: ListPrice): string {
  if (model.route) return `by what the request is: ${model.route.map(explainRule).join('; ')}`;
  const targets = explainTargets(model);
  const limits = [...model.limits, ...model.targets.flatMap((target) => target.limits)];
  const first = model.targets[0]!;
  const price = model.price
    ? dollars(model.price)
    : (listPrice(first.provider, first.base_model ?? first.model) ?? withoutListPrice(config));
  const most = model.max_output === null ? null : `at most ${model.max_output} tokens out`;
  return [`-> ${targets}`, ...explainFallbacks(model), price, most, ...limits.map(explainLimit)]
    .filter(Boolean)
    .join('; ');
}

/** By rising priority; weights where they differ. */
function explainTargets({ targets, balance }: ModelConfig): string {
  const weighted = targets.some(({ weight }) => weight !== targets[0]!.weight);
  const shown = (target: ModelConfig['targets'][number]) =>
    `${target.provider}/${target.model}${weighted ? ` x${target.weight}` : ''}`;
  const priorities = [...new Set(targets.map(({ priority }) => priority))].sort((a, b) => a - b);
  const groups = priorities.map((priority) => {
    const group = targets.filter((target) => target.priority === priority);
    return `${group.map(shown).join(', ')}${group.length > 1 ? ` (${balance})` : ''}`;
  });
  return groups.join(', then ');
}

function explainFallbacks(model: ModelConfig): string[] {
  const lists = [
    ['falls back to', model.fallbacks],
    ['for a long context to', model.context_window_fallbacks],
    ['for a content policy to', model.content_policy_fallbacks],
  ] as const;
  return lists.filter(([, names]) => names.length > 0).map(([words, names]) => `${words} ${names.join(', ')}`);
}

function explainRule({ when, use }: RouteRule): string {
  const models = use.map(({ model, weight }) => (use.length > 1 ? `${model} (${weight})` : model)).join(' or ');
  const conditions = Object.entries(when ?? {}).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  return conditions.length > 0 ? `${models} by ${conditions.join(' and ')}` : `else ${models}`;
}

function withoutListPrice({ defaults }: Config): string {
  if (defaults.price) return `${dollars(defaults.price)} (defaults.price)`;
  return defaults.unpriced === 'free'
    ? 'free: no price is known'
    : 'REFUSED: no price is known; give the model a `price`';
}

function dollars(price: PriceConfig): string {
  const rows = Array.isArray(price) ? price : [price];
  const [first, ...more] = rows;
  const dated = more.length > 0 ? ` (and ${more.length} more by date)` : '';
  return `$${first?.input} in, $${first?.output} out per million tokens${dated}`;
}

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
