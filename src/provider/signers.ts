import type { ProviderSettings } from '../lib/provider-settings.js';

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

/** Makes the headers of one request alone, and keeps what it needs for the next. */
export interface RequestSigner {
  /** A rejection means that there is no credential to sign with: the provider's account is at fault. */
  headers(request: SignedRequest): Promise<Readonly<Record<string, string>>>;
  /** The provider refused a request. True: what was kept was dropped, and the same request may be let in once more. */
  refused?(): boolean;
}

/** An account that signs, as the configuration has it. */
export interface SigningAccount {
  readonly settings: ProviderSettings;
  /** It has a key, which goes with each request. */
  readonly hasKey: boolean;
  readonly baseUrl: string;
}

/** What signers see of the world. */
export interface SignerPorts {
  readonly fetch: typeof fetch;
  nowMs(): number;
}

/** Null: this account needs no signature. */
export type SignerOf = (account: SigningAccount, ports: SignerPorts) => RequestSigner | null;

/** `Authorization: Bearer`. */
export const bearer: Signer = (credential) => ({ authorization: `Bearer ${credential}` });

/** `Authorization: Bearer`, and nothing where the credential is empty or the word `none`: servers that ask for no key. */
export const bearerOrNone: Signer = (credential) =>
  credential === '' || credential === 'none' ? {} : bearer(credential);

/** A header of its own, with others that every request needs. */
export const header =
  (name: string, others: Readonly<Record<string, string>> = {}): Signer =>
  (credential) => ({ [name]: credential, ...others });

/** A header of its own, and nothing where the credential is empty: accounts that sign instead. */
export const headerOrNone =
  (name: string): Signer =>
  (credential) =>
    credential === '' ? {} : { [name]: credential };

/** What Anthropic's own API asks for. Compatible servers take the key from the one header or the other. */
export const messagesHeaders: Signer = (credential) => ({
  'anthropic-version': '2023-06-01',
  ...(credential !== '' && credential !== 'none' && { 'x-api-key': credential }),
});

export const unsigned: Signer = () => ({});
