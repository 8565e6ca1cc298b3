/**
 * Where keys, teams, the audit log and remembered admin writes are kept. `keys-pg.ts` is the real one (Postgres or the
 * embedded database), `keys-memory.ts` its twin; one contract suite holds for both. Reads see what is committed. A write is
 * one transaction: all of it happens, its audit lines and its remembered answer included, or none of it does.
 */
import type { Result } from '../lib/errors.js';
import type { Query } from '../lib/query.js';
import type { Caller, Key, Team } from './key.js';
import type { Teams } from './roles.js';

/** What a secret's hash leads to: revoked, blocked and expired keys too. */
export interface FoundKey {
  readonly caller: Caller;
  /** When this secret stops working though its key goes on, because the key was rotated with an overlap; else null. */
  readonly secret_ends_at: number | null;
}

export interface Page {
  /** Most items to answer. */
  readonly limit: number;
  /** The id of the last item of the page before; null: from the start. */
  readonly after: string | null;
}

export interface KeyFilter {
  readonly team?: string | undefined;
  /** The beginning of the key's name. */
  readonly name?: string | undefined;
  /** What occurs in its name, in capitals or not, or is its id or its prefix. */
  readonly q?: string | undefined;
  /** Revoked keys are left out unless asked for. */
  readonly revoked?: boolean | undefined;
  /** Of these teams alone; null: of all, and of none. */
  readonly teams?: Teams;
}

export interface AuditLine {
  readonly at: number;
  /** Who: `admin:<first characters of the admin key's hash>`, `user:<id>`, `user:<id>/<token>`, `system`. */
  readonly actor: string;
  /** What: `key.create`, `team.block`, ... */
  readonly action: string;
  /** On what: a key's id, a team's name. */
  readonly subject: string;
  /** The fields that were written, with their new values; never a secret. */
  readonly detail: Readonly<Record<string, unknown>>;
  /** The teams that it is of: who has to do with named teams alone sees the lines of theirs. */
  readonly teams?: readonly string[];
}

export interface AuditFilter {
  readonly subject?: string | undefined;
  readonly action?: string | undefined;
  readonly teams?: Teams;
}

/** A write that came with an `Idempotency-Key`. */
export interface Once {
  readonly key: string;
  /** Method and path. */
  readonly route: string;
  /** SHA-256 of the body, hexadecimal. */
  readonly request_hash: string;
}

export interface Remembered {
  readonly request_hash: string;
  readonly status: number;
  readonly body: unknown;
}

export interface KeyStore {
  find(hash: string): Promise<FoundKey | null>;
  key(id: string): Promise<Key | null>;
  /** Newest first. */
  keys(filter: KeyFilter, page: Page): Promise<readonly Key[]>;
  team(id: string): Promise<Team | null>;
  /** By name. `q`: what occurs in it, in capitals or not. */
  teams(page: Page, only?: Teams, q?: string): Promise<readonly Team[]>;
  /** Keys that are not revoked, and teams, that set limits for their end users; at most a thousand of each. */
  withUserLimits(only?: Teams): Promise<{ readonly keys: readonly Key[]; readonly teams: readonly Team[] }>;
  /** Newest first. `id` is a positive integer, written in decimal. */
  audit(filter: AuditFilter, page: Page): Promise<readonly (AuditLine & { readonly id: string })[]>;
  /** Runs `work` in one transaction, which is undone where `work` is refused or throws. */
  write<T>(work: (tx: KeyTx) => Promise<Result<T>>): Promise<Result<T>>;
}

/** Inside a transaction. What was locked stays as it was read until the transaction ends. */
export interface KeyTx {
  /** For what else belongs into the transaction, such as the outbox of webhooks. */
  readonly query: Query;
  lockKey(id: string): Promise<Key | null>;
  /** False where a key has that secret, or had it, or has that id: then nothing is written. */
  insertKey(key: Key, hash: string): Promise<boolean>;
  /** Writes every field but the id, the prefix and when it was created. */
  updateKey(key: Key): Promise<void>;
  /** The key gets a new secret; the one before works until `oldEndsAt`, or no longer (null), like all before it. */
  replaceSecret(key: Key, hash: string, oldEndsAt: number | null): Promise<void>;
  /** The hashes of every secret that leads to the key. */
  hashesOf(id: string): Promise<readonly string[]>;
  lockTeam(id: string): Promise<Team | null>;
  /** Creates the team where it is missing; answers whether it did. The team stays until the transaction ends. */
  ensureTeam(team: Team): Promise<boolean>;
  updateTeam(team: Team): Promise<void>;
  /** Revoked keys lose their team; a team with other keys cannot be deleted. */
  deleteTeam(id: string): Promise<void>;
  /** Whether a key of the team is not revoked. */
  hasKeys(team: string): Promise<boolean>;
  audit(line: AuditLine): Promise<void>;
  /**
   * The answer that the same write got before, if it was made after `since` (milliseconds). Null: this is the first, and it
   * is now claimed: whoever writes the same meanwhile waits until this transaction ends.
   */
  claim(once: Once, now: number, since: number): Promise<Remembered | null>;
  remember(once: Once, status: number, body: unknown): Promise<void>;
}
