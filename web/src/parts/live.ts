/** Server-sent events of the admin API, read by fetch so that the sign-in of every other call holds for them; gone on with after a break. */
import { useEffect, useRef } from 'react';
import { open } from '../api';

export interface LiveEvent {
  readonly event: string;
  readonly data: string;
}

const AGAIN_MS = 1_000;

/** `path` null: nothing is followed. */
export function useLive(path: string | null, onEvent: (event: LiveEvent) => void): void {
  const told = useRef(onEvent);
  told.current = onEvent;
  useEffect(() => {
    if (path === null) return undefined;
    const controller = new AbortController();
    void follow(path, controller.signal, (event) => told.current(event));
    return () => controller.abort();
  }, [path]);
}

async function follow(path: string, signal: AbortSignal, tell: (event: LiveEvent) => void): Promise<void> {
  let last = '';
  while (!signal.aborted) {
    try {
      const response = await open(path, { signal, ...(last === '' ? {} : { headers: { 'last-event-id': last } }) });
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      let rest = '';
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        const events = (rest + read.value).split('\n\n');
        rest = events.pop() ?? '';
        for (const text of events) {
          const lines = text.split('\n');
          const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
          last = field('id') ?? last;
          const data = field('data');
          if (data !== undefined) tell({ event: field('event') ?? 'message', data });
        }
      }
    } catch {
      // It is away, or it refused: both are seen by the list as well.
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}
