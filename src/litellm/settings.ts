// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of the configuration
/** `router_settings`, `litellm_settings` and `general_settings`. What both of the first two state, the router's counts. */
import { isObject, type Json } from '../lib/json.js';
import type { Written } from './accounts.js';
import { tellOthers } from './deployments.js';
import type { Findings } from './findings.js';
import { addAliases, addDefaultFallbacks, addFallbacks, retryOf } from './models.js';
import type { Origins } from './origins.js';
import { cacheReasons, generalReasons, routerReasons, settingsReasons } from './reasons.js';
import { at, countOf, durationOf, flagOf, isLiteral, numberOf, textOf, variableOf } from './values.js';

const balances: Readonly<Record<string, string>> = {
  'simple-shuffle': 'weighted',
  'least-busy': 'least_busy',
  'latency-based-routing': 'latency',
  'usage-based-routing': 'usage',
  'usage-based-routing-v2': 'usage',
  'cost-based-routing': 'cost',
};
const fallbackKinds = ['fallbacks', 'context_window_fallbacks', 'content_policy_fallbacks'];
const routerTaken = [
  ...['routing_strategy', 'num_retries', 'timeout', 'stream_timeout', 'allowed_fails', 'cooldown_time', 'retry_after'],
  ...[
    'disable_cooldowns',
    'model_group_alias',
    'retry_policy',
    'redis_host',
    'redis_port',
    'redis_password',
    'redis_url',
  ],
  ...['default_max_parallel_requests', 'default_fallbacks', 'redis_ssl', 'redis_username', ...fallbackKinds],
];
const libraryTaken = [
  ...['drop_params', 'cache', 'cache_params', 'num_retries', 'request_timeout', 'default_fallbacks', 'set_verbose'],
  ...['allowed_fails', 'cooldown_time', ...fallbackKinds],
];

export interface Sections {
  readonly router: Json;
  readonly library: Json;
  readonly general: Json;
}

const MOST_AGE_DAYS = 100_000;
const LEAST_ADMIN_KEY = 32;

/** Adds to `config` what the sections say, and to the models what they say of models. */
export function addSettings(
  config: Written,
  sections: Sections,
  models: Map<string, Written>,
  findings: Findings,
  origins: Origins,
): void {
  const { router, library, general } = sections;
  addAliases(router['model_group_alias'], 'router_settings.model_group_alias', models, findings, origins);
  for (const kind of fallbackKinds) {
    addFallbacks({ kind, models, findings, origins }, library[kind], `litellm_settings.${kind}`);
    addFallbacks({ kind, models, findings, origins }, router[kind], `router_settings.${kind}`);
  }
  for (const list of [router['default_fallbacks'], library['default_fallbacks']]) {
    if (Array.isArray(list))
      addDefaultFallbacks(
        list.filter((one) => typeof one === 'string'),
        models,
      );
  }
  const defaults = defaultsOf(sections, findings);
  addBalance(router, models, findings);
  addCache(config, defaults, library, findings);
  addRedis(config, router, library, findings);
  config['defaults'] = defaults;
  if (flagOf(library['set_verbose'])) config['telemetry'] = { log: { level: 'debug' } };
  addGeneral(config, general, models, findings);
  tellOthers(router, 'router_settings', (name) => routerTaken.includes(name), routerReasons, findings, {
    candidates: routerTaken,
  });
  tellOthers(library, 'litellm_settings', (name) => libraryTaken.includes(name), settingsReasons, findings, {
    candidates: libraryTaken,
  });
}

function defaultsOf({ router, library }: Sections, findings: Findings): Written {
  // As LiteLLM does: what has no price is served, and costs nothing.
  const defaults: Written = { unpriced: 'free' };
  findings.note(
    'model_list',
    'models without a known price are served as free, as LiteLLM does; `defaults.unpriced: refuse` refuses them',
  );
  const retry = retryOf(router['num_retries'] ?? library['num_retries'], router['retry_after']);
  const policy = router['retry_policy'];
  if (isObject(policy)) {
    for (const [kind, count] of Object.entries(policy)) {
      if (kind === 'TimeoutErrorRetries' && numberOf(count) === 0) defaults['retry'] = { on_timeout: 'never' };
      else findings.lacks(at('router_settings.retry_policy', kind), '`retry` has one number for all kinds of failures');
    }
  }
  if (retry) defaults['retry'] = { ...retry, ...(defaults['retry'] as Written) };
  const timeout: Written = {};
  const total = durationOf(router['timeout'] ?? library['request_timeout']);
  const firstByte = durationOf(router['stream_timeout']);
  if (total) timeout['total'] = total;
  if (firstByte) timeout['first_byte'] = firstByte;
  if (Object.keys(timeout).length > 0) defaults['timeout'] = timeout;
  const breaker = breakerOf(router, library, findings);
  if (breaker) defaults['breaker'] = breaker;
  if (flagOf(library['drop_params'])) defaults['drop_params'] = true;
  return defaults;
}

/** LiteLLM counts failures of a minute; a breaker opens by their share. */
function breakerOf(router: Json, library: Json, findings: Findings): Written | undefined {
  if (flagOf(router['disable_cooldowns'])) return { failure_rate: 1, min_requests: 1_000_000 };
  const allowed = countOf(router['allowed_fails'] ?? library['allowed_fails'], 0);
  const open = durationOf(router['cooldown_time'] ?? library['cooldown_time']);
  if (allowed !== undefined)
    findings.note(
      'router_settings.allowed_fails',
      'a breaker opens by the share of failures: at half of at least so many',
    );
  if (allowed === undefined && open === undefined) return undefined;
  return {
    ...(allowed === undefined ? {} : { min_requests: Math.min(1_000_000, allowed + 1), window: '60s' }),
    ...(open === undefined ? {} : { open }),
  };
}

function addBalance(router: Json, models: Map<string, Written>, findings: Findings): void {
  const strategy = router['routing_strategy'];
  if (strategy === undefined || strategy === null) return;
  const balance = typeof strategy === 'string' && Object.hasOwn(balances, strategy) ? balances[strategy] : undefined;
  if (balance === undefined)
    return void findings.lacks('router_settings.routing_strategy', `is not one of ${Object.keys(balances).join(', ')}`);
  if (balance === 'weighted') return;
  for (const model of models.values()) {
    if (Array.isArray(model['targets']) && model['targets'].length > 1) model['balance'] = balance;
  }
}

const SEMANTIC = /semantic$/;

function addCache(config: Written, defaults: Written, library: Json, findings: Findings): void {
  const params = isObject(library['cache_params']) ? library['cache_params'] : {};
  const path = 'litellm_settings.cache_params';
  const redis = ['type', 'host', 'port', 'password', 'url', 'username', 'ssl', 'ttl', 'mode', 'similarity_threshold'];
  const embeddings = ['redis_semantic_cache_embedding_model', 'qdrant_semantic_cache_embedding_model'];
  const isTaken = (name: string) => (name !== 'mode' && redis.includes(name)) || embeddings.includes(name);
  tellOthers(params, path, isTaken, cacheReasons, findings, { candidates: redis });
  if (!flagOf(library['cache'])) return;
  if (params['mode'] === 'default_off')
    return void findings.lacks(
      'litellm_settings.cache',
      'a cache that requests opt in to is stated for the models that use it',
    );
  const cache: Written = { exact: true, share: 'team' };
  findings.note('litellm_settings.cache', 'answers are shared within a team, never with all (docs/semantic-cache.md)');
  const ttl = durationOf(params['ttl']);
  if (ttl !== undefined) cache['ttl'] = ttl;
  if (SEMANTIC.test(String(params['type'] ?? ''))) {
    const threshold = numberOf(params['similarity_threshold']);
    cache['semantic'] = threshold !== undefined && threshold >= 0.5 && threshold <= 1 ? { threshold } : true;
    const model = textOf(embeddings.map((name) => params[name]).find((one) => one !== undefined));
    if (model !== undefined) config['cache'] = { embedding: { type: 'provider', model } };
  }
  defaults['cache'] = cache;
}

function addRedis(config: Written, router: Json, library: Json, findings: Findings): void {
  const params = isObject(library['cache_params']) ? library['cache_params'] : {};
  const ofCache = String(params['type'] ?? '').startsWith('redis');
  const [settings, prefix] =
    router['redis_host'] || router['redis_url'] ? [router, 'redis_'] : ofCache ? [params, ''] : [];
  if (!settings) return;
  const of = (name: string) => settings[`${prefix}${name}`];
  const url = textOf(of('url'));
  if (url !== undefined) config['redis'] = { url };
  else if (of('host')) {
    const [user, secret] = [of('username'), of('password')].map((one) => inUrl(one, ''));
    const login = secret || user ? `${user}:${secret}@` : '';
    const scheme = flagOf(of('ssl')) ? 'rediss' : 'redis';
    config['redis'] = { url: `${scheme}://${login}${inUrl(of('host'), 'localhost')}:${inUrl(of('port'), '6379')}` };
    if (variableOf(of('password')) !== undefined)
      findings.note(
        'redis',
        'the password stands in an address: characters that mean something there are percent-encoded',
      );
  }
  if (isLiteral(of('password'))) findings.note('redis', 'the secret stands in the file, and in the result');
}

/** A part of an address. */
function inUrl(value: unknown, ifUnset: string): string {
  const name = variableOf(value);
  if (name !== undefined) return `\${${name}:-${ifUnset}}`;
  const text = value === undefined || value === null ? ifUnset : String(value);
  if (/\p{Surrogate}/u.test(text)) return ifUnset;
  return encodeURIComponent(text).replaceAll('%5B', '[').replaceAll('%5D', ']');
}

function addGeneral(config: Written, general: Json, models: Map<string, Written>, findings: Findings): void {
  const at_ = (name: string) => at('general_settings', name);
  const key = textOf(general['master_key']);
  if (key !== undefined && isLiteral(general['master_key']) && key.length < LEAST_ADMIN_KEY)
    findings.lacks(
      at_('master_key'),
      `an admin key has at least ${LEAST_ADMIN_KEY} characters: one is made at the first start`,
    );
  else if (key !== undefined) config['admin'] = { key };
  if (general['database_url'] !== undefined) {
    config['database'] = { url: '${TOLLGATE_DATABASE_URL:-}' };
    findings.note(
      at_('database_url'),
      'the gateway has a database of its own: name it in TOLLGATE_DATABASE_URL, and let `tollgate import litellm --database` read that one',
    );
  }
  const megabytes = countOf(general['max_request_size_mb']);
  if (megabytes !== undefined) config['server'] = { body_limit: `${Math.min(megabytes, 1024)}mb` };
  const days = /^(\d{1,6})d$/.exec(String(general['maximum_spend_logs_retention_period'] ?? ''))?.[1];
  if (days !== undefined && Number(days) >= 1)
    config['ledger'] = { retention: `${Math.min(Number(days), MOST_AGE_DAYS)}d` };
  const parallel = countOf(general['max_parallel_requests']);
  for (const target of parallel === undefined
    ? []
    : [...models.values()].flatMap((one) => (one['targets'] ?? []) as Written[])) {
    const limits = (target['limits'] ??= []) as Written[];
    if (!limits.some(({ unit }) => unit === 'concurrent')) limits.push({ unit: 'concurrent', max: parallel });
  }
  const taken = ['master_key', 'database_url', 'max_request_size_mb', 'max_parallel_requests'];
  if (days !== undefined) taken.push('maximum_spend_logs_retention_period');
  const reasons = { ...generalReasons, maximum_spend_logs_retention_period: 'only days can be stated, such as 30d' };
  tellOthers(general, 'general_settings', (name) => taken.includes(name), reasons, findings, { candidates: taken });
}
