/**
 * Who is calling: a secret becomes a key and its team. A hit is answered from memory, synchronously, in about a
 * microsecond; the store is asked only about hashes that are not remembered. Memory is two bounded caches by hash (a secret
 * is never kept): keys that exist, and hashes that lead nowhere, apart, so that a flood of made-up keys can push out only
 * made-up keys. Whatever a time decides (expiry, an old secret's end) is decided anew on each request.
 *
 * What is remembered is certain while changes are heard (`changes.heardAt`), and for `certainMs` after it was read or after
 * the line fell silent. Later it is read again before use. Where the store does not answer, the last known state of a known
 * key is used, for as long as it takes, and one look-up in `probeMs` tries again; a hash that is not remembered is refused
 * with `unavailable`, never as a wrong key. Look-ups of known keys and of strangers stand in separate lines.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.js';
import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import type { Change, Changes } from './changes.js';
import type { Caller } from './key.js';
import type { Found, KeyStore } from './key-store.js';
import { createLookups } from './lookups.js';
import { hashOf, resembles, wellFormed } from './secret.js';

export type AuthFailure =
  | 'missing'
  | 'malformed'
  | 'unknown'
  | 'revoked'
  | 'expired'
  | 'key_blocked'
  | 'team_blocked'
  | 'unavailable';

export interface AuthenticatorOptions {
  readonly store: Pick<KeyStore, 'find'>;
  readonly changes: Changes;
  readonly clock: Clock;
  /** Most keys remembered; 100,000 unless told. */
  readonly cacheMax?: number;
  /** Most hashes remembered as leading nowhere; 10,000 unless told. */
  readonly strangersMax?: number;
  /** Most look-ups in the store at once, for known keys and for strangers each; 4 unless told. */
  readonly concurrency?: number;
  /** Most strangers that wait for a look-up; 1,000 unless told. */
  readonly maxWaiting?: number;
  /** Longest wait for a look-up; 1 second unless told. */
  readonly lookupTimeoutMs?: number;
  /** How long what was read stays certain without word of changes; 750 ms unless told. */
  readonly certainMs?: number;
  /** While the store is away, how often it is tried for a known key; 1 second unless told. */
  readonly probeMs?: number;
  /** Told of each refusal, for counting. */
  readonly onRefused?: (reason: AuthFailure) => void;
  /** Told when a look-up failed, for the log. */
  readonly onLookupError?: (error: unknown) => void;
}

export interface Authenticator {
  /** `token` is what stands after `Bearer`; undefined where the request has none. Never rejects. */
  authenticate(token: string | undefined): Result<Caller> | Promise<Result<Caller>>;
  /** What is in memory now. */
  stats(): { readonly keys: number; readonly strangers: number; readonly running: number; readonly waiting: number };
  /** Stops listening to changes. */
  close(): void;
}

/** When the store was asked, on the monotonic clock, and how often everything had become uncertain by then. */
interface Reading {
  readonly readAt: number;
  readonly epoch: number;
}

interface Known extends Reading {
  readonly caller: Caller;
  readonly secretEndsAt: number | null;
  readonly accepted: Result<Caller>;
}

interface Stranger extends Reading {
  readonly reason: 'unknown' | 'revoked';
}

const unauthorized = { headers: { 'www-authenticate': 'Bearer' } };
const MISSING = refuse(
  'invalid_api_key',
  'No API key was sent. Send yours as `Authorization: Bearer sk-tg-...`, `x-api-key` or `api-key`.',
  unauthorized,
);
const INVALID = refuse(
  'invalid_api_key',
  'The API key is not valid. Check that it was copied whole, or ask whoever runs this gateway for a new one.',
  unauthorized,
);
const EXPIRED = refuse(
  'expired_api_key',
  'The API key has expired. Ask whoever runs this gateway for a new one.',
  unauthorized,
);
const KEY_BLOCKED = refuse('key_blocked', 'The API key is blocked. Ask whoever runs this gateway to unblock it.');
const TEAM_BLOCKED = refuse('team_blocked', 'The team of this API key is blocked. Ask whoever runs this gateway.');
const UNAVAILABLE = refuse('unavailable', 'The API key could not be checked just now. Try again in a moment.', {
  headers: { 'retry-after': '1' },
});

const REFUSALS = { revoked: INVALID, expired: EXPIRED, key_blocked: KEY_BLOCKED, team_blocked: TEAM_BLOCKED } as const;

/** Why a key that exists cannot be used now; undefined: it can. */
function unusable({ key, team }: Caller, nowMs: number): keyof typeof REFUSALS | undefined {
  if (key.revoked_at !== null) return 'revoked';
  if (key.expires_at !== null && key.expires_at <= nowMs) return 'expired';
  if (key.blocked_at !== null) return 'key_blocked';
  return team !== null && team.blocked_at !== null ? 'team_blocked' : undefined;
}

/** What whoever uses the key is told now; undefined: nothing is in the way. */
export function standing(caller: Caller, nowMs: number): Refusal | undefined {
  const reason = unusable(caller, nowMs);
  return reason && REFUSALS[reason];
}

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { store, changes, clock } = options;
  const certainMs = options.certainMs ?? 750;
  const probeMs = options.probeMs ?? 1_000;
  const byTeam = new Map<string, Set<string>>();
  const known = new LRUCache<string, Known>({
    max: options.cacheMax ?? 100_000,
    dispose: forgetTeam,
  });
  const strangers = new LRUCache<string, Stranger>({ max: options.strangersMax ?? 10_000 });
  const lookups = (maxWaiting: number) =>
    createLookups<Reading & { found: Found | null }>({
      find: async (hash) => {
        const reading = { readAt: clock.monotonic(), epoch };
        return { ...reading, found: await store.find(hash) };
      },
      concurrency: options.concurrency ?? 4,
      maxWaiting,
      timeoutMs: options.lookupTimeoutMs ?? 1_000,
    });
  const ofKnown = lookups(Number.POSITIVE_INFINITY); // bounded by the cache, for it has one look-up per hash
  const ofStrangers = lookups(options.maxWaiting ?? 1_000);
  let epoch = 0; // grows when changes may have been missed
  let storeAway = false;
  let probeAt = 0;

  function remember(hash: string, entry: Known): void {
    known.delete(hash);
    known.set(hash, entry);
    const team = entry.caller.key.team;
    if (team === null) return;
    const hashes = byTeam.get(team);
    if (hashes) hashes.add(hash);
    else byTeam.set(team, new Set([hash]));
  }

  function forgetTeam({ caller }: Known, hash: string): void {
    const team = caller.key.team;
    const hashes = team === null ? undefined : byTeam.get(team);
    if (team === null || !hashes) return;
    hashes.delete(hash);
    if (hashes.size === 0) byTeam.delete(team);
  }

  const refuseFor = (reason: AuthFailure, refusal: Refusal): Result<never> => {
    options.onRefused?.(reason);
    return refused(refusal);
  };

  function judge(entry: Known | Stranger): Result<Caller> {
    if ('reason' in entry) return refuseFor(entry.reason, INVALID);
    if (entry.secretEndsAt !== null && entry.secretEndsAt <= clock.now()) return refuseFor('revoked', INVALID);
    const reason = unusable(entry.caller, clock.now());
    return reason === undefined ? entry.accepted : refuseFor(reason, REFUSALS[reason]);
  }

  const isCertain = (reading: Reading): boolean =>
    reading.epoch === epoch && Math.max(reading.readAt, changes.heardAt()) + certainMs > clock.monotonic();

  /** Asks the store and remembers what it says. Rejects where the store does not answer. */
  async function ask(hash: string, from: typeof ofKnown): Promise<Known | Stranger> {
    const { value, overtaken } = await from.get(hash);
    const { found, readAt, epoch } = value;
    storeAway = false;
    if (found === null || found.caller.key.revoked_at !== null) {
      const stranger: Stranger = { reason: found === null ? 'unknown' : 'revoked', readAt, epoch };
      known.delete(hash);
      if (!overtaken) strangers.set(hash, stranger);
      return stranger;
    }
    const { caller, secret_ends_at: secretEndsAt } = found;
    const entry: Known = { caller, secretEndsAt, accepted: ok(caller), readAt, epoch };
    strangers.delete(hash);
    if (!overtaken) remember(hash, entry);
    return entry;
  }

  function storeFailed(error: unknown): void {
    storeAway = true;
    probeAt = clock.monotonic() + probeMs;
    options.onLookupError?.(error);
  }

  async function confirm(hash: string, last: Known): Promise<Result<Caller>> {
    try {
      return judge(await ask(hash, ofKnown));
    } catch (error) {
      storeFailed(error);
      return judge(last);
    }
  }

  function lastKnown(hash: string, last: Known): Result<Caller> {
    if (clock.monotonic() >= probeAt) {
      probeAt = clock.monotonic() + probeMs;
      ask(hash, ofKnown).catch(storeFailed);
    }
    return judge(last);
  }

  async function meet(hash: string): Promise<Result<Caller>> {
    try {
      return judge(await ask(hash, ofStrangers));
    } catch (error) {
      options.onLookupError?.(error);
      return refuseFor('unavailable', UNAVAILABLE);
    }
  }

  function heard(change: Change): void {
    if (change.kind === 'key') {
      known.delete(change.hash);
      strangers.delete(change.hash);
      ofKnown.overtake(change.hash);
      ofStrangers.overtake(change.hash);
      return;
    }
    if (change.kind === 'team') for (const hash of [...(byTeam.get(change.team) ?? [])]) known.delete(hash);
    else epoch++;
    ofKnown.overtakeAll(); // a key in flight may be of that team
    ofStrangers.overtakeAll();
  }

  const stop = changes.subscribe(heard);

  return {
    authenticate(token) {
      if (token === undefined || token === '') return refuseFor('missing', MISSING);
      if (!resembles(token)) return refuseFor('malformed', INVALID);
      const hash = hashOf(token);
      const entry = known.get(hash);
      if (entry !== undefined) {
        if (isCertain(entry)) return judge(entry);
        return storeAway ? lastKnown(hash, entry) : confirm(hash, entry);
      }
      if (!wellFormed(token)) return refuseFor('malformed', INVALID);
      const stranger = strangers.get(hash);
      if (stranger !== undefined && isCertain(stranger)) return judge(stranger);
      return meet(hash);
    },
    stats: () => ({
      keys: known.size,
      strangers: strangers.size,
      running: ofKnown.running + ofStrangers.running,
      waiting: ofKnown.waiting + ofStrangers.waiting,
    }),
    close: stop,
  };
}
