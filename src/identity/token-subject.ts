/**
 * From the claims of a verified token to whom they stand for: the fields of a key that nobody stored. Pure. What is
 * configured as a claim must be there, unless there is a default; only the end user and tags may be left out.
 */
import { createHash } from 'node:crypto';
import type { Grants, TokensConfig } from '../config/auth.js';
import { type Claims, claimOf } from '../jwt/claims.js';
import { ok, type Result, refuse, refused } from '../lib/errors.js';
import { type Key, unstoredKey } from './key.js';

export interface Subject {
  readonly key: Key;
  /** The end user; undefined: the request says. */
  readonly user: string | undefined;
}

const MARK = 'jwt:';
const LONGEST_SUBJECT = 120;
const MOST_NAMES = 1_000;
const MOST_TAGS = 50;
const UNSAFE = /[\p{Cc}\p{Cs}]/u;

/** What a field is called, how long it may be. */
const LONGEST = { subject: 10_000, team: 100, user: 256, plan: 100, name: 200, tag: 100 } as const;

class Unfit extends Error {}

const isText = (value: unknown, longest: number): value is string =>
  typeof value === 'string' && value !== '' && value.length <= longest && !UNSAFE.test(value);

/** A claim that is one text; undefined where there is none. */
function textIn(claims: Claims, claim: string | undefined, longest: number): string | undefined {
  const value = claim === undefined ? undefined : claimOf(claims, claim);
  if (value === undefined || value === null) return undefined;
  if (!isText(value, longest))
    throw new Unfit(`The token's claim '${claim}' is not a text of up to ${longest} characters.`);
  return value;
}

/** A claim that is a list of texts, or a text with spaces; undefined where there is none. */
function listIn(claims: Claims, claim: string | undefined): readonly string[] | undefined {
  const value = claim === undefined ? undefined : claimOf(claims, claim);
  if (value === undefined || value === null) return undefined;
  const list: unknown = typeof value === 'string' ? value.split(/[\s,]+/).filter((word) => word !== '') : value;
  if (Array.isArray(list) && list.length <= MOST_NAMES && list.every((one) => isText(one, LONGEST.name))) return list;
  throw new Unfit(`The token's claim '${claim}' is not a list of names.`);
}

function needed<T>(value: T | null | undefined, claim: string | undefined): T | null {
  if (claim !== undefined && (value === undefined || value === null))
    throw new Unfit(`The token has no claim '${claim}', which is needed here.`);
  return value ?? null;
}

export function subjectOf(claims: Claims, config: TokensConfig, nowMs: number): Result<Subject> {
  const of = config.claims;
  try {
    const sub = needed(textIn(claims, of.subject, LONGEST.subject), of.subject)!;
    const plan = textIn(claims, of.plan, LONGEST.plan);
    const grants: Grants = plan !== undefined && Object.hasOwn(config.plans, plan) ? config.plans[plan]! : config;
    const tags = (listIn(claims, of.tags) ?? []).filter((tag) => tag.length <= LONGEST.tag);
    const key = keyOf(subjectId(config.issuer, sub), grants, {
      name: sub.slice(0, LONGEST.name),
      team: needed(textIn(claims, of.team, LONGEST.team) ?? config.team, of.team),
      models: needed(listIn(claims, of.models) ?? grants.models, of.models),
      endpoints: needed(listIn(claims, of.endpoints) ?? grants.endpoints, of.endpoints),
      tags: [...new Set([...config.tags, ...tags])].slice(0, MOST_TAGS),
      created_at: nowMs,
      updated_at: nowMs,
    });
    return ok({ key, user: textIn(claims, of.user, LONGEST.user) });
  } catch (error) {
    if (!(error instanceof Unfit)) throw error;
    return refused(refuse('invalid_api_key', error.message, { headers: { 'www-authenticate': 'Bearer' } }));
  }
}

/** What is known of a subject by its id alone: its limits where no plan decides. Undefined: it is no subject of this issuer. */
export function subjectKey(id: string, config: TokensConfig): Key | undefined {
  const beginning = `${MARK}${config.issuer}:`;
  if (!id.startsWith(beginning)) return undefined;
  return keyOf(id, config, { name: id.slice(beginning.length) });
}

const keyOf = (id: string, { models, endpoints, limits, user_limits }: Grants, fields: Partial<Key>): Key =>
  unstoredKey(id, { prefix: MARK, models, endpoints, limits, user_limits, ...fields });

/**
 * `jwt:ISSUER:SUB`, at most about 330 characters of printable ASCII without spaces: the ledger's `key` and the scope of
 * limits. Other characters are escaped with `%`; a long subject is told by its hash behind `~`, which no short one begins with.
 */
export function subjectId(issuer: string, sub: string): string {
  const escaped = sub.replace(/[^\x21-\x24\x26-\x7d]/gu, (char) => (char === '~' ? '%7E' : encodeURIComponent(char)));
  const short = escaped.length <= LONGEST_SUBJECT;
  return `${MARK}${issuer}:${short ? escaped : `~${createHash('sha256').update(sub).digest('base64url')}`}`;
}
