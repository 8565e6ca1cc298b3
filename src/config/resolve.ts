/**
 * The written configuration as the one that is used: secrets are read, paths made absolute, defaults handed down. Finds all
 * that is wrong before it gives up.
 */
import { resolve as resolvePath } from 'node:path';
import { processors } from '../lib/processors.js';
import { tokensOf } from './auth.js';
import { resolveRoutes } from './classic-routes.js';
import type { CacheConfig, Config, ProviderConfig } from './config.js';
import { freeze } from './freeze.js';
import { guardrailsOf } from './guardrails.js';
import { modelFolderProblem } from './model-folder.js';
import { oidcOf } from './oidc.js';
import { proxiesOf, reachOf } from './outbound.js';
import type { Path } from './problem.js';
import { accountOf, type Env, type EnvOf } from './provider-account.js';
import type { WrittenFailure } from './provider-schema.js';
import type { ProviderTypes } from './references.js';
import { builtInTimeout, cacheOf, mapValues, merged, resolveModels } from './resolve-model.js';
import { checkClassicRoutes } from './route-checks.js';
import { breakerOf, retryOf } from './routing.js';
import { MOST_WORKERS, type WrittenSecret } from './scalars.js';
import type { WrittenConfig } from './schema.js';
import { telemetryOf } from './telemetry-schema.js';
import { serverTlsOf } from './tls.js';
import type { Finding } from './validate.js';
import { webhooksOf } from './webhooks.js';

export type Resolved =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/** What is outside of the file. */
interface Surroundings {
  /** Where relative paths begin. */
  readonly baseDir: string;
  /** Reads a file that the configuration names. */
  readonly read: (file: string) => Buffer;
  readonly types: ProviderTypes;
  readonly env: Env;
  readonly envOf: EnvOf;
  /** Whether a provider was made by the admin API. */
  readonly isAdded: (provider: string) => boolean;
}

export function resolve(written: WrittenConfig, { baseDir, read, types, env, envOf, isAdded }: Surroundings): Resolved {
  const findings: Finding[] = [];
  const report = (path: Path, message: string) => void findings.push({ path, part: 'value', message });
  const secret = (path: Path, value: WrittenSecret) =>
    typeof value === 'string' ? value : readSecret(path, resolvePath(baseDir, value.file), read, report);
  const credential = (path: Path, value: WrittenSecret) => checkCredential(path, secret(path, value), report);
  const address = (path: Path, value: WrittenSecret, schemes: readonly string[]) =>
    checkAddress(path, secret(path, value), schemes, report);

  const config: Config = {
    server: {
      ...written.server,
      workers: workersOf(written.server.workers),
      overload: { ...written.server.overload, memory: written.server.overload.memory ?? null },
      cors: corsOf(written.server.cors),
      tls: serverTlsOf(['server', 'tls'], written.server.tls, { baseDir, read, report }),
    },
    proxies: proxiesOf(env, report),
    data_dir: resolvePath(baseDir, written.data_dir),
    admin: {
      key: longEnough(credential(['admin', 'key'], written.admin.key), report),
      session: written.admin.session,
      oidc: oidcOf(written.admin.oidc, secret),
    },
    auth: { jwt: tokensOf(written.auth.jwt, baseDir, secret, read, report) },
    database: { url: address(['database', 'url'], written.database.url, ['postgres', 'postgresql']) },
    redis: {
      url: address(['redis', 'url'], written.redis.url, ['redis', 'rediss']),
      on_failure: written.redis.on_failure,
    },
    ledger: { ...written.ledger, retention: written.ledger.retention ?? null },
    reports: written.reports.map(({ to, ...report }, i) => ({
      ...report,
      to: to.webhook
        ? {
            url: address(['reports', i, 'to', 'webhook', 'url'], to.webhook.url, ['https', 'http']) ?? '',
            secret: to.webhook.secret ? credential(['reports', i, 'to', 'webhook', 'secret'], to.webhook.secret) : null,
            allow_private: to.webhook.allow_private,
          }
        : { folder: resolvePath(baseDir, to.folder!) },
    })),
    providers: mapValues(
      written.providers,
      (provider, name): ProviderConfig => ({
        type: provider.type,
        ...accountOf(provider, {
          name,
          rules: types[provider.type] ?? {},
          baseDir,
          env: envOf(name),
          read,
          secret: credential,
          report,
        }),
        base_url: provider.base_url ?? null,
        catalogue: provider.catalogue ?? null,
        pass_headers: provider.pass_headers ?? null,
        health: provider.health ?? null,
        usage: provider.usage ?? null,
        speaks: provider.speaks ?? null,
        failures: provider.failures.map(failureOf),
        reach: reachOf(['providers', name], provider, {
          ...{ baseDir, read, report, secret },
          guarded: isAdded(name),
        }),
        headers: Object.fromEntries(Object.entries(provider.headers).map(([key, value]) => [key.toLowerCase(), value])),
      }),
    ),
    models: resolveModels(written),
    defaults: {
      timeout: merged(builtInTimeout, written.defaults.timeout),
      retry: retryOf(written.defaults),
      breaker: breakerOf(written.defaults),
      price: written.defaults.price ?? null,
      limits: written.defaults.limits ?? [],
      drop_params: written.defaults.drop_params,
      forced_tool_choice: written.defaults.forced_tool_choice,
      unpriced: written.defaults.unpriced,
      cache: cacheOf(written.defaults.cache, written.cache.embedding),
      guards: written.defaults.guards,
    },
    guardrails: guardrailsOf(written.guardrails, secret, report),
    cache: {
      ...written.cache,
      embedding: embeddingOf(written.cache.embedding, baseDir, report),
      secret: credential(['cache', 'secret'], written.cache.secret) || null,
    },
    capture: written.capture,
    responses: written.responses,
    webhooks: webhooksOf(written, secret, report),
    webhook_delivery: written.webhook_delivery,
    secrets_key: checkSecretsKey(secret(['secrets_key'], written.secrets_key), report) || null,
    telemetry: telemetryOf(written.telemetry, secret, report),
    routes: resolveRoutes(written.routes, baseDir, secret, read, report),
  };
  if (config.cache.index === 'pgvector' && config.database.url === null)
    report(['cache', 'index'], 'the embedded database does not have pgvector: set `database.url`, or use memory');
  findings.push(...checkClassicRoutes(written.routes));
  return findings.length > 0 ? { ok: false, findings } : { ok: true, config: freeze(config) };
}

type Report = (path: Path, message: string) => void;

function embeddingOf(
  written: WrittenConfig['cache']['embedding'],
  baseDir: string,
  report: Report,
): CacheConfig['embedding'] {
  if (written.type === 'provider')
    return { ...written, provider: written.provider ?? null, dimensions: written.dimensions ?? null };
  const { type, model, folder, pooling, prefix } = written;
  for (const [name, value] of Object.entries({ pooling, prefix }))
    if (folder === undefined && value !== undefined)
      report(
        ['cache', 'embedding', name],
        'is of a model in a `folder`; the one that comes with the gateway needs none',
      );
  const from = folder === undefined ? null : resolvePath(baseDir, folder);
  const problem = from === null ? null : modelFolderProblem(from);
  if (problem !== null) report(['cache', 'embedding', 'folder'], problem);
  return {
    type,
    model,
    folder: from === null ? null : { path: from, pooling: pooling ?? 'mean', prefix: prefix ?? '' },
  };
}

const failureOf = ({ is, status, code, type, message }: WrittenFailure): ProviderConfig['failures'][number] => ({
  is,
  status: status === undefined ? null : [status].flat(),
  code: code ?? null,
  type: type ?? null,
  message: message ?? null,
});

const workersOf = (written: WrittenConfig['server']['workers']): number =>
  written !== 'auto' ? written : process.platform === 'win32' ? 1 : Math.min(processors(), MOST_WORKERS);

const corsOf = (cors: WrittenConfig['server']['cors']): Config['server']['cors'] =>
  cors === undefined ? null : { ...cors, headers: cors.headers ?? null };

function readSecret(path: Path, file: string, read: (file: string) => Buffer, report: Report): string {
  try {
    return read(file)
      .toString('utf8')
      .replace(/\r?\n$/, '');
  } catch (error) {
    report([...path, 'file'], `cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`);
    return '';
  }
}

/** A secret that travels in a header. */
function checkCredential(path: Path, text: string, report: Report): string {
  if (!/^[\x21-\x7e]*$/.test(text)) report(path, 'a key is one word of ASCII characters, without spaces');
  return text;
}

function checkSecretsKey(text: string, report: Report): string {
  if (text !== '' && text.length < 32) report(['secrets_key'], 'expected at least 32 random characters');
  return text;
}

/** The address of a store, which may hold a password; null where it is empty. */
function checkAddress(path: Path, url: string, schemes: readonly string[], report: Report): string | null {
  if (url === '') return null;
  const scheme = /^([a-z]+):\/\//.exec(url)?.[1] ?? '';
  if (!schemes.includes(scheme) || !URL.canParse(url)) report(path, `expected a URL that begins with ${schemes[0]}://`);
  return url;
}

const SHORTEST_ADMIN_KEY = 32;

/** An admin key that can be guessed is none: whoever has it may do everything. */
function longEnough(key: string | null, report: (path: Path, message: string) => void): string | null {
  if (key && key.length < SHORTEST_ADMIN_KEY) {
    const words = `has ${key.length} characters; an admin key has ${SHORTEST_ADMIN_KEY} or more (openssl rand -base64 32 makes one, and left out one is made)`;
    report(['admin', 'key'], words);
  }
  return key || null;
}
