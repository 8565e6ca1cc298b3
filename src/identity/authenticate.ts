/**
 * Who is calling: a secret becomes a key and its team. A key that is in memory is answered synchronously, in about a
 * microsecond; the store is asked only about hashes that are not in memory. There are two bounded caches by hash (a secret is
 * never kept): one of keys that exist, one of hashes that no usable key has. They are separate so that a flood of made-up
 * secrets can push out only made-up secrets. What depends on the time (expiry, the end of an old secret) is checked on every
 * request.
 *
 * A remembered key is certain while announcements of changes arrive (`changes.heardAt`), and for `certainMs` after it was
 * read or after the last announcement. After that it is read again before it is used. While the store does not answer, a known
 * key is used as it was last read, and one look-up per `probeMs` tries the store again; a hash that is not in memory is refused
 * with `unavailable`, never as a wrong key. Look-ups of known keys and of new hashes have separate queues.
 *
 * Where another process of this gateway has a memory of its own (`remembered`), a key that is new here and known there is a known
 * key while the store does not answer, but never a certain one: what it knows may be from before a change that it missed.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.js';
import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import type { Change, Changes } from './changes.js';
import type { Caller } from './key.js';
import type { FoundKey, KeyStore } from './key-store.js';
import { createLookups, QueueFull } from './lookups.js';
import { hashOf, mayBeForeign, resembles, wellFormed } from './secret.js';

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
  /** What another process of this gateway has in memory. It is asked only while the store does not answer. */
  readonly remembered?: (hash: string) => Promise<FoundKey | null>;
  readonly changes: Changes;
  readonly clock: Clock;
  /** Most keys remembered. Default 100,000. */
  readonly cacheMax?: number;
  /** Most hashes remembered as those of no usable key. Default 10,000. */
  readonly invalidMax?: number;
  /** Most look-ups in the store at once, of known keys and of new hashes each. Default 4. */
  readonly concurrency?: number;
  /** Most look-ups of new hashes that are queued. Default 1,000. */
  readonly maxWaiting?: number;
  /** Longest wait for a look-up. Default 1 second. */
  readonly lookupTimeoutMs?: number;
  /** How long a key that was read stays certain without announcements of changes. Default 750 ms. */
  readonly certainMs?: number;
  /** While the store is away: how often it is tried again. Default 1 second. */
  readonly probeMs?: number;
  /** Called for each refusal, for counting. */
  readonly onRefused?: (reason: AuthFailure) => void;
  /** Called when a look-up failed, for the log. */
  readonly onLookupError?: (error: unknown) => void;
}

export interface Authenticator {
  /** `token` is what stands after `Bearer`; undefined where the request has none. Never rejects. */
  authenticate(token: string | undefined): Result<Caller> | Promise<Result<Caller>>;
  /** What is in memory now. */
  stats(): { readonly keys: number; readonly invalid: number; readonly running: number; readonly waiting: number };
  /** Stops listening to changes. */
  close(): void;
}

/** With what is in memory, for other processes of this gateway while the store is away. */
export interface RememberingAuthenticator extends Authenticator {
  /** The key with this secret as it was last read, whether or not that is certain; null: it is not in memory. */
  remembered(hash: string): FoundKey | null;
}

/** When the store was asked, on the monotonic clock, and the `epoch` at that moment. */
interface ReadMark {
  readonly readAt: number;
  readonly epoch: number;
}

interface KnownKey extends ReadMark {
  readonly caller: Caller;
  readonly secretEndsAt: number | null;
  readonly accepted: Result<Caller>;
}

interface InvalidKey extends ReadMark {
  readonly reason: 'unknown' | 'revoked';
}

/** What was not read from the store by this process. */
const NEVER_CERTAIN: ReadMark = { readAt: Number.NEGATIVE_INFINITY, epoch: -1 };

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

/** Why the key cannot be used now, as a refusal; undefined: it can be used. */
export function standing(caller: Caller, nowMs: number): Refusal | undefined {
  const reason = unusable(caller, nowMs);
  return reason && REFUSALS[reason];
}

const knownKey = ({ caller, secret_ends_at }: FoundKey, { readAt, epoch }: ReadMark): KnownKey => ({
  caller,
  secretEndsAt: secret_ends_at,
  accepted: ok(caller),
  readAt,
  epoch,
});

export function createAuthenticator(options: AuthenticatorOptions): RememberingAuthenticator {
  const { store, changes, clock } = options;
  const certainMs = options.certainMs ?? 750;
  const probeMs = options.probeMs ?? 1_000;
  const byTeam = new Map<string, Set<string>>();
  const known = new LRUCache<string, KnownKey>({
    max: options.cacheMax ?? 100_000,
    dispose: forgetTeam,
  });
  const invalid = new LRUCache<string, InvalidKey>({ max: options.invalidMax ?? 10_000 });
  const lookups = (maxWaiting: number) =>
    createLookups<ReadMark & { found: FoundKey | null }>({
      find: async (hash) => {
        const reading = { readAt: clock.monotonic(), epoch };
        return { ...reading, found: await store.find(hash) };
      },
      concurrency: options.concurrency ?? 4,
      maxWaiting,
      timeoutMs: options.lookupTimeoutMs ?? 1_000,
    });
  const knownLookups = lookups(Number.POSITIVE_INFINITY); // the size of the cache bounds it: there is one look-up per hash
  const newLookups = lookups(options.maxWaiting ?? 1_000);
  const elsewhere =
    options.remembered &&
    createLookups({
      find: options.remembered,
      concurrency: options.concurrency ?? 4,
      maxWaiting: options.maxWaiting ?? 1_000,
      timeoutMs: options.lookupTimeoutMs ?? 1_000,
    });
  let epoch = 0; // grows when announcements of changes may have been missed: what was read before is uncertain
  let storeAway = false;
  let probeAt = 0;

  function remember(hash: string, entry: KnownKey): void {
    known.delete(hash);
    known.set(hash, entry);
    const team = entry.caller.key.team;
    if (team === null) return;
    const hashes = byTeam.get(team);
    if (hashes) hashes.add(hash);
    else byTeam.set(team, new Set([hash]));
  }

  function forgetTeam({ caller }: KnownKey, hash: string): void {
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

  function judge(entry: KnownKey | InvalidKey): Result<Caller> {
    if ('reason' in entry) return refuseFor(entry.reason, INVALID);
    if (entry.secretEndsAt !== null && entry.secretEndsAt <= clock.now()) return refuseFor('revoked', INVALID);
    const reason = unusable(entry.caller, clock.now());
    return reason === undefined ? entry.accepted : refuseFor(reason, REFUSALS[reason]);
  }

  const isCertain = (reading: ReadMark): boolean =>
    reading.epoch === epoch && Math.max(reading.readAt, changes.heardAt()) + certainMs > clock.monotonic();

  /** Asks the store and remembers the answer, unless a change overtook it. Rejects where the store does not answer. */
  async function ask(hash: string, from: typeof knownLookups): Promise<KnownKey | InvalidKey> {
    const { value, overtaken } = await from.get(hash);
    const { found, readAt, epoch } = value;
    storeAway = false;
    if (found === null || found.caller.key.revoked_at !== null) {
      const invalidKey: InvalidKey = { reason: found === null ? 'unknown' : 'revoked', readAt, epoch };
      known.delete(hash);
      if (!overtaken) invalid.set(hash, invalidKey);
      return invalidKey;
    }
    const entry = knownKey(found, { readAt, epoch });
    invalid.delete(hash);
    if (!overtaken) remember(hash, entry);
    return entry;
  }

  function storeFailed(error: unknown): void {
    storeAway = true;
    probeAt = clock.monotonic() + probeMs;
    options.onLookupError?.(error);
  }

  async function readAgain(hash: string, last: KnownKey): Promise<Result<Caller>> {
    try {
      return judge(await ask(hash, knownLookups));
    } catch (error) {
      storeFailed(error);
      return judge(last);
    }
  }

  function asLastKnown(hash: string, last: KnownKey): Result<Caller> {
    if (clock.monotonic() >= probeAt) {
      probeAt = clock.monotonic() + probeMs;
      ask(hash, knownLookups).catch(storeFailed);
    }
    return judge(last);
  }

  /** Undefined: no other process knows the key, or what was read here since says more. */
  async function knownElsewhere(hash: string): Promise<KnownKey | undefined> {
    if (elsewhere === undefined || invalid.has(hash)) return undefined;
    const answer = await elsewhere.get(hash).catch(() => undefined);
    const readMeanwhile = known.get(hash);
    if (readMeanwhile || invalid.has(hash) || !answer?.value) return readMeanwhile;
    const entry = knownKey(answer.value, NEVER_CERTAIN);
    if (!answer.overtaken) remember(hash, entry);
    return entry;
  }

  async function checkNew(hash: string): Promise<Result<Caller>> {
    try {
      const entry = storeAway ? await knownElsewhere(hash) : undefined;
      return entry ? asLastKnown(hash, entry) : judge(await ask(hash, newLookups));
    } catch (error) {
      const entry = await knownElsewhere(hash);
      if (entry && error instanceof QueueFull) return readAgain(hash, entry); // the queue of known keys is another one
      if (entry) storeFailed(error);
      else options.onLookupError?.(error);
      return entry ? judge(entry) : refuseFor('unavailable', UNAVAILABLE);
    }
  }

  function heard(change: Change): void {
    if (change.kind === 'key') {
      known.delete(change.hash);
      invalid.delete(change.hash);
      knownLookups.overtake(change.hash);
      newLookups.overtake(change.hash);
      elsewhere?.overtake(change.hash);
      return;
    }
    if (change.kind === 'team') for (const hash of [...(byTeam.get(change.team) ?? [])]) known.delete(hash);
    else epoch++;
    knownLookups.overtakeAll(); // a key that is being looked up may be of that team
    newLookups.overtakeAll();
    elsewhere?.overtakeAll();
  }

  const stop = changes.subscribe(heard);

  return {
    authenticate(token) {
      if (token === undefined || token === '') return refuseFor('missing', MISSING);
      const own = resembles(token);
      if (!own && !mayBeForeign(token)) return refuseFor('malformed', INVALID);
      const hash = hashOf(token);
      const entry = known.get(hash);
      if (entry !== undefined) {
        if (isCertain(entry)) return judge(entry);
        return storeAway ? asLastKnown(hash, entry) : readAgain(hash, entry);
      }
      if (own && !wellFormed(token)) return refuseFor('malformed', INVALID);
      const invalidKey = invalid.get(hash);
      if (invalidKey !== undefined && isCertain(invalidKey)) return judge(invalidKey);
      return checkNew(hash);
    },
    remembered(hash) {
      const entry = known.get(hash);
      return entry ? { caller: entry.caller, secret_ends_at: entry.secretEndsAt } : null;
    },
    stats: () => ({
      keys: known.size,
      invalid: invalid.size,
      running: knownLookups.running + newLookups.running,
      waiting: knownLookups.waiting + newLookups.waiting,
    }),
    close: stop,
  };
}
