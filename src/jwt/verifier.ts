/**
 * Signed tokens. The algorithms are those of the configuration, whatever a token says of itself; issuer, expiry, not-before
 * and audience are checked with the same allowance for clocks. A token that was verified is remembered by its hash until it
 * ends, and only as long as the issuer's keys stay the same, so that a request with a known token is one hash and one look-up.
 * While the issuer is away the keys that were fetched last are used; without any the fault is `away`.
 */
import { createSecretKey, hash } from 'node:crypto';
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Callout } from '../lib/callout.js';
import type { Clock } from '../lib/clock.js';
import { isWellFormed } from './claims.js';
import { Discovery, IssuerAway, KeySet } from './issuer.js';

/** What a token must be. One source of keys: `jwks_url`, `jwks`, `secret`, else the issuer's discovery document. */
export interface JwtRules {
  readonly issuer: string;
  readonly audience?: string | readonly string[] | undefined;
  readonly jwks_url?: string | undefined;
  /** A key set as JSON. */
  readonly jwks?: string | undefined;
  readonly secret?: string | undefined;
  /** RS256 unless told. */
  readonly algorithms?: readonly string[] | undefined;
  /** Milliseconds; 60 seconds unless told. */
  readonly clock_skew?: number | undefined;
}

export interface JwtDeps {
  readonly ask: Callout;
  readonly clock: Clock;
  /** Told when an issuer's keys could not be fetched, for the log. */
  readonly onFault: (error: unknown) => void;
}

/** Why a token is not good. `away`: nobody can tell just now. */
export type JwtFault =
  | { readonly ok: false; readonly why: 'malformed' | 'expired' | 'algorithm' | 'invalid' | 'away' }
  | { readonly ok: false; readonly why: 'claim'; readonly claim: string };

/** The claims are the same object as long as the token is remembered. */
export type Verified = { readonly ok: true; readonly claims: JWTPayload } | JwtFault;

const LONGEST_TOKEN = 16_384;
const MOST_REMEMBERED = 10_000;

interface Remembered {
  readonly verified: Verified;
  readonly untilMs: number;
  readonly generation: number;
}

export const looksLikeJwt = (token: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]*$/.test(token);

const faultOf = (why: (JwtFault & { claim?: never })['why']): JwtFault => ({ ok: false, why });

export class JwtVerifier {
  readonly #clock: Clock;
  readonly #keySet: KeySet | undefined;
  readonly #verify: (token: string) => Promise<{ payload: JWTPayload }>;
  readonly #remembered = new LRUCache<string, Remembered>({ max: MOST_REMEMBERED });
  readonly #skewMs: number;

  /** Throws where a key set that is handed in is none. */
  constructor(rules: JwtRules, deps: JwtDeps) {
    this.#clock = deps.clock;
    this.#skewMs = rules.clock_skew ?? 60_000;
    const { audience } = rules;
    const options = () => ({
      issuer: rules.issuer,
      ...(audience === undefined ? {} : { audience: audience as string | string[] }),
      algorithms: [...(rules.algorithms ?? ['RS256'])],
      clockTolerance: this.#skewMs / 1000,
      requiredClaims: ['exp'],
      currentDate: new Date(deps.clock.now()),
    });
    if (rules.secret !== undefined) {
      const secret = createSecretKey(rules.secret, 'utf8');
      this.#verify = (token) => jwtVerify(token, secret, options());
    } else if (rules.jwks !== undefined) {
      const keys = createLocalJWKSet(JSON.parse(rules.jwks) as JSONWebKeySet);
      this.#verify = (token) => jwtVerify(token, keys, options());
    } else {
      const { jwks_url } = rules;
      const discovery = new Discovery(rules.issuer, deps.ask);
      const url = jwks_url === undefined ? () => discovery.url('jwks_uri') : () => Promise.resolve(jwks_url);
      const keySet = new KeySet(url, deps.ask, deps.clock, deps.onFault);
      this.#keySet = keySet;
      this.#verify = (token) => jwtVerify(token, keySet.key, options());
    }
  }

  /** The claims of a good token. At once where it is remembered. */
  verify(token: string): Verified | Promise<Verified> {
    if (token.length > LONGEST_TOKEN || !looksLikeJwt(token)) return faultOf('malformed');
    const hashed = hash('sha256', token, 'base64url');
    const known = this.#remembered.get(hashed);
    if (known && known.untilMs > this.#clock.now() && known.generation === (this.#keySet?.generation ?? 0)) {
      this.#keySet?.renewIfOld();
      return known.verified;
    }
    return this.#check(token, hashed);
  }

  async #check(token: string, hashed: string): Promise<Verified> {
    // Read before: keys that are renewed while the token is verified are not those that it was verified with.
    const generation = this.#keySet?.generation ?? 0;
    try {
      const { payload: claims } = await this.#verify(token);
      if (!isWellFormed(claims)) return faultOf('malformed');
      const verified: Verified = { ok: true, claims };
      this.#remembered.set(hashed, { verified, untilMs: claims.exp! * 1000 + this.#skewMs, generation });
      return verified;
    } catch (error) {
      return faultIn(error);
    }
  }
}

function faultIn(error: unknown): JwtFault {
  if (error instanceof IssuerAway) return faultOf('away');
  if (error instanceof errors.JWTExpired) return faultOf('expired');
  if (error instanceof errors.JWTClaimValidationFailed) return { ok: false, why: 'claim', claim: error.claim };
  return faultOf(error instanceof errors.JOSEAlgNotAllowed ? 'algorithm' : 'invalid');
}
