/**
 * Who sent a request that came through proxies: the last address that is none of ours, as `X-Forwarded-For` or `Forwarded` (RFC
 * 7239) tell it. What stands before that was said by the sender and is not believed. Addresses may have ports (Azure's gateways write
 * them) and brackets. Where both headers tell and do not agree, one of them is the sender's own: then nobody but the peer is believed.
 */
import { isIP } from 'node:net';

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

export function clientAddress(peer: string, headers: Headers, trusted: (address: string) => boolean): string {
  const own = plain(peer);
  if (!trusted(own)) return own;
  const lists = [hopsIn(headers['x-forwarded-for']), forwardedIn(headers['forwarded'])];
  const told = lists.flatMap((hops) => (hops ? [lastStranger(hops, trusted) ?? own] : []));
  return told.every((address) => address === told[0]) ? (told[0] ?? own) : own;
}

/** An address without port, brackets and zone; undefined for what is none. */
export function addressOf(hop: string): string | undefined {
  const text = hop.trim();
  const bare = text.startsWith('[')
    ? text.slice(1, text.includes(']') ? text.indexOf(']') : undefined)
    : text.indexOf(':') === text.lastIndexOf(':')
      ? text.split(':', 1)[0]!
      : text;
  const address = plain(bare);
  return isIP(address) === 0 ? undefined : address;
}

const plain = (address: string): string => {
  const zoneless = address.split('%', 1)[0]!;
  return zoneless.toLowerCase().startsWith('::ffff:') && zoneless.includes('.') ? zoneless.slice(7) : zoneless;
};

/** Undefined where a hop before the first stranger is no address. */
function lastStranger(hops: readonly string[], trusted: (address: string) => boolean): string | undefined {
  for (let i = hops.length - 1; i >= 0; i--) {
    const address = addressOf(hops[i]!);
    if (address === undefined) return undefined;
    if (i === 0 || !trusted(address)) return address;
  }
  return undefined;
}

const joined = (header: Headers[string]): string | undefined =>
  header === undefined ? undefined : typeof header === 'string' ? header : header.join(',');

const hopsIn = (header: Headers[string]): readonly string[] | undefined => joined(header)?.split(',');

/** What `for` says in each element; an element without it is a hop that nobody knows. */
function forwardedIn(header: Headers[string]): readonly string[] | undefined {
  const text = joined(header);
  if (text === undefined) return undefined;
  return partsOf(text, ',').map((element) => {
    const pair = partsOf(element, ';').find((one) => /^\s*for\s*=/i.test(one));
    const value = pair === undefined ? '' : pair.slice(pair.indexOf('=') + 1).trim();
    return value.startsWith('"') ? value.slice(1, -1).replaceAll('\\', '') : value;
  });
}

/** The parts of a text between separators that are not within quotes. */
function partsOf(text: string, separator: ',' | ';'): string[] {
  const parts: string[] = [];
  let begin = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (quoted && char === '\\') at += 1;
    else if (char === '"') quoted = !quoted;
    else if (char === separator && !quoted) {
      parts.push(text.slice(begin, at));
      begin = at + 1;
    }
  }
  parts.push(text.slice(begin));
  return parts;
}
