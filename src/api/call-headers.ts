/** What a caller says in headers: who it is, and what belongs to the request. Everything is bounded and checked here. */
import type { IncomingHttpHeaders } from 'node:http';
import { type CacheMode, cacheModes, readDirectives } from '../cache/directives.js';
import type { CallHeaders } from '../gateway/call.js';
import { resembles } from '../identity/secret.js';
import { ok, type Result, refuse, refused } from '../lib/errors.js';
import { headerText } from '../lib/header-text.js';
import { newId } from '../lib/ids.js';
import { readTraceparent, readTracestate } from '../lib/trace-context.js';

const SANE_ID = /^[\w.:/+=@-]{1,128}$/;
const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const MOST_TAGS = 32;
const MOST_METADATA = 4096;

const one = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);
const textOf = (value: string | string[] | undefined): string | undefined => {
  const text = one(value);
  return text === undefined ? undefined : headerText(text);
};

/** The caller's own `x-request-id` where it is sane, else a new one. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = one(headers['x-request-id']);
  return given !== undefined && SANE_ID.test(given) ? given : newId('req');
}

/**
 * The caller's credential: of `Authorization: Bearer`, `x-api-key`, `api-key` and `x-goog-api-key` the first that has the form of
 * a virtual key, also beside a bearer token of somebody else; where none has, the first that there is.
 */
export function tokenOf(headers: IncomingHttpHeaders): string | undefined {
  const { authorization } = headers;
  const bearer = authorization === undefined ? undefined : bearerOf(authorization);
  if (bearer !== undefined && resembles(bearer)) return bearer;
  const others = [one(headers['x-api-key']), one(headers['api-key']), one(headers['x-goog-api-key']), authorization];
  const key = others.find((other) => other !== undefined && resembles(other));
  return key ?? bearer ?? others.find((other) => other !== undefined);
}

function bearerOf(authorization: string): string | undefined {
  const space = authorization.indexOf(' ');
  if (space === -1 || authorization.slice(0, space).toLowerCase() !== 'bearer') return undefined;
  return authorization.slice(space + 1).trim();
}

export function readCallHeaders(
  headers: IncomingHttpHeaders,
  requestId: string,
  token: string | undefined,
  ip: string,
): Result<CallHeaders> {
  const timeout = readTimeout(one(headers['x-tollgate-timeout']));
  if (timeout === false) return bad('x-tollgate-timeout', 'must be a duration, such as 500ms, 30s or 2m');
  const metadata = readMetadata(textOf(headers['x-tollgate-metadata']));
  if (metadata === null)
    return bad('x-tollgate-metadata', `must be a JSON object of at most ${MOST_METADATA} characters`);
  const tags = readTags(textOf(headers['x-tollgate-tags']));
  if (!tags) return bad('x-tollgate-tags', `must be at most ${MOST_TAGS} tags of at most 64 characters`);
  const mode = one(headers['x-tollgate-cache']);
  if (mode !== undefined && !isMode(mode)) return bad('x-tollgate-cache', `must be one of ${cacheModes.join(', ')}`);
  const ttlMs = readTimeout(one(headers['x-tollgate-cache-ttl']));
  if (ttlMs === false) return bad('x-tollgate-cache-ttl', 'must be a duration, such as 30s, 10m or 1h');
  const user = textOf(headers['x-tollgate-user']);
  if (user !== undefined && user.length > 256) return bad('x-tollgate-user', 'must have at most 256 characters');
  const fallbacks = one(headers['x-tollgate-fallbacks']);
  if (fallbacks !== undefined && fallbacks !== 'off' && fallbacks !== 'on') {
    return bad('x-tollgate-fallbacks', 'must be on or off');
  }
  const traceparent = one(headers['traceparent']);
  const traced = readTraceparent(traceparent) !== undefined;
  return ok({
    requestId,
    token,
    ip,
    tags,
    user: user || null,
    metadata,
    timeoutMs: timeout,
    fallbacks: fallbacks !== 'off',
    traceparent: traced ? traceparent : undefined,
    tracestate: traced ? readTracestate(one(headers['tracestate'])) : undefined,
    cache: readDirectives(headers['cache-control'], mode, ttlMs),
    received: headers,
  });
}

const NONE: readonly string[] = [];

const isMode = (written: string): written is CacheMode => (cacheModes as readonly string[]).includes(written);

function readTags(written: string | undefined): readonly string[] | undefined {
  if (!written) return NONE;
  const tags = written
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
  return tags.length <= MOST_TAGS && tags.every((tag) => tag.length <= 64) ? tags : undefined;
}

/** Undefined where there is none, null where it is not a JSON object or too large. */
function readMetadata(written: string | undefined): Readonly<Record<string, unknown>> | undefined | null {
  if (!written) return undefined;
  if (written.length > MOST_METADATA) return null;
  try {
    const value: unknown = JSON.parse(written);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/** Milliseconds; null where there is none, false where it is not a duration. A number without a unit is seconds. */
function readTimeout(written: string | undefined): number | null | false {
  if (!written) return null;
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)?$/.exec(written.trim());
  if (!match) return false;
  const ms = Number(match[1]) * UNIT_MS[(match[2] ?? 's') as keyof typeof UNIT_MS];
  return ms > 0 ? ms : false;
}

const bad = (param: string, what: string): Result<never> =>
  refused(refuse('invalid_value', `The header ${param} ${what}.`, { param }));
