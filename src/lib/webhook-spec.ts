/** What users write about webhooks, in the configuration and in the admin API: events, patterns of them, and secrets. */
import { z } from 'zod';

export const eventTypes = [
  'usage.recorded',
  'budget.threshold',
  'budget.exceeded',
  'key.created',
  'key.updated',
  'key.rotated',
  'key.revoked',
  'key.expiring',
  'target.opened',
  'target.closed',
  'config.reloaded',
  'config.rejected',
  'webhook.test',
] as const;

export type EventType = (typeof eventTypes)[number];

/** Every pattern that matches the type: itself, `budget.*`, `*`. */
export const patternsFor = (type: EventType): string[] => [type, `${type.split('.', 1)[0]}.*`, '*'];

const patterns = new Set(eventTypes.flatMap(patternsFor));

export const eventPattern = z.string().refine((written) => patterns.has(written), {
  error: `expected an event, such as usage.recorded, a family of them, such as budget.*, or *`,
});

/** `whsec_` and 24 to 64 bytes in base64, as the Standard Webhooks specification has it. */
export const isSigningSecret = (written: string): boolean => {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(written) ?? [];
  if (base64 === undefined) return false;
  const bytes = Buffer.from(base64, 'base64');
  const same = bytes.toString('base64').replace(/={1,3}$/, '') === base64.replace(/={1,3}$/, '');
  return same && bytes.length >= 24 && bytes.length <= 64;
};

export const SIGNING_SECRET =
  'expected whsec_ and 24 to 64 random bytes in base64, as `openssl rand -base64 32` makes them';
