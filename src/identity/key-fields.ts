/** What whoever manages keys and teams says about one, and the key or the team that comes of it. */
import type { CacheSharing } from '../lib/cache-sharing.js';
import type { CaptureMode } from '../lib/capture-spec.js';
import type { Json } from '../lib/json.js';
import type { LimitSpec } from '../lib/limit-spec.js';
import type { Priority } from '../lib/priority.js';
import type { Key, Team } from './key.js';
import { mergePatch } from './merge-patch.js';

/** What whoever manages keys may say about one; left out means the same as null. */
export interface KeyFields {
  readonly name?: string | undefined;
  readonly team?: string | null | undefined;
  readonly models?: readonly string[] | null | undefined;
  readonly endpoints?: readonly string[] | null | undefined;
  readonly allowed_ips?: readonly string[] | null | undefined;
  readonly limits?: readonly LimitSpec[] | null | undefined;
  readonly user_limits?: readonly LimitSpec[] | null | undefined;
  readonly cache?: CacheSharing | null | undefined;
  readonly priority?: Priority | null | undefined;
  readonly tags?: readonly string[] | null | undefined;
  readonly metadata?: Json | null | undefined;
  readonly aliases?: Readonly<Record<string, string | null>> | null | undefined;
  readonly capture?: CaptureMode | null | undefined;
  readonly guards?: readonly string[] | null | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly expires_at?: number | null | undefined;
}

export type NewKey = KeyFields & { readonly name: string };

export interface TeamFields {
  /** Parts per million. */
  readonly markup_ppm?: number | null | undefined;
  readonly limits?: readonly LimitSpec[] | null | undefined;
  readonly user_limits?: readonly LimitSpec[] | null | undefined;
  readonly metadata?: Json | null | undefined;
  readonly aliases?: Readonly<Record<string, string | null>> | null | undefined;
  readonly capture?: CaptureMode | null | undefined;
  readonly guards?: readonly string[] | null | undefined;
}

export const newKey = (id: string, prefix: string, fields: NewKey, now: number): Key => ({
  id,
  name: fields.name,
  prefix,
  team: fields.team ?? null,
  models: fields.models ?? null,
  endpoints: fields.endpoints ?? null,
  allowed_ips: fields.allowed_ips ?? null,
  limits: fields.limits ?? [],
  user_limits: fields.user_limits ?? [],
  cache: fields.cache ?? null,
  priority: fields.priority ?? 'normal',
  tags: fields.tags ?? [],
  metadata: fields.metadata ?? {},
  aliases: mergedAliases({}, fields.aliases),
  capture: fields.capture ?? null,
  guards: fields.guards ?? [],
  expires_at: fields.expires_at ?? null,
  created_at: now,
  updated_at: now,
  blocked_at: null,
  revoked_at: null,
});

export function patchedKey(key: Key, patch: KeyFields, now: number): Key {
  const of = <T>(next: T | undefined, before: T): T => (next === undefined ? before : next);
  return {
    ...key,
    name: patch.name ?? key.name,
    team: of(patch.team, key.team),
    models: of(patch.models, key.models),
    endpoints: of(patch.endpoints, key.endpoints),
    allowed_ips: of(patch.allowed_ips, key.allowed_ips),
    limits: of(patch.limits, key.limits) ?? [],
    user_limits: of(patch.user_limits, key.user_limits) ?? [],
    cache: of(patch.cache, key.cache),
    priority: of(patch.priority, key.priority) ?? 'normal',
    tags: of(patch.tags, key.tags) ?? [],
    metadata: mergePatch(key.metadata, patch.metadata),
    aliases: mergedAliases(key.aliases, patch.aliases),
    capture: of(patch.capture, key.capture),
    guards: of(patch.guards, key.guards) ?? [],
    expires_at: of(patch.expires_at, key.expires_at),
    updated_at: now,
  };
}

export const newTeam = (id: string, fields: TeamFields, now: number): Team => ({
  id,
  limits: fields.limits ?? [],
  user_limits: fields.user_limits ?? [],
  metadata: fields.metadata ?? {},
  markup_ppm: fields.markup_ppm ?? null,
  aliases: mergedAliases({}, fields.aliases),
  capture: fields.capture ?? null,
  guards: fields.guards ?? [],
  created_at: now,
  updated_at: now,
  blocked_at: null,
});

export const mergedAliases = (before: Key['aliases'], patch: KeyFields['aliases']): Key['aliases'] =>
  mergePatch(before, patch) as Key['aliases'];
