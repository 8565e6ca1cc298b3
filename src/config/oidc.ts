/** Signing in to the console by an issuer of OpenID Connect: as it is written, and as it is used. */
import { z } from 'zod';
import { calloutUrl } from './route-scalars.js';
import * as s from './scalars.js';

const text = z
  .string()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  .regex(/^[^\u0000-\u001f\u007f-\u009f]{1,200}$/, 'expected up to 200 characters on one line');
const role = z.enum(['admin', 'viewer', 'team_admin', 'member']);
const ofTeams = new Set<string>(['team_admin', 'member']);

/** Such a key of an object stands before all others, wherever it was written. */
const isWholeNumber = (key: string): boolean => /^(0|[1-9]\d{0,9})$/.test(key);

/** Tokens and codes go over it: without TLS only to this machine. */
const safeUrl = calloutUrl.refine(
  (written) => !URL.canParse(written) || isSafe(new URL(written)),
  'expected https; http only for this machine (localhost, 127.0.0.1)',
);

const isSafe = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(hostname);

export const oidcSection = z
  .strictObject({
    issuer: safeUrl.describe('Who signs in: its /.well-known/openid-configuration says the rest.'),
    client_id: text.describe('As what the gateway is known there.'),
    client_secret: s.secret.default('').describe('Its secret; left out for a public client.'),
    name: text.default('single sign-on').describe('What the button of the sign-in page calls it.'),
    url: safeUrl
      .optional()
      .describe(
        'Where browsers reach the gateway, such as https://tollgate.example.com. Left out: as the browser says. The redirect URI is this with /admin/v1/session/oidc/callback.',
      ),
    scopes: z
      .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/, 'expected the name of a scope'))
      .max(30)
      .default(['openid', 'profile', 'email'])
      .describe('What is asked for; openid always is.'),
    claims: z
      .strictObject({
        role: text.default('groups').describe('Whose values `roles` has; a list or a text. Default groups.'),
        teams: text.optional().describe('The teams of roles that have to do with named ones; a list or a text.'),
      })
      .prefault({})
      .describe('Which claims say what. A dot leads into objects.'),
    roles: z
      .record(text, role)
      .refine((roles) => Object.keys(roles).length > 0, 'expected at least one role')
      .refine(
        (roles) => new Set(Object.values(roles)).size < 2 || !Object.keys(roles).some(isWholeNumber),
        'the first that fits counts, and whole numbers lose their place: name groups otherwise where there are several roles',
      )
      .describe(
        'The role for a value of `claims.role`, or for `*`: everybody. The first that fits counts; whoever has none may not sign in.',
      ),
    teams: z
      .record(text, text)
      .optional()
      .describe('The team for a value of `claims.teams`. Left out: the value is the name of the team.'),
  })
  .superRefine(({ roles, claims }, context) => {
    if (claims.teams !== undefined || !Object.values(roles).some((one) => ofTeams.has(one))) return;
    const message = 'team_admin and member need it: it says which teams they have to do with';
    context.addIssue({ code: 'custom', path: ['claims', 'teams'], message });
  });

type WrittenOidc = z.output<typeof oidcSection>;

export interface OidcConfig {
  readonly issuer: string;
  readonly client_id: string;
  /** Empty: a public client. */
  readonly client_secret: string;
  readonly name: string;
  /** Where browsers reach the gateway, without a path; null: as the browser says. */
  readonly url: string | null;
  readonly scopes: readonly string[];
  readonly claims: { readonly role: string; readonly teams: string | null };
  readonly roles: Readonly<Record<string, z.output<typeof role>>>;
  readonly teams: Readonly<Record<string, string>> | null;
}

export const oidcOf = (
  written: WrittenOidc | undefined,
  secret: (path: readonly (string | number)[], value: WrittenOidc['client_secret']) => string,
): OidcConfig | null =>
  written === undefined
    ? null
    : {
        ...written,
        client_secret: secret(['admin', 'oidc', 'client_secret'], written.client_secret),
        url: written.url === undefined ? null : new URL(written.url).origin,
        claims: { role: written.claims.role, teams: written.claims.teams ?? null },
        teams: written.teams ?? null,
      };
