/**
 * One issuer of OpenID Connect, as a client that signs people in: the code flow with PKCE. The issuer is asked when somebody
 * signs in and at no other time, so that a start does not wait for it. Its configuration is kept for an hour, and longer while
 * it is away. What a sign-in is bound by (state, nonce, verifier) is handed in; tokens are looked at and forgotten.
 */
import * as openid from 'openid-client';

export interface OidcSettings {
  readonly issuer: string;
  readonly client_id: string;
  readonly client_secret: string;
  readonly scopes: readonly string[];
  /** Claims that are asked for at the issuer's userinfo where the ID token lacks them. */
  readonly wanted: readonly string[];
}

/** What ties an answer of the issuer to the browser and the moment that asked. */
export interface Binding {
  readonly redirectUri: string;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

export type Claims = Readonly<Record<string, unknown>> & { readonly sub: string };

/** `away`: the issuer does not answer; `denied`: it says no; `invalid`: what came is not what it should be. */
export class OidcFault extends Error {
  readonly kind: 'away' | 'denied' | 'invalid';
  constructor(kind: 'away' | 'denied' | 'invalid', message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

export type OidcFetch = openid.CustomFetch;

const FRESH_MS = 3_600_000;
const COOL_DOWN_MS = 2_000;
const ANSWER_S = 10;

export class OidcClient {
  readonly #settings: OidcSettings;
  readonly #fetch: OidcFetch;
  readonly #monotonicMs: () => number;
  #known: openid.Configuration | undefined;
  #knownAt = 0;
  #failedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<openid.Configuration> | undefined;

  constructor(settings: OidcSettings, deps: { readonly fetch: OidcFetch; readonly monotonicMs: () => number }) {
    this.#settings = settings;
    this.#fetch = deps.fetch;
    this.#monotonicMs = deps.monotonicMs;
  }

  /** Where the browser is sent. Rejects with an `OidcFault`. */
  async authorizationUrl({ redirectUri, state, nonce, verifier }: Binding): Promise<string> {
    const configuration = await this.#configuration();
    const scope = [...new Set(['openid', ...this.#settings.scopes])].join(' ');
    return openid.buildAuthorizationUrl(configuration, {
      ...{ redirect_uri: redirectUri, scope, state, nonce },
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    }).href;
  }

  /** Who came back. `query`: that of the address which the issuer sent the browser to. Rejects with an `OidcFault`. */
  async claims(query: string, { redirectUri, state, nonce, verifier }: Binding): Promise<Claims> {
    const configuration = await this.#configuration();
    try {
      const tokens = await openid.authorizationCodeGrant(configuration, new URL(`${redirectUri}?${query}`), {
        ...{ pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true },
      });
      const claims = tokens.claims()!;
      const lacks = this.#settings.wanted.some((name) => claims[name] === undefined);
      if (!lacks || configuration.serverMetadata().userinfo_endpoint === undefined) return claims;
      return { ...(await openid.fetchUserInfo(configuration, tokens.access_token, claims.sub)), ...claims };
    } catch (error) {
      throw faultOf(error);
    }
  }

  /** Where the browser signs out at the issuer; null: it has no such place. Rejects with an `OidcFault`. */
  async endSessionUrl(returnTo: string): Promise<string | null> {
    const configuration = await this.#configuration();
    if (configuration.serverMetadata().end_session_endpoint === undefined) return null;
    return openid.buildEndSessionUrl(configuration, { post_logout_redirect_uri: returnTo }).href;
  }

  async #configuration(): Promise<openid.Configuration> {
    const nowMs = this.#monotonicMs();
    if (this.#known && nowMs - this.#knownAt < FRESH_MS) return this.#known;
    if (nowMs - this.#failedAt < COOL_DOWN_MS) {
      if (this.#known) return this.#known;
      throw new OidcFault('away', 'the issuer did not answer a moment ago');
    }
    this.#asking ??= this.#discover().finally(() => {
      this.#asking = undefined;
    });
    try {
      return await this.#asking;
    } catch (error) {
      if (this.#known) return this.#known;
      throw faultOf(error);
    }
  }

  async #discover(): Promise<openid.Configuration> {
    const { issuer, client_id, client_secret } = this.#settings;
    const url = new URL(issuer);
    try {
      const found = await openid.discovery(url, client_id, {}, authenticationBy(client_secret), {
        [openid.customFetch]: this.#fetch,
        timeout: ANSWER_S,
        execute: [
          openid.enableNonRepudiationChecks,
          ...(url.protocol === 'http:' ? [openid.allowInsecureRequests] : []),
        ],
      });
      this.#known = found;
      this.#knownAt = this.#monotonicMs();
      return found;
    } catch (error) {
      this.#failedAt = this.#monotonicMs();
      throw error;
    }
  }
}

/** As the issuer takes it: in the head where that is said, or nothing is, else in the body. */
function authenticationBy(secret: string): openid.ClientAuth {
  if (secret === '') return openid.None();
  const [basic, post] = [openid.ClientSecretBasic(secret), openid.ClientSecretPost(secret)];
  return (server, client, body, headers) => {
    const taken = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    const way = taken.includes('client_secret_basic') || !taken.includes('client_secret_post') ? basic : post;
    return way(server, client, body, headers);
  };
}

function faultOf(error: unknown): OidcFault {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof OidcFault) return cause;
    if (cause instanceof openid.AuthorizationResponseError && cause.error === 'access_denied')
      return new OidcFault('denied', 'the issuer refused', { cause: error });
    if (cause.name === 'TimeoutError' || cause.name === 'AbortError')
      return new OidcFault('away', 'the issuer does not answer in time', { cause: error });
    if (cause instanceof openid.ResponseBodyError && cause.status >= 500)
      return new OidcFault('away', `the issuer answers ${cause.status}`, { cause: error });
  }
  return new OidcFault('invalid', wordsOf(error), { cause: error });
}

/** Never what the issuer or the browser sent: codes of the library, and of the protocol. */
function wordsOf(error: unknown): string {
  if (error instanceof openid.ResponseBodyError || error instanceof openid.AuthorizationResponseError)
    return `the issuer answers with the error ${error.error.slice(0, 60).replace(/[^\w-]/g, '?')}`;
  if (error instanceof openid.ClientError) return error.message;
  return error instanceof Error ? error.name : 'unknown';
}
