/** An issuer of signed tokens: a real server with its keys, which the test rotates, stops and counts the visits to. */
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose';
import { answers, type HttpUpstream, startHttpUpstream } from './http-upstream.js';

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
  readonly jwk: object;
  /** The public key as text. */
  readonly pem: string;
}

export interface SignOptions {
  readonly key?: SigningKey;
  readonly alg?: string;
  readonly issuer?: string;
  readonly audience?: string;
  /** Such as `5m`, `-2m`. */
  readonly expires?: string;
}

export interface Issuer {
  readonly issuer: string;
  readonly jwksUrl: string;
  /** How often the keys were fetched. */
  readonly fetches: () => number;
  readonly first: SigningKey;
  makeKey(kid: string): Promise<SigningKey>;
  publish(...keys: SigningKey[]): void;
  sign(claims: object, options?: SignOptions): Promise<string>;
  /** From now on the keys cannot be fetched. */
  stop(): Promise<void>;
  /** On the same port again. */
  start(): Promise<void>;
}

export async function makeKey(kid: string): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' };
  return { kid, privateKey, jwk, pem: await exportSPKI(publicKey) };
}

export async function startIssuer(issuer = 'https://idp.example.com', audience = 'tollgate'): Promise<Issuer> {
  const first = await makeKey('k1');
  let published = [first];
  let fetches = 0;
  const handler: HttpUpstream['handler'] = (seen, response) => {
    fetches += 1;
    answers({ keys: published.map(({ jwk }) => jwk) })(seen, response);
  };
  let server: HttpUpstream | undefined = await startHttpUpstream(handler);
  const { port, url } = server;
  return {
    issuer,
    jwksUrl: `${url}/keys`,
    fetches: () => fetches,
    first,
    makeKey,
    publish: (...keys) => {
      published = keys;
    },
    sign: (claims, options = {}) => {
      const { key = first, alg = 'RS256', expires = '5m' } = options;
      return new SignJWT({ ...claims })
        .setProtectedHeader({ alg, kid: key.kid })
        .setIssuer(options.issuer ?? issuer)
        .setAudience(options.audience ?? audience)
        .setIssuedAt()
        .setExpirationTime(expires)
        .sign(key.privateKey);
    },
    stop: async () => {
      await server?.stop();
      server = undefined;
    },
    start: async () => {
      server ??= await startHttpUpstream(handler, { host: '127.0.0.1', port });
    },
  };
}
