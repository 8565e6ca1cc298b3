/**
 * Which proxy leads to an address, as `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say. `NO_PROXY` is a list of names, which stand for
 * themselves and for what is below them, addresses, CIDR blocks, each with a port or without, and `*` for everything. This machine
 * itself is never asked through a proxy of the environment.
 */
import ipaddr from 'ipaddr.js';

export interface ProxyRules {
  /** For `http:`; null: none. */
  readonly http: string | null;
  readonly https: string | null;
  /** As it stands in `NO_PROXY`. */
  readonly except: string;
}

export const NO_PROXIES: ProxyRules = { http: null, https: null, except: '' };

/** The proxy for an origin such as `https://api.example.com:8443`; null: it is reached without. */
export function proxyOf(origin: string, { http, https, except }: ProxyRules): string | null {
  const { protocol, hostname, port } = new URL(origin);
  const proxy = protocol === 'https:' ? https : http;
  if (proxy === null) return null;
  const host = hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  if (isThisMachine(host)) return null;
  const at = port || (protocol === 'https:' ? '443' : '80');
  const entries = except.toLowerCase().split(/[\s,]+/);
  return entries.some((entry) => entry !== '' && excepts(entry, host, at)) ? null : proxy;
}

const isThisMachine = (host: string): boolean =>
  host === 'localhost' ||
  host.endsWith('.localhost') ||
  (ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback');

function excepts(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const [name, its] = nameAndPort(entry);
  if (its !== undefined && its !== port) return false;
  if (ipaddr.isValidCIDR(name)) return inBlock(host, name);
  if (ipaddr.isValid(name))
    return ipaddr.isValid(host) && ipaddr.process(host).toString() === ipaddr.process(name).toString();
  const suffix = name.replace(/^\*?\./, '');
  return suffix !== '' && (host === suffix || host.endsWith(`.${suffix}`));
}

function inBlock(host: string, block: string): boolean {
  if (!ipaddr.isValid(host)) return false;
  const address = ipaddr.process(host);
  const [range, bits] = ipaddr.parseCIDR(block);
  return address.kind() === range.kind() && address.match(range as ipaddr.IPv4, bits);
}

function nameAndPort(entry: string): [name: string, port: string | undefined] {
  const inBrackets = /^\[([^\]]*)\](?::(\d{1,5}))?$/.exec(entry);
  if (inBrackets) return [inBrackets[1]!, inBrackets[2]];
  if (ipaddr.isValid(entry) || ipaddr.isValidCIDR(entry)) return [entry, undefined];
  const named = /^([^:]*):(\d{1,5})$/.exec(entry);
  return named ? [named[1]!, named[2]] : [entry, undefined];
}

/** Why a text is not the address of a proxy, or null. */
export function proxyProblem(written: string): string | null {
  const url = URL.canParse(written) && /^https?:\/\/[^/]/i.test(written) ? new URL(written) : null;
  if (url === null) return 'expected the URL of an HTTP proxy, such as http://user:password@proxy.example.com:3128';
  if (url.pathname !== '/' || url.search || url.hash) return 'the URL of a proxy has no path, no query and no fragment';
  return isDecodable(url.username) && isDecodable(url.password)
    ? null
    : 'the user and password of a proxy are UTF-8 in percent-encoding: a % of their own is written %25';
}

function isDecodable(written: string): boolean {
  try {
    decodeURIComponent(written);
    return true;
  } catch {
    return false;
  }
}
