/**
 * The head of a request as text. Nothing that could end a line or a message early gets into it, framing is stated here and
 * nowhere else, and what belongs to a connection is refused in headers, as it is ours to say.
 */
import type { Readable } from 'node:stream';
import { headerName, isToken } from '../../lib/headers.js';
import { HttpFault } from './faults.js';

export interface HttpRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Buffer | Readable | null;
  /** The protocol to change to. */
  readonly upgrade?: string | null;
  /** Over a connection that carried none before. */
  readonly fresh?: boolean;
}

export interface RequestHead {
  readonly text: string;
  /** Bytes of a body that streams; -1: in chunks. */
  readonly length: number;
  /** The connection ends with this request. */
  readonly last: boolean;
}

const ILLEGAL_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const ILLEGAL_IN_PATH = /[^\x21-\x7e\x80-\xff]/;
/** A request with one of these says how long its body is also where it has none. */
const EXPECTED_WITH_BODY: ReadonlySet<string> = new Set([
  ...['POST', 'PUT', 'PATCH', 'QUERY', 'PROPFIND', 'PROPPATCH'],
]);
const COMMON_METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS']);
const OURS: ReadonlySet<string> = new Set(['transfer-encoding', 'keep-alive', 'upgrade', 'expect']);
const LENGTH = /^\d{1,15}$/;

const bad = (): HttpFault => new HttpFault('BAD_REQUEST', 'the request cannot be sent');

/** `host` is said where the headers do not say it. */
export function requestHead(request: HttpRequest, host: string): RequestHead {
  const { method, path, headers, body } = request;
  const upgrade = request.upgrade ?? null;
  if (!COMMON_METHODS.has(method) && !isToken(method)) throw bad();
  if (path.charCodeAt(0) !== 0x2f || ILLEGAL_IN_PATH.test(path)) throw bad();
  if (upgrade !== null && (upgrade === '' || ILLEGAL_IN_VALUE.test(upgrade))) throw bad();
  const expected = EXPECTED_WITH_BODY.has(method);
  // Some servers send a body after the head of an answer to HEAD, and some take one that came with GET for the next request.
  const empty = body === null || (Buffer.isBuffer(body) && body.length === 0);
  let last = method === 'HEAD' || upgrade !== null || (!empty && !expected);
  let asked: string | undefined;
  let told = -1;
  let lines = '';
  for (let i = 0; i < headers.length; i += 2) {
    const name = headerName(headers[i]!);
    const value = headers[i + 1]!;
    if (name === undefined || ILLEGAL_IN_VALUE.test(value)) throw bad();
    if (name.meaning === 'length') {
      if (told !== -1 || !LENGTH.test(value)) throw bad();
      told = Number(value);
    } else if (name.meaning === 'connection') {
      if (/(^|,)[ \t]*close[ \t]*(,|$)/i.test(value)) last = true;
    } else if (name.lower === 'host') {
      if (asked !== undefined) throw bad();
      asked = value;
    } else if (name.meaning !== null && OURS.has(name.lower)) throw bad();
    else lines += `${headers[i]}: ${value}\r\n`;
  }
  const connection = upgrade !== null ? `upgrade\r\nupgrade: ${upgrade}` : last ? 'close' : 'keep-alive';
  const text = `${method} ${path} HTTP/1.1\r\nhost: ${asked ?? host}\r\nconnection: ${connection}\r\n${lines}`;
  if (body === null || Buffer.isBuffer(body)) {
    const length = body === null ? 0 : body.length;
    if (told !== -1 && told !== length) throw new HttpFault('BAD_REQUEST_LENGTH', 'another length than it says');
    return { text: length > 0 || expected ? `${text}content-length: ${length}\r\n\r\n` : `${text}\r\n`, length, last };
  }
  const framing = told === -1 ? 'transfer-encoding: chunked' : `content-length: ${told}`;
  return { text: `${text}${framing}\r\n\r\n`, length: told, last };
}
