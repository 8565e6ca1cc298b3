/** Tokens that stand in for virtual keys, as used: the secret and the key set are read, plans are complete. */
import { resolve as resolvePath } from 'node:path';
import { type LimitSpec, limitAsWritten } from '../lib/limit-spec.js';
import type { WrittenTokens } from './auth-schema.js';
import { longEnough, resolveJwt } from './classic-routes.js';
import { hide, hideInUrl } from './hide.js';
import type { Path } from './problem.js';
import type { WrittenSecret } from './scalars.js';

/** What a token's subject may do. */
export interface Grants {
  /** Patterns of model names; null: all. */
  readonly models: readonly string[] | null;
  /** Null: all. */
  readonly endpoints: readonly string[] | null;
  readonly limits: readonly LimitSpec[];
  readonly user_limits: readonly LimitSpec[];
}

export interface TokensConfig extends Grants, Pick<WrittenTokens, 'claims' | 'unknown_teams' | 'scopes' | 'require'> {
  readonly issuer: string;
  readonly audience: string | readonly string[];
  readonly jwks_url: string | undefined;
  /** The content of `jwks_file`. */
  readonly jwks: string | undefined;
  readonly secret: string | undefined;
  readonly algorithms: readonly string[];
  /** Milliseconds. */
  readonly clock_skew: number;
  /** Of tokens that name none. */
  readonly team: string | null;
  readonly tags: readonly string[];
  /** By the claim `plan`; each says everything. */
  readonly plans: Readonly<Record<string, Grants>>;
}

type Report = (path: Path, message: string) => void;

export function tokensOf(
  written: WrittenTokens | undefined,
  baseDir: string,
  secret: (path: Path, value: WrittenSecret) => string,
  read: (file: string) => Buffer,
  report: Report,
): TokensConfig | null {
  if (!written) return null;
  const at: Path = ['auth', 'jwt'];
  const keySet = (path: Path, name: string | undefined): string | undefined =>
    name === undefined ? undefined : readKeySet(path, resolvePath(baseDir, name), read, report);
  const resolved = longEnough(resolveJwt(written, at, secret, keySet), at, report);
  const { models, endpoints, limits, user_limits, plans, ...rest } = resolved;
  const base: Grants = {
    models: models ?? null,
    endpoints: endpoints ?? null,
    limits: limits ?? [],
    user_limits: user_limits ?? [],
  };
  return {
    ...rest,
    ...base,
    jwks_url: rest.jwks_url,
    algorithms: rest.algorithms ?? ['RS256'],
    clock_skew: rest.clock_skew ?? 60_000,
    team: rest.team ?? null,
    plans: Object.fromEntries(Object.entries(plans).map(([name, plan]) => [name, { ...base, ...given(plan) }])),
  };
}

const given = (plan: WrittenTokens['plans'][string]): Partial<Grants> =>
  Object.fromEntries(Object.entries(plan).filter(([, value]) => value !== undefined));

function readKeySet(path: Path, file: string, read: (file: string) => Buffer, report: Report): string | undefined {
  try {
    const text = read(file).toString('utf8');
    const { keys } = JSON.parse(text) as { keys?: unknown };
    const isSet = Array.isArray(keys) && keys.every((key) => typeof key === 'object' && key !== null);
    if (!isSet) report(path, `${file} is not a JSON Web Key Set: it has no list \`keys\``);
    return isSet ? text : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    report(path, code === undefined ? `${file} is not JSON` : `cannot read ${file}: ${code}`);
    return undefined;
  }
}

/** Safe to show. */
export const describeTokens = (tokens: TokensConfig | null) =>
  tokens && {
    ...tokens,
    ...describeGrants(tokens),
    secret: hide(tokens.secret),
    jwks: hide(tokens.jwks),
    jwks_url: tokens.jwks_url && hideInUrl(tokens.jwks_url),
    plans: Object.fromEntries(Object.entries(tokens.plans).map(([name, plan]) => [name, describeGrants(plan)])),
  };

const describeGrants = ({ models, endpoints, limits, user_limits }: Grants) => ({
  models,
  endpoints,
  limits: limits.map(limitAsWritten),
  user_limits: user_limits.map(limitAsWritten),
});
