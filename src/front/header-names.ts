/** Names of headers, looked at once and remembered: clients and upstreams send the same ones over and over. */

/** What a name means for the framing of a message or its connection. */
export type Role = 'none' | 'connection' | 'content-length' | 'date' | 'ours' | 'unusual';

export interface HeaderName {
  readonly lower: string;
  readonly role: Role;
}

const MOST_NAMES = 1_000;
const LONGEST_KEPT = 64;
const TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/;
/** `unusual`: requests with it are left to node. `ours`: so are these, and in an answer it is for us to say. */
const ROLES = new Map<string, Role>([
  ...(['connection', 'content-length', 'date'] as const).map((name): [string, Role] => [name, name]),
  ...['transfer-encoding', 'keep-alive'].map((name): [string, Role] => [name, 'ours']),
  ...['expect', 'upgrade', 'trailer', 'proxy-connection', 'http2-settings'].map((name): [string, Role] => [
    name,
    'unusual',
  ]),
]);
const known = new Map<string, HeaderName>();

/** Undefined where it is no name. */
export function headerName(written: string): HeaderName | undefined {
  const found = known.get(written);
  if (found !== undefined) return found;
  if (!TOKEN.test(written)) return undefined;
  const lower = written.toLowerCase();
  const name = { lower, role: ROLES.get(lower) ?? 'none' };
  // A copy: what is cut out of a longer text would keep all of it.
  if (known.size < MOST_NAMES && written.length <= LONGEST_KEPT)
    known.set(Buffer.from(written).toString('latin1'), name);
  return name;
}
