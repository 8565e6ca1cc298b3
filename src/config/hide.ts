/** What of a configuration may carry a secret, made safe to show. */
export const HIDDEN = '(hidden)';

export const hide = <T>(secret: T | null | undefined): string | null | undefined =>
  secret === null || secret === undefined || (secret as unknown) === '' ? (secret as null | undefined) : HIDDEN;

/** The names stay, the values do not. */
export const hideAll = (values: Readonly<Record<string, unknown>> | undefined) =>
  values && Object.fromEntries(Object.keys(values).map((name) => [name, HIDDEN]));

/** A URL, or a template of one, without its user, its password, its query and its fragment. */
export const hideInUrl = (url: string): string =>
  url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, `$1${HIDDEN}@`).replace(/[?#].*$/s, `?${HIDDEN}`);

/** Of a receiver's URL what is no secret: paths and queries of receivers are often as good as a password. */
export const onlyOrigin = (url: string): string => (URL.canParse(url) ? `${new URL(url).origin}/${HIDDEN}` : HIDDEN);
