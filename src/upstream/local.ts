/** An upstream that lives in the process (the sandbox), driven like one behind HTTP: paused, resumed and aborted. */
import type { LocalRequest, LocalUpstream } from '../provider/provider-type.js';
import type { Attempt } from './attempt.js';
import type { RunningRequest } from './http1/http-exchange.js';

export function callLocal(
  local: LocalUpstream,
  request: Omit<LocalRequest, 'signal'>,
  running: Attempt,
): RunningRequest {
  const stop = new AbortController();
  let open = (): void => {};
  const opened = (): Promise<void> =>
    new Promise((resolve) => {
      open = resolve;
    });
  running.onSending();
  const run = async (): Promise<void> => {
    const answer = await local({ ...request, signal: stop.signal });
    const headers = new Map(Object.entries(answer.headers));
    running.answered(answer.status, headers);
    for await (const chunk of answer.body) {
      if (stop.signal.aborted) return;
      if (!running.onData(chunk)) await opened();
    }
    running.onEnd();
  };
  run().catch((error: Error) => running.onError(error));
  return {
    resume: () => open(),
    abort: () => {
      stop.abort();
      open();
    },
  };
}
