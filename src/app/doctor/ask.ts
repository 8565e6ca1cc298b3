/** One question over HTTP, by the connections that requests take: through a proxy, with authorities and certificates of its own. */

import { systemClock } from '../../lib/clock.js';
import { attempt } from '../../upstream/attempt.js';
import { Deadlines } from '../../upstream/deadline.js';
import type { Via } from '../../upstream/http1/connections.js';
import { Pools } from '../../upstream/pool.js';

const ANSWER_MS = 10_000;
const MOST_BYTES = 8 * 1024 * 1024;

export type Answered =
  | { readonly status: number; readonly text: string }
  /** `reached`: there was a connection. */
  | { readonly failed: string; readonly reached: boolean };

/** Asks with GET, once. */
export async function ask(
  url: URL,
  headers: Readonly<Record<string, string>>,
  via: Via | undefined,
): Promise<Answered> {
  const pools = new Pools();
  const connections = pools.lease().get(url.origin, ANSWER_MS, via);
  try {
    return await answered(
      {
        method: 'GET',
        to: { connections, path: url.pathname + url.search },
        headers: Object.entries({ accept: 'application/json', 'accept-encoding': 'identity', ...headers }).flat(),
        body: Buffer.alloc(0),
        timeouts: { connect: ANSWER_MS, first_byte: ANSWER_MS, idle: ANSWER_MS, total: ANSWER_MS },
      },
      MOST_BYTES,
    );
  } finally {
    pools.close();
  }
}

function answered(call: Parameters<typeof attempt>[0], mostBytes: number): Promise<Answered> {
  return new Promise((resolve) => {
    let status = 0;
    let sizeBytes = 0;
    const pieces: Buffer[] = [];
    const flow = attempt(
      call,
      {
        onHeaders: (its) => {
          status = its;
        },
        onData: (piece) => {
          sizeBytes += piece.length;
          if (sizeBytes <= mostBytes) return void pieces.push(piece);
          flow.abort();
          resolve({ failed: `Its answer is longer than ${mostBytes} bytes.`, reached: true });
        },
        onEnd: () => resolve({ status, text: Buffer.concat(pieces).toString('utf8') }),
        onFailure: ({ kind, message }) => resolve({ failed: message, reached: kind !== 'connect' }),
      },
      new Deadlines(systemClock),
    );
  });
}
