/**
 * Requests that two readers could take differently (RFC 9112 3.2, 6.1, 2.3): whose host, length, coding, version or credential
 * is not one. They are refused alike, whoever they are for, and their connection ends. Node's parser has refused some already.
 */
import type { ClientRequest } from './client.js';

const HOST = /^(\[[0-9a-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i;
/** The host of a target such as `http://host/path`, which goes before the header. */
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i;

export const isHost = (text: string): boolean => HOST.test(text);

interface Counted {
  hosts: number;
  lengths: number;
  codings: number;
  credentials: number;
}

function count(raw: readonly string[]): Counted {
  const counted = { hosts: 0, lengths: 0, codings: 0, credentials: 0 };
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    // Compared in lower case only where the length is right.
    if (name.length === 4 && name.toLowerCase() === 'host') counted.hosts += 1;
    else if (name.length === 14 && name.toLowerCase() === 'content-length') counted.lengths += 1;
    else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') counted.codings += 1;
    else if (name.length === 13 && name.toLowerCase() === 'authorization') counted.credentials += 1;
  }
  return counted;
}

/** Why a request is not clear; undefined: it is. */
export function whyUnclear(request: ClientRequest): string | undefined {
  const version = request.httpVersion;
  if (version !== '1.1' && version !== '1.0') return 'The version of HTTP is neither 1.1 nor 1.0.';
  const { hosts, lengths, codings, credentials } = count(request.rawHeaders);
  const { host } = request.headers;
  const named = ABSOLUTE.exec(request.url!)?.[1];
  if (hosts > 1) return 'The request has more than one Host.';
  if (hosts === 0 && version === '1.1') return 'The request has no Host.';
  if ((host !== undefined && host !== '' && !HOST.test(host)) || (named !== undefined && !HOST.test(named)))
    return 'The Host of the request is not a host.';
  if (credentials > 1) return 'The request has more than one Authorization.';
  return framing(request, lengths, codings);
}

function framing({ httpVersion, headers }: ClientRequest, lengths: number, codings: number): string | undefined {
  if (lengths > 1) return 'The request has more than one Content-Length.';
  if (codings === 0) return undefined;
  if (lengths > 0) return 'The request has both Content-Length and Transfer-Encoding.';
  if (httpVersion === '1.0') return 'HTTP/1.0 has no Transfer-Encoding.';
  if (codings > 1 || headers['transfer-encoding']!.trim().toLowerCase() !== 'chunked')
    return 'The only Transfer-Encoding that is known is chunked.';
  return undefined;
}
