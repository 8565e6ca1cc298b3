/**
 * What was thrown need not be an error. These say what it is, for logs and messages, without the words of others: parsers quote
 * what they could not read, databases the values of a query, and these may be a caller's prompt.
 */

const LONGEST = 2_000;

/** Its message, as far as it is ours. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, LONGEST);
  const { name, message, cause } = error;
  const code = codeOf(error);
  if (error instanceof SyntaxError) return `${name}: a text that cannot be read`;
  if (name === 'DataCloneError') return `${name}: a value that cannot be handed on`;
  // Drizzle: the query with its values; what the database said of it is the cause.
  if (message.startsWith('Failed query:')) return cause === undefined ? 'a query failed' : messageOf(cause);
  // PostgreSQL's class 22: a value that is not what it should be.
  if (/^22...$/.test(code)) return `the database refuses a value (${code})`;
  // Node quotes the value that it was given.
  if (/^ERR_(INVALID|UNKNOWN|OUT_OF|MISSING|ILLEGAL|HTTP)_/.test(code))
    return `${name}: a value that cannot be used (${code})`;
  return message.slice(0, LONGEST);
}

/** Its message and where it was thrown; for faults of our own. */
export function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return messageOf(error);
  const { stack = '', name, message } = error;
  const at = stack.indexOf('\n    at ');
  const head = messageOf(error);
  // A message of ours stands in the stack as it is.
  if (head === message) return stack === '' ? message : stack;
  return `${head.startsWith(name) ? head : `${name}: ${head}`}${at === -1 ? '' : stack.slice(at)}`;
}

/** For a field `err` of a log line. */
export function loggedError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: messageOf(error) };
  const code = codeOf(error);
  return { type: error.name, ...(code === '' ? {} : { code }), message: messageOf(error), stack: stackOf(error) };
}

function codeOf(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^[\w.-]{1,64}$/.test(code) ? code : '';
}

export const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
