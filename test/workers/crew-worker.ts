/** A worker for tests of the crew: it serves nothing, and does with a configuration what that says. */
import { Socket } from 'node:net';
import { Link } from '../../src/workers/link.js';
import { ALIVE, BEAT, type WorkerPort } from '../../src/workers/messages.js';

/** `refused`: once metrics are asked for. `flushes`: whether what was appended ever gets into the ledger. */
export interface CrewConfig {
  readonly refused?: boolean;
  readonly flushes?: boolean;
}

let config: CrewConfig = {};
let asked = (): void => {};

async function configure(next: CrewConfig): Promise<void> {
  if (next.refused) {
    await new Promise<void>((resolve) => (asked = resolve));
    throw new Error('this cannot be taken in');
  }
  config = next;
}

if (process.send) {
  let flushes = 0;
  const worker: WorkerPort<CrewConfig> = {
    start: async (start) => {
      config = start.config;
    },
    configure,
    flush: () => {
      flushes += 1;
      return config.flushes === false ? new Promise(() => {}) : Promise.resolve();
    },
    metrics: async () => {
      asked();
      return [flushes];
    },
    drain: async () => {},
    finish: async () => process.exit(0),
  };
  const link: Link = new Link({
    socket: new Socket({ fd: 4, readable: true, writable: true }),
    ports: { worker },
    onMessages: (messages) => {
      for (const [kind] of messages) if (kind === BEAT) link.post([ALIVE, 0]);
    },
    onEnd: () => process.exit(1),
  });
}
