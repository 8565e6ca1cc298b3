/**
 * What the admin API takes and answers. Requests are strict: an unknown field is an error that names it. Text that the
 * database cannot hold (NUL, lone surrogates) and text that breaks lists and logs (control characters) is refused here.
 */
import { z } from 'zod';
import { parseBlock } from '../../identity/allow.js';
import { cacheSharings } from '../../lib/cache-sharing.js';
import { captureModes } from '../../lib/capture-spec.js';
import { endpointNames } from '../../lib/endpoints.js';
import { limitSpec } from '../../lib/limit-spec.js';
import { priorities } from '../../lib/priority.js';

const UNSAFE = /[\p{Cc}\p{Cs}]/u;
const DEEPEST = 10;
const MOST_METADATA = 16 * 1024;
const DAY_MS = 86_400_000;

export const text = (max: number) =>
  z
    .string()
    .min(1, 'may not be empty')
    .max(max, `at most ${max} characters`)
    .refine((value) => !UNSAFE.test(value), 'control characters and broken Unicode are not allowed');

const someOf = <T extends z.ZodType>(item: T, what: string) =>
  z
    .array(item)
    .min(1, `an empty list would allow no ${what}: leave the field out to allow all, or block the key`)
    .max(1_000, 'at most 1000 items');

const pattern = text(200);
const block = text(60).refine(
  (value) => parseBlock(value) !== null,
  'not an IP address or CIDR block, such as 10.0.0.0/8',
);

export const instant = z.iso
  .datetime({ offset: true, error: 'not a time with a zone, such as 2027-01-01T00:00:00Z' })
  .transform((written) => Date.parse(written))
  .refine((ms) => Number.isFinite(ms), 'not a time');

const limit = limitSpec
  .refine(({ model }) => model == null || (model.length <= 200 && !UNSAFE.test(model)), {
    path: ['model'],
    message: 'not a pattern of model names, such as gpt-4o*',
  })
  .meta({ id: 'NewLimit', description: 'A limit as it is written.' });
const limits = z.array(limit).max(50, 'at most 50 limits');

const metadata = z.record(z.string(), z.unknown()).superRefine((value, context) => {
  const message = unstorable(value);
  if (message) context.addIssue({ code: 'custom', message });
});

/** Why JSON cannot be kept as metadata, or null. Walks without recursion, for the depth is the caller's. */
function unstorable(root: Readonly<Record<string, unknown>>): string | null {
  const level = `nested deeper than ${DEEPEST} levels`;
  const isBad = (string: string) => string.includes('\0') || /\p{Cs}/u.test(string);
  const open: [unknown, number][] = [[root, 1]];
  for (let next = open.pop(); next; next = open.pop()) {
    const [value, depth] = next;
    if (typeof value === 'string' && isBad(value)) return 'NUL characters and broken Unicode cannot be stored';
    if (typeof value === 'number' && !Number.isFinite(value)) return 'a number is too large';
    if (typeof value !== 'object' || value === null) continue;
    if (depth > DEEPEST) return level;
    for (const [name, inner] of Object.entries(value)) {
      if (isBad(name)) return 'NUL characters and broken Unicode cannot be stored';
      open.push([inner, depth + 1]);
    }
  }
  return JSON.stringify(root).length > MOST_METADATA ? `larger than ${MOST_METADATA} characters` : null;
}

/** Alias -> model; in a patch null takes an alias away. */
const aliases = z
  .record(text(128), text(128).nullable())
  .refine((names) => Object.keys(names).length <= 100, 'at most 100 aliases')
  .refine((names) => !Object.hasOwn(names, '__proto__'), 'not a name');

/** Names of guards of the configuration. */
const guards = z.array(text(63)).max(50, 'at most 50 guards');

const keyFields = {
  team: text(100).nullish(),
  models: someOf(pattern, 'model').nullish(),
  endpoints: someOf(z.enum(endpointNames), 'endpoint').nullish(),
  allowed_ips: someOf(block, 'address').nullish(),
  limits: limits.nullish(),
  user_limits: limits.nullish(),
  cache: z.enum(cacheSharings).nullish(),
  priority: z.enum(priorities).nullish(),
  tags: z.array(text(100)).max(50, 'at most 50 tags').nullish(),
  metadata: metadata.nullish(),
  aliases: aliases.nullish(),
  capture: z.enum(captureModes).nullish(),
  guards: guards.nullish(),
  expires_at: instant.nullish(),
};

export const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'a SHA-256 in 64 lower-case hexadecimal digits')
  .describe('The SHA-256 of a secret that callers have already, from another gateway.');

export const newKey = z
  .strictObject({
    name: text(200),
    ...keyFields,
    sha256: sha256.optional(),
    prefix: text(20).optional().describe('What lists show of a secret that is known by its `sha256`.'),
    blocked: z.boolean().optional().describe('With `sha256`: the key is refused until it is unblocked.'),
  })
  .refine(({ sha256, prefix, blocked }) => (prefix ?? blocked) === undefined || sha256 !== undefined, {
    path: ['sha256'],
    message: 'is missing: `prefix` and `blocked` are of a key whose secret is known',
  })
  .meta({ id: 'NewKey' });
export const keyPatch = z.strictObject({ name: text(200).optional(), ...keyFields }).meta({ id: 'KeyPatch' });
/** `1.2`: the team is billed 20 % more than the cost. Kept in parts per million. */
const markup = z
  .union([z.number(), z.string().regex(/^\d{1,4}(\.\d{1,6})?$/, 'a factor, such as 1.2')])
  .transform(Number)
  .refine((factor) => factor >= 0 && factor <= 1_000, 'a factor from 0 to 1000')
  .transform((factor) => Math.round(factor * 1e6));
const teamFields = {
  limits: limits.nullish(),
  user_limits: limits.nullish(),
  metadata: metadata.nullish(),
  markup: markup.nullish(),
  aliases: aliases.nullish(),
  capture: z.enum(captureModes).nullish(),
  guards: guards.nullish(),
};

export const newTeam = z
  .strictObject({
    name: text(100),
    ...teamFields,
    blocked: z.boolean().optional().describe('The requests of all its keys are refused until it is unblocked.'),
  })
  .meta({ id: 'NewTeam' });
export const teamPatch = z.strictObject(teamFields).meta({ id: 'TeamPatch' });

const unitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: DAY_MS } as const;

/** `30s`, `10m`, `24h` in milliseconds. */
export const duration = z
  .string()
  .regex(/^\d{1,9}(ms|s|m|h|d)$/, 'not a duration, such as 30s, 10m, 24h')
  .transform((written) => {
    const unit = /[a-z]{1,3}$/.exec(written)![0] as keyof typeof unitsMs;
    return Number.parseInt(written, 10) * unitsMs[unit];
  })
  .refine((ms) => ms <= 30 * DAY_MS, 'at most 30d');

export const rotation = z.strictObject({ overlap: duration.optional() }).meta({ id: 'Rotation' }).nullish();

export const byId = z.strictObject({ id: text(400) });

const pageSize = (most: number) =>
  z
    .string()
    .regex(/^\d{1,4}$/, `a number from 1 to ${most}`)
    .transform(Number)
    .refine((n) => n >= 1 && n <= most, `a number from 1 to ${most}`);

/** An opaque place in a list: the base64url of the last id seen, which must look like `shape`. */
export const cursor = (shape: RegExp) =>
  z
    .string()
    .max(1_000)
    .transform((written) => Buffer.from(written, 'base64url').toString())
    .refine((id) => shape.test(id) && !UNSAFE.test(id), 'not a cursor that this list gave');

export const cursorOf = (id: string): string => Buffer.from(id).toString('base64url');

/** The query of a list whose cursor is of this kind, in pages of at most so many. */
export const pagedBy = <T extends z.ZodType>(cursor: T, most = 200) => ({
  limit: pageSize(most).optional(),
  cursor: cursor.optional(),
});
const paged = (shape: RegExp) => pagedBy(cursor(shape));
export const flag = z.enum(['true', 'false']).transform((written) => written === 'true');

export const keyQuery = z.strictObject({
  team: text(100).optional(),
  name: text(200).optional(),
  q: text(200)
    .optional()
    .describe('Only keys in whose name this occurs, in capitals or not, or whose id or prefix it is.'),
  include_revoked: flag.optional(),
  ...paged(/^key_[0-9a-z]{26}$/),
});
export const teamQuery = z.strictObject({
  q: text(100).optional().describe('Only teams in whose name this occurs, in capitals or not.'),
  ...paged(/^.+$/u),
});
export const auditQuery = z.strictObject({
  subject: text(400).optional(),
  action: text(100).optional(),
  ...paged(/^[1-9]\d{0,14}$/),
});

/** The page that a list's query asks for. */
export const pageOf = (query: { limit?: number | undefined; cursor?: string | undefined }) => ({
  limit: query.limit ?? 50,
  after: query.cursor ?? null,
});
