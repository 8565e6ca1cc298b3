/** An upstream that lives in the process (the sandbox), driven like one behind HTTP: paused, resumed and aborted. */
import type { LocalRequest, LocalUpstream } from '../protocol/adaptor.js';
import type { Attempt } from './attempt.js';

export function callLocal(local: LocalUpstream, request: Omit<LocalRequest, 'signal'>, running: Attempt): void {
  const stop = new AbortController();
  let open = (): void => {};
  const opened = (): Promise<void> =>
    new Promise((resolve) => {
      open = resolve;
    });
  running.onConnect(() => {
    stop.abort();
    open();
  });
  const run = async (): Promise<void> => {
    const answer = await local({ ...request, signal: stop.signal });
    const headers = new Map(Object.entries(answer.headers));
    if (!running.answered(answer.status, headers, () => open())) await opened();
    for await (const chunk of answer.body) {
      if (stop.signal.aborted) return;
      if (!running.onData(chunk)) await opened();
    }
    running.onComplete();
  };
  run().catch((error: Error) => running.onError(error));
}
