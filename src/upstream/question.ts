/**
 * Short questions to other services (issuers, lists of models, services that decide who may call): by the connections that requests
 * take, so through proxies and with certificates of its own; bounded in time and size; no redirect followed. What a question comes to
 * is a value, whatever the other side does; `callout` is the same with exceptions.
 */
import type { UpstreamFailure } from '../formats/failure.js';
import type { Callout } from '../lib/callout.js';
import type { Clock } from '../lib/clock.js';
import { GatheredBytes } from '../lib/gathered-bytes.js';
import { Attempt, type UpstreamCall } from './attempt.js';
import { Deadlines, type Timeouts } from './deadline.js';
import type { Via } from './http1/connections.js';
import { Pools } from './pool.js';

export interface Question {
  /** GET unless stated. */
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Each milliseconds: for a connection, between two pieces of the answer, and for all of it. */
  readonly timeouts: { readonly connect: number; readonly idle: number; readonly total: number };
  readonly mostBytes: number;
}

export type Answer =
  | { readonly kind: 'answered'; readonly status: number; readonly headers: Headers; readonly body: Buffer }
  | { readonly kind: 'too_long' }
  | { readonly kind: 'failed'; readonly failure: UpstreamFailure };

const LARGEST_CALLOUT_BYTES = 1024 * 1024;
const ALWAYS = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'tollgate' };

export class Questions {
  readonly #pools = new Pools();
  readonly #lease = this.#pools.lease();
  readonly #deadlines: Deadlines;
  readonly #via: (origin: string) => Via | undefined;

  /** `via`: the way to an origin, asked for with each question; left out: straight. */
  constructor(clock: Clock, via: (origin: string) => Via | undefined = () => undefined) {
    this.#deadlines = new Deadlines(clock);
    this.#via = via;
  }

  ask(url: URL, { method = 'GET', headers, body, timeouts, mostBytes }: Question): Promise<Answer> {
    const { origin, pathname, search } = url;
    const { connect, idle, total } = timeouts;
    const call = {
      method,
      to: { connections: this.#lease.get(origin, connect, this.#via(origin)), path: pathname + search },
      headers: Object.entries({ ...ALWAYS, ...headers }).flat(),
      body: Buffer.from(body ?? ''),
      timeouts: { connect, first_byte: total, idle, total } satisfies Timeouts,
    };
    return answerTo(call, mostBytes, this.#deadlines);
  }

  /** Rejects where there is no answer, or one that is too large. */
  readonly callout: Callout = async (url, { timeoutMs, ...question }) => {
    const timeouts = { connect: timeoutMs, idle: timeoutMs, total: timeoutMs };
    const answer = await this.ask(new URL(url), { ...question, timeouts, mostBytes: LARGEST_CALLOUT_BYTES });
    if (answer.kind === 'answered') return answer;
    throw new Error(answer.kind === 'too_long' ? 'the answer is too large' : answer.failure.message);
  };

  close(): void {
    this.#pools.close();
  }
}

function answerTo(call: UpstreamCall, mostBytes: number, deadlines: Deadlines): Promise<Answer> {
  return new Promise((resolve) => {
    const gathered = new GatheredBytes();
    let status = 0;
    const attempt = new Listed(
      call,
      {
        onHeaders: (its) => {
          status = its;
        },
        onData: (piece) => {
          if (gathered.length + piece.length <= mostBytes) return gathered.push(piece);
          attempt.abort();
          resolve({ kind: 'too_long' });
        },
        onEnd: () => resolve({ kind: 'answered', status, headers: attempt.headers, body: gathered.take() }),
        onFailure: (failure) => resolve({ kind: 'failed', failure }),
      },
      deadlines,
    );
    attempt.begin();
  });
}

/** An attempt that keeps all headers of its answer. */
class Listed extends Attempt {
  readonly headers = new Headers();

  override onHead(status: number, headers: readonly string[]): void {
    for (let i = 0; i + 1 < headers.length; i += 2) this.headers.append(headers[i]!, headers[i + 1]!);
    super.onHead(status, headers);
  }
}
