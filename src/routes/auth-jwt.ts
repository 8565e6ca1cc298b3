/** Signed tokens on a route, in the words of RFC 6750. How they are verified is in `src/jwt`. */
import type { JWTPayload } from 'jose';
import type { JwtConfig } from '../config/classic-routes.js';
import { type JwtDeps, type JwtFault, JwtVerifier, type Verified } from '../jwt/verifier.js';
import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';

const bearer = (words: string): Refusal =>
  refuse('invalid_token', words, {
    headers: {
      'www-authenticate': `Bearer error="invalid_token", error_description="${words.replace(/["\\]/g, "'")}"`,
    },
  });
const AWAY = refuse('unavailable', 'The token cannot be checked just now. Try again in a moment.', {
  headers: { 'retry-after': '1' },
});

export class JwtAuth {
  readonly #verifier: JwtVerifier;
  readonly #algorithms: readonly string[];

  constructor(config: JwtConfig, deps: JwtDeps) {
    this.#verifier = new JwtVerifier(config, deps);
    this.#algorithms = config.algorithms ?? ['RS256'];
  }

  /** The claims of a good token. At once where it is remembered. */
  verify(token: string): Result<JWTPayload> | Promise<Result<JWTPayload>> {
    const verified = this.#verifier.verify(token);
    return verified instanceof Promise ? verified.then((one) => this.#told(one)) : this.#told(verified);
  }

  #told(verified: Verified): Result<JWTPayload> {
    return verified.ok ? ok(verified.claims) : refused(this.#words(verified));
  }

  #words(fault: JwtFault): Refusal {
    switch (fault.why) {
      case 'away':
        return AWAY;
      case 'malformed':
        return bearer('The token is not a signed JWT.');
      case 'expired':
        return bearer('The token has expired.');
      case 'claim':
        return bearer(`The token's claim '${fault.claim}' is not as it must be.`);
      case 'algorithm':
        return bearer(`The token must be signed with ${this.#algorithms.join(' or ')}.`);
      default:
        return bearer('The token is not valid.');
    }
  }
}
