/** The processes of the gateway that is asked: `/admin/v1/workers`. With `server.workers: 1` there is one. */
import { z } from 'zod';
import type { AdminApp } from './admin-api.js';
import { route } from './route.js';

export interface WorkerTold {
  readonly worker: number;
  readonly state: 'serving' | 'starting' | 'not_answering' | 'ended';
  /** Null where there is none just now. */
  readonly pid: number | null;
  readonly startedAtMs: number | null;
  readonly connections: number;
  readonly restarts: number;
}

export interface WorkersReading {
  readonly workers: () => Promise<readonly WorkerTold[]>;
}

const answer = z.object({
  data: z.array(
    z
      .object({
        worker: z.number().describe('Its number, as the log has it; 1 is the primary.'),
        state: z
          .enum(['serving', 'starting', 'not_answering', 'ended'])
          .describe('`not_answering`: it gets no connections; `ended`: it is about to be replaced.'),
        pid: z.number().nullable().describe('The number of its process; null: there is none just now.'),
        started_at: z.string().nullable().describe('When its process began; null: there is none just now.'),
        connections: z.number().describe('Connections of clients that it has.'),
        restarts: z.number().describe('How often it was replaced since the gateway began.'),
      })
      .meta({ id: 'Worker' }),
  ),
});

export function workersRoute(app: AdminApp, deps: WorkersReading): void {
  route(app, 'listWorkers', {
    schema: { response: { 200: answer } },
    handler: async () => ({
      data: (await deps.workers()).map(({ startedAtMs, ...worker }) => ({
        ...worker,
        started_at: startedAtMs === null ? null : new Date(startedAtMs).toISOString(),
      })),
    }),
  });
}
