/** What claims must say, and what of them goes upstream. */
import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import { type Consumer, consumerOf } from './consumer.js';

export interface ClaimRules {
  readonly scopes?: readonly string[] | undefined;
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
  readonly claims_to_headers?: Readonly<Record<string, string>> | undefined;
  readonly consumer_claim?: string | undefined;
  readonly team_claim?: string | undefined;
}

/** A claim by its name, or by a path of names with dots where there is no claim of the whole name. */
export function claimOf(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}

/** A claim as the text of a header: lists with spaces, objects as JSON. */
export function claimText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object')) return value.join(' ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function scopesOf(claims: Readonly<Record<string, unknown>>): readonly string[] {
  const value = claims['scope'] ?? claims['scp'];
  if (typeof value === 'string') return value.split(' ');
  return Array.isArray(value) ? value.map(String) : [];
}

function missing(claims: Readonly<Record<string, unknown>>, rules: ClaimRules): Refusal | undefined {
  const has = scopesOf(claims);
  const lacks = (rules.scopes ?? []).filter((scope) => !has.includes(scope));
  if (lacks.length > 0) {
    const all = rules.scopes!.join(' ').replace(/["\\]/g, '');
    return refuse('insufficient_scope', `The token lacks the scope ${lacks.join(', ')}.`, {
      headers: { 'www-authenticate': `Bearer error="insufficient_scope", scope="${all}"` },
    });
  }
  for (const [name, wanted] of Object.entries(rules.claims ?? {})) {
    const value = claimOf(claims, name);
    const values = Array.isArray(value) ? value : [value];
    const good = Array.isArray(wanted) ? wanted : [wanted];
    if (!values.some((one) => good.includes(one as never)))
      return refuse('insufficient_scope', `The token's claim '${name}' does not allow this.`);
  }
  return undefined;
}

/** The consumer whom good claims name. */
export function consumerFrom(
  claims: Readonly<Record<string, unknown>>,
  rules: ClaimRules,
  kind: 'jwt' | 'introspection',
  defaults: readonly string[],
): Result<Consumer> {
  const lacking = missing(claims, rules);
  if (lacking) return refused(lacking);
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
