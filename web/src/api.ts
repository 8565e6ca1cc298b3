/** The admin API as the pages ask it: one function, errors in the words of the gateway, and the shapes that pages read. */

import type { TakenLimit, TakenRoute } from './decisions';

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** When the gateway says that it may be asked again. */
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }
}

/** Told when nobody is signed in any more, so that the sign-in comes back. */
export const onRefused = { call: (): void => {} };

const SESSION = '/admin/v1/session';

async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  // The browser sends the cookie of the session; this header is what no other site can send along.
  headers.set('x-tollgate-console', '1');
  if (init.body !== undefined) headers.set('content-type', 'application/json');
  const response = await fetch(path, { ...init, headers }).catch(() => {
    throw new ApiError(0, 'The gateway cannot be reached. Is it running?');
  });
  if (response.ok) return response;
  if (response.status === 401 && !path.startsWith(SESSION)) onRefused.call();
  const after = Number(response.headers.get('retry-after') ?? Number.NaN);
  throw new ApiError(response.status, await wordsOf(response), Number.isFinite(after) ? after * 1000 : undefined);
}

async function wordsOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const { detail, title, error } = JSON.parse(text) as {
      detail?: string;
      title?: string;
      error?: { message?: string };
    };
    return detail ?? error?.message ?? title ?? text;
  } catch {
    return `The gateway answered ${response.status}.`;
  }
}

/** Parameters that are empty are left out. */
export function query(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined && value !== '') search.set(name, String(value));
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}

export const get = async <T>(path: string): Promise<T> => (await send(`/admin/v1${path}`)).json() as Promise<T>;
export const open = (path: string, init: RequestInit): Promise<Response> => send(`/admin/v1${path}`, init);
export const getBlob = async (path: string): Promise<Blob> => (await send(`/admin/v1${path}`)).blob();

export async function write<T>(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<T> {
  const response = await send(`/admin/v1${path}`, { method, ...(body ? { body: JSON.stringify(body) } : {}) });
  const text = await response.text();
  return (text === '' ? null : JSON.parse(text)) as T;
}

export type Role = 'admin' | 'viewer' | 'team_admin' | 'member';

export interface User {
  readonly id: string;
  readonly email: string | null;
  readonly name: string;
  readonly role: Role;
  readonly teams: readonly string[];
  readonly has_password: boolean;
  readonly issuer: string | null;
  readonly blocked: boolean;
  readonly last_seen_at: string | null;
}

/** Who has signed in. */
export interface Session {
  readonly actor: string;
  readonly role: Role;
  /** null: all. */
  readonly teams: readonly string[] | null;
  /** null: the admin key. */
  readonly user: User | null;
}

export interface Ways {
  readonly admin_key: boolean;
  readonly password: boolean;
  /** What its button is called. */
  readonly oidc: string | null;
}

export interface SignInState {
  readonly session: Session | null;
  readonly ways: Ways;
}

export interface Token {
  readonly id: string;
  readonly prefix: string;
  readonly name: string;
  readonly user: string | null;
  readonly role: Role;
  readonly expires_at: string;
  readonly revoked_at: string | null;
  readonly last_used_at: string | null;
}

export interface Page<T> {
  readonly data: readonly T[];
  readonly next_cursor: string | null;
}

export interface Limit {
  readonly unit: string;
  readonly max: number;
  readonly per?: string;
  readonly model?: string;
}

/** What lists tell of keys and teams beside what was written. */
export interface Standing {
  readonly last_used_at: string | null;
  readonly month: { readonly requests: number; readonly cost_usd: string };
  readonly limit_states: readonly LimitLevel[] | null;
}

export interface Key extends Standing {
  readonly id: string;
  readonly prefix: string;
  readonly name: string;
  readonly team: string | null;
  readonly models: readonly string[] | null;
  readonly limits: readonly Limit[];
  readonly tags: readonly string[];
  readonly expires_at: string | null;
  readonly created_at: string;
  readonly blocked: boolean;
  readonly revoked_at: string | null;
}

export interface Team extends Standing {
  readonly id: string;
  readonly name: string;
  readonly limits: readonly Limit[];
  readonly created_at: string;
  readonly blocked: boolean;
  /** Of users who have to do with it by name. */
  readonly members: number;
}

export type Member = Pick<User, 'id' | 'email' | 'name' | 'role' | 'blocked' | 'last_seen_at'>;

export interface Entry {
  readonly id: string;
  readonly at: string;
  readonly request_id: string;
  readonly attempt: number;
  readonly key: string | null;
  readonly key_name?: string | null;
  readonly team: string | null;
  readonly user: string | null;
  readonly tags: readonly string[];
  readonly endpoint: string;
  readonly model: string;
  readonly served_model: string | null;
  readonly provider: string | null;
  readonly target: string | null;
  readonly status: number;
  readonly error: string | null;
  readonly stream: boolean;
  readonly cache: string;
  readonly tokens: Readonly<Record<string, number>>;
  readonly usage_source: string;
  readonly cost_nusd: Readonly<Record<string, number>>;
  readonly cost_usd: string;
  readonly price_version: string | null;
  readonly provider_request_id?: string;
  readonly first_byte_ms: number | null;
  readonly duration_ms: number;
  readonly overhead_ms: number | null;
  /** Left out of entries of earlier versions. */
  readonly routing?: TakenRoute;
  readonly limits?: readonly TakenLimit[];
  /** How many more limits were taken. */
  readonly limits_more?: number;
}

export interface Figures {
  readonly requests: number;
  readonly attempts: number;
  readonly errors: number;
  readonly cache_hits: number;
  readonly tokens: Readonly<Record<string, number>>;
  readonly cost_usd: string;
}

export interface SpendReport {
  readonly from: string;
  readonly to: string;
  readonly data: readonly (Figures & Readonly<Record<string, unknown>>)[];
  readonly total: Figures;
}

export interface Percentiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

export interface Performance {
  readonly attempts: number;
  readonly errors: number;
  readonly cache_hits: number;
  readonly saved_usd: string;
  readonly duration_ms: Percentiles;
  readonly first_byte_ms: Percentiles;
}

export interface PerformanceReport {
  readonly data: readonly (Performance & Readonly<Record<string, unknown>>)[];
  readonly total: Performance;
}

export interface RefusalReport {
  readonly data: readonly ({ readonly refused: number; readonly last_at: string } & Readonly<
    Record<string, unknown>
  >)[];
  readonly total: number;
}

export interface TargetState {
  readonly id: string;
  readonly provider: string;
  readonly model: string;
  readonly breaker: string;
  readonly healthy: boolean;
  readonly reason: string | null;
  readonly attempts: number;
  readonly failures: number;
  readonly in_flight: number;
  readonly latency_ms: number;
}

export interface ModelState {
  readonly id: string;
  readonly balance: string;
  readonly healthy: boolean;
  readonly targets: readonly TargetState[];
  readonly fallbacks: readonly string[];
}

interface ListedRates {
  readonly above_input_tokens: number;
  readonly input: number;
  readonly cache_read: number;
  readonly output: number;
}

export interface Pricing {
  readonly catalogue: string;
  readonly data: readonly {
    readonly model: string;
    readonly target: string;
    readonly price: {
      readonly source: 'override' | 'catalogue' | 'default';
      readonly until: string | null;
      readonly rates: readonly ListedRates[];
      readonly request_usd: number;
    } | null;
  }[];
}

export interface ProviderState {
  readonly id: string;
  readonly source: 'file' | 'api';
  readonly type: string;
  readonly base_url: string | null;
  readonly healthy: boolean;
  readonly targets: readonly TargetState[];
}

export interface LimitLevel {
  readonly scope?: Readonly<Record<string, string>>;
  readonly unit: string;
  readonly per: string | null;
  readonly model: string | null;
  readonly max: string | number;
  readonly spent: string | number;
  readonly held: string | number;
  readonly remaining: string | number;
  readonly window_ends_at: string | null;
}

export interface AuditLine {
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface Webhook {
  readonly id: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly disabled: boolean;
  readonly disabled_reason: string | null;
  readonly failures: number;
}

export interface Delivery {
  readonly id: string;
  readonly type: string;
  readonly state: 'pending' | 'delivered' | 'dead';
  readonly attempts: number;
  readonly created_at: string;
  readonly next_attempt_at: string | null;
  readonly last_status: number | null;
  readonly last_error: string | null;
}
