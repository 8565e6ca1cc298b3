/**
 * The head of an answer, read strictly (RFC 9112): what two readers could take differently is refused, for the one behind us
 * would. A head is text of one byte a character, with the line break of its last line and without the empty line.
 */
import { headerName, headerValue, type Meaning } from '../../lib/headers.js';
import { HttpFault } from './faults.js';

/** Objects of one shape, without a spread: they are made for each answer. */
class Fields {
  /** Names and values in turn, names in lower case. */
  readonly headers: string[] = [];
  /** `Content-Length`; -1 where there is none. */
  length = -1;
  chunked = false;
  /** `Connection: close`. */
  close = false;
  /** How long the connection may be idle, as the other side says; -1 where it does not. */
  idleS = -1;
}

export class AnswerHead extends Fields {
  readonly status: number;
  readonly message: string;
  /** HTTP/1.0. */
  readonly old: boolean;

  constructor(status: number, message: string, old: boolean) {
    super();
    this.status = status;
    this.message = message;
    this.old = old;
  }
}

/** Controls other than tab, carriage return and line feed, and these two where they do not stand together. */
const ILLEGAL = /[^\t\r\n\x20-\x7e\x80-\xff]|\r[^\n]|[^\r]\n/;
const LONGEST_LENGTH = 15;
const SPACE = 0x20;
const ZERO = 0x30;
const NINE = 0x39;
/** Where things stand in `HTTP/1.1 200 OK`. */
const STATUS = 9;
const STATUS_END = 12;

export function readAnswerHead(text: string): AnswerHead {
  const end = text.indexOf('\r\n');
  const old = text.startsWith('HTTP/1.0 ');
  if (!old && !text.startsWith('HTTP/1.1 ')) throw new HttpFault('BAD_STATUS_LINE');
  if (ILLEGAL.test(text)) throw new HttpFault('BAD_HEADER');
  const status = numberAt(text, STATUS, STATUS_END);
  if (status < 100 || end < STATUS_END || (end > STATUS_END && text.charCodeAt(STATUS_END) !== SPACE))
    throw new HttpFault('BAD_STATUS_LINE');
  const head = new AnswerHead(status, text.slice(STATUS_END + 1, end), old);
  readFields(text, end + 2, head);
  if (head.chunked && (old || head.length !== -1)) throw new HttpFault('BAD_CODING');
  return head;
}

/** The fields after the last chunk. What they say of framing is too late and refused. */
export function readTrailers(text: string): string[] {
  if (ILLEGAL.test(text)) throw new HttpFault('BAD_HEADER');
  const fields = new Fields();
  readFields(text, 0, fields);
  if (fields.chunked || fields.length !== -1) throw new HttpFault('BAD_HEADER');
  return fields.headers;
}

function readFields(text: string, from: number, into: Fields): void {
  for (let at = from; at < text.length; ) {
    const end = text.indexOf('\r\n', at);
    const colon = text.indexOf(':', at);
    const name = colon > at && colon < end ? headerName(text.slice(at, colon)) : undefined;
    if (name === undefined) throw new HttpFault('BAD_HEADER');
    const value = headerValue(text, colon + 1, end);
    into.headers.push(name.lower, value);
    if (name.meaning !== null) frame(into, name.meaning, value);
    at = end + 2;
  }
}

function frame(into: Fields, meaning: Meaning, value: string): void {
  switch (meaning) {
    case 'length': {
      const length = value.length <= LONGEST_LENGTH ? numberAt(value, 0, value.length) : -1;
      if (length === -1 || into.length !== -1) throw new HttpFault('BAD_LENGTH');
      into.length = length;
      break;
    }
    case 'coding':
      if (into.chunked || value.toLowerCase() !== 'chunked') throw new HttpFault('BAD_CODING');
      into.chunked = true;
      break;
    case 'connection':
      if (value !== 'keep-alive' && /(^|,)[ \t]*close[ \t]*(,|$)/i.test(value)) into.close = true;
      break;
    case 'keep_alive': {
      const seconds = /(?:^|[,; \t])timeout[ \t]*=[ \t]*"?(\d{1,9})/i.exec(value)?.[1];
      if (seconds !== undefined) into.idleS = Number(seconds);
    }
  }
}

/** Digits and nothing else; -1 where it is anything else, or nothing. */
function numberAt(text: string, from: number, to: number): number {
  if (from >= to) return -1;
  let number = 0;
  for (let at = from; at < to; at++) {
    const char = text.charCodeAt(at);
    if (!(char >= ZERO && char <= NINE)) return -1;
    number = number * 10 + char - ZERO;
  }
  return number;
}
