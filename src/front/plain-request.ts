/**
 * Plain requests: what almost every client sends, read without node's parser at a fraction of its price. Only what can be read
 * in one way is plain: HTTP/1.1, a known method, a path, each header once and without folding or control characters, one Host,
 * a body only with a Content-Length, nothing that changes the connection. All else, and all that is wrong, is node's to read.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { headerName, headerValue } from '../lib/headers.js';
import { isHost } from './unclear.js';

/** A head that is longer is node's: it has its own limit. */
const LONGEST_HEAD = 8 * 1024;
const LARGEST_BODY = 64 * 1024;

export interface PlainHead {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: string[];
  /** With the empty line that ends it. */
  readonly headBytes: number;
  readonly bodyBytes: number;
}

const END = Buffer.from('\r\n\r\n');
// Each part can be matched in one way only, so that time grows with the length and no faster.
const HEAD =
  /^(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) \/[\x21-\x7e]* HTTP\/1\.1\r\n(?:[!#$%&'*+\-.^_`|~\w]+:[\t\x20-\x7e\x80-\xff]*\r\n)+$/;
const LENGTH = /^\d{1,5}$/;

/** `more`: the head is not whole yet. `other`: not plain. */
export function readPlainHead(bytes: Buffer): PlainHead | 'more' | 'other' {
  const end = bytes.indexOf(END);
  if (end === -1) return bytes.length > LONGEST_HEAD ? 'other' : 'more';
  if (end > LONGEST_HEAD) return 'other';
  const text = bytes.toString('latin1', 0, end + 2);
  if (!HEAD.test(text)) return 'other';
  const method = text.slice(0, text.indexOf(' '));
  let at = text.indexOf('\r\n');
  const url = text.slice(method.length + 1, at - ' HTTP/1.1'.length);
  const headers: IncomingHttpHeaders = {};
  const rawHeaders: string[] = [];
  let bodyBytes = 0;
  for (at += 2; at < text.length; ) {
    const colon = text.indexOf(':', at);
    const next = text.indexOf('\r\n', colon);
    const written = text.slice(at, colon);
    const value = headerValue(text, colon + 1, next);
    const name = headerName(written)!;
    // Twice, or a name that every object has.
    if (headers[name.lower] !== undefined) return 'other';
    if (name.meaning === 'length') {
      if (!LENGTH.test(value)) return 'other';
      bodyBytes = Number(value);
    } else if (name.meaning === 'connection') {
      if (value !== 'keep-alive' && value.toLowerCase() !== 'keep-alive') return 'other';
    } else if (name.meaning !== null && name.meaning !== 'date') return 'other';
    headers[name.lower] = value;
    rawHeaders.push(written, value);
    at = next + 2;
  }
  const { host } = headers;
  if (host === undefined || bodyBytes > LARGEST_BODY || !isHost(host)) return 'other';
  return { method, url, headers, rawHeaders, headBytes: end + END.length, bodyBytes };
}

/** A plain request with its whole body; shaped as node's. */
export class PlainRequest {
  readonly httpVersion = '1.1';
  readonly complete = true;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: string[];
  readonly body: Buffer;
  readonly socket: Socket;

  constructor(head: PlainHead, body: Buffer, socket: Socket) {
    this.method = head.method;
    this.url = head.url;
    this.headers = head.headers;
    this.rawHeaders = head.rawHeaders;
    this.body = body;
    this.socket = socket;
  }
}
