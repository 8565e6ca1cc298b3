/** The consumer whom claims name, and what of them goes upstream. */
import { type ClaimConditions, claimOf, claimText, isWellFormed, lacking } from '../jwt/claims.js';
import { ok, type Result, refuse, refused } from '../lib/errors.js';
import { type Consumer, consumerOf } from './consumer.js';

interface ClaimRules extends ClaimConditions {
  readonly claims_to_headers?: Readonly<Record<string, string>> | undefined;
  readonly consumer_claim?: string | undefined;
  readonly team_claim?: string | undefined;
  readonly forward_token?: boolean | undefined;
}

/** Claims that are other ones in each token of the same caller. */
const OF_ONE_TOKEN = new Set([
  ...['exp', 'iat', 'nbf', 'jti', 'auth_time', 'at_hash', 'c_hash', 'nonce', 'sid', 'uti', 'aio', 'rh'],
]);

const lasting = (claims: Readonly<Record<string, unknown>>): [string, unknown][] =>
  Object.entries(claims)
    .filter(([name]) => !OF_ONE_TOKEN.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));

/** The consumer whom good claims name. `sent`: claims that the route's templates send upstream. */
export function consumerFrom(
  claims: Readonly<Record<string, unknown>>,
  rules: ClaimRules,
  kind: 'jwt' | 'introspection',
  defaults: readonly string[],
  sent: readonly string[],
): Result<Consumer> {
  if (!isWellFormed(claims))
    return refused(refuse('invalid_token', 'The token has a claim whose text is not Unicode.'));
  const lack = lacking(claims, rules);
  if (lack) return refused(lack);
  const names = rules.consumer_claim === undefined ? defaults : [rules.consumer_claim];
  const id = names.map((name) => claimText(claimOf(claims, name))).find((text) => text !== undefined && text !== '');
  if (id === undefined) return refused(refuse('invalid_token', `The token names no consumer (${names.join(', ')}).`));
  const headers: string[] = [];
  for (const [claim, header] of Object.entries(rules.claims_to_headers ?? {})) {
    const text = claimText(claimOf(claims, claim));
    if (text !== undefined) headers.push(header.toLowerCase(), text);
  }
  const team = rules.team_claim === undefined ? undefined : claimText(claimOf(claims, rules.team_claim));
  const learnt = [...sent.map((name) => claimOf(claims, name) ?? null), rules.forward_token ? lasting(claims) : null];
  return ok(consumerOf({ kind, id, team: team ?? null, claims, headers, learnt }));
}
