/**
 * What a caller says about caching: `Cache-Control` of a request (RFC 9111, section 5.2.1) and the `x-tollgate-cache`
 * headers, which win where both speak. A caller can only narrow what the configuration allows: a shorter time to live, no
 * answers by meaning, none at all.
 */
export interface CacheDirectives {
  /** May an entry answer? */
  readonly read: boolean;
  /** May the answer be kept? */
  readonly write: boolean;
  /** Only the very same request counts. */
  readonly onlyExact: boolean;
  /** 504 instead of an upstream call. */
  readonly onlyCached: boolean;
  /** Oldest entry that may answer; null: any. */
  readonly maxAgeMs: number | null;
  /** How long an entry must still be good; 0: it is enough that it is good now. */
  readonly minFreshMs: number;
  /** How long the answer may be kept; null: as configured. */
  readonly ttlMs: number | null;
}

export const noDirectives: CacheDirectives = {
  read: true,
  write: true,
  onlyExact: false,
  onlyCached: false,
  maxAgeMs: null,
  minFreshMs: 0,
  ttlMs: null,
};

export const cacheModes = ['off', 'refresh', 'only-exact'] as const;
export type CacheMode = (typeof cacheModes)[number];

export function readDirectives(
  control: string | undefined,
  mode: CacheMode | undefined,
  ttlMs: number | null,
): CacheDirectives | undefined {
  if (control === undefined && mode === undefined && ttlMs === null) return undefined;
  const told = directives(control ?? '');
  const off = mode === 'off' || told.has('no-store');
  const stale = mode === 'refresh' || told.has('no-cache');
  return {
    read: !off && !stale,
    write: !off,
    onlyExact: mode === 'only-exact',
    onlyCached: told.has('only-if-cached'),
    maxAgeMs: milliseconds(told.get('max-age')),
    minFreshMs: milliseconds(told.get('min-fresh')) ?? 0,
    ttlMs,
  };
}

/** Names in lower case with their arguments; unknown ones are kept and mean nothing. */
function directives(control: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const part of control.slice(0, 1000).split(',')) {
    const [name = '', value = ''] = part.split('=', 2);
    if (name.trim() !== '') found.set(name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, '$1'));
  }
  return found;
}

/** Whole seconds; what is no number counts as the strictest one. */
function milliseconds(seconds: string | undefined): number | null {
  if (seconds === undefined) return null;
  return /^\d{1,10}$/.test(seconds) ? Number(seconds) * 1000 : 0;
}
