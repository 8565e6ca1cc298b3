/**
 * Which headers of a caller may go on to a provider, and what of them goes there. A provider's type and configuration name
 * them; nothing else of what a caller sends in headers reaches an upstream. What can never be named: credentials, since they
 * are the gateway's or not meant for the provider; what belongs to the caller's own connection and message; what the gateway
 * states itself.
 */
import { ok, type Result, refuse, refused } from './errors.js';

/** Headers of a request by their names in lower case, as node has them: lines of one name are one list. */
export type ReceivedHeaders = Readonly<Record<string, string | string[] | undefined>>;

const LONGEST_VALUE = 4096;
const VALUE = /^[\x20-\x7e]*$/;
const MEMBER = /^[\w.:/+=-]{1,200}$/;

/** Lists whose members add up: where the configuration states the header too, the provider gets the members of both. */
const lists: ReadonlySet<string> = new Set(['anthropic-beta', 'openai-beta']);

/** Words of a name by which a credential is known. */
const credentialWords: ReadonlySet<string> = new Set([
  ...['auth', 'authorization', 'authentication', 'authenticate', 'cookie', 'cookie2', 'credential', 'credentials'],
  ...['jwt', 'password', 'secret', 'token', 'apikey'],
]);
const ownNames: ReadonlySet<string> = new Set([
  ...['accept', 'accept-charset', 'accept-encoding', 'host', 'user-agent', 'x-request-id', 'traceparent', 'tracestate'],
  ...['anthropic-version', 'via', 'forwarded', 'x-real-ip', 'date', 'range'],
]);
const connectionNames: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect'],
  ...['http2-settings', 'max-forwards'],
]);
const ownBeginnings = ['content-', 'if-', 'x-forwarded-', 'x-tollgate-'];

/** Why a header, its name in lower case, can never be passed on; undefined: it can. */
export function cannotPass(name: string): string | undefined {
  if (/(^|-)(api|access|private)-key$/.test(name) || name.split(/[-_]/).some((word) => credentialWords.has(word)))
    return 'callers are known by it, or may be: a credential is never passed on';
  if (connectionNames.has(name)) return "it belongs to the caller's connection";
  if (ownNames.has(name) || ownBeginnings.some((beginning) => name.startsWith(beginning)))
    return 'the gateway states it itself';
  return undefined;
}

/** Whether the caller's members of a header are added to those that the configuration states. */
export const isListHeader = (name: string): boolean => lists.has(name);

const NONE: Result<readonly string[]> = ok([]);

/** Names and values in turn of those headers that are named and were sent; refused where one cannot stand in a request. */
export function passedHeaders(received: ReceivedHeaders, names: readonly string[]): Result<readonly string[]> {
  let passed: string[] | undefined;
  for (const name of names) {
    const written = received[name];
    if (written === undefined) continue;
    const value = valueToPass(name, Array.isArray(written) ? written.join(', ') : written);
    if (value === undefined) return notPassable(name);
    if (value !== '') (passed ??= []).push(name, value);
  }
  return passed ? ok(passed) : NONE;
}

/** Undefined where it cannot be passed on. */
function valueToPass(name: string, written: string): string | undefined {
  if (written.length > LONGEST_VALUE || !VALUE.test(written)) return undefined;
  if (!lists.has(name)) return written.trim();
  const members = membersOf(written);
  return members.every((member) => MEMBER.test(member)) ? members.join(',') : undefined;
}

/** Each once, in the order in which they came. */
const membersOf = (list: string): string[] => [
  ...new Set(
    list
      .split(',')
      .map((member) => member.trim())
      .filter((member) => member !== ''),
  ),
];

const notPassable = (name: string): Result<never> => {
  const what = lists.has(name) ? 'a list of names, with commas between them' : 'one line of ASCII characters';
  return refused(
    refuse('invalid_value', `The header ${name} must be ${what}, of at most ${LONGEST_VALUE} characters.`, {
      param: name,
    }),
  );
};

/**
 * The provider's own headers with those that are passed on, both names and values in turn. Lists are joined; of anything else
 * the caller's value stands in place of the provider's.
 */
export function withPassed(own: readonly string[], passed: readonly string[]): string[] {
  const all = [...own];
  for (let i = 0; i < passed.length; i += 2) {
    const name = passed[i]!;
    const value = passed[i + 1]!;
    const at = all.findIndex((one, index) => index % 2 === 0 && one === name);
    if (at === -1) all.push(name, value);
    else all[at + 1] = lists.has(name) ? membersOf(`${all[at + 1]},${value}`).join(',') : value;
  }
  return all;
}
