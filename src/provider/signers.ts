/** How requests carry a credential: headers that are made once for each credential and sent with every request. */
export type Signer = (credential: string) => Readonly<Record<string, string>>;

/** A request as it is about to be sent. */
export interface SignedRequest {
  readonly credential: string;
  /** Host and port as the `Host` header has them. */
  readonly host: string;
  /** Path and query. */
  readonly path: string;
  /** Names and values in turn, without `host` and `content-length`. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  readonly nowMs: number;
}

/** Headers of one request alone. A rejection means that there is no credential to sign with: the provider's account is at fault. */
export type RequestSigner = (request: SignedRequest) => Promise<Readonly<Record<string, string>>>;

/** `Authorization: Bearer`. */
export const bearer: Signer = (credential) => ({ authorization: `Bearer ${credential}` });

/** `Authorization: Bearer`, and nothing where the credential is empty or the word `none`: servers that ask for no key. */
export const bearerOrNone: Signer = (credential) =>
  credential === '' || credential === 'none' ? {} : bearer(credential);

/** A header of its own, with others that every request needs. */
export const header =
  (name: string, others: Readonly<Record<string, string>> = {}): Signer =>
  (credential) => ({ [name]: credential, ...others });

export const unsigned: Signer = () => ({});
