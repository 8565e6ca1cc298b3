/** Lines of headers, in requests and answers. The same names come over and over: each is looked at once and remembered, up to a bound. */

/**
 * What a header says of how a message is framed or dated, of its connection, or (`exchange`) of how request and answer follow
 * each other.
 */
export type Meaning = 'length' | 'coding' | 'connection' | 'keep_alive' | 'date' | 'exchange' | null;

export interface HeaderName {
  readonly lower: string;
  readonly meaning: Meaning;
}

const MOST_NAMES = 1_000;
const LONGEST_KEPT = 100;
const NOT_A_TOKEN = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/;
const MEANINGS = new Map<string, Meaning>([
  ['content-length', 'length'],
  ['transfer-encoding', 'coding'],
  ['connection', 'connection'],
  ['keep-alive', 'keep_alive'],
  ['date', 'date'],
  ['expect', 'exchange'],
  ['upgrade', 'exchange'],
  ['trailer', 'exchange'],
  ['proxy-connection', 'exchange'],
  ['http2-settings', 'exchange'],
]);

const known = new Map<string, HeaderName>();

export const isToken = (text: string): boolean => text !== '' && !NOT_A_TOKEN.test(text);

/** Undefined where it is none. */
export function headerName(written: string): HeaderName | undefined {
  return known.get(written) ?? learn(written);
}

function learn(written: string): HeaderName | undefined {
  if (!isToken(written)) return undefined;
  const lower = written.toLowerCase();
  const name = { lower: ownText(lower), meaning: MEANINGS.get(lower) ?? null };
  if (known.size < MOST_NAMES && written.length <= LONGEST_KEPT) known.set(ownText(written), name);
  return name;
}

/** A string of its own: a part of a head would keep the whole head in memory. */
const ownText = (text: string): string => Buffer.from(text, 'latin1').toString('latin1');

const SPACE = 0x20;
const TAB = 0x09;
const isBlank = (code: number): boolean => code === SPACE || code === TAB;

/** The value that stands from `from` to `to`, without the blanks around it; all other bytes belong to it. */
export function headerValue(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** The value of a header among names and values in turn, its name in lower case; of several the first. */
export function headerIn(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1];
  return undefined;
}

/**
 * All lines of a header as one list (RFC 9110 5.3), among names and values in turn, its name in lower case; undefined where
 * there is none. For fields whose value is a list: a field that is not may not come twice.
 */
export function headerList(headers: readonly string[], name: string): string | undefined {
  let list: string | undefined;
  for (let i = 0; i < headers.length; i += 2)
    if (headers[i] === name) list = list === undefined ? headers[i + 1] : `${list}, ${headers[i + 1]}`;
  return list;
}

/** The members of a list in lower case, without their parameters; a comma between quotes separates nothing. */
export function members(list: string | undefined): string[] {
  if (list === undefined) return [];
  return (list.match(MEMBER) ?? []).map((member) => member.split(';', 1)[0]!.trim().toLowerCase()).filter(Boolean);
}

/** Can be matched in one way only. */
const MEMBER = /(?:[^",]|"(?:[^"\\]|\\.)*"?)+/g;
