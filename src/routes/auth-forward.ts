/**
 * Another service decides: it is asked about each request, with the request's own credentials. 2xx lets the request pass, any
 * other answer is what the client gets; no answer is 503.
 */
import type { ForwardAuthConfig } from '../config/classic-routes.js';
import type { Callout } from '../lib/callout.js';
import { ok, type Result, refuse, refused } from '../lib/errors.js';
import { type Consumer, consumerOf } from './consumer.js';
import { outerOf } from './headers.js';
import type { Visit } from './visit.js';

/** The answer of the service, to be handed on. */
export interface Verdict {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Buffer;
}

const HANDED_ON = ['content-type', 'location', 'www-authenticate', 'retry-after', 'cache-control'];
/** What is shown to the service unless told. */
export const CREDENTIALS: readonly string[] = ['authorization', 'cookie'];

export async function askForward(
  config: ForwardAuthConfig,
  visit: Visit,
  ask: Callout,
  onFault: (error: unknown) => void,
): Promise<Result<Consumer> | Verdict> {
  const outer = outerOf(visit, 'encrypted' in visit.req.socket);
  const headers: Record<string, string> = {
    'x-forwarded-method': visit.method,
    'x-forwarded-proto': outer.proto,
    'x-forwarded-host': outer.host,
    'x-forwarded-uri': visit.path + visit.query,
    'x-forwarded-for': outer.for,
    'x-request-id': visit.requestId,
  };
  const shown = config.headers ?? CREDENTIALS;
  for (const name of shown) {
    const value = visit.header(name);
    if (value !== undefined) headers[name] = value;
  }
  try {
    const answer = await ask(config.url, { headers, timeoutMs: config.timeout ?? 3_000 });
    if (answer.status < 200 || answer.status > 299) return verdictOf(answer.status, answer.headers, answer.body);
    const name = config.consumer_header && answer.headers.get(config.consumer_header);
    const sent: string[] = [];
    for (const [from, to] of Object.entries(config.response_headers ?? {})) {
      const value = answer.headers.get(from);
      if (value !== null) sent.push(to.toLowerCase(), value);
    }
    // Whom the service names is known by that; else what it was shown is all that tells callers apart.
    const learnt = name || sent.length > 0 ? [] : shown.map((header) => headers[header] ?? null);
    return ok(consumerOf({ kind: 'forward', id: name || 'forward', headers: sent, learnt }));
  } catch (error) {
    onFault(error);
    return refused(
      refuse('unavailable', 'The service that decides who may call cannot be reached. Try again in a moment.', {
        headers: { 'retry-after': '1' },
      }),
    );
  }
}

function verdictOf(status: number, from: Headers, body: Buffer): Verdict {
  const headers = HANDED_ON.flatMap((name) => {
    const value = from.get(name);
    return value === null ? [] : [name, value];
  });
  for (const cookie of from.getSetCookie()) headers.push('set-cookie', cookie);
  return { status: status < 300 || status > 599 ? 403 : status, headers, body };
}
