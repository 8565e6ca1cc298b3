/** Keys, teams and audit lines in the words of the admin API: limits as written, times in ISO 8601, never a secret. */
import { z } from 'zod';
import type { Key, Team } from '../../identity/key.js';
import type { AuditLine } from '../../identity/key-store.js';
import type { Principal } from '../../identity/roles.js';
import { captureModes } from '../../lib/capture-spec.js';
import { limitAsWritten } from '../../lib/limit-spec.js';
import { priorities } from '../../lib/priority.js';
import { cursorOf } from './schemas.js';
import { originOf } from './webhook-schemas.js';

const time = z.string();
const limit = z
  .object({
    unit: z.string(),
    max: z.number(),
    per: z.string().optional(),
    model: z.string().optional(),
    warn_at: z.array(z.number()).optional(),
    timezone: z.string().optional(),
    on_exhausted: z.string().optional(),
    hold: z.string().optional(),
  })
  .meta({ id: 'Limit' });
const metadata = z.record(z.string(), z.unknown());

export const keyAnswer = z
  .object({
    id: z.string(),
    prefix: z.string(),
    name: z.string(),
    team: z.string().nullable(),
    models: z.array(z.string()).nullable(),
    endpoints: z.array(z.string()).nullable(),
    allowed_ips: z.array(z.string()).nullable(),
    limits: z.array(limit),
    user_limits: z.array(limit),
    cache: z.string().nullable(),
    priority: z.enum(priorities),
    tags: z.array(z.string()),
    metadata,
    aliases: z.record(z.string(), z.string()),
    capture: z.enum(captureModes).nullable(),
    guards: z.array(z.string()),
    expires_at: time.nullable(),
    created_at: time,
    updated_at: time,
    blocked: z.boolean(),
    blocked_at: time.nullable(),
    revoked_at: time.nullable(),
  })
  .meta({ id: 'Key' });

const amount = z.union([z.string(), z.number()]);

export const limitState = z
  .object({
    scope: z.record(z.string(), z.string()),
    unit: z.string(),
    per: z.string().nullable(),
    model: z.string().nullable(),
    max: amount,
    spent: amount,
    held: amount,
    remaining: amount,
    window_ends_at: z.string().nullable(),
  })
  .meta({ id: 'LimitState' });

/** What lists tell beside what was written. */
const standing = {
  last_used_at: time.nullable().describe('When a request of it was entered last; null: never.'),
  month: z
    .object({ requests: z.number(), cost_nusd: z.number(), cost_usd: z.string() })
    .meta({ id: 'MonthSoFar', description: 'Since the beginning of the month, in UTC.' }),
  limit_states: z
    .array(limitState)
    .readonly()
    .nullable()
    .describe('What its limits have spent and left; null: that cannot be known just now.'),
};

export const listedKey = z.object({ ...keyAnswer.shape, ...standing }).meta({ id: 'ListedKey' });

/** `key` is the secret, shown this once; null where a remembered answer is given again. */
export const shownKeyAnswer = z.object({ key: z.string().nullable(), ...keyAnswer.shape }).meta({ id: 'ShownKey' });

export const teamAnswer = z
  .object({
    id: z.string(),
    name: z.string(),
    limits: z.array(limit),
    user_limits: z.array(limit),
    metadata,
    markup: z.number().nullable(),
    aliases: z.record(z.string(), z.string()),
    capture: z.enum(captureModes).nullable(),
    guards: z.array(z.string()),
    created_at: time,
    updated_at: time,
    blocked: z.boolean(),
    blocked_at: time.nullable(),
  })
  .meta({ id: 'Team' });

export const listedTeam = z
  .object({
    ...teamAnswer.shape,
    ...standing,
    members: z.number().describe('How many users have to do with it by name: see its members.'),
  })
  .meta({ id: 'ListedTeam' });

export const auditAnswer = z
  .object({
    id: z.string(),
    at: time,
    actor: z.string(),
    action: z.string(),
    subject: z.string(),
    detail: metadata,
  })
  .meta({ id: 'AuditLine' });

/** What is answered where several things were made at once. */
export const batchOf = <T extends z.ZodType>(item: T) =>
  z.object({ data: z.array(item) }).meta({ id: `${item.meta()!.id}Batch` });

const pageOfItems = <T extends z.ZodType>(item: T) =>
  z.object({ data: z.array(item), next_cursor: z.string().nullable() }).meta({ id: `${item.meta()!.id}List` });
const pages = new WeakMap<z.ZodType, z.ZodType>();

/** A page of a list, under a name of its own in the OpenAPI document. */
export function listOf<T extends z.ZodType>(item: T): ReturnType<typeof pageOfItems<T>> {
  const page = pages.get(item) ?? pageOfItems(item);
  pages.set(item, page);
  return page as ReturnType<typeof pageOfItems<T>>;
}

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

export const showKey = (key: Key) => ({
  id: key.id,
  prefix: key.prefix,
  name: key.name,
  team: key.team,
  models: key.models && [...key.models],
  endpoints: key.endpoints && [...key.endpoints],
  allowed_ips: key.allowed_ips && [...key.allowed_ips],
  limits: key.limits.map(showLimit),
  user_limits: key.user_limits.map(showLimit),
  cache: key.cache,
  priority: key.priority,
  tags: [...key.tags],
  metadata: { ...key.metadata },
  aliases: { ...key.aliases },
  capture: key.capture,
  guards: [...key.guards],
  expires_at: isoOrNull(key.expires_at),
  created_at: iso(key.created_at),
  updated_at: iso(key.updated_at),
  blocked: key.blocked_at !== null,
  blocked_at: isoOrNull(key.blocked_at),
  revoked_at: isoOrNull(key.revoked_at),
});

export const showTeam = (team: Team) => ({
  id: team.id,
  name: team.id,
  limits: team.limits.map(showLimit),
  user_limits: team.user_limits.map(showLimit),
  metadata: { ...team.metadata },
  markup: team.markup_ppm === null ? null : team.markup_ppm / 1e6,
  aliases: { ...team.aliases },
  capture: team.capture,
  guards: [...team.guards],
  created_at: iso(team.created_at),
  updated_at: iso(team.updated_at),
  blocked: team.blocked_at !== null,
  blocked_at: isoOrNull(team.blocked_at),
});

/**
 * To whoever has to do with named teams alone, another team that a key was moved to or from is not named; addresses of
 * receivers are shown to admins alone.
 */
export function showAudit({ teams: of, ...line }: AuditLine & { readonly id: string }, { role, teams }: Principal) {
  const { team, url } = line.detail;
  const detail = { ...line.detail };
  if (teams !== null && typeof team === 'string' && !teams.has(team)) detail['team'] = null;
  if (role !== 'admin' && typeof url === 'string') detail['url'] = originOf(url);
  const actor = teams !== null && line.actor.startsWith('admin:') ? 'admin' : line.actor;
  return { ...line, actor, at: iso(line.at), detail };
}

const showLimit = (limit: Key['limits'][number]) => {
  const { warn_at, ...written } = limitAsWritten(limit);
  return { ...written, ...(warn_at ? { warn_at: [...warn_at] } : {}) };
};

/** One page of a list; the store was asked for one item more than `limit`, which shows whether there is a next page. */
export function showPage<T extends { readonly id: string }, U>(
  items: readonly T[],
  limit: number,
  show: (item: T) => U,
): { data: U[]; next_cursor: string | null } {
  const data = items.slice(0, limit);
  const last = data.at(-1);
  return { data: data.map(show), next_cursor: items.length > limit && last ? cursorOf(last.id) : null };
}
