/**
 * A configuration as JSON that is safe to show, for `tollgate check` and the admin API: every section is named here, so that one
 * that is new is not shown before somebody has said what of it is secret.
 */
import type { GuardConfig } from '../lib/guard-spec.js';
import { limitAsWritten } from '../lib/limit-spec.js';
import { type ProviderSettings, type SettingName, settingForm } from '../lib/provider-settings.js';
import { describeTokens } from './auth.js';
import { describeRoute } from './classic-routes.js';
import type { Config, ModelConfig, ProviderConfig } from './config.js';
import { HIDDEN, hideAll, hideInUrl, onlyOrigin } from './hide.js';
import { describeProviderTls, describeServerTls } from './tls.js';

const hide = (secret: string | null): string | null => (secret ? HIDDEN : null);

/** A database's address without its password. */
export function withoutPassword(url: string | null): string | null {
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

export const mapSettings = (settings: ProviderSettings) =>
  Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [name, settingForm(name as SettingName).secret ? HIDDEN : value]),
  );

/** The configuration in its own shape, safe to show: durations in milliseconds, sizes in bytes, secrets hidden. */
export function describeConfig(config: Config) {
  return {
    server: { ...config.server, tls: describeServerTls(config.server.tls) },
    proxies: {
      ...config.proxies,
      http: config.proxies.http && hideInUrl(config.proxies.http),
      https: config.proxies.https && hideInUrl(config.proxies.https),
    },
    data_dir: config.data_dir,
    admin: {
      key: hide(config.admin.key),
      session: config.admin.session,
      oidc: config.admin.oidc && { ...config.admin.oidc, client_secret: hide(config.admin.oidc.client_secret) },
    },
    auth: { jwt: describeTokens(config.auth.jwt) },
    database: { url: withoutPassword(config.database.url) },
    ledger: config.ledger,
    redis: { ...config.redis, url: withoutPassword(config.redis.url) },
    reports: config.reports.map((report) => ({
      ...report,
      to: 'url' in report.to ? { ...report.to, url: HIDDEN, secret: hide(report.to.secret) } : report.to,
    })),
    providers: mapValues(config.providers, describeProvider),
    models: mapValues(config.models, describeModel),
    defaults: { ...config.defaults, limits: config.defaults.limits.map(limitAsWritten) },
    guardrails: mapValues(config.guardrails, describeGuard),
    cache: { ...config.cache, secret: hide(config.cache.secret) },
    capture: config.capture,
    responses: config.responses,
    webhooks: config.webhooks.map(({ id, name, url, events, allow_private }) => ({
      ...{ id, name: name === url ? onlyOrigin(url) : name, url: onlyOrigin(url) },
      ...{ events, allow_private, secret: HIDDEN },
    })),
    webhook_delivery: config.webhook_delivery,
    secrets_key: hide(config.secrets_key),
    telemetry: {
      ...config.telemetry,
      traces: {
        ...config.telemetry.traces,
        otlp: hideInUrl(config.telemetry.traces.otlp),
        headers: hideAll(config.telemetry.traces.headers),
      },
    },
    routes: config.routes.map(describeRoute),
  } satisfies Record<keyof Config, unknown>;
}

const describeProvider = ({ api_keys, settings, files_digest: _of, reach, ...provider }: ProviderConfig) => ({
  ...provider,
  proxy: reach.proxy && hideInUrl(reach.proxy),
  tls: describeProviderTls(reach.tls),
  ...mapSettings(settings),
  base_url: provider.base_url && hideInUrl(provider.base_url),
  ...(api_keys.length === 1 ? { api_key: hide(api_keys[0]!) } : { api_keys: api_keys.map(hide) }),
  headers: mapValues(provider.headers, () => HIDDEN),
});

const describeModel = (model: ModelConfig) => ({
  ...model,
  targets: model.targets.map((target) => ({ ...target, limits: target.limits.map(limitAsWritten) })),
  limits: model.limits.map(limitAsWritten),
});

const describeGuard = (guard: GuardConfig) =>
  guard.kind === 'webhook' ? { ...guard, url: onlyOrigin(guard.url), secret: hide(guard.secret) } : guard;
