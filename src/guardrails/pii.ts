/**
 * Personal data and secrets. Candidates are found by a character that they must have or by patterns whose repetitions are
 * bounded, and are then checked as far as there is something to check: Luhn's digit of a card, the remainder of an IBAN, ranges.
 */
import { isIPv6 } from 'node:net';
import type { PiiEntity } from '../lib/guard-spec.js';
import type { Finder, Found } from './finder.js';
import { isCard, isIban, isSsn } from './pii-checks.js';

type Look = (text: string, from: number, until: number, found: Found) => void;

/** Of a private key in PEM, which is the longest. */
const LONGEST_SECRET = 8_192;
const LONGEST_OTHER = 512;
const STEP = 4_096;

/** Every match of `pattern` (which has `g`) that `judge` takes: it answers how long it is, or 0. */
function each(
  pattern: RegExp,
  text: string,
  from: number,
  until: number,
  judge: (match: string) => number,
  found: (start: number, end: number) => void,
): void {
  pattern.lastIndex = from;
  for (let match = pattern.exec(text); match && match.index < until; match = pattern.exec(text)) {
    const length = judge(match[0]);
    if (length > 0) found(match.index, match.index + length);
    // What was none may hold one.
    pattern.lastIndex = match.index + (length > 0 ? length : 1);
  }
}

const LOCAL = /[\p{L}\p{N}._%+'-]/u;
const LONGEST_LOCAL = 64;
const DOMAIN = /(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,62})\.){1,8}(?:xn--[a-z0-9-]{2,59}|\p{L}{2,63})/uy;

const email: Look = (text, from, until, found) => {
  for (let at = text.indexOf('@', from); at !== -1 && at < until + LONGEST_LOCAL; at = text.indexOf('@', at + 1)) {
    DOMAIN.lastIndex = at + 1;
    if (!DOMAIN.test(text)) continue;
    const end = DOMAIN.lastIndex;
    let start = at;
    while (start > from && at - start < LONGEST_LOCAL && LOCAL.test(text[start - 1]!)) start--;
    while (start < at && /[.'-]/.test(text[start]!)) start++;
    if (start < at) found(start, end, 'EMAIL');
    at = end - 1;
  }
};

const INTERNATIONAL = /(?<![\w+]|\d[ -])(?:\+|00(?=[1-9]))\d[\d ()./-]{6,24}\d/g;
const NORTH_AMERICAN = /(?<![\w.-])(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4}(?![\w-])/g;

const phone: Look = (text, from, until, found) => {
  each(INTERNATIONAL, text, from, until, phoneLength, (start, end) => found(start, end, 'PHONE'));
  each(
    NORTH_AMERICAN,
    text,
    from,
    until,
    (match) => match.length,
    (start, end) => found(start, end, 'PHONE'),
  );
};

/** The match up to its fifteenth digit: what comes after is another number. */
function phoneLength(match: string): number {
  let digits = 0;
  let length = 0;
  const most = match[0] === '+' ? 15 : 17;
  for (let at = 0; at < match.length && digits < most; at++) {
    if (!/\d/.test(match[at]!)) continue;
    digits += 1;
    length = at + 1;
  }
  return digits >= (match[0] === '+' ? 8 : 10) ? length : 0;
}

const DIGITS = /(?<![\d.])\d(?:[ -]?\d){11,22}(?!\d)/g;
const FEWEST_DIGITS = 13;
const MOST_DIGITS = 19;
/** Nearly all numbers are none by their first digit. */
const mayBeCard = (match: string): boolean => match[0]! >= '2' && match[0]! <= '6';

const card: Look = (text, from, until, found) =>
  each(DIGITS, text, from, until, cardLength, (start, end) => found(start, end, 'CARD'));

/** The longest beginning that is a card and ends where a group of digits ends. */
function cardLength(match: string): number {
  if (!mayBeCard(match)) return 0;
  let digits = '';
  const ends: number[] = [];
  for (let at = 0; at < match.length; at++) {
    const char = match[at]!;
    if (char === ' ' || char === '-') continue;
    digits += char;
    const next = match[at + 1];
    if (next === undefined || next === ' ' || next === '-') ends.push(at + 1, digits.length);
  }
  for (let n = ends.length - 2; n >= 0; n -= 2) {
    const length = ends[n + 1]!;
    if (length >= FEWEST_DIGITS && length <= MOST_DIGITS && isCard(digits.slice(0, length))) return ends[n]!;
  }
  return 0;
}

const IBAN = /(?<![A-Za-z0-9])[A-Za-z]{2}\d\d(?:[ -]?[A-Za-z0-9]){11,30}/g;

const iban: Look = (text, from, until, found) =>
  each(IBAN, text, from, until, ibanLength, (start, end) => found(start, end, 'IBAN'));

/** Words may follow: it is as long as its country has them. */
function ibanLength(match: string): number {
  for (let end = match.length; end >= 15; end--)
    if (/[A-Za-z0-9]/.test(match[end - 1]!) && isIban(match.slice(0, end).replace(/[ -]/g, ''))) return end;
  return 0;
}

const SSN = /(?<![\w-])\d{3}([- ])\d\d\1\d{4}(?![\w-])/g;

const ssn: Look = (text, from, until, found) =>
  each(
    SSN,
    text,
    from,
    until,
    (match) => (isSsn(match) ? match.length : 0),
    (start, end) => found(start, end, 'SSN'),
  );

const IPV4 = /(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w]|\.\d)/g;
const IPV6 = /(?<![\w:.])[\dA-Fa-f]{0,4}(?::[\dA-Fa-f]{0,4}){2,7}(?:\.\d{1,3}){0,3}(?![\w:])/g;

const ip: Look = (text, from, until, found) => {
  each(
    IPV4,
    text,
    from,
    until,
    (match) => match.length,
    (start, end) => found(start, end, 'IP'),
  );
  // Shorter ones are operators of some language.
  each(
    IPV6,
    text,
    from,
    until,
    (match) => (match.length > 5 && isIPv6(match) ? match.length : 0),
    (start, end) => found(start, end, 'IP'),
  );
};

/** Forms that makers of keys document, and private keys in PEM up to their end, or as much of them as there is. */
const SECRETS: readonly RegExp[] = [
  /(?<![A-Za-z0-9])(?:sk|rk|pk)[-_](?:[A-Za-z0-9]{1,16}[-_]){0,4}[A-Za-z0-9]{16,256}(?:[-_][A-Za-z0-9]{1,128}){0,8}/g,
  /(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])/g,
  /(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}/g,
  /(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{36,255}/g,
  /(?<![A-Za-z0-9])github_pat_[A-Za-z0-9_]{22,255}/g,
  /(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20,64}/g,
  /(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{10,256}/g,
  /(?<![A-Za-z0-9])(?:npm|hf|gsk|xai|r8|dop_v1)_[A-Za-z0-9]{30,128}/g,
  /(?<![A-Za-z0-9])whsec_[A-Za-z0-9+/=]{24,128}/g,
  /(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{10,2048}\.eyJ[A-Za-z0-9_-]{10,2048}\.[A-Za-z0-9_-]{10,1024}/g,
  /-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\s:,.\\-]{0,8000})/g,
];

const secret: Look = (text, from, until, found) => {
  for (const pattern of SECRETS)
    each(
      pattern,
      text,
      from,
      until,
      (match) => match.length,
      (start, end) => found(start, end, 'SECRET'),
    );
};

const looks: Readonly<Record<PiiEntity, Look>> = { email, phone, card, iban, ssn, ip, secret };
/** What is more certain comes first: where two overlap, the first one names the place. */
const inOrder: readonly PiiEntity[] = ['secret', 'card', 'iban', 'ssn', 'email', 'ip', 'phone'];

export class PiiFinder implements Finder {
  readonly step = STEP;
  readonly longest: number;
  readonly #looks: readonly Look[];

  constructor(entities: readonly PiiEntity[]) {
    this.#looks = inOrder.filter((entity) => entities.includes(entity)).map((entity) => looks[entity]);
    this.longest = entities.includes('secret') ? LONGEST_SECRET : LONGEST_OTHER;
  }

  find(text: string, from: number, until: number, found: Found): void {
    const near = until + LONGEST_OTHER < text.length ? text.slice(0, until + LONGEST_OTHER) : text;
    for (const look of this.#looks) look(look === secret ? text : near, from, until, found);
  }
}
