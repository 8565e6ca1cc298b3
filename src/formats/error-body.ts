/**
 * Reads the error that a body tells of, in any of the forms in use: `{error: {...}}`, `{error: "..."}`, a list of such, flat
 * `{object: "error", message}`, `{message}` whose value may be text, a list or an object, `{detail}` as text or as a list of
 * problems, Google's `details`, a page, or plain text. Nothing here runs a pattern over a text that was not cut before. Pure.
 */
import { isObject } from '../lib/json.js';
import type { UpstreamFailure } from './failure.js';

export type ToldError = Omit<UpstreamFailure, 'kind' | 'meaning' | 'deadline'>;
type Wire = Readonly<Record<string, unknown>>;

/** Characters that are kept of an error's words. */
const LONGEST_MESSAGE = 16_000;
const LONGEST_MORE = 1_000;
/** Of a body without a form, and of a value that is not a text. */
const LONGEST_PLAIN = 500;
const MOST_PROBLEMS = 5;
const DEEPEST = 4;
const WITHOUT_WORDS = 'The upstream reported an error without a message.';

/** The error that a body of status 200 or the event of a stream tells of. An `error` that says nothing is none. */
export function errorIn(body: unknown): ToldError | undefined {
  const wire = Array.isArray(body) ? body[0] : body;
  if (!isObject(wire)) return undefined;
  const { error, base_resp: base } = wire;
  if (typeof error === 'string' && error !== '') return toldBy({ message: error }, wire);
  if (isObject(error) && Object.values(error).some(Boolean)) return toldBy(error, wire);
  if (wire['object'] === 'error' || wire['type'] === 'error') return toldBy(wire);
  // Some tell an error in a form of their own beside an empty answer; 0 says that there is none.
  const failed = isObject(base) && typeof base['status_code'] === 'number' && base['status_code'] !== 0;
  return failed
    ? { ...toldBy({ message: base['status_msg'] }), type: 'base_resp', code: String(base['status_code']) }
    : undefined;
}

/** An answer with an error status, whatever its body. */
export function readErrorBody(status: number, body: Buffer): UpstreamFailure {
  const text = body.toString('utf8').trim();
  const json = parsed(text);
  const told = json === undefined ? undefined : (errorIn(json) ?? looselyTold(json));
  if (told) return { kind: 'status', ...told, ...waitOf(status, told), status };
  const shapeless = { kind: 'status', status, message: `The upstream answered with status ${status}.` } as const;
  if (text === '' || (json !== undefined && typeof json === 'object' && json !== null)) return shapeless;
  if (text.startsWith('<')) return { ...shapeless, message: pageMessage(status, text) };
  // JSON that was cut: its beginning may still say what it means.
  if (text.startsWith('{') || text.startsWith('[')) return { ...shapeless, more: text.slice(0, LONGEST_MORE) };
  const message = text.slice(0, LONGEST_PLAIN);
  return { ...shapeless, message, ...waitOf(status, { message }) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What tells of an error only where the status says that it is one. */
function looselyTold(json: unknown): ToldError | undefined {
  const wire = Array.isArray(json) ? json[0] : json;
  if (!isObject(wire)) return undefined;
  const problems = wire['errors'];
  if (Array.isArray(problems) && problems.length > 0) return toldBy({ message: problems }, wire);
  const worded = ['message', 'Message', 'detail', 'msg', 'title'].some((name) => saysSomething(wire[name]));
  return worded ? toldBy(wire) : undefined;
}

const saysSomething = (value: unknown): boolean => value !== undefined && value !== null && value !== '';

/** `outer` is what the error stands in: some put its type or its code there. */
function toldBy(error: Wire, outer: Wire = error): ToldError {
  const details = googleDetails(error['details']);
  const message = [error['message'], error['Message'], error['detail'], error['msg'], error['title'], error['errors']]
    .map((value) => wordsOf(value, DEEPEST))
    .find((words) => words !== '');
  const codes = [
    error['code'],
    error['error_code'],
    anthropicCode(error['details']),
    outer['code'],
    outer['error_code'],
  ];
  const code = codes.map(codeOf).find((one) => one !== undefined);
  const statuses = [error['code'], error['status'], error['status_code'], error['statusCode']];
  const more = [
    details.more,
    code?.includes(' ') ? code : '',
    innerCode(error['innererror']),
    rawOf(error['metadata']),
  ];
  const moreWords = more.filter(Boolean).join(' ').slice(0, LONGEST_MORE);
  return {
    message: (message ?? WITHOUT_WORDS).slice(0, LONGEST_MESSAGE),
    ...(moreWords !== '' && { more: moreWords }),
    type: typeOf(error, outer),
    code: code === undefined || code.includes(' ') ? null : code,
    param: paramOf(error),
    status: statuses.map(statusOf).find((status) => status !== undefined),
    ...(details.retryAfterMs !== undefined && { retryAfterMs: details.retryAfterMs }),
  };
}

/** Texts as they are, problems of a list one after the other, and of an object what its words are. */
function wordsOf(value: unknown, deepest: number): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null || deepest === 0) return '';
  if (Array.isArray(value)) {
    const words = value.slice(0, MOST_PROBLEMS).map((one) => wordsOf(one, deepest - 1));
    return words.filter((one) => one !== '').join('; ');
  }
  const wire = value as Wire;
  for (const name of ['msg', 'message', 'detail', 'error', 'description']) {
    const words = wordsOf(wire[name], deepest - 1);
    if (words !== '') return Array.isArray(wire['loc']) ? `${placeOf(wire['loc'])}: ${words}` : words;
  }
  return JSON.stringify(value).slice(0, LONGEST_PLAIN);
}

/** Where in the request a problem is: `body` is its beginning and says nothing. */
const placeOf = (loc: readonly unknown[]): string =>
  loc
    .slice(0, 10)
    .filter((step, at) => (typeof step === 'string' || typeof step === 'number') && !(at === 0 && step === 'body'))
    .join('.')
    .slice(0, 200);

function paramOf(error: Wire): string | null {
  if (typeof error['param'] === 'string') return error['param'].slice(0, LONGEST_PLAIN);
  const detail = isObject(error['message']) ? error['message']['detail'] : (error['detail'] ?? error['message']);
  const first: unknown = Array.isArray(detail) ? detail[0] : undefined;
  return (isObject(first) && Array.isArray(first['loc']) && placeOf(first['loc'])) || null;
}

function typeOf(error: Wire, outer: Wire): string | undefined {
  const { type, status, __type: shape } = error;
  const own = [type, status, shape, error['error_type'], outer['error_type']];
  const told = own.find((one): one is string => typeof one === 'string' && one !== '' && one !== 'error');
  return told?.slice(told.lastIndexOf('#') + 1, told.lastIndexOf('#') + 1 + LONGEST_PLAIN);
}

/** Of a number the text; undefined where it only repeats an HTTP status, which says nothing that the status does not. */
function codeOf(code: unknown): string | undefined {
  if (typeof code !== 'string' && typeof code !== 'number') return undefined;
  if (code === '' || statusOf(Number(code)) !== undefined) return undefined;
  return String(code).slice(0, LONGEST_PLAIN);
}

const statusOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= 400 && value < 600 ? value : undefined;

const anthropicCode = (details: unknown): unknown => (isObject(details) ? details['error_code'] : undefined);
const innerCode = (inner: unknown): string => (isObject(inner) ? (codeOf(inner['code']) ?? '') : '');
/** What the provider behind a router said. */
const rawOf = (metadata: unknown): string => (isObject(metadata) ? wordsOf(metadata['raw'], DEEPEST) : '');

/** Google tells in `details` why, which quota, and how long to wait. */
function googleDetails(details: unknown): { readonly more: string; readonly retryAfterMs?: number | undefined } {
  if (!Array.isArray(details)) return { more: '' };
  let retryAfterMs: number | undefined;
  const more: string[] = [];
  for (const detail of details.slice(0, 20).filter(isObject)) {
    const { reason, retryDelay, violations } = detail;
    if (typeof reason === 'string') more.push(reason);
    if (typeof retryDelay === 'string') retryAfterMs ??= secondsIn(retryDelay);
    for (const one of Array.isArray(violations) ? violations.slice(0, 20).filter(isObject) : []) {
      if (typeof one['quotaId'] === 'string') more.push(one['quotaId']);
    }
  }
  return { more: more.join(' '), retryAfterMs };
}

function secondsIn(delay: string): number | undefined {
  const seconds = /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(delay.slice(0, 30))?.[1];
  return seconds === undefined ? undefined : Math.ceil(Number(seconds) * 1000);
}

const WAIT =
  /\b(?:try again|retry) (?:in|after) (?:(\d{1,3})h)?(?:(\d{1,4})m(?=\d))?(\d{1,7}(?:\.\d{1,9})?) ?(ms|s|m)/i;
const UNIT_MS = { ms: 1, s: 1000, m: 60_000 } as const;

/** Some say in words alone when to come back. */
function waitOf(status: number, { message, retryAfterMs }: ToldError): Pick<ToldError, 'retryAfterMs'> {
  if (retryAfterMs !== undefined) return { retryAfterMs };
  const found = status === 429 || status === 503 ? WAIT.exec(message.slice(0, LONGEST_MORE)) : null;
  if (!found) return {};
  const [, hours = '0', minutes = '0', amount, unit] = found;
  const ms = Number(amount) * UNIT_MS[unit!.toLowerCase() as keyof typeof UNIT_MS];
  return { retryAfterMs: Math.ceil(Number(hours) * 3_600_000 + Number(minutes) * 60_000 + ms) };
}

/** A proxy's page: its title says what happened. */
function pageMessage(status: number, page: string): string {
  const head = page.slice(0, 4_000);
  const lower = head.toLowerCase();
  const start = lower.indexOf('<title>');
  const end = start === -1 ? -1 : lower.indexOf('</title>', start);
  const title = end === -1 ? '' : head.slice(start + 7, Math.min(end, start + 207)).trim();
  const plain = `The upstream answered with status ${status}`;
  return title === '' || /[<>\n]/.test(title) ? `${plain}.` : `${plain} and a page: ${title}.`;
}
