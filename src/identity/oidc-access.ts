/** What the claims of whoever was signed in elsewhere stand for: a role, and the teams that it has to do with. */
import { type Claims, claimOf } from '../jwt/claims.js';
import { isOfTeams, type Role } from './roles.js';

export interface OidcRules {
  readonly claims: { readonly role: string; readonly teams: string | null };
  /** By a value of the claim, or by `*`. The first that fits counts. */
  readonly roles: Readonly<Record<string, Role>>;
  /** Null: a value is the name of a team. */
  readonly teams: Readonly<Record<string, string>> | null;
}

export interface Access {
  readonly role: Role;
  readonly teams: readonly string[];
}

const MOST_VALUES = 1_000;
const MOST_TEAMS = 100;

/** Null: none. */
export function accessOf(claims: Claims, rules: OidcRules): Access | null {
  const has = new Set(valuesOf(claims, rules.claims.role));
  const role = Object.entries(rules.roles).find(([value]) => value === '*' || has.has(value))?.[1];
  if (role === undefined) return null;
  if (!isOfTeams(role)) return { role, teams: [] };
  const named = rules.claims.teams === null ? [] : valuesOf(claims, rules.claims.teams);
  const { teams } = rules;
  const all = teams === null ? named : named.flatMap((value) => (Object.hasOwn(teams, value) ? teams[value]! : []));
  return { role, teams: [...new Set(all)].slice(0, MOST_TEAMS) };
}

function valuesOf(claims: Claims, path: string): readonly string[] {
  const value = claimOf(claims, path);
  const values = Array.isArray(value) ? value.slice(0, MOST_VALUES) : [value];
  return values.filter((one): one is string => typeof one === 'string' && one !== '');
}
