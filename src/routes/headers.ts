/**
 * Which headers go on, in both directions. What belongs to a connection ends here (RFC 9110 7.6.1), with whatever `Connection`
 * names; what tells of the client's way to us, or of who it is, is ours to say and is never taken from a client that is not a
 * trusted proxy, however it is spelt (`X_Forwarded_For`). Names are looked up once and remembered, since clients send the same
 * ones over and over.
 */
import { randomBytes } from 'node:crypto';
import { members } from '../lib/headers.js';
import { CONSUMER_HEADERS } from './consumer.js';
import type { Visit } from './visit.js';

const HOP_BY_HOP = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade', 'http2-settings', 'expect'],
]);
/** Said anew by the gateway, or not at all. */
const OURS = new Set([
  ...['host', 'via', 'forwarded', 'x-real-ip', 'x-request-id', 'x-forwarded', 'x-original-url', 'x-rewrite-url'],
  ...CONSUMER_HEADERS,
]);
const MOST_NAMES = 1_000;
const MOST_HOPS = 10;
/** Names this gateway in `Via`, so that it knows its own requests again. */
export const VIA_NAME = `tollgate-${randomBytes(4).toString('hex')}`;
const VIA = `1.1 ${VIA_NAME}`;

/** For one route: the names that are kept. */
export class RequestHeaders {
  readonly #kept = new Map<string, string>();
  readonly #dropped: ReadonlySet<string>;
  /** What was told of the last client: most requests come over connections that had one before. */
  #told = { peer: '', host: '', secure: false, forwarded: '' };

  /** `dropped`: names that only the gateway may set on this route. */
  constructor(dropped: Iterable<string>) {
    this.#dropped = new Set([...dropped].map(plain));
  }

  /** The name in lower case, or empty where it does not go on. */
  #lookUp(name: string): string {
    let lower = this.#kept.get(name);
    if (lower !== undefined) return lower;
    const low = name.toLowerCase();
    const spelt = plain(low);
    const ends = HOP_BY_HOP.has(low) || OURS.has(spelt) || spelt.startsWith('x-forwarded-') || this.#dropped.has(spelt);
    lower = ends ? '' : low;
    if (this.#kept.size < MOST_NAMES) this.#kept.set(name, lower);
    return lower;
  }

  /** The client's headers that go on, with what the gateway says of the client and of itself. */
  build(visit: Visit, host: string, secure: boolean): string[] {
    const { req } = visit;
    const raw = req.rawHeaders;
    const { headers } = req;
    const connection = headers.connection;
    const nominated = connection === undefined ? null : nominatedBy(connection);
    const out: string[] = ['host', host];
    for (let i = 0; i < raw.length; i += 2) {
      const name = this.#lookUp(raw[i]!);
      if (name === '' || nominated?.has(name) || visit.hidden?.includes(name)) continue;
      if (name === 'cookie' && visit.hiddenCookie !== null) {
        const rest = withoutCookie(raw[i + 1]!, visit.hiddenCookie);
        if (rest !== '') out.push(name, rest);
        continue;
      }
      out.push(name, raw[i + 1]!);
    }
    const peer = peerOf(visit);
    const outer = outerOf(visit, secure);
    out.push('x-forwarded-for', outer.for, 'x-forwarded-proto', outer.proto, 'x-forwarded-host', outer.host);
    const forwarded = this.#forwarded(peer, visit.hostHeader, secure);
    const told = visit.peerTrusted ? visit.header('forwarded') : undefined;
    out.push('forwarded', told ? `${told}, ${forwarded}` : forwarded);
    const via = visit.header('via');
    const own = req.httpVersion === '1.1' ? VIA : `${req.httpVersion} ${VIA_NAME}`;
    out.push('via', via ? `${via}, ${own}` : own);
    out.push('x-request-id', visit.requestId);
    for (const text of visit.consumer.headers) out.push(text);
    if (headers.te !== undefined && /(^|,)\s*trailers\s*(,|;|$)/i.test(String(headers.te))) out.push('te', 'trailers');
    return out;
  }

  #forwarded(peer: string, host: string, secure: boolean): string {
    const last = this.#told;
    if (last.peer === peer && last.host === host && last.secure === secure) return last.forwarded;
    const forwarded = `for=${node(peer)};host=${quoted(host)};proto=${secure ? 'https' : 'http'}`;
    this.#told = { peer, host, secure, forwarded };
    return forwarded;
  }
}

/** The client's way to us: as the proxy in front of us tells it, where its word is taken. */
export function outerOf(visit: Visit, secure: boolean): { for: string; proto: string; host: string } {
  const told = (name: string): string | undefined => (visit.peerTrusted ? visit.header(name) : undefined);
  const peer = peerOf(visit);
  const before = told('x-forwarded-for');
  return {
    for: before ? `${before}, ${peer}` : peer,
    proto: told('x-forwarded-proto') || (secure ? 'https' : 'http'),
    host: told('x-forwarded-host') || visit.hostHeader,
  };
}

const plain = (name: string): string =>
  name.includes('_') ? name.toLowerCase().replaceAll('_', '-') : name.toLowerCase();

export const peerOf = (visit: Visit): string => withoutMapping(visit.req.socket.remoteAddress ?? 'unknown');

export const withoutMapping = (address: string): string => (address.startsWith('::ffff:') ? address.slice(7) : address);

const node = (ip: string): string => (ip.includes(':') ? `"[${ip}]"` : ip);
const quoted = (host: string): string => (/^[\w.-]+$/.test(host) ? host : `"${host.replace(/["\\]/g, '\\$&')}"`);

const withoutCookie = (cookies: string, name: string): string =>
  cookies
    .split(';')
    .filter((pair) => pair.split('=', 1)[0]!.trim() !== name)
    .join(';')
    .trim();

/** Names that `Connection` makes hop-by-hop; null where it names none. Framing is not for it to take away. */
function nominatedBy(connection: string): ReadonlySet<string> | null {
  if (connection === 'keep-alive' || connection === 'close' || connection === 'Keep-Alive') return null;
  const names = connection.split(',').map((name) => name.trim().toLowerCase());
  return new Set(names.filter((name) => name !== 'content-length' && name !== 'content-type' && name !== ''));
}

/** A request that went through this gateway too often. */
export function loops(via: string | undefined): boolean {
  return via?.includes(VIA_NAME) === true && via.split(VIA_NAME).length > MOST_HOPS;
}

/** What only the gateway says to its clients. */
const isOurs = (name: string): boolean => name === 'x-request-id' || name.startsWith('x-tollgate-');

/** The headers of an upstream's answer that go to the client: names and values in turn, names in lower case. */
export function responseHeaders(answered: readonly string[]): string[] {
  const out: string[] = [];
  let connection = '';
  for (let i = 0; i < answered.length; i += 2) {
    const name = answered[i]!;
    if (name === 'connection') connection += connection === '' ? answered[i + 1]! : `,${answered[i + 1]}`;
    if ((HOP_BY_HOP.has(name) && name !== 'trailer') || isOurs(name)) continue;
    out.push(name, answered[i + 1]!);
  }
  const nominated = connection === '' ? null : nominatedBy(connection);
  if (nominated === null || nominated.size === 0) return out;
  const kept: string[] = [];
  for (let i = 0; i < out.length; i += 2) if (!nominated.has(out[i]!)) kept.push(out[i]!, out[i + 1]!);
  return kept;
}

const isRate = (name: string): boolean => name.startsWith('ratelimit') || name.startsWith('x-ratelimit-');

/**
 * The headers of an answer with what the gateway states, which takes the place of what was said before: of all rate headers
 * where it states one of them. `Vary` is one list of both.
 */
export function withOurs(headers: readonly string[], ours: readonly string[]): string[] {
  const out: string[] = [];
  const varies: string[] = [];
  let rates = false;
  for (let i = 0; i < ours.length && !rates; i += 2) rates = isRate(ours[i]!);
  const initials = initialsOf(ours, rates);
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    if (((initials >> (name.charCodeAt(0) & 31)) & 1) === 0) out.push(name, headers[i + 1]!);
    else if (name === 'vary') varies.push(headers[i + 1]!);
    else if (!(rates && isRate(name)) && (name === 'set-cookie' || !names(ours, name))) out.push(name, headers[i + 1]!);
  }
  for (let i = 0; i < ours.length; i += 2) {
    if (ours[i] === 'vary') varies.push(ours[i + 1]!);
    else if (ours[i] !== 'connection' || !names(out, 'connection')) out.push(ours[i]!, ours[i + 1]!);
  }
  if (varies.length === 1) out.push('vary', varies[0]!);
  else if (varies.length > 1) out.push('vary', [...new Set(members(varies.join(',')))].join(', '));
  return out;
}

/** The letters that the names which must be looked at begin with, as bits: most headers of an answer begin with others. */
function initialsOf(ours: readonly string[], rates: boolean): number {
  let initials = bitOf('v');
  if (rates) initials |= bitOf('r') | bitOf('x');
  for (let i = 0; i < ours.length; i += 2) initials |= bitOf(ours[i]!);
  return initials;
}

const bitOf = (name: string): number => 1 << (name.charCodeAt(0) & 31);

function names(headers: readonly string[], name: string): boolean {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return true;
  return false;
}

/** Trailers that may go on. */
export function trailerPairs(answered: readonly string[] | null): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; answered !== null && i + 1 < answered.length; i += 2) {
    const name = answered[i]!;
    if (
      HOP_BY_HOP.has(name) ||
      isOurs(name) ||
      isRate(name) ||
      ['content-length', 'host', 'set-cookie', 'authorization'].includes(name)
    )
      continue;
    pairs.push([name, answered[i + 1]!]);
  }
  return pairs;
}

/** Takes a header out of a flat list, in place. */
export function removeFrom(headers: string[], name: string): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) if (headers[i] === name) headers.splice(i, 2);
}

/** The same for several. */
export function withoutHeaders(headers: string[], names: readonly string[]): void {
  for (const name of names) removeFrom(headers, name);
}
