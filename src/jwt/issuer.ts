/**
 * An issuer's OpenID configuration and keys. Fetched when first needed, by one request at a time however many wait; used for
 * `FRESH_MS`, then renewed in the background of the request that finds them old; fetched early where a token names a key that
 * is not known, at once, but not twice for such a reason within `COOL_DOWN_MS`, whoever asks. While the issuer is away the
 * last good set is used, for as long as it takes, and tried again once per `COOL_DOWN_MS`.
 */
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { type Callout, fetchObject } from '../lib/callout.js';
import type { Clock } from '../lib/clock.js';

const FRESH_MS = 10 * 60_000;
const COOL_DOWN_MS = 30_000;
/** Without any set, requests wait for it: then it is tried more often. */
const EMPTY_COOL_DOWN_MS = 1_000;
const TIMEOUT_MS = 5_000;

export class IssuerAway extends Error {}

/** The OpenID configuration of an issuer, remembered. */
export class Discovery {
  readonly #issuer: string;
  readonly #ask: Callout;
  #known: Promise<Record<string, unknown>> | undefined;

  constructor(issuer: string, ask: Callout) {
    this.#issuer = issuer;
    this.#ask = ask;
  }

  /** The URL under a name of the configuration. Rejects where the issuer is away or names none. */
  async url(name: string): Promise<string> {
    this.#known ??= fetchObject(
      this.#ask,
      `${this.#issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
      TIMEOUT_MS,
    ).then((found) => {
      // OpenID Connect Discovery 4.3: a configuration that speaks of another issuer is not this one's.
      if (found['issuer'] !== this.#issuer) throw new Error('the configuration is of another issuer');
      return found;
    });
    try {
      const url = (await this.#known)[name];
      if (typeof url !== 'string' || !/^https?:\/\//.test(url)) throw new Error(`no ${name}`);
      return url;
    } catch (error) {
      this.#known = undefined;
      throw error;
    }
  }
}

export class KeySet {
  readonly #url: () => Promise<string>;
  readonly #ask: Callout;
  readonly #clock: Clock;
  readonly #onFault: (error: unknown) => void;
  #keys: ReturnType<typeof createLocalJWKSet> | undefined;
  #text = '';
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #earlyAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;
  /** Grows when the keys are other ones: what was verified before is to be verified again. */
  generation = 0;

  constructor(url: () => Promise<string>, ask: Callout, clock: Clock, onFault: (error: unknown) => void) {
    this.#url = url;
    this.#ask = ask;
    this.#clock = clock;
    this.#onFault = onFault;
  }

  readonly key: JWTVerifyGetKey = async (header, token) => {
    const now = this.#clock.monotonic();
    if (!this.#keys) await this.#fetch(EMPTY_COOL_DOWN_MS);
    else if (now - this.#fetchedAt > FRESH_MS) void this.#fetch(COOL_DOWN_MS);
    if (!this.#keys) throw new IssuerAway('no keys');
    try {
      return await this.#keys(header, token);
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_JWKS_NO_MATCHING_KEY') throw error;
      const before = this.generation;
      await this.#fetchEarly(now);
      if (this.generation === before) throw error;
      return await this.#keys(header, token);
    }
  };

  /** Whether the keys are due to be looked at again, although nobody asked for an unknown one. */
  renewIfOld(): void {
    if (this.#keys && this.#clock.monotonic() - this.#fetchedAt > FRESH_MS) void this.#fetch(COOL_DOWN_MS);
  }

  /** For a key that is not known. A fetch for another reason does not stand in the way: keys may have changed since. */
  #fetchEarly(now: number): Promise<void> {
    if (!this.#fetching && now - this.#earlyAt >= COOL_DOWN_MS) {
      this.#earlyAt = now;
      return this.#fetch(0);
    }
    return this.#fetching ?? Promise.resolve();
  }

  /** Resolves when the keys are as new as may be; never rejects. */
  #fetch(coolDownMs: number): Promise<void> {
    if (this.#fetching) return this.#fetching;
    const now = this.#clock.monotonic();
    if (now - this.#triedAt < coolDownMs) return Promise.resolve();
    this.#triedAt = now;
    this.#fetching = this.#load()
      .catch(this.#onFault)
      .finally(() => {
        this.#fetching = undefined;
      });
    return this.#fetching;
  }

  async #load(): Promise<void> {
    const found = await fetchObject(this.#ask, await this.#url(), TIMEOUT_MS);
    if (!Array.isArray(found['keys']) || found['keys'].length === 0) throw new Error('a key set without keys');
    const text = JSON.stringify(found);
    this.#fetchedAt = this.#clock.monotonic();
    if (text === this.#text) return;
    this.#keys = createLocalJWKSet(found as unknown as JSONWebKeySet);
    this.#text = text;
    this.generation += 1;
  }
}
