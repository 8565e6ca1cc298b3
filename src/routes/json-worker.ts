/** The thread of `json-work.ts`: one piece of work after the other. Bytes are handed over and back, and not copied. */
import { parentPort } from 'node:worker_threads';
import { asBuffer, ownedBy } from '../lib/handed-over.js';
import { doJob, type JobKind, type JsonJobs } from './json-job.js';

interface Asked {
  readonly kind: JobKind;
  readonly plan: JsonJobs[JobKind]['plan'];
  readonly bytes: Uint8Array;
}

parentPort?.on('message', ({ kind, plan, bytes }: Asked) => {
  const answer = doJob(kind, plan, asBuffer(bytes));
  const owned = answer instanceof Uint8Array ? [...ownedBy(bytes), ...ownedBy(answer)] : ownedBy(bytes);
  parentPort!.postMessage({ answer, bytes }, owned);
});
