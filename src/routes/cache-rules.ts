/**
 * What RFC 9111 says of an answer that may be given again: whether it may be kept, for how long it is fresh, how old it is,
 * and whether the client has it already. Of several statements that contradict each other the strictest counts.
 */
import { headerIn, headerList } from '../lib/headers.js';

/** Directives by name, in lower case; one without a value has the empty text. */
export type Directives = ReadonlyMap<string, string>;

/** Can be matched in one way only; a comma between quotes separates nothing. */
const DIRECTIVE = /([!#$%&'*+\-.^_`|~\w]+)(?:[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^",;\s]*))?/g;
const LONGEST_S = 2 ** 31;

export function directivesOf(list: string | undefined): Directives {
  const found = new Map<string, string>();
  for (const [, name = '', value = ''] of list?.matchAll(DIRECTIVE) ?? []) {
    const lower = name.toLowerCase();
    const plain = value.replace(/^"|"$/g, '');
    const before = found.get(lower);
    if (before === undefined || seconds(plain) < seconds(before)) found.set(lower, plain);
  }
  return found;
}

/** What is no number of seconds is none: an answer with such a lifetime is stale. */
const seconds = (text: string): number => (/^\d{1,10}$/.test(text) ? Math.min(Number(text), LONGEST_S) : 0);

/** A directive's seconds as milliseconds; undefined where it is not there. */
export function msOf(directives: Directives, name: string): number | undefined {
  const value = directives.get(name);
  return value === undefined ? undefined : seconds(value) * 1000;
}

const dateMs = (text: string | undefined): number | undefined => {
  // With the name of a month: `0` and `-1` are years to `Date.parse`.
  const ms = text !== undefined && /[a-z]{3}/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
};

/** How long the answer says itself that it is fresh; undefined where it does not. */
export function ownLifetimeMs(headers: readonly string[], directives: Directives, nowMs: number): number | undefined {
  const own = msOf(directives, 's-maxage') ?? msOf(directives, 'max-age');
  if (own !== undefined) return own;
  if (headerIn(headers, 'expires') === undefined) return undefined;
  const ends = Math.min(...all(headers, 'expires').map((text) => dateMs(text) ?? 0));
  return Math.max(0, ends - (dateMs(headerIn(headers, 'date')) ?? nowMs));
}

/**
 * How old an answer was when it came (4.2.3), which took `delayMs`. The clocks of others are looked at only where somebody on
 * the way does not count.
 */
export function initialAgeMs(headers: readonly string[], delayMs: number, nowMs: number): number {
  const said = Math.max(0, ...all(headers, 'age').map((text) => seconds(text.trim()) * 1000)) + delayMs;
  const old = /(^|,)\s*(?:http\/)?1\.0\s/i.test(headerList(headers, 'via') ?? '');
  return old ? Math.max(said, nowMs - (dateMs(headerIn(headers, 'date')) ?? nowMs)) : said;
}

function all(headers: readonly string[], name: string): string[] {
  return headers.filter((_, i) => i % 2 === 1 && headers[i - 1] === name);
}

const opaque = (tag: string): string => tag.trim().replace(/^W\//, '');
const TAG = /(?:W\/)?"[^"]*"/g;

/** Whether the client has the answer already (RFC 9110 13.1). Tags are compared weakly. */
export function clientHas(
  asked: { readonly 'if-none-match'?: string | undefined; readonly 'if-modified-since'?: string | undefined },
  headers: readonly string[],
): boolean {
  const tags = asked['if-none-match'];
  if (tags !== undefined) {
    const tag = headerIn(headers, 'etag');
    if (tags.trim() === '*') return true;
    return tag !== undefined && (tags.match(TAG) ?? []).some((one) => opaque(one) === opaque(tag));
  }
  const since = dateMs(asked['if-modified-since']);
  const changed = dateMs(headerIn(headers, 'last-modified'));
  return since !== undefined && changed !== undefined && changed <= since;
}
