/**
 * The gateway's own words in the messages dialect: `{"type": "error", "error": {"type", "message"}, "request_id"}`. The field
 * that is at fault stands in front of the message, as Anthropic has it: clients look for it there and send again what they can
 * do without.
 */
import { type ErrorCode, type Refusal, statusOf } from '../../lib/errors.js';
import type { ErrorWriter } from '../format.js';

const types: ReadonlyMap<number, string> = new Map([
  [400, 'invalid_request_error'],
  [401, 'authentication_error'],
  [402, 'billing_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [408, 'timeout_error'],
  [409, 'conflict_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
  [503, 'overloaded_error'],
  [504, 'timeout_error'],
  [529, 'overloaded_error'],
]);

const typesOfCodes: Partial<Record<ErrorCode, string>> = { budget_exceeded: 'billing_error' };

function typeOf(refusal: Refusal): string {
  const told = refusal.upstream?.type;
  if (told !== undefined && knownTypes.has(told)) return told;
  const status = statusOf(refusal);
  return typesOfCodes[refusal.code] ?? types.get(status) ?? (status < 500 ? 'invalid_request_error' : 'api_error');
}

/** An upstream of another dialect has words of its own. */
const knownTypes: ReadonlySet<string> = new Set([...types.values(), 'api_error']);

function errorOf(refusal: Refusal, requestId: string): string {
  const details = detailsOf(refusal);
  const error = { type: typeOf(refusal), message: messageOf(refusal), ...(details && { details }) };
  return JSON.stringify({ type: 'error', error, request_id: requestId });
}

/** What clients act on beside the type: an upstream's own code, and that a conversation cannot be kept by the server. */
function detailsOf({ code, param, upstream }: Refusal): object | undefined {
  if (upstream?.code) return { error_code: upstream.code };
  if (param !== 'thread' || code !== 'unsupported_parameter') return undefined;
  return { error_code: 'thread_unsupported_request', unsupported: ['thread'] };
}

function messageOf({ code, message, param }: Refusal): string {
  if (code === 'context_length_exceeded') return tooLong(message);
  if (!param || message.startsWith(`${param}:`)) return message;
  const quoted = `'${param}' `;
  return `${param}: ${message.startsWith(quoted) ? message.slice(quoted.length) : message}`;
}

/** Anthropic's own words for it. */
const ANTHROPICS = /^prompt is too long|exceed context limit/;
/** How others tell what fits: `maximum context length is 8192 tokens`, `limit of 4096`, ... */
const MAXIMUM =
  /(?:maximum context length (?:is|of)|context (?:length|window|size) (?:is|of)|maximum number of tokens allowed|limit (?:is|of)|available context size) \(?(\d{1,9})/;
const LONGEST_READ = 2_000;

/** Clients read both numbers of `prompt is too long: 210000 tokens > 200000 maximum`, and make room. */
function tooLong(message: string): string {
  if (ANTHROPICS.test(message)) return message;
  const read = message.slice(0, LONGEST_READ);
  const most = Number(MAXIMUM.exec(read)?.[1]);
  const tokens = Math.max(0, ...[...read.matchAll(/\b\d{1,9}\b/g)].map(([digits]) => Number(digits)));
  const figures = most > 0 && tokens > most ? `${tokens} tokens > ${most} maximum. ` : '';
  return `prompt is too long: ${figures}${message}`;
}

export const messagesErrors: ErrorWriter = {
  body: (refusal, requestId) => Buffer.from(errorOf(refusal, requestId)),
  event: (refusal, requestId) => Buffer.from(`event: error\ndata: ${errorOf(refusal, requestId)}\n\n`),
  keepAlive: Buffer.from('event: ping\ndata: {"type": "ping"}\n\n'),
};
