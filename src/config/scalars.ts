/**
 * The scalar values of the configuration: how they are written and what they become. Every message says what to write.
 */

import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { picoPerToken } from '../lib/money.js';
import { cannotPass } from '../lib/passed-headers.js';
import { isTimezone } from '../lib/time-zone.js';
import { withoutTrailing } from '../lib/without-trailing.js';

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** A timer of Node that waits longer fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

const DURATION = 'expected a duration, such as 250ms, 30s or 10m';

const LONG_DURATION = 'expected a duration in days or hours, such as 400d';

/** `250ms`, `30s`, `10m` in milliseconds. */
export const duration = (leastMs = 1) =>
  z
    .string(DURATION)
    .regex(/^\d+(\.\d+)?(ms|s|m|h|d)$/, DURATION)
    .transform((written, context) => {
      const [, amount, unit] = /^([\d.]+)([a-z]+)$/.exec(written)!;
      const ms = Math.round(Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS]);
      if (ms >= leastMs && ms <= LONGEST_MS) return ms;
      context.addIssue(ms < leastMs ? `must be at least ${leastMs}ms` : 'must be at most 24d');
      return z.NEVER;
    });

/** A duration that no timer waits for, such as `400d`. */
export const longDuration = (leastMs: number) =>
  z
    .string(LONG_DURATION)
    .regex(/^\d{1,6}(h|d)$/, LONG_DURATION)
    .transform((written, context) => {
      const ms = Number.parseInt(written, 10) * UNIT_MS[written.at(-1) as 'h' | 'd'];
      if (ms >= leastMs) return ms;
      context.addIssue(`must be at least ${leastMs / UNIT_MS.h}h`);
      return z.NEVER;
    });

const INSTANT = 'expected a date, such as 2026-11-01, or a time with a zone, such as 2026-11-01T00:00:00Z';

/** A date (its beginning in UTC) or a time, in milliseconds since the epoch. */
export const instant = z.string(INSTANT).transform((written, context) => {
  const ms = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(written)
    ? Date.parse(written)
    : Number.NaN;
  if (Number.isFinite(ms)) return ms;
  context.addIssue(INSTANT);
  return z.NEVER;
});

export const timezone = z.string().refine(isTimezone, 'not an IANA time zone, such as Europe/Berlin');

const UNIT_BYTES = { b: 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30 } as const;

const SIZE = 'expected a size, such as 512kb or 20mb';

/** `512kb`, `20mb` in bytes; a kilobyte is 1024 bytes. */
export const size = (mostBytes: number) =>
  z
    .string(SIZE)
    .regex(/^\d+(\.\d+)?(b|kb|mb|gb)$/, SIZE)
    .transform((written, context) => {
      const [, amount, unit] = /^([\d.]+)([a-z]+)$/.exec(written)!;
      const bytes = Math.round(Number(amount) * UNIT_BYTES[unit as keyof typeof UNIT_BYTES]);
      if (bytes >= 1 && bytes <= mostBytes) return bytes;
      context.addIssue(bytes < 1 ? 'must be at least 1b' : `must be at most ${mostBytes / 2 ** 20}mb`);
      return z.NEVER;
    });

const isPrice = (written: number | string) => picoPerToken(written) !== null;
const PRICE = 'expected US dollars per million tokens, such as 0.15 or "0.60"';

/** US dollars per million tokens, kept as written: pricing makes an integer of it. */
export const dollars = z.union([z.number().refine(isPrice, PRICE), z.string().refine(isPrice, PRICE)]);

/** A value written in place, or the content of a file, as orchestrators mount secrets. */
export const secret = z.union([z.string(), z.strictObject({ file: z.string().min(1) })]);
export type WrittenSecret = z.output<typeof secret>;

export const addressRange = z
  .string()
  .refine(
    (written) => ipaddr.isValid(written) || ipaddr.isValidCIDR(written),
    'expected an address or a CIDR block, such as 10.0.0.1 or 10.0.0.0/8',
  );

/** An upstream API's address: paths are appended, credentials have a key of their own. */
export const baseUrl = z.string().transform((written, context) => {
  const problem = (message: string) => {
    context.addIssue(message);
    return z.NEVER;
  };
  const url = URL.canParse(written) && /^https?:\/\/[^/]/i.test(written) ? new URL(written) : null;
  if (!url) {
    return problem('expected an http or https URL, such as https://api.example.com/v1');
  }
  if (url.username || url.password) return problem('put credentials into `api_key` or `headers`, not into the URL');
  if (url.search || url.hash) return problem('a base URL has no query and no fragment');
  return withoutTrailing(url.href, '/');
});

/** Set per request or by the connection: stating them here would break the request. */
const OWN_HEADERS = new Set([
  ...['host', 'content-length', 'content-type', 'content-encoding', 'transfer-encoding', 'accept-encoding'],
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade', 'expect'],
]);

export const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'not a header name')
  .refine((name) => !OWN_HEADERS.has(name.toLowerCase()), 'the gateway sets this header itself');

/** A header of callers that goes on to a provider. */
export const passedHeader = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'not a header name')
  .transform((name, context) => {
    const lower = name.toLowerCase();
    const why = cannotPass(lower);
    if (why !== undefined) context.addIssue(`cannot be passed on: ${why}`);
    return lower;
  });

export const headerValue = z.string().regex(/^[\x20-\x7e]*$/, 'a header value is one line of ASCII characters');

/** What clients send as `model`, or with one `*` a pattern of it. */
export const modelPattern = z
  .string()
  .regex(
    /^(?=.{1,128}$)([A-Za-z0-9][A-Za-z0-9._:/@+-]*(\*[A-Za-z0-9._:/@+-]*)?|\*[A-Za-z0-9._:/@+-]*)$/,
    'a model name is up to 128 letters, digits and . _ - : / @ +, begins with a letter or digit, and may hold one *',
  );

export const providerName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'a provider name is up to 64 letters, digits and . _ -, and begins with a letter or digit',
  );

/** As a provider names it in its answer. */
export const serviceTier = z.string().regex(/^[\w.-]{1,40}$/, 'not the name of a service tier, such as flex');

/** Part of the names of files. */
export const reportName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'a report is named with up to 63 lower-case letters, digits and _ -');

/** A model's name at its provider. */
export const upstreamModel = z.string().regex(/^[\x21-\x7e]{1,256}$/, "expected the model's name at the provider");

export const host = z.string().regex(/^[A-Za-z0-9.:_%-]+$/, 'expected an address or a host name, such as 127.0.0.1');

export const MOST_WORKERS = 64;
const WORKERS = 'expected a whole number from 1 to 64, or auto';

/** Processes that serve: a number, or `auto`. Connections cannot be handed from one process to another on Windows. */
export const workers = z.union([z.number(), z.string()], WORKERS).transform((written, context): number | 'auto' => {
  if (written === 'auto') return 'auto';
  const count = typeof written === 'number' ? written : /^\d{1,2}$/.test(written) ? Number(written) : Number.NaN;
  if (count > 1 && process.platform === 'win32') context.addIssue('must be 1 on Windows');
  else if (Number.isInteger(count) && count >= 1 && count <= MOST_WORKERS) return count;
  else context.addIssue(WORKERS);
  return z.NEVER;
});
