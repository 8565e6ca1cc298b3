/**
 * Signed tokens in the place of virtual keys. A token is verified once and remembered together with the subject of its claims.
 * After that a request costs one hash and two look-ups in memory, of the token and of its team. The team is read on every
 * request, so a block or a changed limit is in force at once. A team that does not exist is created or refused, by
 * configuration. While the database is away, a team is used as it was last read, and a team that is not in memory is refused
 * with `unavailable`. While the issuer is away, the keys that it published last are used.
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

interface TokenCallersDeps {
  readonly config: TokensConfig;
  readonly verifier: Pick<JwtVerifier, 'verify'>;
  readonly teams: Pick<TeamMemory, 'get' | 'read'>;
  /** Creates a team. Does nothing where it exists by now. */
  readonly createTeam: (id: string, subject: string) => Promise<unknown>;
  readonly clock: Clock;
  /** Called for each refusal, for counting. */
  readonly onRefused: (reason: string) => void;
  /** Called when the database failed, for the log. */
  readonly onFault: (error: unknown) => void;
}

const MOST_KEYS = 10_000;

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

/** The subject of a token, and the caller that was made of it last. */
interface KnownSubject {
  readonly subject: Subject;
  accepted: { readonly ok: true; readonly value: Caller } | undefined;
}

type AuthResult = Result<Caller> | Promise<Result<Caller>>;

export class TokenCallers {
  readonly #deps: TokenCallersDeps;
  /** As long as the verifier remembers a token, its claims are the same object. */
  readonly #ofClaims = new WeakMap<object, KnownSubject | Refusal>();
  readonly #keys = new LRUCache<string, Key>({ max: MOST_KEYS });

  constructor(deps: TokenCallersDeps) {
    this.#deps = deps;
  }

  /** Never rejects. */
  authenticate(token: string): AuthResult {
    const verified = this.#deps.verifier.verify(token);
    return verified instanceof Promise ? verified.then((one) => this.#judge(one)) : this.#judge(verified);
  }

  #judge(verified: Verified): AuthResult {
    if (!verified.ok) return this.#fault(verified);
    const { claims } = verified;
    let known = this.#ofClaims.get(claims);
    if (!known) this.#ofClaims.set(claims, (known = this.#readSubject(claims)));
    if ('code' in known) return this.#refuse(known.code, known);
    const { team } = known.subject.key;
    if (team === null) return this.#accept(known, null);
    const found = this.#deps.teams.get(team);
    return found === null || found instanceof Promise
      ? this.#acceptWithTeam(known, team, found)
      : this.#accept(known, found);
  }

  #readSubject(claims: Readonly<Record<string, unknown>>): KnownSubject | Refusal {
    const { config, clock } = this.#deps;
    const lack = lacking(claims, { scopes: config.scopes, claims: config.require });
    if (lack) return lack;
    const subject = subjectOf(claims, config, clock.now());
    if (!subject.ok) return subject.refusal;
    this.#keys.set(subject.value.key.id, subject.value.key);
    return { subject: subject.value, accepted: undefined };
  }

  /** For a team that is not in memory: it is read, and created where that is configured. */
  async #acceptWithTeam(known: KnownSubject, id: string, found: Promise<Team | null> | null): Promise<Result<Caller>> {
    const { config, teams, createTeam } = this.#deps;
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

  #accept(known: KnownSubject, team: Team | null): Result<Caller> {
    const { key, user } = known.subject;
    let { accepted } = known;
    // A team that changed is another object, so the caller is made anew.
    if (accepted?.value.team !== team) {
      accepted = { ok: true, value: { key, team, ...(user === undefined ? {} : { user }) } };
      known.accepted = accepted;
    }
    const refusal = standing(accepted.value, this.#deps.clock.now());
    return refusal ? this.#refuse(refusal.code, refusal) : accepted;
  }

  #fault({ why }: JwtFault): Result<never> {
    if (why === 'away') return this.#refuse('unavailable', UNAVAILABLE);
    return why === 'expired' ? this.#refuse('expired', EXPIRED) : this.#refuse('invalid_token', INVALID);
  }

  #failed(error: unknown): Result<never> {
    this.#deps.onFault(error);
    return this.#refuse('unavailable', UNAVAILABLE);
  }

  #refuse(reason: string, refusal: Refusal): Result<never> {
    this.#deps.onRefused(reason);
    return refused(refusal);
  }

  /**
   * The key of the subject with this id, as it was when the subject called last. For a subject that has not called, there is one
   * only where no plans are configured, because a plan is named by the token and decides on the limits.
   */
  keyOf(id: string): Key | undefined {
    const { config } = this.#deps;
    const planned = Object.keys(config.plans).length > 0;
    return this.#keys.get(id) ?? (planned ? undefined : subjectKey(id, config));
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
