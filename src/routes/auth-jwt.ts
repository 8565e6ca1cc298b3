/**
 * Signed tokens. The algorithms are those of the configuration, whatever a token says of itself; issuer, expiry, not-before
 * and audience are checked with the same allowance for clocks. A token that was verified is remembered by its hash until it
 * ends, at most five minutes, and only as long as the issuer's keys stay the same.
 */
import { createHash, createSecretKey } from 'node:crypto';
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { JwtConfig } from '../config/classic-routes.js';
import type { Clock } from '../lib/clock.js';
import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import type { Callout } from './callout.js';
import { Discovery, IssuerAway, KeySet } from './issuer.js';

export interface JwtDeps {
  readonly ask: Callout;
  readonly clock: Clock;
  /** Told when an issuer's keys could not be fetched, for the log. */
  readonly onFault: (error: unknown) => void;
}

const LONGEST_TOKEN = 16_384;
const REMEMBERED_MS = 5 * 60_000;

interface Verified {
  readonly claims: JWTPayload;
  readonly untilMs: number;
  readonly generation: number;
}

export const looksLikeJwt = (token: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]*$/.test(token);

const bearer = (words: string): Refusal =>
  refuse('invalid_token', words, {
    headers: {
      'www-authenticate': `Bearer error="invalid_token", error_description="${words.replace(/["\\]/g, "'")}"`,
    },
  });
const AWAY = refuse('unavailable', 'The token cannot be checked just now. Try again in a moment.', {
  headers: { 'retry-after': '1' },
});

export class JwtVerifier {
  readonly #config: JwtConfig;
  readonly #clock: Clock;
  readonly #keySet: KeySet | undefined;
  readonly #verify: (token: string) => Promise<{ payload: JWTPayload }>;
  readonly #verified = new LRUCache<string, Verified>({ max: 10_000 });
  readonly #skewMs: number;

  constructor(config: JwtConfig, deps: JwtDeps) {
    this.#config = config;
    this.#clock = deps.clock;
    this.#skewMs = config.clock_skew ?? 60_000;
    const { audience } = config;
    const options = () => ({
      issuer: config.issuer,
      ...(audience === undefined ? {} : { audience: audience as string | string[] }),
      algorithms: [...(config.algorithms ?? ['RS256'])],
      clockTolerance: this.#skewMs / 1000,
      requiredClaims: ['exp'],
      currentDate: new Date(deps.clock.now()),
    });
    if (config.secret !== undefined) {
      const secret = createSecretKey(config.secret, 'utf8');
      this.#verify = (token) => jwtVerify(token, secret, options());
    } else if (config.jwks !== undefined) {
      const keys = createLocalJWKSet(JSON.parse(config.jwks) as JSONWebKeySet);
      this.#verify = (token) => jwtVerify(token, keys, options());
    } else {
      const { jwks_url } = config;
      const discovery = new Discovery(config.issuer, deps.ask);
      const url = jwks_url === undefined ? () => discovery.url('jwks_uri') : () => Promise.resolve(jwks_url);
      const keySet = new KeySet(url, deps.ask, deps.clock, deps.onFault);
      this.#keySet = keySet;
      this.#verify = (token) => jwtVerify(token, keySet.key, options());
    }
  }

  /** The claims of a good token. At once where it is remembered. */
  verify(token: string): Result<JWTPayload> | Promise<Result<JWTPayload>> {
    if (token.length > LONGEST_TOKEN || !looksLikeJwt(token)) return refused(bearer('The token is not a signed JWT.'));
    const hash = createHash('sha256').update(token).digest('base64url');
    const known = this.#verified.get(hash);
    if (known && known.untilMs > this.#clock.now() && known.generation === (this.#keySet?.generation ?? 0)) {
      this.#keySet?.renewIfOld();
      return ok(known.claims);
    }
    return this.#check(token, hash);
  }

  async #check(token: string, hash: string): Promise<Result<JWTPayload>> {
    // Read before: keys that are renewed while the token is verified are not those that it was verified with.
    const generation = this.#keySet?.generation ?? 0;
    try {
      const { payload } = await this.#verify(token);
      const endsMs = payload.exp! * 1000 + this.#skewMs;
      const untilMs = Math.min(endsMs, this.#clock.now() + REMEMBERED_MS);
      this.#verified.set(hash, { claims: payload, untilMs, generation });
      return ok(payload);
    } catch (error) {
      return refused(this.#words(error));
    }
  }

  #words(error: unknown): Refusal {
    if (error instanceof IssuerAway) return AWAY;
    if (error instanceof errors.JWTExpired) return bearer('The token has expired.');
    if (error instanceof errors.JWTClaimValidationFailed)
      return bearer(`The token's claim '${error.claim}' is not as it must be.`);
    if (error instanceof errors.JOSEAlgNotAllowed)
      return bearer(`The token must be signed with ${(this.#config.algorithms ?? ['RS256']).join(' or ')}.`);
    return bearer('The token is not valid.');
  }
}
