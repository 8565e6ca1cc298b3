/**
 * One attempt to deliver: a POST that is over within its time, whatever the receiver does. The address that is connected to
 * is checked twice: names are looked up by a look-up of our own, which hands on allowed addresses only, and the other end of
 * the connection is looked at before a byte is sent. Redirects are not followed. Of the answer a few kilobytes are read.
 *
 * Look-ups take threads that the whole process shares, so only a few run at once.
 */
import { lookup } from 'node:dns';
import { isIP, type Socket } from 'node:net';
import { Agent, buildConnector, request } from 'undici';
import { connectingThrough } from '../lib/outbound-fetch.js';
import { NO_PROXIES, type ProxyRules, proxyOf } from '../lib/proxy-rules.js';
import { isReachable, type Reach } from '../lib/public-address.js';
import { ForbiddenAddress, reachableLookup } from '../lib/reachable-lookup.js';
import { after } from '../lib/within.js';

export interface Outgoing {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly allowPrivate: boolean;
  /** The answer is wanted as it is, within a time of its own; left out: only its beginning is of interest. */
  readonly whole?: { readonly timeoutMs: number; readonly mostBytes: number };
}

export interface Answered {
  /** Null where there was no answer. */
  readonly status: number | null;
  /** Why it is not delivered, in words for whoever reads the log; null: delivered. */
  readonly error: string | null;
  /** The beginning of the answer's body. */
  readonly response: string;
  /** What `retry-after` asks for. */
  readonly retryAfterMs: number | null;
}

/** Never throws. */
export type Deliver = (outgoing: Outgoing, signal: AbortSignal) => Promise<Answered>;

export interface Deliverer {
  readonly deliver: Deliver;
  /** Why the URL may not be sent to as far as its name leads somewhere now, or null. */
  readonly nameProblem: (url: string, allowPrivate: boolean) => Promise<string | null>;
  close(): Promise<void>;
}

const READ_BYTES = 4 * 1024;
const READ_MS = 2_000;
const SHOWN = 500;
const LOOKUPS = 2;
/** Longest wait for a look-up that is only a courtesy. */
const ASKED_MS = 2_000;

class TooLong extends Error {
  readonly code = 'ANSWER_TOO_LONG';
}

export interface DelivererOptions {
  /** Longest time for an attempt, from the look-up to the end of the answer. */
  readonly timeoutMs: () => number;
  /** Of the environment; left out: there are none. */
  readonly proxies?: () => ProxyRules;
  /** `node:dns`'s, unless a test says otherwise. */
  readonly lookUp?: typeof lookup;
}

export function createDeliverer({
  timeoutMs,
  proxies = () => NO_PROXIES,
  lookUp = lookup,
}: DelivererOptions): Deliverer {
  const limited = few(lookUp, LOOKUPS);
  const agents = { public: agentFor('public', limited, proxies), private: agentFor('private', limited, proxies) };
  return {
    async deliver({ url, headers, body, allowPrivate, whole }, signal) {
      const withinMs = whole?.timeoutMs ?? timeoutMs();
      const late = AbortSignal.timeout(withinMs);
      try {
        const answer = await request(url, {
          dispatcher: allowPrivate ? agents.private : agents.public,
          method: 'POST',
          headers: { 'content-type': 'application/json', 'user-agent': 'tollgate-webhooks', ...headers },
          body,
          signal: AbortSignal.any([late, signal]),
        });
        const response = await (whole ? wholeOf(answer.body, whole.mostBytes) : beginning(answer.body));
        return {
          status: answer.statusCode,
          error: problemOf(answer.statusCode),
          response,
          retryAfterMs: retryAfter(answer.headers['retry-after']),
        };
      } catch (error) {
        return {
          status: null,
          error: late.aborted ? `no answer within ${withinMs} ms` : wordsFor(error),
          response: '',
          retryAfterMs: null,
        };
      }
    },
    async nameProblem(url, allowPrivate) {
      const forbidden = await forbiddenOf(
        bareHost(new URL(url).hostname),
        allowPrivate ? 'private' : 'public',
        limited,
      );
      return forbidden && `it leads to ${forbidden.message}, which is not allowed`;
    },
    async close() {
      await Promise.all([agents.public.destroy(), agents.private.destroy()]);
    },
  };
}

function problemOf(status: number): string | null {
  if (status >= 200 && status < 300) return null;
  return status >= 300 && status < 400 ? 'redirects are not followed' : `answered ${status}`;
}

function agentFor(reach: Reach, lookUp: typeof lookup, proxies: () => ProxyRules): Agent {
  const connect = buildConnector({
    lookup: reachableLookup(reach, lookUp),
    timeout: 10_000,
  } as buildConnector.BuildOptions);
  // As many connections to a host as there are attempts: receivers behind one host have nothing to do with each other.
  return new Agent({
    pipelining: 1,
    keepAliveTimeout: 10_000,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect(options, callback) {
      // Where the host is an address, nothing is looked up.
      const host = bareHost(options.hostname);
      if (isIP(host) && !isReachable(host, reach)) return callback(new ForbiddenAddress(host), null);
      if (proxyOf(`${options.protocol}//${options.host}`, proxies()) !== null) {
        // The proxy looks the name up; one that is known here to lead where it may not is refused all the same.
        return void forbiddenOf(host, reach, lookUp).then((forbidden) => {
          if (forbidden) callback(forbidden, null);
          else connectingThrough(proxies(), connect)(options, callback);
        });
      }
      connect(options, (...[error, socket]) => {
        if (error) return callback(error, null);
        const other = (socket as Socket).remoteAddress ?? '';
        if (isReachable(other, reach)) return callback(null, socket);
        socket.destroy();
        callback(new ForbiddenAddress(other), null);
      });
    },
  });
}

const bareHost = (hostname: string): string => hostname.replace(/^\[|\]$/g, '');

/** Whether a name is known here to lead where it may not. A courtesy: who does not answer in time knows of nothing. */
const forbiddenOf = (host: string, reach: Reach, lookUp: typeof lookup): Promise<ForbiddenAddress | null> =>
  new Promise((resolve) => {
    if (isIP(host)) return resolve(null);
    void after(ASKED_MS).then(() => resolve(null));
    reachableLookup(reach, lookUp)(host, { all: true }, (error) =>
      resolve(error instanceof ForbiddenAddress ? error : null),
    );
  });

/** The look-up, at most so many at once. */
function few(lookUp: typeof lookup, most: number): typeof lookup {
  const waiting: (() => void)[] = [];
  let running = 0;
  const limited = (hostname: string, options: object, callback: (...answer: unknown[]) => void): void => {
    const start = (): void => {
      running += 1;
      lookUp(hostname, options as { all: true }, (...answer) => {
        running -= 1;
        waiting.shift()?.();
        callback(...answer);
      });
    };
    if (running < most) start();
    else waiting.push(start);
  };
  return limited as typeof lookup;
}

async function wholeOf(body: AsyncIterable<Buffer> & { destroy(): unknown }, mostBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > mostBytes) {
      body.destroy();
      throw new TooLong();
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** A receiver that drips its answer has given its status already: it is left after a moment. */
async function beginning(
  body: AsyncIterable<Buffer> & { destroy(): unknown; on(event: 'error', f: () => void): unknown },
) {
  const parts: Buffer[] = [];
  let bytes = 0;
  body.on('error', () => {});
  const enough = setTimeout(() => body.destroy(), READ_MS);
  try {
    for await (const part of body) {
      parts.push(part);
      bytes += part.length;
      if (bytes >= READ_BYTES) break;
    }
  } catch {
    // What came is what there is.
  }
  clearTimeout(enough);
  body.destroy();
  const text = Buffer.concat(parts).toString('utf8').slice(0, SHOWN);
  return text.replace(/\p{Cs}/gu, '�').replace(/[^\P{Cc}\n\t]/gu, ' ');
}

function retryAfter(header: string | string[] | undefined): number | null {
  if (typeof header !== 'string') return null;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return ms > 0 ? ms : null;
}

function wordsFor(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === 'TOLLGATE_FORBIDDEN_ADDRESS') return `the address ${String(message)} is not allowed`;
  if (code === 'UND_ERR_ABORTED' || (error as Error).name === 'AbortError') return 'the gateway stopped';
  return `no answer (${typeof code === 'string' ? code : (error as Error).name})`;
}
