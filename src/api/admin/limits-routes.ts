/** `GET /admin/v1/limits`: what the limits of a key, a team, an end user, a model or a target have spent and held. */
import { z } from 'zod';
import type { LimitLevels } from '../../operations/limit-levels.js';
import type { AdminApp } from './admin-api.js';
import { problem, sendRefusal } from './errors.js';
import { text } from './schemas.js';

export interface LimitsReading {
  readonly limitLevels: LimitLevels;
}

const problems = { '4xx': { content: { 'application/problem+json': { schema: problem } } } };
const amount = z.union([z.string(), z.number()]);

const limitQuery = z.strictObject({
  key: text(400).optional(),
  team: text(400).optional(),
  user: text(400).optional(),
  model: text(400).optional(),
  target: text(400).optional(),
});

const limitAnswer = z.object({
  scope: z.record(z.string(), z.string()),
  unit: z.string(),
  per: z.string().nullable(),
  model: z.string().nullable(),
  max: amount,
  spent: amount,
  held: amount,
  remaining: amount,
  window_ends_at: z.string().nullable(),
});

export function limitsRoutes(app: AdminApp, { limitLevels }: LimitsReading): void {
  app.get(
    '/limits',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['limits'],
        summary:
          'What limits have spent, held and left: of a key, a team, a model, a target, or an end user (`user`, of one key or team where `key` or `team` says which). Money is a decimal string.',
        querystring: limitQuery,
        response: { 200: z.object({ data: z.array(limitAnswer) }), ...problems },
      },
    },
    async ({ query }, reply) => {
      const levels = await limitLevels(query);
      if (!levels.ok) return sendRefusal(reply, levels.refusal);
      return { data: [...levels.value] };
    },
  );
}
