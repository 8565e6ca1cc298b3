/** Users and tokens as the admin API takes and shows them. */
import { z } from 'zod';
import { isOfTeams, roles } from '../../identity/roles.js';
import { emailOf, type Token, type User } from '../../identity/user.js';
import { cursor, flag, instant, pagedBy, text } from './schemas.js';

const role = z.enum(roles).describe('What the user may do.');
const email = z
  .string()
  .trim()
  .transform((written, context) => {
    const address = emailOf(written);
    if (address !== null) return address;
    context.addIssue({ code: 'custom', message: 'not an e-mail address in ASCII, such as ada@example.com' });
    return z.NEVER;
  })
  .describe('The address that the user signs in with; upper and lower case are the same.');
const teams = z.array(text(100)).max(100, 'at most 100 teams').describe('Of roles that have to do with named teams.');
const SHORTEST_PASSWORD = 12;
export const password = z
  .string()
  .min(SHORTEST_PASSWORD, `at least ${SHORTEST_PASSWORD} characters`)
  .max(200, 'at most 200 characters')
  .describe('A password.');
const distinct = (names: readonly string[]): string[] => [...new Set(names)];

export const newUser = z
  .strictObject({
    email,
    name: text(200).optional().describe('What the user is called.'),
    role,
    teams: teams.transform(distinct).optional(),
    password: password.optional(),
  })
  .meta({ id: 'NewUser' });
export const userPatch = z
  .strictObject({
    email: email.optional(),
    name: text(200).optional().describe('What the user is called.'),
    role: role.optional(),
    teams: teams.transform(distinct).optional(),
  })
  .meta({ id: 'UserPatch' });
export const newPassword = z
  .strictObject({
    password: password.nullable().describe('The new password; null: none, and nobody signs in with one.'),
  })
  .meta({ id: 'NewPassword' });
export const forced = z.strictObject({
  force: flag.optional().describe('Also where it is the last user who is an admin.'),
});
export const userQuery = z.strictObject({
  q: text(200).optional().describe('A part of the name or the address.'),
  role: role.optional(),
  team: text(100).optional().describe('A team that the user has to do with.'),
  ...pagedBy(cursor(/^usr_[0-9a-z]{26}$/)),
});

const time = (what: string) => z.string().describe(what);
export const userAnswer = z
  .object({
    id: z.string().describe('The id of the user.'),
    email: z.string().nullable().describe('The address that the user signs in with.'),
    name: z.string().describe('What the user is called.'),
    role,
    teams: z.array(z.string()).describe('The teams that the user has to do with; empty: all.'),
    has_password: z.boolean().describe('Whether the user can sign in with a password.'),
    issuer: z.string().nullable().describe('Who signs the user in by OIDC.'),
    blocked: z.boolean().describe('Whether the user is refused.'),
    blocked_at: z.string().nullable().describe('Since when the user is refused.'),
    last_seen_at: z.string().nullable().describe('When the user was last here, to the minute.'),
    created_at: time('When the user was made.'),
    updated_at: time('When the user was last changed.'),
  })
  .meta({ id: 'User' });

export const memberQuery = z.strictObject(pagedBy(cursor(/^usr_[0-9a-z]{26}$/)));
/** What whoever looks after one team is told of its people: nothing of their other teams. */
export const memberAnswer = userAnswer
  .pick({ id: true, email: true, name: true, role: true, blocked: true, last_seen_at: true })
  .meta({ id: 'TeamMember', description: 'A user who has to do with a team by name.' });

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

export const showUser = (user: User) => ({
  ...{ id: user.id, email: user.email, name: user.name, role: user.role },
  teams: isOfTeams(user.role) ? [...user.teams] : [],
  ...{ has_password: user.has_password, issuer: user.issuer },
  ...{ blocked: user.blocked_at !== null, blocked_at: isoOrNull(user.blocked_at) },
  ...{ last_seen_at: isoOrNull(user.last_seen_at), created_at: iso(user.created_at), updated_at: iso(user.updated_at) },
});

export const showMember = (user: User) => {
  const { id, email, name, role, blocked, last_seen_at } = showUser(user);
  return { id, email, name, role, blocked, last_seen_at };
};

export const newToken = z
  .strictObject({
    name: text(200).describe('What the token is for.'),
    role: role.optional().describe("What it may do, which is not above its user's role; that role unless told."),
    teams: teams
      .min(1, 'leave it out for all teams of its user')
      .transform(distinct)
      .optional()
      .describe('The teams that it has to do with; those of its user unless told.'),
    expires_at: instant.optional().describe('When it ends: in 90 days unless told, in a year at the latest.'),
    user: text(100).optional().describe('Whose it is, where an admin makes it for somebody else.'),
  })
  .meta({ id: 'NewToken' });
export const tokenQuery = z.strictObject({
  user: text(100).optional().describe('Only those of this user.'),
  include_revoked: flag.optional().describe('Revoked ones too.'),
  ...pagedBy(cursor(/^tok_[0-9a-z]{26}$/)),
});
export const tokenAnswer = z
  .object({
    id: z.string().describe('The id of the token.'),
    prefix: z.string().describe('How the token begins.'),
    name: z.string().describe('What it is for.'),
    user: z.string().nullable().describe('Whose it is; null: it was made with the admin key.'),
    role,
    teams: z.array(z.string()).nullable().describe('The teams that it has to do with; null: those of its user.'),
    created_at: time('When it was made.'),
    expires_at: time('When it ends.'),
    revoked_at: z.string().nullable().describe('When it was revoked.'),
    last_used_at: z.string().nullable().describe('When it was last used, to the minute.'),
  })
  .meta({ id: 'Token' });
/** `token` is the token itself, shown this once; null where a remembered answer is given again. */
export const shownToken = z
  .object({
    token: z.string().nullable().describe('The token itself. It is in this answer and nowhere else.'),
    ...tokenAnswer.shape,
  })
  .meta({ id: 'ShownToken' });

export const showToken = ({ parent, ...token }: Token) => ({
  ...token,
  teams: token.teams && [...token.teams],
  ...{ created_at: iso(token.created_at), expires_at: iso(token.expires_at) },
  ...{ revoked_at: isoOrNull(token.revoked_at), last_used_at: isoOrNull(token.last_used_at) },
});
