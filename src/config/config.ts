/**
 * The configuration as used: validated, resolved, deeply frozen. Durations are milliseconds, sizes are bytes, optional things
 * are null, and nothing refers to a file or to the environment any more.
 */
import type { CachePolicy } from '../cache/cache.js';
import type { StatedAbilities } from '../lib/abilities-spec.js';
import type { CaptureMode } from '../lib/capture-spec.js';
import type { WrittenFailureRule } from '../lib/failure-spec.js';
import type { GuardConfig } from '../lib/guard-spec.js';
import type { LimitSpec } from '../lib/limit-spec.js';
import type { ProviderSettings } from '../lib/provider-settings.js';
import type { ProxyRules } from '../lib/proxy-rules.js';
import type { RouteRule } from '../lib/route-spec.js';
import type { TokensConfig } from './auth.js';
import type { RouteConfig } from './classic-routes.js';
import type { OidcConfig } from './oidc.js';
import type { ProviderReach } from './outbound.js';
import type { BreakerConfig, RetryConfig, RoutingConfig } from './routing.js';
import type { PriceConfig } from './schema.js';
import type { TelemetryConfig } from './telemetry-schema.js';
import type { ServerTls } from './tls.js';
import type { WebhookConfig, WebhookDeliveryConfig } from './webhooks.js';

export interface Config {
  readonly server: {
    readonly host: string;
    readonly port: number;
    /** Bytes. */
    readonly body_limit: number;
    readonly workers: number;
    readonly drain: number;
    /** How long another gateway must have been there before this one closes its listener. */
    readonly restart_gap: number;
    readonly shutdown_grace: number;
    /** How long clients may take to send a request, in milliseconds. */
    readonly timeout: { readonly headers: number; readonly body: number; readonly send: number };
    /** Milliseconds and bytes; null: a share of what there is. */
    readonly overload: { readonly delay: number; readonly memory: number | null };
    /** Null: plain HTTP. */
    readonly tls: ServerTls | null;
    /** Addresses and CIDR blocks. */
    readonly trust_proxy: readonly string[];
    /** Null: the AI endpoints are closed to scripts in browsers. */
    readonly cors: {
      readonly origins: readonly string[];
      /** Null: those that are asked for. */
      readonly headers: readonly string[] | null;
      /** Milliseconds. */
      readonly max_age: number;
    } | null;
  };
  /** The proxies of the environment. */
  readonly proxies: ProxyRules;
  /** Absolute. */
  readonly data_dir: string;
  /** Null: made at the first start. */
  readonly admin: {
    readonly key: string | null;
    /** Sessions in browsers, in milliseconds. */
    readonly session: { readonly idle: number; readonly longest: number };
    /** Null: nobody signs in by OIDC. */
    readonly oidc: OidcConfig | null;
  };
  /** Null: virtual keys alone. */
  readonly auth: { readonly jwt: TokensConfig | null };
  /** Null: the embedded database. */
  readonly database: { readonly url: string | null };
  readonly ledger: {
    readonly durability: 'process' | 'fsync' | 'sync-postgres';
    /** Bytes. */
    readonly max_size: number;
    readonly on_full: 'refuse' | 'serve';
    readonly sent_unknown: 'billed' | 'free';
    /** Milliseconds that entries are kept; null: for ever. */
    readonly retention: number | null;
  };
  /** Null: counted in this process. */
  readonly redis: { readonly url: string | null; readonly on_failure: 'local' | 'closed' | 'open' };
  readonly reports: readonly ReportConfig[];
  readonly providers: Readonly<Record<string, ProviderConfig>>;
  readonly models: Readonly<Record<string, ModelConfig>>;
  readonly defaults: {
    readonly timeout: TimeoutConfig;
    readonly retry: RetryConfig;
    readonly breaker: BreakerConfig;
    readonly price: PriceConfig | null;
    readonly limits: readonly LimitSpec[];
    readonly drop_params: boolean;
    readonly forced_tool_choice: 'refuse' | 'auto' | 'instruct';
    readonly unpriced: 'refuse' | 'free';
    readonly cache: CachePolicy | null;
    /** Names of guards that are in force for every request. */
    readonly guards: readonly string[];
  };
  /** By their names. */
  readonly guardrails: Readonly<Record<string, GuardConfig>>;
  readonly cache: CacheConfig;
  /** Whether prompts and answers are kept. */
  readonly capture: {
    readonly content: CaptureMode;
    /** Milliseconds. */
    readonly retention: number;
    /** Bytes of a request, and of an answer. */
    readonly max_size: number;
  };
  readonly responses: {
    readonly store: boolean;
    /** Milliseconds. */
    readonly retention: number;
    /** Bytes. */
    readonly max_size: number;
    readonly max_conversations: number;
  };
  readonly webhooks: readonly WebhookConfig[];
  readonly webhook_delivery: WebhookDeliveryConfig;
  /** Null: one in `data_dir`. */
  readonly secrets_key: string | null;
  readonly telemetry: TelemetryConfig;
  readonly routes: readonly RouteConfig[];
}

export interface ProviderConfig {
  readonly type: string;
  /** At least one; the empty text where there is none. Those that the environment has for the type count as well. */
  readonly api_keys: readonly string[];
  /** Without a trailing slash. Null: the place that the provider's type knows. */
  readonly base_url: string | null;
  /** Its name in the price catalogue, where stated. */
  readonly catalogue: string | null;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Headers of callers that go on to it, in lower case; null: those that its type names. */
  readonly pass_headers: readonly string[] | null;
  /** What only some types know: where the account is, and what stands in for a key. */
  readonly settings: ProviderSettings;
  /** Of the files that settings name; null where there are none. A file that changes makes another account. */
  readonly files_digest: string | null;
  /** Names of wire formats; null: those of its type. */
  readonly speaks: readonly string[] | null;
  /** Whether streams are asked for their usage; null: as its type says. */
  readonly usage: 'ask' | 'never' | null;
  /** How its targets are probed; null: they are not. */
  readonly health: HealthConfig | null;
  /** What errors of this provider mean, before what its type knows. */
  readonly failures: readonly WrittenFailureRule[];
  /** The way to it. */
  readonly reach: ProviderReach;
}

export interface ModelConfig extends RoutingConfig {
  /** Which other model serves, by what the request is; null: the model's own targets do. */
  readonly route: readonly RouteRule[] | null;
  /** Empty where there is a route. */
  readonly targets: readonly TargetConfig[];
  readonly timeout: TimeoutConfig;
  /** Null: the list price, else `defaults.price`. */
  readonly price: PriceConfig | null;
  readonly limits: readonly LimitSpec[];
  /** Most tokens that the model may answer with; null: the provider's own limit. */
  readonly max_output: number | null;
  readonly drop_params: boolean;
  readonly forced_tool_choice: 'refuse' | 'auto' | 'instruct';
  /** What the model can do, beside what is known; null: nothing is stated. */
  readonly abilities: StatedAbilities | null;
  /** Null: answers are not cached. */
  readonly cache: CachePolicy | null;
  /** Null: the model says nothing. */
  readonly capture: CaptureMode | null;
  /** Names of guards, beside those of the defaults. */
  readonly guards: readonly string[];
}

export interface TargetConfig {
  /** A key of `providers`. */
  readonly provider: string;
  readonly model: string;
  /** Which model that is, where its name does not say so. */
  readonly base_model: string | null;
  readonly weight: number;
  readonly priority: number;
  /** Null: as the model's. */
  readonly price: PriceConfig | null;
  readonly limits: readonly LimitSpec[];
}

/** A sentence-embedding model in ONNX form. */
export interface FolderModel {
  readonly path: string;
  readonly pooling: 'mean' | 'cls';
  readonly prefix: string;
}

export interface CacheConfig {
  /** Bytes of answers in memory. */
  readonly memory: number;
  /** Null: kept in the database. */
  readonly secret: string | null;
  /** Where the nearest prompts are searched. */
  readonly index: 'memory' | 'pgvector';
  readonly embedding:
    | {
        readonly type: 'local';
        readonly model: string;
        /** Instead of the model that comes with the gateway; null: that one. */
        readonly folder: FolderModel | null;
      }
    | {
        readonly type: 'provider';
        /** Null: `model` is a name under `models`. */
        readonly provider: string | null;
        readonly model: string;
        /** Null: the model's own. */
        readonly dimensions: number | null;
        readonly timeout: number;
      };
}

/** Health probes of a provider. Times are milliseconds. */
export interface HealthConfig {
  /** Below the base URL. */
  readonly path: string;
  readonly interval: number;
  readonly timeout: number;
  readonly unhealthy_after: number;
  readonly healthy_after: number;
}

/** Milliseconds. */
export interface TimeoutConfig {
  readonly connect: number;
  readonly first_byte: number;
  readonly idle: number;
  readonly total: number;
  /** Wait for the upstream after which a stream gets its head and a comment; 0: never. */
  readonly first_keep_alive: number;
  /** Silence after which a stream that has begun gets a comment; 0: never. */
  readonly keep_alive: number;
}

export interface ReportConfig {
  readonly name: string;
  readonly every: 'day' | 'week' | 'month';
  readonly format: 'json' | 'csv' | 'parquet' | 'focus';
  readonly group_by: readonly string[];
  readonly timezone: string;
  /** A folder (absolute), or a receiver. */
  readonly to:
    | { readonly folder: string }
    | { readonly url: string; readonly secret: string | null; readonly allow_private: boolean };
}

export type { PriceConfig };
