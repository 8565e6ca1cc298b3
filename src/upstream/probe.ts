/** Asks an upstream for something that costs nothing, to see whether it answers. The head of the answer is all that is read. */
import { attempt } from './attempt.js';
import type { Deadlines } from './deadline.js';
import type { Connections } from './http1/connections.js';

export interface ProbeCall {
  readonly connections: Connections;
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** From the start to the head of the answer. */
  readonly timeoutMs: number;
}

/** A status, or what kept one from coming. */
export type ProbeAnswer = number | 'timeout' | 'connect' | 'cut' | 'garbage';

export function probe(
  { connections, path, headers, timeoutMs }: ProbeCall,
  deadlines: Deadlines,
): Promise<ProbeAnswer> {
  const timeouts = { connect: timeoutMs, first_byte: timeoutMs, idle: timeoutMs, total: timeoutMs };
  return new Promise((resolve) => {
    const flow = attempt(
      { method: 'GET', to: { connections, path }, headers, body: Buffer.alloc(0), timeouts },
      {
        onHeaders: (status) => {
          resolve(status);
          flow.abort();
        },
        onData: () => {},
        onEnd: () => {},
        onFailure: ({ kind, deadline }) =>
          resolve(deadline ? 'timeout' : kind === 'connect' || kind === 'cut' ? kind : 'garbage'),
      },
      deadlines,
    );
  });
}
