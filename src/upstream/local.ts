/** An upstream that lives in the process (the sandbox), driven like one behind HTTP: paused, resumed and aborted. */
import type { LocalRequest, LocalUpstream } from '../protocol/adaptor.js';
import type { Attempt, Wire } from './attempt.js';

export function callLocal(local: LocalUpstream, request: Omit<LocalRequest, 'signal'>, running: Attempt): void {
  const stop = new AbortController();
  let gate: Promise<void> | undefined;
  let open: (() => void) | undefined;
  const wire: Wire = {
    pause: () => {
      gate ??= new Promise((resolve) => {
        open = resolve;
      });
    },
    resume: () => {
      open?.();
      gate = undefined;
    },
    abort: () => {
      stop.abort();
      open?.();
    },
  };
  running.onRequestStart(wire);
  const run = async (): Promise<void> => {
    const answer = await local({ ...request, signal: stop.signal });
    running.onResponseStart(wire, answer.status, answer.headers);
    for await (const chunk of answer.body) {
      if (stop.signal.aborted) return;
      running.onResponseData(wire, chunk);
      if (gate) await gate;
    }
    running.onResponseEnd();
  };
  run().catch((error: Error) => running.onResponseError(wire, error));
}
