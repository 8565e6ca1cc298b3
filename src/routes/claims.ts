/** The consumer whom claims name, and what of them goes upstream. */
import { type ClaimConditions, claimOf, claimText, lacking } from '../jwt/claims.js';
import { ok, type Result, refuse, refused } from '../lib/errors.js';
import { type Consumer, consumerOf } from './consumer.js';

interface ClaimRules extends ClaimConditions {
  readonly claims_to_headers?: Readonly<Record<string, string>> | undefined;
  readonly consumer_claim?: string | undefined;
  readonly team_claim?: string | undefined;
}

/** The consumer whom good claims name. */
export function consumerFrom(
  claims: Readonly<Record<string, unknown>>,
  rules: ClaimRules,
  kind: 'jwt' | 'introspection',
  defaults: readonly string[],
): Result<Consumer> {
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
  return ok(consumerOf({ kind, id, team: team ?? null, claims, headers }));
}
