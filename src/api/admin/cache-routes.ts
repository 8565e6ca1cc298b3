/** `/admin/v1/cache`: what the answer cache does, and purges. */
import { z } from 'zod';
import type { PurgeKind } from '../../cache/cache.js';
import type { CacheService } from '../../cache/cache-service.js';
import { ok, refuse } from '../../lib/errors.js';
import type { AdminApp } from './admin-api.js';
import { sendRefusal } from './errors.js';
import { type Writing, write } from './once.js';
import { route } from './route.js';
import { text } from './schemas.js';
import { cacheStats } from './state-schemas.js';

const one = 'name one of all (true), model, team, key, tag and entry';
const purge = z
  .strictObject({
    all: z.literal(true, { error: 'true, or left out' }).optional(),
    model: text(400).optional(),
    team: text(1_000).optional(),
    key: text(400).optional(),
    tag: text(400).optional(),
    entry: text(400).optional(),
  })
  .refine((body) => Object.values(body).filter((value) => value !== undefined).length === 1, one)
  .meta({ id: 'Purge' });

const purged = z
  .object({
    purged: z.string(),
    name: z.string(),
    entries: z.number().int().describe('How many kept answers were made invalid.'),
  })
  .meta({ id: 'Purged' });

export interface CacheReading {
  readonly cache: Pick<CacheService, 'stats' | 'covered' | 'purge' | 'removeEntry'>;
  /** The configuration has it, or a wildcard for it. */
  readonly knowsModel: (name: string) => boolean;
}

export function cacheRoutes(app: AdminApp, deps: CacheReading & Writing): void {
  /** Whether there is something of that name. Tags are known by what they were given to alone. */
  async function known(kind: string, name: string): Promise<boolean> {
    if (kind === 'model') return deps.knowsModel(name);
    if (kind === 'team') return (await deps.keys.read.team(name)) !== null;
    if (kind === 'key') return (await deps.keys.read.key(name)) !== null;
    return kind === 'all' || kind === 'tag';
  }

  route(app, 'getCacheStats', {
    schema: { response: { 200: cacheStats } },
    handler: () => deps.cache.stats(),
  });

  route(app, 'purgeCache', {
    schema: { body: purge, response: { 200: purged } },
    handler: async (request, reply) => {
      const [kind, value] = Object.entries(request.body).find(([, given]) => given !== undefined)!;
      const name = value === true ? '' : (value as string);
      // Before the transaction that records it: in the embedded database the two would wait for each other.
      const entries = kind === 'entry' ? 1 : await deps.cache.covered(kind as PurgeKind, name);
      const isKnown = kind === 'entry' ? await deps.cache.removeEntry(name) : entries > 0 || (await known(kind, name));
      if (!isKnown) return sendRefusal(reply, refuse('not_found', `There is no ${kind} '${name.slice(0, 100)}'.`));
      if (kind !== 'entry') await deps.cache.purge(kind as PurgeKind, name);
      return write(deps, request, reply, async ({ tx }) => {
        const line = { at: deps.clock.now(), actor: request.adminActor, action: 'cache.purge' };
        await tx.audit({ ...line, subject: name === '' ? kind : `${kind}:${name}`, detail: { entries } });
        return ok({ status: 200, body: { purged: kind, name, entries } });
      });
    },
  });
}
