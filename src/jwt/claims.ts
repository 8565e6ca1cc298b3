/** Claims of a token: how they are named, read and asked for. */
import { type Refusal, refuse } from '../lib/errors.js';

export type Claims = Readonly<Record<string, unknown>>;

export interface ClaimConditions {
  readonly scopes?: readonly string[] | undefined;
  readonly claims?: Claims | undefined;
}

/** A claim by its name, or by a path of names with dots where there is no claim of the whole name. */
export function claimOf(claims: Claims, path: string): unknown {
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

const DEEPEST = 100;
const LONE_SURROGATE = /\p{Cs}/u;

/** Whether all texts of a claim are Unicode: half of a surrogate pair is no character. What nests without end is not looked at. */
export function isWellFormed(value: unknown, depth = 0): boolean {
  if (typeof value === 'string') return !LONE_SURROGATE.test(value);
  if (typeof value !== 'object' || value === null) return true;
  if (depth > DEEPEST) return false;
  return Object.entries(value).every(([name, inner]) => !LONE_SURROGATE.test(name) && isWellFormed(inner, depth + 1));
}

function scopesOf(claims: Claims): readonly string[] {
  const value = claims['scope'] ?? claims['scp'];
  if (typeof value === 'string') return value.split(' ');
  return Array.isArray(value) ? value.map(String) : [];
}

/** Why claims that are true are not enough; undefined: they are. */
export function lacking(claims: Claims, rules: ClaimConditions): Refusal | undefined {
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
