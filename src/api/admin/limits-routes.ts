/** What the limits of a key, a team, an end user, a model or a target have spent and held: `/admin/v1/limits`. */
import { z } from 'zod';
import { readsWithin } from '../../identity/reads-within.js';
import { refuse } from '../../lib/errors.js';
import type { LimitLevels } from '../../operations/limit-levels.js';
import type { AdminApp } from './admin-api.js';
import { limitState } from './answers.js';
import { sendRefusal } from './errors.js';
import type { Standings } from './keys-routes.js';
import type { Writing } from './once.js';
import { route } from './route.js';
import { text } from './schemas.js';

export interface LimitsReading {
  readonly limitLevels: LimitLevels;
  /** Why levels may not be all that was used; undefined where they are. */
  readonly limitNotice: () => string | undefined;
}

const limitQuery = z.strictObject({
  of: z.literal('teams').optional().describe('`teams`: the limits of all teams, in one answer.'),
  key: text(400).optional(),
  team: text(400).optional(),
  user: text(400).optional(),
  model: text(400).optional(),
  target: text(400).optional(),
});

const answer = z
  .object({
    data: z.array(limitState),
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

/** Teams whose limits are in one answer. */
const MOST_TEAMS = 1_000;

export function limitsRoutes(app: AdminApp, deps: LimitsReading & Standings & Writing): void {
  const { limitLevels, limitNotice, standing, keys } = deps;

  /** The limits of the teams that whoever asks may read; undefined where they cannot be known now. */
  const ofTeams = async (teams: ReadonlySet<string> | null) => {
    const all = await readsWithin(keys.read, teams).teams({ limit: MOST_TEAMS, after: null });
    const standings = await standing.ofTeams(all);
    const states = [...standings.values()].map(({ limit_states }) => limit_states);
    return states.includes(null) ? undefined : states.flatMap((some) => some ?? []);
  };

  route(app, 'getLimits', {
    schema: { querystring: limitQuery, response: { 200: answer } },
    handler: async ({ query: { of, ...whose }, principal }, reply) => {
      if (principal.teams !== null && (whose.model ?? whose.target) !== undefined) return sendRefusal(reply, ofAll);
      const notice = limitNotice();
      const told = notice === undefined ? {} : { notice };
      if (of === 'teams') {
        if (Object.values(whose).some((value) => value !== undefined)) return sendRefusal(reply, notBoth);
        const data = await ofTeams(principal.teams);
        return data ? { data, ...told } : sendRefusal(reply, unknown);
      }
      const levels = await limitLevels(whose, principal.teams);
      if (!levels.ok) return sendRefusal(reply, levels.refusal);
      return { data: [...levels.value], ...told };
    },
  });
}

const notBoth = refuse('invalid_value', 'Say either `of=teams`, or whose limits.', { param: 'query.of' });
const unknown = refuse('unavailable', 'What these limits have spent cannot be known just now. Try again shortly.');
