/** A request of our own to a target, whose whole answer is wanted: for the parts of a composition. Bounded in time and size. */
import type { Verdict } from '../lib/breaker.js';
import { GatheredBytes } from '../lib/gathered-bytes.js';
import type { Deadlines, Timeouts } from '../upstream/deadline.js';
import type { Backend } from './backend.js';
import { Forward, type ForwardRequest } from './forward.js';

export type Asked =
  | { readonly kind: 'answered'; readonly status: number; readonly headers: readonly string[]; readonly body: Buffer }
  | { readonly kind: 'failed'; readonly late: boolean; readonly message: string };

export interface Asking {
  readonly answer: Promise<Asked>;
  abort(): void;
}

export function askBackend(
  backend: Backend,
  request: ForwardRequest,
  timeouts: Timeouts,
  deadlines: Deadlines,
  largestBytes: number,
): Asking {
  const pass = backend.begin(deadlines.now());
  let settle: (asked: Asked) => void = () => {};
  const answer = new Promise<Asked>((resolve) => {
    settle = resolve;
  });
  let over = false;
  const finish = (asked: Asked, verdict: Verdict): void => {
    if (over) return;
    over = true;
    backend.inflight -= 1;
    backend.judged(pass, verdict, deadlines.now());
    settle(asked);
  };
  const gathered = new GatheredBytes();
  let status = 0;
  let answered: readonly string[] = [];
  let forward: Forward | undefined;
  forward = new Forward(
    backend.connections,
    request,
    {
      head: (code, headers) => {
        status = code;
        answered = headers;
        return true;
      },
      info: () => {},
      data: (chunk) => {
        if (gathered.length + chunk.length <= largestBytes) gathered.push(chunk);
        else {
          finish({ kind: 'failed', late: false, message: 'its answer is too large' }, 'success');
          forward?.abort();
        }
        return true;
      },
      end: () => finish({ kind: 'answered', status, headers: answered, body: gathered.take() }, backend.judge(status)),
      fail: (failure) =>
        finish({ kind: 'failed', late: failure.which !== undefined, message: failure.message }, 'failure'),
    },
    timeouts,
    deadlines,
  );
  return {
    answer,
    abort: () => {
      finish({ kind: 'failed', late: false, message: 'given up' }, 'unknown');
      forward?.abort();
    },
  };
}
