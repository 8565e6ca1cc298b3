/** A user of the admin API and a user's token, as the store keeps them. */
import type { Role } from './roles.js';

export interface User {
  readonly id: string;
  /** In lower case; null: its issuer told none. */
  readonly email: string | null;
  readonly name: string;
  readonly role: Role;
  /** By name; empty for roles that have to do with all. */
  readonly teams: readonly string[];
  readonly has_password: boolean;
  /** Who signs the user in by OIDC. */
  readonly issuer: string | null;
  /** Milliseconds since the Unix epoch, like all times here. */
  readonly created_at: number;
  readonly updated_at: number;
  readonly blocked_at: number | null;
  readonly last_seen_at: number | null;
}

export interface Token {
  readonly id: string;
  /** Its first characters, for lists. */
  readonly prefix: string;
  readonly name: string;
  /** Whose it is; null: made with the admin key. */
  readonly user: string | null;
  /** The token that it was made with. */
  readonly parent: string | null;
  readonly role: Role;
  /** Null: those of its user. */
  readonly teams: readonly string[] | null;
  readonly created_at: number;
  readonly expires_at: number;
  readonly revoked_at: number | null;
  readonly last_used_at: number | null;
}

/**
 * An e-mail address as users are known by it: in lower case. Null: it is none, or has more than ASCII, in which addresses could
 * look like others.
 */
export function emailOf(written: string): string | null {
  if (written.length > 254 || !/^[\x21-\x7e]+$/.test(written)) return null;
  const [local, domain, more] = written.split('@');
  if (!local || !domain || more !== undefined || !/^[\w.!#$%&'*+/=?^`{|}~-]+$/.test(local)) return null;
  return /^[a-z\d-]+(\.[a-z\d-]+)*$/i.test(domain) ? written.toLowerCase() : null;
}
