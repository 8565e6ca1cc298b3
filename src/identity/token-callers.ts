/**
 * Signed tokens in the place of virtual keys. A token is verified once and remembered with what its claims stand for; from
 * then on a request costs a hash, and look-ups in memory of the token and of its team. The team is looked at on every
 * request, so a block or a changed limit holds at once. A team that does not exist is created, as a key's is, or refused.
 * With the database away known teams go on as last known, and others are refused with `unavailable`; while the issuer is
 * away its last keys are used.
 */
import { LRUCache } from 'lru-cache';
import type { TokensConfig } from '../config/auth.js';
import { lacking } from '../jwt/claims.js';
import { type JwtFault, type JwtVerifier, looksLikeJwt, type Verified } from '../jwt/verifier.js';
import type { Clock } from '../lib/clock.js';
import { type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import { type Authenticator, standing } from './authenticate.js';
import type { Caller, Key, Team } from './key.js';
import type { TeamMemory } from './team-memory.js';
import { type Subject, subjectKey, subjectOf } from './token-subject.js';

interface Parts {
  readonly config: TokensConfig;
  readonly verifier: Pick<JwtVerifier, 'verify'>;
  readonly teams: Pick<TeamMemory, 'get' | 'read'>;
  /** Makes a team that was not there; one that is there by then is no fault. */
  readonly createTeam: (id: string, subject: string) => Promise<unknown>;
  readonly clock: Clock;
  /** Told of each refusal, for counting. */
  readonly onRefused: (reason: string) => void;
  /** Told where the database failed, for the log. */
  readonly onFault: (error: unknown) => void;
}

const MOST_SEEN = 10_000;

const unauthorized = { headers: { 'www-authenticate': 'Bearer' } };
const INVALID = refuse(
  'invalid_api_key',
  'The token is not valid here. Get a new one from its issuer, made for this gateway.',
  unauthorized,
);
const EXPIRED = refuse('expired_api_key', 'The token has expired. Get a new one from its issuer.', unauthorized);
const UNAVAILABLE = refuse('unavailable', 'The token could not be checked just now. Try again in a moment.', {
  headers: { 'retry-after': '1' },
});
const NO_TEAM = refuse(
  'invalid_api_key',
  'The team that the token names does not exist here. Ask whoever runs this gateway.',
  unauthorized,
);

/** A subject, and as whom it was let in last. */
interface Known {
  readonly subject: Subject;
  accepted: { readonly ok: true; readonly value: Caller } | undefined;
}

type Answer = Result<Caller> | Promise<Result<Caller>>;

export class TokenCallers {
  readonly #parts: Parts;
  /** As long as the verifier remembers a token, its claims are the same object. */
  readonly #ofClaims = new WeakMap<object, Known | Refusal>();
  readonly #seen = new LRUCache<string, Key>({ max: MOST_SEEN });

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Never rejects. */
  authenticate(token: string): Answer {
    const verified = this.#parts.verifier.verify(token);
    return verified instanceof Promise ? verified.then((one) => this.#judge(one)) : this.#judge(verified);
  }

  #judge(verified: Verified): Answer {
    if (!verified.ok) return this.#fault(verified);
    const { claims } = verified;
    let known = this.#ofClaims.get(claims);
    if (!known) this.#ofClaims.set(claims, (known = this.#meet(claims)));
    if ('code' in known) return this.#refuse(known.code, known);
    const { team } = known.subject.key;
    if (team === null) return this.#accept(known, null);
    const found = this.#parts.teams.get(team);
    return found === null || found instanceof Promise ? this.#join(known, team, found) : this.#accept(known, found);
  }

  #meet(claims: Readonly<Record<string, unknown>>): Known | Refusal {
    const { config, clock } = this.#parts;
    const lack = lacking(claims, { scopes: config.scopes, claims: config.require });
    if (lack) return lack;
    const subject = subjectOf(claims, config, clock.now());
    if (!subject.ok) return subject.refusal;
    this.#seen.set(subject.value.key.id, subject.value.key);
    return { subject: subject.value, accepted: undefined };
  }

  /** With a team that has to be waited for, or made. */
  async #join(known: Known, id: string, found: Promise<Team | null> | null): Promise<Result<Caller>> {
    const { config, teams, createTeam } = this.#parts;
    try {
      let team = await found;
      if (!team && config.unknown_teams === 'create') {
        await createTeam(id, known.subject.key.id);
        team = await teams.read(id);
      }
      return team ? this.#accept(known, team) : this.#refuse('unknown_team', NO_TEAM);
    } catch (error) {
      return this.#failed(error);
    }
  }

  #accept(known: Known, team: Team | null): Result<Caller> {
    const { key, user } = known.subject;
    let { accepted } = known;
    // A team that changed is another object: whatever was made of the caller is made anew.
    if (accepted?.value.team !== team) {
      accepted = { ok: true, value: { key, team, ...(user === undefined ? {} : { user }) } };
      known.accepted = accepted;
    }
    const refusal = standing(accepted.value, this.#parts.clock.now());
    return refusal ? this.#refuse(refusal.code, refusal) : accepted;
  }

  #fault({ why }: JwtFault): Result<never> {
    if (why === 'away') return this.#refuse('unavailable', UNAVAILABLE);
    return why === 'expired' ? this.#refuse('expired', EXPIRED) : this.#refuse('invalid_token', INVALID);
  }

  #failed(error: unknown): Result<never> {
    this.#parts.onFault(error);
    return this.#refuse('unavailable', UNAVAILABLE);
  }

  #refuse(reason: string, refusal: Refusal): Result<never> {
    this.#parts.onRefused(reason);
    return refused(refusal);
  }

  /** The subject with this id, as it called last; one that was not seen is known only where no plan decides on its limits. */
  keyOf(id: string): Key | undefined {
    const { config } = this.#parts;
    const planned = Object.keys(config.plans).length > 0;
    return this.#seen.get(id) ?? (planned ? undefined : subjectKey(id, config));
  }
}

/** The header of a JWT is a JSON object, so its base64url begins so. No virtual key does. */
const FIRST = 'e'.charCodeAt(0);

/** Callers of the AI endpoints: by a virtual key, or by a token where there is an issuer. */
export function callersBy(keys: Authenticator, tokens: () => TokenCallers | null): Authenticator {
  return {
    ...keys,
    authenticate(token) {
      if (token?.charCodeAt(0) !== FIRST) return keys.authenticate(token);
      const callers = tokens();
      return callers && looksLikeJwt(token) ? callers.authenticate(token) : keys.authenticate(token);
    },
  };
}
