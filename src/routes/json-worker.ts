/** The thread of `json-work.ts`: one piece of work after the other. */
import { parentPort } from 'node:worker_threads';
import { doJob, type JobKind, type JsonJobs } from './json-job.js';

interface Asked {
  readonly kind: JobKind;
  readonly plan: JsonJobs[JobKind]['plan'];
  readonly bytes: Uint8Array;
}

parentPort?.on('message', ({ kind, plan, bytes }: Asked) => {
  parentPort!.postMessage({
    answer: doJob(kind, plan, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')),
  });
});
