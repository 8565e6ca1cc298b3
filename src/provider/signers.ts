/** How requests carry a credential: headers that are made once for each credential and sent with every request. */
export type Signer = (credential: string) => Readonly<Record<string, string>>;

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
