/** Who may call a classic route: the ways of telling, each with its conditions. */
import { z } from 'zod';
import * as r from './route-scalars.js';
import * as s from './scalars.js';

const claimNames = z.record(z.string().min(1), r.setName);
export const scopes = z
  .array(z.string().min(1))
  .describe('Scopes that a token must have, all of them; without one: 403.');
export const claims = z
  .record(z.string().min(1), z.union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number()]))]))
  .describe('Claims that a token must have, with this value or one of these; else 403. A dot leads into objects.');

const algorithms = [
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512', 'EdDSA', 'HS256', 'HS384', 'HS512'] as const),
] as const;

/** What a token must be, and where the keys are that it is signed with. */
export const jwtSource = {
  issuer: z.string().min(1).describe('The `iss` that a token must have.'),
  audience: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .optional()
    .describe('The `aud` that a token must have, or one of these. Left out: any.'),
  jwks_url: r.calloutUrl
    .optional()
    .describe("Where the keys are. Left out: told by the issuer's /.well-known/openid-configuration."),
  jwks_file: z.string().min(1).optional().describe('A file with the keys, instead of `jwks_url`.'),
  secret: s.secret.optional().describe('The shared secret of HS256, HS384 and HS512.'),
  algorithms: z.array(z.enum(algorithms)).min(1).optional().describe('The only ones accepted. Default [RS256].'),
  clock_skew: s.duration(0).optional().describe('How far clocks may differ. Default 60s.'),
};

interface JwtSource {
  readonly secret?: unknown;
  readonly jwks_url?: string | undefined;
  readonly jwks_file?: string | undefined;
  readonly algorithms?: readonly string[] | undefined;
}

/** One source of keys, and algorithms that go with it. */
export const jwtChecks = <T extends z.ZodType<JwtSource>>(schema: T) =>
  schema
    .refine(
      ({ secret, algorithms: used = ['RS256'] }) =>
        used.every((name) => name.startsWith('HS') === (secret !== undefined)),
      {
        path: ['algorithms'],
        message: 'HS256, HS384 and HS512 need `secret`, the others the public keys of the issuer; not both',
      },
    )
    .refine(
      ({ secret, jwks_url, jwks_file }) => [secret, jwks_url, jwks_file].filter((one) => one !== undefined).length <= 1,
      {
        path: ['jwks_url'],
        message: 'one source of keys: `jwks_url`, `jwks_file` or `secret`',
      },
    );

export const jwt = jwtChecks(
  z.strictObject({
    ...jwtSource,
    header: r.fieldName.optional().describe('Where the token is. Default authorization, after `Bearer`.'),
    cookie: z
      .string()
      .regex(/^[\w.-]+$/)
      .optional()
      .describe('A cookie in which the token may be as well.'),
    query: z
      .string()
      .regex(/^[\w.-]+$/)
      .optional()
      .describe('A query parameter in which the token may be as well.'),
    consumer_claim: z.string().min(1).optional().describe('The claim that names the consumer. Default sub.'),
    team_claim: z.string().min(1).optional().describe("The claim that names the consumer's team."),
    claims_to_headers: claimNames.optional().describe('Claims that are sent upstream, as headers of these names.'),
    scopes: scopes.optional(),
    claims: claims.optional(),
    forward_token: z.boolean().optional().describe('Send the token upstream. Default false.'),
  }),
);

const key = z.strictObject({
  headers: z
    .array(r.fieldName)
    .min(1)
    .optional()
    .describe('Where the key is. Default authorization (after `Bearer`), x-api-key, api-key.'),
  query: z
    .string()
    .regex(/^[\w.-]+$/)
    .optional()
    .describe('A query parameter in which the key may be as well.'),
  teams: z.array(z.string().min(1)).min(1).optional().describe('Only keys of these teams.'),
  forward_token: z.boolean().optional().describe('Send the key upstream. Default false.'),
});

const introspection = z
  .strictObject({
    url: r.calloutUrl.optional().describe('The introspection endpoint.'),
    issuer: r.calloutUrl.optional().describe('Instead of `url`: the issuer, whose OpenID configuration names it.'),
    client_id: z.string().min(1).describe('How the gateway names itself there.'),
    client_secret: s.secret.describe('And its secret.'),
    cache: s.duration(0).optional().describe("Longest use of an answer, and never past the token's end. Default 60s."),
    timeout: s.duration().optional().describe('Default 3s.'),
    consumer_claim: z.string().min(1).optional().describe('Default sub, else client_id, else username.'),
    team_claim: z.string().min(1).optional().describe("The claim that names the consumer's team."),
    claims_to_headers: claimNames.optional().describe('Claims that are sent upstream, as headers of these names.'),
    scopes: scopes.optional(),
    claims: claims.optional(),
    forward_token: z.boolean().optional().describe('Send the token upstream. Default false.'),
  })
  .refine(({ url, issuer }) => (url === undefined) !== (issuer === undefined), {
    path: ['url'],
    message: 'either `url` or `issuer`',
  });

const basic = z.strictObject({
  users: z
    .record(z.string().regex(/^[^:\s]{1,128}$/, 'a user name has no colon and no space'), s.secret)
    .describe('Passwords by user: a secret, or its hash as `sha256:` and 64 hexadecimal digits.'),
  realm: z
    .string()
    .regex(/^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,64}$/)
    .optional()
    .describe('Default tollgate.'),
  forward_token: z.boolean().optional().describe('Send the credentials upstream. Default false.'),
});

const forward = z.strictObject({
  url: r.calloutUrl.describe('Asked with GET about each request; 2xx lets it pass, any other answer is the answer.'),
  headers: z
    .array(r.fieldName)
    .optional()
    .describe('Request headers that are sent along. Default [authorization, cookie].'),
  response_headers: z
    .record(r.fieldName, r.setName)
    .optional()
    .describe('Headers of its answer that are sent upstream, under these names.'),
  consumer_header: r.fieldName.optional().describe('The header of its answer that names the consumer.'),
  timeout: s.duration().optional().describe('Default 3s. Later, or where it cannot be reached: 503.'),
});

/** Any one of the ways that are named lets a request in; an empty mapping or nothing asks for a virtual key. */
export const auth = z
  .strictObject({
    key: key.optional().describe('A virtual key.'),
    jwt: jwt.optional().describe('A signed token of an issuer.'),
    introspection: introspection.optional().describe('A token that its issuer is asked about (RFC 7662).'),
    basic: basic.optional().describe('A user and a password.'),
    forward: forward.optional().describe('Another service decides.'),
    anonymous: z
      .strictObject({ consumer: z.string().min(1).max(128).optional() })
      .optional()
      .describe('A request without any credential is this consumer. A wrong credential is still refused.'),
    none: z.strictObject({}).optional().describe('Anybody, and no credential is looked at.'),
  })
  .refine(
    (written) => written.none === undefined || Object.values(written).filter((one) => one !== undefined).length === 1,
    {
      path: ['none'],
      message: '`none` lets anybody in; nothing can stand beside it',
    },
  );

export type WrittenAuth = z.output<typeof auth>;
