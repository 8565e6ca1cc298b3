/** What the limits of a key, a team, an end user, a model or a target have spent and held: `/admin/v1/limits`. */
import { z } from 'zod';
import { refuse } from '../../lib/errors.js';
import type { LimitLevels } from '../../operations/limit-levels.js';
import type { AdminApp } from './admin-api.js';
import { sendRefusal } from './errors.js';
import { route } from './route.js';
import { text } from './schemas.js';

export interface LimitsReading {
  readonly limitLevels: LimitLevels;
  /** Why levels may not be all that was used; undefined where they are. */
  readonly limitNotice: () => string | undefined;
}

const amount = z.union([z.string(), z.number()]);

const limitQuery = z.strictObject({
  key: text(400).optional(),
  team: text(400).optional(),
  user: text(400).optional(),
  model: text(400).optional(),
  target: text(400).optional(),
});

const limitAnswer = z
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

const answer = z
  .object({
    data: z.array(limitAnswer),
    notice: z
      .string()
      .optional()
      .describe('There where other gateways on the same database count apart from this one.'),
  })
  .meta({ id: 'LimitStates' });

const ofAll = refuse(
  'insufficient_scope',
  'Limits of models and targets are of all teams: ask for those of a key or a team.',
);

export function limitsRoutes(app: AdminApp, { limitLevels, limitNotice }: LimitsReading): void {
  route(app, 'getLimits', {
    schema: { querystring: limitQuery, response: { 200: answer } },
    handler: async ({ query, principal: { teams } }, reply) => {
      if (teams !== null && (query.model ?? query.target) !== undefined) return sendRefusal(reply, ofAll);
      const levels = await limitLevels(query, teams);
      if (!levels.ok) return sendRefusal(reply, levels.refusal);
      const notice = limitNotice();
      return { data: [...levels.value], ...(notice === undefined ? {} : { notice }) };
    },
  });
}
