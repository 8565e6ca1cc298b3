/**
 * Tokens that only their issuer understands (RFC 7662). An answer is remembered by the token's hash, a bad one for ten
 * seconds, a good one for `cache` and never past the token's end; requests with the same token wait for one question. Where
 * the issuer does not answer nobody is let in (503).
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { IntrospectionConfig } from '../config/classic-routes.js';
import { Discovery } from '../jwt/issuer.js';
import type { Callout } from '../lib/callout.js';
import type { Clock } from '../lib/clock.js';
import { ok, type Result, refuse, refused } from '../lib/errors.js';

const INACTIVE_MS = 10_000;
const LONGEST_TOKEN = 16_384;

type Claims = Readonly<Record<string, unknown>>;

const INVALID: Result<Claims> = refused(
  refuse('invalid_token', 'The token is not valid, or no longer.', {
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
  }),
);
const AWAY: Result<Claims> = refused(
  refuse('unavailable', 'The token cannot be checked just now. Try again in a moment.', {
    headers: { 'retry-after': '1' },
  }),
);

export class Introspection {
  readonly #config: IntrospectionConfig;
  readonly #ask: Callout;
  readonly #clock: Clock;
  readonly #onFault: (error: unknown) => void;
  readonly #url: () => Promise<string>;
  readonly #answers = new LRUCache<string, { readonly result: Result<Claims>; readonly untilMs: number }>({
    max: 10_000,
  });
  readonly #asking = new Map<string, Promise<Result<Claims>>>();

  constructor(config: IntrospectionConfig, ask: Callout, clock: Clock, onFault: (error: unknown) => void) {
    this.#config = config;
    this.#ask = ask;
    this.#clock = clock;
    this.#onFault = onFault;
    const { url, issuer } = config;
    const discovery = issuer === undefined ? undefined : new Discovery(issuer, ask);
    this.#url = discovery ? () => discovery.url('introspection_endpoint') : () => Promise.resolve(url!);
  }

  check(token: string): Result<Claims> | Promise<Result<Claims>> {
    if (token.length > LONGEST_TOKEN) return INVALID;
    const hash = createHash('sha256').update(token).digest('base64url');
    const known = this.#answers.get(hash);
    if (known && known.untilMs > this.#clock.now()) return known.result;
    let asking = this.#asking.get(hash);
    if (!asking) {
      asking = this.#introspect(token, hash).finally(() => this.#asking.delete(hash));
      this.#asking.set(hash, asking);
    }
    return asking;
  }

  async #introspect(token: string, hash: string): Promise<Result<Claims>> {
    const { client_id, client_secret, timeout = 3_000, cache = 60_000 } = this.#config;
    try {
      const credentials = `${encodeURIComponent(client_id)}:${encodeURIComponent(client_secret)}`;
      const answer = await this.#ask(await this.#url(), {
        method: 'POST',
        headers: {
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
          authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
        },
        body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
        timeoutMs: timeout,
      });
      if (answer.status !== 200) throw new Error(`the introspection endpoint answered ${answer.status}`);
      const claims = JSON.parse(answer.body.toString('utf8')) as Claims | null;
      const now = this.#clock.now();
      const endsMs = typeof claims?.['exp'] === 'number' ? claims['exp'] * 1000 : Number.POSITIVE_INFINITY;
      const beginsMs = typeof claims?.['nbf'] === 'number' ? claims['nbf'] * 1000 : 0;
      const active = claims?.['active'] === true && endsMs > now && beginsMs <= now + 60_000;
      const result = active ? ok(claims) : INVALID;
      this.#answers.set(hash, {
        result,
        untilMs: active ? Math.min(now + cache, endsMs) : now + Math.min(INACTIVE_MS, cache),
      });
      return result;
    } catch (error) {
      this.#onFault(error);
      return AWAY;
    }
  }
}
