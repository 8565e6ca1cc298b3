/**
 * Server-sent events of the admin API, read by fetch so that the sign-in of every other call holds for them. After a break they are
 * gone on with, at longer and longer intervals while it fails; what the gateway refuses is not asked again.
 */
import { useEffect, useRef, useState } from 'react';
import { ApiError, open } from '../api';

interface Listener {
  /** The stream is there, and what came before it is not told: it is to be read. */
  readonly onStart: () => void;
  readonly onEvent: (event: string, data: string) => void;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** However long the gateway says. */
const LONGEST_WAIT_MS = 600_000;

/** `path` null: nothing is followed. Has what is wrong with the stream, null where nothing is. */
export function useLive(path: string | null, listener: Listener): unknown {
  const [problem, setProblem] = useState<unknown>(null);
  const told = useRef(listener);
  told.current = listener;
  useEffect(() => {
    setProblem(null);
    if (path === null) return undefined;
    const controller = new AbortController();
    const { signal } = controller;
    const inForce = (act: () => void): void => {
      if (!signal.aborted) act();
    };
    void follow(path, signal, {
      onStart: () => inForce(() => told.current.onStart()),
      onEvent: (event, data) => inForce(() => told.current.onEvent(event, data)),
      onProblem: (error) => inForce(() => setProblem(error)),
    });
    return () => controller.abort();
  }, [path]);
  return problem;
}

interface Follower extends Listener {
  /** null: it is over. */
  readonly onProblem: (error: unknown) => void;
}

async function follow(path: string, signal: AbortSignal, follower: Follower): Promise<void> {
  let last = '';
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    let waitMs: number | undefined;
    let answeredMs = Number.POSITIVE_INFINITY;
    try {
      const response = await open(path, { signal, ...(last === '' ? {} : { headers: { 'last-event-id': last } }) });
      answeredMs = Date.now();
      follower.onProblem(null);
      if (last === '') follower.onStart();
      for await (const { id, event, data } of eventsOf(response)) {
        last = id ?? last;
        if (data !== undefined) follower.onEvent(event ?? 'message', data);
      }
    } catch (error) {
      // What breaks off while it is read is gone on with; only what is not answered is told.
      if (error instanceof ApiError) {
        follower.onProblem(error);
        if (isFinal(error)) return;
        const { retryAfterMs } = error;
        if (retryAfterMs !== undefined) waitMs = Math.min(Math.max(retryAfterMs, FIRST_PAUSE_MS), LONGEST_WAIT_MS);
      }
    }
    // A stream that was there for a while begins anew; one that breaks off at once is no better than none.
    if (Date.now() - answeredMs > pauseMs) pauseMs = FIRST_PAUSE_MS;
    const pause = waitMs ?? pauseMs;
    await new Promise((resolve) => setTimeout(resolve, pause));
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}

/** Asked again, it would be refused again. */
const isFinal = ({ status }: ApiError): boolean => status >= 400 && status < 500 && status !== 429;

type Fields = Partial<Record<'id' | 'event' | 'data', string>>;

async function* eventsOf(response: Response): AsyncGenerator<Fields, void> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const events = (rest + read.value).split('\n\n');
    rest = events.pop() ?? '';
    for (const text of events)
      yield Object.fromEntries(
        text.split('\n').flatMap((line) => {
          const at = line.indexOf(': ');
          return at > 0 ? [[line.slice(0, at), line.slice(at + 2)]] : [];
        }),
      );
  }
}
