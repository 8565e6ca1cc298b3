/** Who may call the AI endpoints besides virtual keys: tokens of an issuer, and what their claims stand for. */
import { z } from 'zod';
import { endpointNames } from '../lib/endpoints.js';
import { limitSpec } from '../lib/limit-spec.js';
import { claims, jwtChecks, jwtSource, scopes } from './route-auth-schema.js';

const MOST_LIMITS = 50;
const claimName = z.string().min(1).max(200);
const limits = z.array(limitSpec).max(MOST_LIMITS);
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const name = z.string().regex(/^[^\u0000-\u001f\u007f-\u009f]{1,100}$/, 'expected up to 100 characters on one line');

const grants = {
  models: z.array(z.string().min(1).max(200)).max(1_000).optional().describe('Models that may be used, with `*`.'),
  endpoints: z.array(z.enum(endpointNames)).optional().describe('Endpoints that may be used, such as [chat].'),
  limits: limits.optional().describe('Limits that hold for each subject.'),
  user_limits: limits.optional().describe('Limits that hold for each end user of a subject.'),
};

const tokens = z
  .strictObject({
    ...jwtSource,
    audience: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
      .describe('The `aud` that a token must have, or one of these.'),
    issuer: jwtSource.issuer.max(200),
    claims: z
      .strictObject({
        subject: claimName.default('sub').describe('Who calls: each subject has its own limits. Default sub.'),
        team: claimName.optional().describe('The team whose limits, aliases and block hold.'),
        user: claimName.optional().describe('The end user; what the request says of one does not count then.'),
        models: claimName.optional().describe('Models that may be used, with `*`: a list, or a text with spaces.'),
        endpoints: claimName.optional().describe('Endpoints that may be used: a list, or a text with spaces.'),
        tags: claimName.optional().describe('Tags of what is spent: a list, or a text with spaces.'),
        plan: claimName.optional().describe('One of `plans`.'),
      })
      .prefault({})
      .describe('Which claims say what. A dot leads into objects.'),
    team: name.optional().describe('The team of tokens that name none.'),
    unknown_teams: z
      .enum(['create', 'refuse'])
      .default('create')
      .describe('What happens where a token names a team that does not exist.'),
    ...grants,
    tags: z.array(name).max(MOST_LIMITS).default([]).describe('Tags of everything that tokens spend.'),
    plans: z
      .record(name, z.strictObject(grants))
      .default({})
      .describe('What holds instead for tokens whose claim `plan` has this value. What a plan leaves out is as above.'),
    scopes: scopes.optional(),
    require: claims.optional(),
  })
  .superRefine(({ claims, plans }, context) => {
    const message = '`plans` and `claims.plan` go together';
    if (Object.keys(plans).length > 0 !== (claims.plan !== undefined))
      context.addIssue({ code: 'custom', path: claims.plan === undefined ? ['plans'] : ['claims', 'plan'], message });
  });

export const authSection = z
  .strictObject({ jwt: jwtChecks(tokens).optional().describe('Tokens of an issuer stand in for virtual keys.') })
  .prefault({})
  .describe('Who may call the AI endpoints besides virtual keys.');

export type WrittenTokens = z.output<typeof tokens>;
